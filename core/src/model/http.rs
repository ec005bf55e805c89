//! HTTP matches and the normal form of request paths (calico.md 4.6, 8).

use super::Name;
use std::borrow::Cow;
use std::fmt;

/// What an HTTP request must look like. Empty lists match anything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HttpMatch {
    /// Methods, compared by case; `*` is any.
    pub methods: Vec<Name>,
    /// Paths.
    pub paths: Vec<PathMatch>,
}

impl HttpMatch {
    /// Whether the method is one of the list's.
    pub fn matches_method(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|wanted| **wanted == *"*" || **wanted == *method)
    }
}

/// One path of an [`HttpMatch`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathMatch {
    /// The normalised path equals this one.
    Exact(Name),
    /// The normalised path is this one, or lies below it.
    Prefix(Name),
}

impl PathMatch {
    /// Whether the request path matches, both sides in their normal form. A path that has none matches nothing.
    pub fn matches(&self, path: &str) -> bool {
        let (PathMatch::Exact(wanted) | PathMatch::Prefix(wanted)) = self;
        let (Some(wanted), Some(path)) = (normalise_path(wanted), normalise_path(path)) else { return false };
        match self {
            PathMatch::Exact(_) => wanted == path,
            PathMatch::Prefix(_) => {
                wanted == "/"
                    || path
                        .strip_prefix(&*wanted)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }

    /// Whether the request path matches as the checker did until v3.31.5: query and fragment cut, then compared as text.
    pub fn matches_raw(&self, path: &str) -> bool {
        let path = without_query(path);
        match self {
            PathMatch::Exact(wanted) => **wanted == *path,
            PathMatch::Prefix(wanted) => path.starts_with(&**wanted),
        }
    }
}

impl fmt::Display for PathMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathMatch::Exact(path) => write!(f, "exact {path}"),
            PathMatch::Prefix(path) => write!(f, "prefix {path}"),
        }
    }
}

/// The normal form of a request path; `None` for a path that cannot be judged safely (calico.md 8).
///
/// The query and fragment are cut, percent escapes decoded once, `\` read as `/`, `;parameters` of segments dropped, and
/// `.`, `..` and empty segments resolved. A path that still hides a dot, slash or backslash behind an escape is refused.
///
/// ```
/// use tierwall::model::normalise_path;
/// assert_eq!(normalise_path("/pub/../adm?x=1").as_deref(), Some("/adm"));
/// assert_eq!(normalise_path("/public/%252e%252e/admin"), None);
/// ```
pub fn normalise_path(path: &str) -> Option<String> {
    let decoded = percent_decode(without_query(path))?;
    if hides_structure(&decoded) {
        return None;
    }
    let decoded = decoded.replace('\\', "/");
    if !decoded.starts_with('/') {
        return None;
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in decoded.split('/') {
        match segment.split(';').next().unwrap_or("") {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    Some(format!("/{}", segments.join("/")))
}

fn without_query(path: &str) -> &str {
    path.split(['?', '#']).next().unwrap_or("")
}

fn percent_decode(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('%') {
        return Some(Cow::Borrowed(path));
    }
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let (high, low) = (hex(bytes.next()?)?, hex(bytes.next()?)?);
            decoded.push(high * 16 + low);
        } else {
            decoded.push(byte);
        }
    }
    // Bytes that are not UTF-8 compare equal only to themselves in Calico; no rule path can hold them.
    Some(Cow::Owned(String::from_utf8_lossy(&decoded).into_owned()))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn hides_structure(decoded: &str) -> bool {
    let lower = decoded.to_ascii_lowercase();
    lower.contains('\0') || ["%2e", "%2f", "%5c"].iter().any(|escape| lower.contains(escape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_end_at_segments() {
        let pub_prefix = PathMatch::Prefix("/pub".into());
        for (path, expected) in [
            ("/pub", true),
            ("/pub/x", true),
            ("/pub/../adm", false),
            ("/public", false),
            ("/pub?x=/y", true),
        ] {
            assert_eq!(pub_prefix.matches(path), expected, "{path}");
        }
        assert!(pub_prefix.matches_raw("/public?q"));
    }

    #[test]
    fn exact_paths_compare_normal_forms() {
        let foo = PathMatch::Exact("/foo".into());
        for (path, expected) in
            [("/foo?x", true), ("/foo/", true), ("/foo/bar", false), ("//foo", true), ("/%66oo", true)]
        {
            assert_eq!(foo.matches(path), expected, "{path}");
        }
    }

    #[test]
    fn hidden_structure_is_refused() {
        let public = PathMatch::Prefix("/public".into());
        for path in
            ["/public%2F..%2Fadmin", "/public/..;x/admin", "/public/%252e%252e/admin", "*", "/%zz", "/%00"]
        {
            assert!(!public.matches(path), "{path}");
        }
    }
}
