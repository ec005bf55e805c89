//! Domain names and the patterns that match them (domains-rbac-l7.md 1.2, kubernetes.md 4.5).

use super::Name;
use std::borrow::Cow;
use std::fmt;

/// A domain name, or a pattern with one `*` that stands for one or more whole labels.
///
/// ```
/// use tierwall::model::DomainPattern;
/// let pattern: DomainPattern = "www.*.com".parse()?;
/// assert!(pattern.matches("www.a.b.com"));
/// assert!(!pattern.matches("www.com"));
/// # Ok::<(), tierwall::model::InvalidDomain>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainPattern(Name);

/// Why a domain pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidDomain {
    message: &'static str,
}

const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

impl DomainPattern {
    /// Whether `name` matches; case does not count, nor does one trailing dot. Linear in the name.
    pub fn matches(&self, name: &str) -> bool {
        let name = canonical_domain(name);
        let Some((before, after)) = self.0.split_once('*') else { return *name == *self.0 };
        // `before` ends with the dot and `after` starts with it, unless the `*` is the first or the last label.
        name.strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|middle| !middle.is_empty() && !middle.starts_with('.') && !middle.ends_with('.'))
    }

    /// The canonical text: lower case, without the trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for DomainPattern {
    type Err = InvalidDomain;

    fn from_str(text: &str) -> Result<Self, InvalidDomain> {
        let refuse = |message| Err(InvalidDomain { message });
        let name = canonical_domain(text);
        if name.is_empty() {
            return refuse("a domain name must not be empty");
        }
        if name.len() > MAX_NAME {
            return refuse("a domain name has at most 253 characters");
        }
        if name.parse::<std::net::IpAddr>().is_ok() {
            return refuse("an address is not a domain name; use `nets`");
        }
        if *name == *"*" {
            return refuse("`*` alone matches every name; write at least one more label");
        }
        if name.split('.').filter(|label| *label == "*").count() > 1 {
            return refuse("only one label may be `*`");
        }
        for label in name.split('.') {
            match label {
                "" => return refuse("a domain name must not have empty labels"),
                "*" => {}
                _ if label.len() > MAX_LABEL => return refuse("a label has at most 63 characters"),
                _ if label.contains('*') => {
                    return refuse("`*` must be a whole label, as in `*.example.com`");
                }
                _ if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') => {
                    return refuse("a label holds letters, digits, `-` and `_` only");
                }
                _ => {}
            }
        }
        Ok(DomainPattern(name.into()))
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name as it is compared: lower case, one trailing dot removed.
pub fn canonical_domain(name: &str) -> Cow<'_, str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// domains-rbac-l7.md 1.2, the table of forms.
    #[test]
    fn the_table_of_forms() {
        for (pattern, yes, no) in [
            ("google.com", vec!["google.com", "GOOGLE.com."], vec!["www.google.com", "google.co"]),
            (
                "*.google.com",
                vec!["www.google.com", "www.ipv6.google.com"],
                vec!["google.com", "xgoogle.com"],
            ),
            ("www.*.com", vec!["www.sun.com", "www.a.b.com"], vec!["www.com", "www..com"]),
            ("www.google.*", vec!["www.google.net", "www.google.co.uk"], vec!["www.google"]),
            ("update.*.my.com", vec!["update.x.my.com", "update.x.y.my.com"], vec!["update.my.com"]),
        ] {
            let parsed: DomainPattern = pattern.parse().unwrap();
            for name in yes {
                assert!(parsed.matches(name), "{pattern} matches {name}");
            }
            for name in no {
                assert!(!parsed.matches(name), "{pattern} does not match {name}");
            }
        }
    }

    #[test]
    fn unsupported_forms_are_refused() {
        for text in ["*.*.my.com", "www.g*.com", "*foo.com", "*", "", "a..b", "1.2.3.4", "a b.com", "::1"] {
            assert!(text.parse::<DomainPattern>().is_err(), "{text}");
        }
    }
}
