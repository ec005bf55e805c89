//! Request paths in their normal form, compared without being built (calico.md 8).
//!
//! [`normalise_path`](crate::model::normalise_path) says what the form is, and builds it; here its segments are read from
//! the last to the first. So a `..` is known before what it takes back, and nothing has to be kept but their number.
//! Each byte is decoded as it is read.

use crate::model::PathMatch;

/// A path that has a normal form: its text before it is decoded, without query and fragment.
#[derive(Debug, Clone, Copy)]
pub(super) struct NormalPath<'a>(&'a [u8]);

impl<'a> NormalPath<'a> {
    /// `None` for a path that cannot be judged safely. Linear in the path.
    pub(super) fn new(path: &'a str) -> Option<Self> {
        let text = path.split(['?', '#']).next()?.as_bytes();
        let escapes = text.iter().enumerate().filter(|(_, byte)| **byte == b'%');
        let valid = |(at, _): (usize, &u8)| escape(text.get(at..)?).map(drop);
        let mut escapes = escapes.map(valid);
        let safe = escapes.all(|valid| valid.is_some()) && is_separator(decoded(text).next()?);
        (safe && !hides_structure(decoded(text))).then_some(NormalPath(text))
    }

    /// Whether a rule's path matches; one that has no normal form matches nothing. Linear in both.
    pub(super) fn is_matched_by(self, wanted: &PathMatch) -> bool {
        let (PathMatch::Exact(text) | PathMatch::Prefix(text)) = wanted;
        let Some(path) = NormalPath::new(text) else { return false };
        let deeper = match wanted {
            PathMatch::Exact(_) => Some(0),
            PathMatch::Prefix(_) => self.segments().count().checked_sub(path.segments().count()),
        };
        deeper.is_some_and(|deeper| self.segments().skip(deeper).eq(path.segments()))
    }

    /// The segments that count, from the last to the first.
    fn segments(self) -> impl Iterator<Item = Segment<'a>> {
        let mut back = 0_usize;
        raw_segments(self.0).filter(move |segment| {
            match segment.kind() {
                Kind::Nothing => return false,
                Kind::Parent => back += 1,
                Kind::Name if back > 0 => back -= 1,
                Kind::Name => return true,
            }
            false
        })
    }
}

/// What stands between two separators, from the last to the first.
fn raw_segments(text: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut before = text;
        while let Some((shorter, byte)) = last_decoded(before) {
            if is_separator(byte) {
                rest = Some(shorter);
                return Some(Segment(text.get(before.len()..).unwrap_or_default()));
            }
            before = shorter;
        }
        rest = None;
        Some(Segment(text))
    })
}

/// A part of a path between two separators, before it is decoded.
#[derive(Debug, Clone, Copy)]
struct Segment<'a>(&'a [u8]);

/// What a segment means.
enum Kind {
    Nothing,
    Parent,
    Name,
}

impl<'a> Segment<'a> {
    /// Its bytes, without parameters.
    fn bytes(self) -> impl Iterator<Item = u8> + Clone + use<'a> {
        decoded(self.0).take_while(|byte| *byte != b';')
    }

    fn kind(self) -> Kind {
        let mut bytes = self.bytes();
        match [bytes.next(), bytes.next(), bytes.next()] {
            [None, ..] | [Some(b'.'), None, _] => Kind::Nothing,
            [Some(b'.'), Some(b'.'), None] => Kind::Parent,
            _ => Kind::Name,
        }
    }
}

/// As texts: bytes that are no UTF-8 are all alike.
impl PartialEq for Segment<'_> {
    fn eq(&self, other: &Self) -> bool {
        characters(self.bytes()).eq(characters(other.bytes()))
    }
}

/// The characters of bytes, as [`String::from_utf8_lossy`] reads them.
fn characters(mut bytes: impl Iterator<Item = u8> + Clone) -> impl Iterator<Item = char> {
    std::iter::from_fn(move || {
        // No character has more bytes, and neither has what stands for none.
        let (mut next, mut len) = ([0; 4], 0);
        for (slot, byte) in next.iter_mut().zip(bytes.clone()) {
            *slot = byte;
            len += 1;
        }
        let chunk = next.get(..len)?.utf8_chunks().next()?;
        let first = chunk.valid().chars().next();
        let read = first.map_or(chunk.invalid().len(), char::len_utf8);
        bytes.by_ref().take(read).for_each(drop);
        Some(first.unwrap_or(char::REPLACEMENT_CHARACTER))
    })
}

fn is_separator(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// A zero, or a dot, slash or backslash that is still behind an escape.
fn hides_structure(decoded: impl Iterator<Item = u8>) -> bool {
    let mut before = [0; 2];
    for byte in decoded {
        let [first, second] = before;
        let hidden = match [first, second, byte.to_ascii_lowercase()] {
            [b'%', b'2', b'e' | b'f'] | [b'%', b'5', b'c'] => true,
            [.., last] => last == 0,
        };
        if hidden {
            return true;
        }
        before = [second, byte];
    }
    false
}

/// The bytes behind the escapes of a text in which all are whole.
fn decoded(text: &[u8]) -> impl Iterator<Item = u8> + Clone + '_ {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (byte, after) = match escape(rest) {
            Some(byte) => (byte, rest.get(ESCAPE..)?),
            None => rest.split_first().map(|(byte, after)| (*byte, after))?,
        };
        rest = after;
        Some(byte)
    })
}

/// The last of them, and the text before it. A `%` is never part of an escape but as its first byte.
fn last_decoded(text: &[u8]) -> Option<(&[u8], u8)> {
    let before = text.len().checked_sub(ESCAPE);
    match before.and_then(|before| text.split_at_checked(before)) {
        Some((before, last)) if last.first() == Some(&b'%') => Some((before, escape(last)?)),
        _ => text.split_last().map(|(byte, before)| (before, *byte)),
    }
}

/// The length of an escape.
const ESCAPE: usize = 3;

/// The byte behind the escape that a text begins with.
fn escape(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = *text else { return None };
    let digit = |byte| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::normalise_path;
    use proptest::prelude::*;

    /// Paths of pieces that have to do with each other.
    fn path() -> impl Strategy<Value = String> {
        const PIECES: [&str; 40] = [
            "/",
            "/",
            "/",
            "/",
            "a",
            "b",
            "ab",
            ".",
            "..",
            "/..",
            "/../",
            "/.",
            ";",
            ";x",
            "?",
            "#",
            "%",
            "%2",
            "%2e",
            "%2E",
            "%2f",
            "%5c",
            "\\",
            "%25",
            "%252e",
            "2e",
            "%00",
            "%c3",
            "%a9",
            "é",
            "%ff",
            "%fe",
            "\u{fffd}",
            "%e2%82",
            "%f0%9f%98",
            "%3b",
            "%3f",
            "%zz",
            "%61",
            "\0",
        ];
        let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..10);
        let path = pieces.prop_map(|pieces| pieces.concat());
        prop_oneof![8 => path.clone().prop_map(|path| format!("/{path}")), 1 => path, 1 => any::<String>()]
    }

    fn check(wanted: &str, path: &str) {
        for wanted in [PathMatch::Exact(wanted.into()), PathMatch::Prefix(wanted.into())] {
            let found = NormalPath::new(path).is_some_and(|path| path.is_matched_by(&wanted));
            assert_eq!(found, wanted.matches(path), "{wanted:?} {path:?}");
        }
    }

    /// The normal form, as a text.
    fn built(path: &str) -> Option<String> {
        let segments: Vec<Segment<'_>> = NormalPath::new(path)?.segments().collect();
        let texts = segments.iter().rev().map(|segment| characters(segment.bytes()).collect::<String>());
        Some(format!("/{}", texts.collect::<Vec<_>>().join("/")))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_form_that_is_read_is_the_form_that_is_built(path in path()) {
            prop_assert_eq!(built(&path), normalise_path(&path));
        }

        #[test]
        fn paths_match_as_their_texts_do(wanted in path(), path in path(), below in path()) {
            check(&wanted, &path);
            check(&wanted, &format!("{wanted}{below}"));
            check(&path, &wanted);
        }
    }

    #[test]
    fn parents_take_back_what_is_before_them() {
        for (path, normal) in [
            ("/", "/"),
            ("/..", "/"),
            ("/a/../../b", "/b"),
            ("/a/../b/../../c", "/c"),
            ("/a/b/..;x/c/", "/a/c"),
            ("\\a%2f%2e%2e%5cb?/../c", "/b"),
        ] {
            assert_eq!(built(path).as_deref(), Some(normal), "{path}");
        }
    }
}
