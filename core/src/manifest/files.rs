//! Files and directories to texts.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::source::Source;
use crate::diagnostic::{Code, Diagnostic, FieldPath, Problem};
use crate::limits::Limits;

/// The texts that could be read.
#[derive(Debug, Default)]
pub struct Read {
    /// The texts in the order of the paths; those of a directory in the order of their names.
    pub sources: Vec<Source>,
    /// Why others could not be read, all of them errors.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads manifests: files of any name; directories, with those below them, for the files named `*.yaml`, `*.yml` and
/// `*.json`; and `-` for standard input.
///
/// In directories, names that start with a dot are left out, and no directory is read twice, however many links lead to it.
///
/// What cannot be read is reported, `TW0106`, `TW0102` if it is not UTF-8, or `TW0104` beyond
/// [`Limits::max_bytes`]; the rest is read all the same.
pub fn read(paths: &[PathBuf], limits: &Limits) -> Read {
    let mut reader = Reader {
        left: limits.max_bytes,
        limit: limits.max_bytes,
        seen: BTreeSet::new(),
        read: Read::default(),
    };
    for path in paths {
        match path.to_str() {
            Some("-") => reader.text("<stdin>", io::stdin().lock()),
            _ if path.is_dir() => reader.directory(path, limits.max_depth),
            _ => reader.file(path),
        }
    }
    reader.read
}

struct Reader {
    /// Bytes that may still be read.
    left: usize,
    limit: usize,
    /// The directories that were read, under their real names.
    seen: BTreeSet<PathBuf>,
    read: Read,
}

impl Reader {
    fn directory(&mut self, path: &Path, depth: usize) {
        let name = path.display().to_string();
        let entries = match fs::canonicalize(path).and_then(|real| Ok((self.seen.insert(real), names(path)?)))
        {
            Ok((true, entries)) => entries,
            Ok((false, _)) => return,
            Err(error) => return self.unreadable(&name, &error),
        };
        if depth == 0 {
            return self.unreadable(&name, &io::Error::other("too many directories inside one another"));
        }
        for entry in entries {
            if entry.is_dir() {
                self.directory(&entry, depth - 1);
            } else if is_manifest(&entry) {
                self.file(&entry);
            }
        }
    }

    fn file(&mut self, path: &Path) {
        let name = path.display().to_string();
        match File::open(path) {
            Ok(file) => self.text(&name, file),
            Err(error) => self.unreadable(&name, &error),
        }
    }

    fn text(&mut self, name: &str, from: impl io::Read) {
        let mut bytes = Vec::new();
        let most = u64::try_from(self.left).unwrap_or(u64::MAX).saturating_add(1);
        if let Err(error) = from.take(most).read_to_end(&mut bytes) {
            return self.unreadable(name, &error);
        }
        match self.left.checked_sub(bytes.len()) {
            Some(left) => self.left = left,
            None => return self.too_much(name),
        }
        match Source::from_bytes(name, bytes) {
            Ok(source) => self.read.sources.push(source),
            Err(diagnostic) => self.read.diagnostics.push(*diagnostic),
        }
    }

    fn unreadable(&mut self, name: &str, error: &io::Error) {
        let message = format!("`{name}` cannot be read: {error}");
        let problem = Problem::error(Code::Unreadable, FieldPath::root(), message);
        let problem = match error.kind() {
            io::ErrorKind::NotFound => problem.with_help("check the path; `-` stands for standard input"),
            _ => problem,
        };
        self.read.diagnostics.push(Diagnostic::without_location(problem, None));
    }

    fn too_much(&mut self, name: &str) {
        let message = format!("`{name}` is not read: the input is larger than {} bytes in all", self.limit);
        let problem = Problem::error(Code::LimitExceeded, FieldPath::root(), message)
            .with_help("load fewer files, or raise `max_bytes` of the limits");
        self.read.diagnostics.push(Diagnostic::without_location(problem, None));
    }
}

/// The entries of a directory in the order of their names, hidden ones left out.
fn names(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}

/// Links count as what they lead to; pipes and devices in a directory are no manifests.
fn is_manifest(path: &Path) -> bool {
    let named = path
        .extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml" || extension == "json");
    named && !matches!(fs::metadata(path), Ok(metadata) if !metadata.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tierwall-files-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn names_of(read: &Read, folder: &Path) -> Vec<String> {
        let name =
            |source: &Source| Path::new(&**source.name()).strip_prefix(folder).unwrap().display().to_string();
        read.sources.iter().map(name).collect()
    }

    #[test]
    fn directories_are_read_in_order_and_once() {
        let folder = folder("order");
        fs::create_dir_all(folder.join("m/.git")).unwrap();
        for name in ["z.yaml", "a.json", "m/b.yml", "m/.git/x.yaml", ".hidden.yaml", "README.md"] {
            fs::write(folder.join(name), "a: 1\n").unwrap();
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(&folder, folder.join("m/loop")).unwrap();
        let read = read(std::slice::from_ref(&folder), &Limits::default());
        assert_eq!(read.diagnostics, []);
        assert_eq!(names_of(&read, &folder), ["a.json", "m/b.yml", "z.yaml"]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_cannot_be_read_is_told_and_the_rest_read() {
        let folder = folder("errors");
        fs::write(folder.join("a.yaml"), b"a: \xff").unwrap();
        fs::write(folder.join("b.txt"), "a: 1\n").unwrap();
        fs::write(folder.join("c.yaml"), "a: 1234567890\n").unwrap();
        let limits = Limits { max_bytes: 12, ..Limits::default() };
        let paths = ["a.yaml", "b.txt", "c.yaml", "d.yaml"].map(|name| folder.join(name));
        let read = read(&paths, &limits);
        assert_eq!(names_of(&read, &folder), ["b.txt"]);
        let codes: Vec<Code> = read.diagnostics.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [Code::InvalidUtf8, Code::LimitExceeded, Code::Unreadable]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
