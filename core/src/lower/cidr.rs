//! Address ranges, as strictly as the field that holds them is read.

use super::problems::error;
use crate::diagnostic::{Code, Problem};
use ipnet::IpNet;
use std::borrow::Cow;
use std::net::IpAddr;

/// How the text of an address range is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CidrReading {
    /// Kubernetes NetworkPolicy under `StrictIPCIDRValidation` (`spec/kubernetes.md` 1.3): canonical, no host bits.
    Strict,
    /// Kubernetes NetworkPolicy as stored objects may be (`spec/kubernetes.md` 1.3): leading zeros and host bits are
    /// dropped.
    Legacy,
    /// The CRDs of the policy API (`spec/kubernetes.md` 1.3): host bits are dropped, nothing else is forgiven.
    Crd,
    /// Rules of Calico policies (`spec/calico.md` 4.3): no host bits.
    CalicoRule,
    /// Calico's network sets and endpoints (`spec/calico.md` 1.3): host bits are dropped, an address stands for itself.
    CalicoSet,
}

/// Reads an address range. Its host bits, where the reading allows any, are cut off.
pub(super) fn parse_cidr(text: &str, reading: CidrReading) -> Result<IpNet, Problem> {
    let legacy = reading == CidrReading::Legacy;
    let Some((address_text, prefix_text)) = text.split_once('/') else { return bare_address(text, reading) };
    let Some(address) = parse_address(address_text, legacy) else {
        return Err(not_a_range(text, address_text));
    };
    let Some(prefix) = parse_prefix(prefix_text, legacy) else {
        return Err(invalid(
            format!("`{text}` is not an address range: `{prefix_text}` is not a prefix length"),
            "write the prefix length as a plain number, as in `10.0.0.0/8`",
        ));
    };
    let Ok(net) = IpNet::new(address, prefix) else {
        let most = if address.is_ipv4() { 32 } else { 128 };
        return Err(invalid(
            format!("`{text}` is not an address range: the prefix length is greater than {most}"),
            format!("write a prefix length from 0 to {most}"),
        ));
    };
    let net = unmap(net, text, reading)?;
    let masked = net.trunc();
    if masked != net && matches!(reading, CidrReading::Strict | CidrReading::CalicoRule) {
        return Err(invalid(
            format!("`{text}` has bits set beyond its prefix length {prefix}"),
            format!("write `{masked}` for the range, or `{}` for the address", IpNet::from(net.addr())),
        ));
    }
    Ok(masked)
}

/// Reads a single address (no prefix).
pub(super) fn parse_ip(text: &str) -> Result<IpAddr, Problem> {
    parse_address(text, false).ok_or_else(|| {
        let help = if text.contains('/') {
            "write the address without the prefix length"
        } else {
            "write an address like `10.0.0.1` or `fd00::1`"
        };
        invalid(format!("`{text}` is not an IP address"), help)
    })
}

fn bare_address(text: &str, reading: CidrReading) -> Result<IpNet, Problem> {
    match parse_address(text, reading == CidrReading::Legacy) {
        Some(address) if reading == CidrReading::CalicoSet => Ok(IpNet::from(address)),
        Some(address) => Err(invalid(
            format!("`{text}` is an address, not an address range"),
            format!("write `{}`", IpNet::from(address)),
        )),
        None => Err(not_a_range(text, text)),
    }
}

fn not_a_range(text: &str, address: &str) -> Problem {
    if parse_address(address, true).is_some() {
        return invalid(
            format!("`{text}` has leading zeros, which some readers take for octal numbers"),
            format!("write `{}`", text.replacen(address, &without_leading_zeros(address), 1)),
        );
    }
    let reason = if address == text { String::new() } else { format!(": `{address}` is not an IP address") };
    invalid(
        format!("`{text}` is not an address range{reason}"),
        "write an address and a prefix length, as in `10.0.0.0/8` or `fd00::/64`",
    )
}

/// An IPv4 range that is written as IPv6 (`::ffff:10.0.0.0/104`) is the IPv4 range, where that is allowed.
fn unmap(net: IpNet, text: &str, reading: CidrReading) -> Result<IpNet, Problem> {
    let IpNet::V6(v6) = net else { return Ok(net) };
    let (Some(v4), Some(prefix)) = (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) else {
        return Ok(net);
    };
    let Ok(mapped) = IpNet::new(IpAddr::V4(v4), prefix) else { return Ok(net) };
    if matches!(reading, CidrReading::Strict | CidrReading::Crd) {
        let message = format!("`{text}` is an IPv4 range written as IPv6, which is not allowed");
        return Err(invalid(message, format!("write `{mapped}`")));
    }
    Ok(mapped)
}

fn parse_address(text: &str, leading_zeros: bool) -> Option<IpAddr> {
    let text = if leading_zeros { without_leading_zeros(text) } else { Cow::Borrowed(text) };
    text.parse().ok()
}

/// `010.0.0.01` as `10.0.0.1`; IPv6 allows leading zeros anyway.
fn without_leading_zeros(text: &str) -> Cow<'_, str> {
    if text.contains(':') || !text.split('.').any(|part| part.len() > 1 && part.starts_with('0')) {
        return Cow::Borrowed(text);
    }
    let parts = text.split('.').map(|part| match part.trim_start_matches('0') {
        "" if !part.is_empty() => "0",
        rest => rest,
    });
    Cow::Owned(parts.collect::<Vec<_>>().join("."))
}

fn parse_prefix(text: &str, leading_zeros: bool) -> Option<u8> {
    let plain =
        text.bytes().all(|b| b.is_ascii_digit()) && (leading_zeros || text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten()
}

fn invalid(message: impl Into<String>, help: impl Into<String>) -> Problem {
    error(Code::InvalidCidr, message, help)
}

#[cfg(test)]
mod tests {
    use super::CidrReading::{CalicoRule, CalicoSet, Crd, Legacy, Strict};
    use super::*;

    /// `spec/kubernetes.md` 1.3, `spec/calico.md` 1.3 and 4.3: what each reading makes of a text.
    #[test]
    fn the_table_of_readings() {
        let readings = [Strict, Legacy, Crd, CalicoRule, CalicoSet];
        for (text, expected) in [
            ("10.0.0.0/8", [Some("10.0.0.0/8"); 5]),
            ("fd00:0::/64", [Some("fd00::/64"); 5]),
            ("10.0.0.5/8", [None, Some("10.0.0.0/8"), Some("10.0.0.0/8"), None, Some("10.0.0.0/8")]),
            ("010.0.0.0/8", [None, Some("10.0.0.0/8"), None, None, None]),
            ("10.0.0.0/08", [None, Some("10.0.0.0/8"), None, None, None]),
            ("::ffff:10.0.0.0/104", [None, Some("10.0.0.0/8"), None, Some("10.0.0.0/8"), Some("10.0.0.0/8")]),
            ("10.0.0.1", [None, None, None, None, Some("10.0.0.1/32")]),
            ("dead:beef::", [None, None, None, None, Some("dead:beef::/128")]),
            ("::/0", [Some("::/0"); 5]),
        ] {
            for (reading, expected) in readings.into_iter().zip(expected) {
                let net = parse_cidr(text, reading).ok().map(|net| net.to_string());
                assert_eq!(net.as_deref(), expected, "{text} {reading:?}");
            }
        }
        for text in [
            "",
            "/",
            "garbage",
            "10.0.0.0/33",
            "::/129",
            "10.0.0/8",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "1.2.3.4/+8",
        ] {
            assert!(readings.into_iter().all(|reading| parse_cidr(text, reading).is_err()), "{text}");
        }
    }

    #[test]
    fn the_repair_is_shown() {
        let help = |text, reading| parse_cidr(text, reading).unwrap_err().help.unwrap();
        assert_eq!(
            help("10.0.0.5/8", CalicoRule),
            "write `10.0.0.0/8` for the range, or `10.0.0.5/32` for the address"
        );
        assert_eq!(help("10.0.0.1", CalicoRule), "write `10.0.0.1/32`");
        assert_eq!(help("010.0.0.0/8", Crd), "write `10.0.0.0/8`");
        assert_eq!(help("::ffff:10.0.0.0/104", Strict), "write `10.0.0.0/8`");
    }
}
