//! What a YAML word without quotes means, read as the YAML library of the Kubernetes tools reads it.

use std::borrow::Cow;

use super::node::Value;

/// A number of a manifest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// A whole number that is not negative.
    Unsigned(u64),
    /// A negative whole number.
    Signed(i64),
    /// Any other number.
    Float(f64),
}

/// The value of a plain scalar.
pub(super) fn resolve(text: Cow<'_, str>) -> Value<'_> {
    match text.as_ref() {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            Value::Bool { value: true, text }
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Value::Bool { value: false, text }
        }
        _ if parse_number(&text).is_some() => Value::Number(text),
        _ => Value::String { text, plain: true },
    }
}

/// Decimal, hexadecimal, octal (`0o17` and `017`), binary, and decimal fractions, with `_` between digits.
/// A fraction without a fractional part, as `80.0` or `1e3`, is the whole number.
pub(super) fn parse_number(text: &str) -> Option<Number> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let digits: Cow<'_, str> = if text.contains('_') { text.replace('_', "").into() } else { text.into() };
    parse_whole(&digits).or_else(|| parse_fraction(&digits))
}

fn parse_whole(text: &str) -> Option<Number> {
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = match magnitude.strip_prefix('0') {
        Some("") | None => (magnitude, 10),
        Some(rest) if rest.starts_with(['x', 'X']) => (rest.get(1..)?, 16),
        Some(rest) if rest.starts_with(['o', 'O']) => (rest.get(1..)?, 8),
        Some(rest) if rest.starts_with(['b', 'B']) => (rest.get(1..)?, 2),
        Some(rest) => (rest, 8),
    };
    // `from_str_radix` takes a sign, which would stand after the prefix here.
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let value = u64::from_str_radix(digits, radix).ok()?;
    match (negative, value) {
        (false, _) | (true, 0) => Some(Number::Unsigned(value)),
        (true, _) => 0_i64.checked_sub_unsigned(value).map(Number::Signed),
    }
}

fn parse_fraction(text: &str) -> Option<Number> {
    // Rust also reads `inf` and `nan`, which JSON cannot hold.
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E')) {
        return None;
    }
    let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
    Some(whole(value).unwrap_or(Number::Float(value)))
}

/// The whole number that `value` is, if it is one that a float holds exactly.
fn whole(value: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() != 0.0 || value.abs() > EXACT {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "whole and below 2^53, as just checked")]
    let whole = value as i64;
    Some(u64::try_from(whole).map_or(Number::Signed(whole), Number::Unsigned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_kubernetes_reads_them() {
        let cases = [
            ("80", Some(Number::Unsigned(80))),
            ("+80", Some(Number::Unsigned(80))),
            ("-1", Some(Number::Signed(-1))),
            ("0x1F", Some(Number::Unsigned(31))),
            ("010", Some(Number::Unsigned(8))),
            ("0o10", Some(Number::Unsigned(8))),
            ("0b101", Some(Number::Unsigned(5))),
            ("1_000", Some(Number::Unsigned(1000))),
            ("089", Some(Number::Unsigned(89))),
            ("80.0", Some(Number::Unsigned(80))),
            ("1e3", Some(Number::Unsigned(1000))),
            ("1.5", Some(Number::Float(1.5))),
            (".5", Some(Number::Float(0.5))),
            ("18446744073709551615", Some(Number::Unsigned(u64::MAX))),
            ("-9223372036854775808", Some(Number::Signed(i64::MIN))),
            ("18446744073709551616", Some(Number::Float(18_446_744_073_709_551_616.0))),
            ("10.0.0.1", None),
            ("0x-1", None),
            ("0x", None),
            ("-", None),
            (".", None),
            (".inf", None),
            ("1e999", None),
            ("2024-01-01", None),
            ("80/tcp", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_number(text), expected, "{text}");
        }
    }

    #[test]
    fn y_and_n_are_words() {
        assert!(matches!(resolve("yes".into()), Value::Bool { value: true, .. }));
        assert!(matches!(resolve("OFF".into()), Value::Bool { value: false, .. }));
        for word in ["y", "N", "yEs", "oN"] {
            assert!(matches!(resolve(word.into()), Value::String { plain: true, .. }), "{word}");
        }
    }
}
