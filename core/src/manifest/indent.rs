//! What is wrong with the indentation of YAML that does not parse.
//!
//! A parser can only say where it gave up. This reads the lines as the person who wrote them does, follows which key and
//! which dash stands below which, and finds the line that breaks the order and the column it belongs to. It runs only on
//! text that is known to be invalid, and only what it finds where the parser gave up is reported.

use std::ops::Range;

/// A line at the wrong column, and the repair.
#[derive(Debug, PartialEq)]
pub(super) struct Misplaced {
    /// The key, in bytes of the text.
    pub(super) range: Range<usize>,
    pub(super) message: String,
    pub(super) help: String,
}

/// More than a person repairs in one go.
const MOST: usize = 16;

/// Every line at a column that it cannot stand at.
pub(super) fn misplaced(text: &str) -> Vec<Misplaced> {
    let lines = lines(text);
    let mut outline = Outline { open: Vec::new(), found: Vec::new() };
    for (position, line) in lines.iter().enumerate() {
        outline.line(line, lines.get(position + 1..).unwrap_or_default());
        if outline.found.len() == MOST {
            break;
        }
    }
    outline.found
}

/// A line with content: dashes, and then perhaps a key.
struct Line<'t> {
    dashes: Vec<usize>,
    /// The column of what follows the dashes, from 0.
    column: usize,
    key: Option<Key<'t>>,
}

#[derive(Clone)]
struct Key<'t> {
    name: &'t str,
    /// What follows the colon.
    value: &'t str,
    at: usize,
}

impl Key<'_> {
    /// What a value on the lines below would be: more of this key, or impossible.
    fn holds(&self) -> Holds {
        // An anchor or a tag is no value yet.
        if self.value.is_empty() || self.value.starts_with(['&', '!']) {
            Holds::Nothing
        } else {
            Holds::Scalar
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Holds {
    Nothing,
    Scalar,
    Below,
}

/// A block that is open at some column.
enum Open<'t> {
    Map { column: usize, last: Key<'t>, holds: Holds },
    List { column: usize, under: Option<&'t str>, first: Option<(usize, &'t str)> },
}

impl Open<'_> {
    fn column(&self) -> usize {
        match self {
            Open::Map { column, .. } | Open::List { column, .. } => *column,
        }
    }
}

struct Outline<'t> {
    open: Vec<Open<'t>>,
    found: Vec<Misplaced>,
}

impl<'t> Outline<'t> {
    fn line(&mut self, line: &Line<'t>, below: &[Line<'t>]) {
        for &column in &line.dashes {
            self.dash(column);
        }
        if let Some(key) = &line.key {
            match line.dashes.last() {
                Some(_) => self.first_key(line.column, key),
                None => self.key(line.column, key, below),
            }
        }
    }

    /// Closes what is deeper than `column`; returns the column of the outermost block closed.
    fn close(&mut self, column: usize) -> Option<usize> {
        let mut closed = None;
        while let Some(open) = self.open.pop_if(|open| open.column() > column) {
            closed = Some(open.column());
        }
        closed
    }

    fn dash(&mut self, column: usize) {
        self.close(column);
        let under = match self.open.last_mut() {
            Some(Open::List { column: same, .. }) if *same == column => return,
            Some(Open::Map { last, holds, .. }) => {
                *holds = Holds::Below;
                Some(last.name)
            }
            _ => None,
        };
        self.open.push(Open::List { column, under, first: None });
    }

    /// A key right after a dash, which sets the column of the item's keys.
    fn first_key(&mut self, column: usize, key: &Key<'t>) {
        if let Some(Open::List { first, .. }) = self.open.last_mut() {
            *first = Some((column, key.name));
        }
        self.open_map(column, key);
    }

    fn open_map(&mut self, column: usize, key: &Key<'t>) {
        self.open.push(Open::Map { column, last: key.clone(), holds: key.holds() });
    }

    fn key(&mut self, column: usize, key: &Key<'t>, below: &[Line<'t>]) {
        let closed = self.close(column);
        // A list may stand at the column of the key it is under; the next key of that map ends it.
        if let [.., Open::Map { column: outer, .. }, Open::List { column: inner, .. }] = self.open.as_slice()
            && *outer == column
            && *inner == column
        {
            self.open.pop();
        }
        match self.open.last_mut() {
            Some(Open::Map { column: same, last, holds }) if *same == column => {
                *last = key.clone();
                *holds = key.holds();
            }
            Some(Open::Map { column: outer, last, holds }) => match (*holds, closed) {
                (Holds::Nothing, _) => {
                    *holds = Holds::Below;
                    self.open_map(column, key);
                }
                (Holds::Scalar, _) => {
                    let found = too_deep(column, key, *outer, last, below);
                    *last = key.clone();
                    *holds = key.holds();
                    self.found.push(found);
                }
                (Holds::Below, Some(inner)) => {
                    let found = between(column, key, *outer, last, inner);
                    self.open_map(column, key);
                    self.found.push(found);
                }
                (Holds::Below, None) => self.open_map(column, key),
            },
            Some(Open::List { column: dash, under, first: Some((beside, first)) }) => {
                let beside = *beside;
                self.found.push(level_with_dash(column, key, *dash, *under, beside, first));
                self.open_map(beside, key);
            }
            Some(Open::List { .. }) | None => self.first_key(column, key),
        }
    }
}

/// `ports:` at the column of the dash of `- from:`, or between the dash and `from`.
fn level_with_dash(
    column: usize,
    key: &Key<'_>,
    dash: usize,
    under: Option<&str>,
    beside: usize,
    first: &str,
) -> Misplaced {
    let name = key.name;
    let under = under.map(|under| format!(" under `{under}`")).unwrap_or_default();
    let stands = if column == dash { "level with the `-`" } else { "between the `-` and the keys" };
    Misplaced {
        range: key.at..key.at + name.len(),
        message: format!("`{name}` stands {stands} of the list{under}, where only another `-` may stand"),
        help: format!("indent `{name}` to column {}, beside `{first}`", beside + 1),
    }
}

/// A key deeper than the key before it, which has a value already.
fn too_deep(column: usize, key: &Key<'_>, outer: usize, last: &Key<'_>, below: &[Line<'_>]) -> Misplaced {
    let (name, before) = (key.name, last.name);
    let mut help = format!("indent `{name}` like `{before}`, to column {}", outer + 1);
    let beside = if key.holds() == Holds::Nothing { keys_at(column, below) } else { Vec::new() };
    if !beside.is_empty() {
        let them = beside.join(", ");
        help.push_str(&format!(
            "; leave {them} at column {}, so that they stand inside `{name}`",
            column + 1
        ));
    }
    Misplaced {
        range: key.at..key.at + name.len(),
        message: format!(
            "`{name}` is indented deeper than `{before}`, but `{before}` has a value already and cannot hold more"
        ),
        help,
    }
}

/// A key at a column between those of the blocks around it.
fn between(column: usize, key: &Key<'_>, outer: usize, last: &Key<'_>, inner: usize) -> Misplaced {
    let (name, before) = (key.name, last.name);
    Misplaced {
        range: key.at..key.at + name.len(),
        message: format!("`{name}` stands at column {}, where no block around it starts", column + 1),
        help: format!(
            "indent it to column {} to put it inside `{before}`, or to column {} to put it beside `{before}`",
            inner + 1,
            outer + 1
        ),
    }
}

/// The keys that follow at just this column.
fn keys_at(column: usize, below: &[Line<'_>]) -> Vec<String> {
    below
        .iter()
        .take_while(|line| line.dashes.first().copied().unwrap_or(line.column) >= column)
        .filter(|line| line.dashes.is_empty() && line.column == column)
        .filter_map(|line| line.key.as_ref().map(|key| format!("`{}`", key.name)))
        .take(4)
        .collect()
}

/// The lines that have content, without those that continue a scalar or a flow collection.
fn lines(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut at = 0;
    // Lines deeper than this are the content of a block scalar.
    let mut scalar_in: Option<usize> = None;
    let mut unclosed = Unclosed::default();
    for raw in text.split_inclusive('\n') {
        let start = at;
        at += raw.len();
        let content = raw.trim_end();
        let column = content.len() - content.trim_start_matches(' ').len();
        let content = content.trim_start_matches(' ');
        let skipped = unclosed.is_open()
            || content.is_empty()
            || content.starts_with('#')
            || content.starts_with("---")
            || scalar_in.is_some_and(|outer| column > outer);
        if unclosed.is_open() {
            unclosed.read(content);
        }
        if skipped {
            continue;
        }
        let line = line(start, column, content);
        let value = line.key.as_ref().map_or("", |key| key.value);
        scalar_in = value.starts_with(['|', '>']).then(|| line.dashes.last().copied().unwrap_or(column));
        unclosed.start(value);
        lines.push(line);
    }
    lines
}

fn line(start: usize, column: usize, content: &str) -> Line<'_> {
    let mut dashes = Vec::new();
    let mut column = column;
    let mut rest = content;
    while let Some(after) = rest.strip_prefix('-').filter(|after| after.is_empty() || after.starts_with(' '))
    {
        dashes.push(column);
        let next = after.trim_start_matches(' ');
        column += rest.len() - next.len();
        rest = next;
    }
    let key = rest
        .find(": ")
        .or_else(|| rest.strip_suffix(':').map(str::len))
        .and_then(|end| rest.split_at_checked(end))
        .filter(|(name, _)| !name.is_empty() && !name.contains(['{', '[', '#', '"', '\'']))
        .map(|(name, value)| Key {
            name,
            value: without_comment(value.strip_prefix(':').unwrap_or(value)),
            at: start + column,
        });
    Line { dashes, column, key }
}

fn without_comment(value: &str) -> &str {
    let value = value.trim();
    if value.starts_with('#') {
        return "";
    }
    value.split(" #").next().unwrap_or_default().trim_end()
}

/// Follows quotes and brackets that do not end on their line.
#[derive(Default)]
struct Unclosed {
    quote: Option<char>,
    brackets: usize,
}

impl Unclosed {
    fn is_open(&self) -> bool {
        self.quote.is_some() || self.brackets > 0
    }

    fn start(&mut self, value: &str) {
        if value.starts_with(['"', '\'', '[', '{']) {
            self.read(value);
        }
    }

    fn read(&mut self, text: &str) {
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match (self.quote, c) {
                (Some('"'), '\\') => {
                    chars.next();
                }
                (Some(quote), _) if c == quote => self.quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => self.quote = Some(c),
                (None, '[' | '{') => self.brackets += 1,
                (None, ']' | '}') => self.brackets = self.brackets.saturating_sub(1),
                (None, _) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_indentation_is_left_alone() {
        let text = "# x\na:\n- b: 1\n  c:\n  - d\n  - e: |\n     x\n    y: z\n      - q\n  f: [1,\n  g: 2]\nh: \"a\n  b: c\"\ni:\n    j: &x\n      k: 1\n    l:\n      - - m: 1\n          n: 2\n---\na: 1\n";
        assert_eq!(misplaced(text), []);
    }

    #[test]
    fn findings_name_the_column() {
        let helps = |text| misplaced(text).into_iter().map(|found| found.help).collect::<Vec<_>>();
        assert_eq!(helps("a:\n  - b: 1\n  c: 2\n"), ["indent `c` to column 5, beside `b`"]);
        assert_eq!(helps("a:\n  - b: 1\n   c: 2\n"), ["indent `c` to column 5, beside `b`"]);
        assert_eq!(helps("a:\n- b: 1\nc: 2\n"), [""; 0]);
        assert_eq!(helps("a: 1\n  b: 2\n"), ["indent `b` like `a`, to column 1"]);
        assert_eq!(
            helps("a: 1\n  b:\n  c: 2\n  d: 3\ne: 4\n"),
            ["indent `b` like `a`, to column 1; leave `c`, `d` at column 3, so that they stand inside `b`"]
        );
        assert_eq!(
            helps("a:\n    b: 1\n  c: 2\n"),
            ["indent it to column 5 to put it inside `a`, or to column 1 to put it beside `a`"]
        );
    }
}
