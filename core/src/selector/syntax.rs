//! What Kubernetes accepts as a label's key and value (`spec/kubernetes.md` 1.2). The selector language itself accepts
//! more.

const MAX_NAME: usize = 63;
const MAX_PREFIX: usize = 253;

/// Checks a label key: an optional DNS-1123 subdomain of at most 253 bytes and `/`, then a name of 1 to 63 letters,
/// digits, `-`, `_` and `.` that starts and ends with a letter or digit.
///
/// # Errors
/// What is wrong, as a sentence about the key.
///
/// ```
/// use tierwall::selector::validate_label_key;
///
/// assert!(validate_label_key("app.kubernetes.io/name").is_ok());
/// assert!(validate_label_key("-app").is_err());
/// ```
pub fn validate_label_key(key: &str) -> Result<(), String> {
    let Some((prefix, name)) = key.split_once('/') else {
        return validate_name("the label key", key);
    };
    if name.contains('/') {
        return Err(format!(
            "the label key `{key}` has more than one `/`; only a prefix and a name are allowed"
        ));
    }
    validate_prefix(prefix)?;
    validate_name("the name of the label key", name)
}

/// Checks a label value: empty, or as the name of a key ([`validate_label_key`]).
///
/// # Errors
/// What is wrong, as a sentence about the value.
pub fn validate_label_value(value: &str) -> Result<(), String> {
    if value.is_empty() { Ok(()) } else { validate_name("the label value", value) }
}

fn validate_name(what: &str, name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err(format!("{what} is empty"));
    }
    if name.len() > MAX_NAME {
        return Err(format!("{what} `{name}` has {} bytes; at most {MAX_NAME} are allowed", name.len()));
    }
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(wrong) = name.chars().find(|&c| !inner(c)) {
        return Err(format!(
            "{what} `{name}` contains `{}`; letters, digits, `-`, `_` and `.` are allowed",
            wrong.escape_debug()
        ));
    }
    if !framed(name, |c| c.is_ascii_alphanumeric()) {
        return Err(format!("{what} `{name}` must start and end with a letter or digit"));
    }
    Ok(())
}

fn validate_prefix(prefix: &str) -> Result<(), String> {
    if prefix.is_empty() {
        return Err("the prefix of the label key, before `/`, is empty".to_owned());
    }
    if prefix.len() > MAX_PREFIX {
        return Err(format!(
            "the prefix of the label key has {} bytes; at most {MAX_PREFIX} are allowed",
            prefix.len()
        ));
    }
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let label = |part: &str| framed(part, alphanumeric) && part.chars().all(|c| alphanumeric(c) || c == '-');
    if prefix.split('.').all(label) {
        return Ok(());
    }
    Err(format!(
        "the prefix `{prefix}` of the label key is not a DNS subdomain: lower case letters, digits and `-`, in parts \
         separated by `.` that start and end with a letter or digit"
    ))
}

/// True if the first and the last character satisfy `edge`; false without characters.
fn framed(text: &str, edge: impl Fn(char) -> bool) -> bool {
    text.chars().next().is_some_and(&edge) && text.chars().next_back().is_some_and(&edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let long_name = "n".repeat(63);
        let long_prefix = format!("{}/n", "p".repeat(253));
        for valid in ["a", "A_b-c.9", "app.kubernetes.io/name", "x/A", &long_name, &long_prefix] {
            assert_eq!(validate_label_key(valid), Ok(()));
        }
        for (invalid, part) in [
            ("", "is empty"),
            ("/a", "before `/`, is empty"),
            ("a/", "the name of the label key is empty"),
            ("a/b/c", "more than one `/`"),
            ("-a", "start and end"),
            ("a.", "start and end"),
            ("a b", "contains ` `"),
            ("é", "contains `é`"),
            ("Example.com/a", "DNS subdomain"),
            ("a..b/c", "DNS subdomain"),
            ("a-.b/c", "DNS subdomain"),
            (&"n".repeat(64), "64 bytes"),
            (&format!("{}/n", "p".repeat(254)), "254 bytes"),
        ] {
            let error = validate_label_key(invalid).unwrap_err();
            assert!(error.contains(part), "{invalid}: {error}");
        }
    }

    #[test]
    fn values() {
        for valid in ["", "a", "1.2-3_X", &"v".repeat(63)] {
            assert_eq!(validate_label_value(valid), Ok(()));
        }
        for invalid in ["a/b", "_", "a-", " ", "a,b", &"v".repeat(64)] {
            assert!(validate_label_value(invalid).is_err(), "{invalid}");
        }
    }
}
