//! Port numbers, ranges and names, and protocols.

use super::problems::{error, suggestion};
use crate::diagnostic::{Code, Problem};
use crate::model::{Name, PortMatch, PortRange, Protocol};

const MAX_PORT_NAME: usize = 15;

/// A port number; 0 is none.
pub(super) fn port_number(number: i64) -> Result<u16, Problem> {
    match u16::try_from(number) {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(invalid(format!("{number} is not a port number"), "write a number from 1 to 65535")),
    }
}

/// A named port: at most 15 lower-case letters, digits and `-`, with a letter (`spec/calico.md` 4.4,
/// `spec/kubernetes.md` 1.5).
pub(super) fn port_name(name: &str) -> Result<Name, Problem> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() {
        return Err(invalid("a named port needs a name", "give it one, like `http`"));
    }
    let wrong = if name.len() > MAX_PORT_NAME {
        "it has more than 15 characters"
    } else if !name.bytes().all(allowed) {
        "only lower-case letters, digits and `-` are allowed"
    } else if !name.bytes().any(|b| b.is_ascii_lowercase()) {
        "it needs at least one letter"
    } else if name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        "`-` must not stand at an end or twice in a row"
    } else {
        return Ok(name.into());
    };
    let help = match name.split_once(['-', ',']).or_else(|| name.split_once("..")) {
        Some((first, last)) if is_digits(first) && is_digits(last) => {
            format!("write a range as \"{first}:{last}\", and a list as several items")
        }
        _ => "write a number from 1 to 65535, or the name of a port of the endpoint, like `http`".to_owned(),
    };
    Err(invalid(format!("`{name}` is not a port name: {wrong}"), help))
}

/// Adds the text of a Calico port to `ports`: digits, `"first:last"`, or a name (`spec/calico.md` 4.4).
pub(super) fn add_calico_port(text: &str, ports: &mut PortMatch) -> Result<(), Problem> {
    if is_digits(text) {
        ports.ranges.push(PortRange::from(port_text(text)?));
        return Ok(());
    }
    match text.split_once(':') {
        Some((first, last)) if is_digits(first) && is_digits(last) => {
            let (first, last) = (port_text(first)?, port_text(last)?);
            let range = PortRange::new(first, last).map_err(|reason| {
                invalid(format!("`{text}`: {reason}"), format!("write \"{last}:{first}\""))
            })?;
            ports.ranges.push(range);
        }
        _ => ports.names.push(port_name(text)?),
    }
    Ok(())
}

fn port_text(text: &str) -> Result<u16, Problem> {
    // More digits than fit are no port either.
    port_number(text.parse().unwrap_or(i64::MAX))
        .map_err(|problem| Problem { message: format!("`{text}` is not a port number"), ..problem })
}

/// A protocol by number, 1 to 255.
pub(super) fn protocol_number(number: i64) -> Result<Protocol, Problem> {
    match u8::try_from(number) {
        Ok(number) if number > 0 => Ok(Protocol::from(number)),
        _ => Err(error(
            Code::InvalidProtocol,
            format!("{number} is not a protocol number"),
            "write a number from 1 to 255, or leave the field out for any protocol",
        )),
    }
}

/// A protocol by name in its exact case, or as the text of a number (`spec/calico.md` 4.2).
pub(super) fn protocol_text(text: &str) -> Result<Protocol, Problem> {
    if is_digits(text) {
        return protocol_number(text.parse().unwrap_or(i64::MAX));
    }
    Protocol::from_name(text).ok_or_else(|| {
        let help = match suggestion(text, Protocol::names()) {
            near if near.ends_with('?') => near,
            names => format!("{names}, or the number of a protocol"),
        };
        error(Code::InvalidProtocol, format!("`{text}` is not the name of a protocol"), help)
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn invalid(message: impl Into<String>, help: impl Into<String>) -> Problem {
    error(Code::InvalidPort, message, help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> Result<String, Problem> {
        let mut ports = PortMatch::default();
        add_calico_port(text, &mut ports).map(|()| ports.to_string())
    }

    /// `spec/calico.md` 4.4.
    #[test]
    fn calico_ports() {
        for (text, expected) in [
            ("80", Some("[80]")),
            ("080", Some("[80]")),
            ("80:90", Some("[80:90]")),
            ("80:80", Some("[80]")),
            ("http", Some("[http]")),
            ("a-1", Some("[a-1]")),
            ("1a", Some("[1a]")),
            ("exactly-15-char", Some("[exactly-15-char]")),
            ("0", None),
            ("0:10", None),
            ("65536", None),
            ("99999999999999999999", None),
            ("200:100", None),
            ("80-90", None),
            ("80:", None),
            ("HTTP", None),
            ("a--b", None),
            ("-a", None),
            ("a_b", None),
            ("sixteen-chars-is", None),
            ("", None),
        ] {
            assert_eq!(ports(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_repair_is_shown() {
        assert_eq!(ports("200:100").unwrap_err().help.unwrap(), "write \"100:200\"");
        let dash = ports("80-90").unwrap_err().help.unwrap();
        assert_eq!(dash, "write a range as \"80:90\", and a list as several items");
        let lower = protocol_text("tcp").unwrap_err().help.unwrap();
        assert_eq!(lower, "did you mean `TCP`?");
        assert!(protocol_text("ESP").unwrap_err().help.unwrap().ends_with("or the number of a protocol"));
    }

    #[test]
    fn protocols() {
        for (text, expected) in [
            ("TCP", Some(Protocol::TCP)),
            ("UDPLite", Some(Protocol::UDPLITE)),
            ("6", Some(Protocol::TCP)),
            ("255", Some(Protocol::from(255))),
            ("0", None),
            ("256", None),
            ("icmpv6", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(protocol_text(text).ok(), expected, "{text}");
        }
    }
}
