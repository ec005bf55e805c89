//! Why bytes are no snapshot.

/// Why bytes could not be read as a [`Snapshot`](crate::Snapshot).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// They begin with something else.
    #[error("not a snapshot: it does not begin as `Snapshot::to_bytes` writes it")]
    NotASnapshot,
    /// A version of the library wrote them whose tables are laid out otherwise.
    #[error(
        "the snapshot has format version {found}, and this library reads version {readable}; compile its cluster again"
    )]
    Version {
        /// What the bytes say.
        found: u32,
        /// What this library reads.
        readable: u32,
    },
    /// There are not even as many of them as say what follows.
    #[error("the snapshot is cut short: it has {found} bytes, fewer than its header")]
    NoHeader {
        /// How many there are.
        found: u64,
    },
    /// Bytes are missing at the end, or there are more of them.
    #[error(
        "the snapshot says that it has {stated} bytes, but {found} were given: it was cut short, or something follows it"
    )]
    Length {
        /// What the bytes say.
        stated: u64,
        /// How many there are.
        found: u64,
    },
    /// They changed since they were written.
    #[error("the snapshot is damaged: its bytes have the checksum {computed:#010x}, not {stated:#010x}")]
    Checksum {
        /// What the bytes say.
        stated: u32,
        /// What they have.
        computed: u32,
    },
    /// A part of them is not what such a part looks like: they were not written by [`Snapshot::to_bytes`](crate::Snapshot::to_bytes).
    #[error("section `{section}`, byte {offset}: {problem}")]
    Malformed {
        /// The section.
        section: &'static str,
        /// Where in the section.
        offset: u64,
        /// What is wrong.
        problem: String,
    },
    /// Records are well-formed but do not go together: they were not written by [`Snapshot::to_bytes`](crate::Snapshot::to_bytes).
    #[error("section `{section}`, `{record}`: {problem}")]
    Inconsistent {
        /// The section.
        section: &'static str,
        /// The record, as the path to it.
        record: String,
        /// What is wrong.
        problem: String,
    },
}
