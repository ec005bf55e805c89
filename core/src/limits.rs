//! The explicit limits of a load.

/// How much input is accepted. Whatever exceeds a limit is refused with a diagnostic that names the limit; nothing is
/// cut short in silence.
///
/// The defaults are far above any real cluster, and low enough that no input can exhaust memory or the stack.
///
/// ```
/// use tierwall::limits::Limits;
/// let mut limits = Limits::default();
/// limits.max_objects = 1_000;
/// assert_eq!(limits.max_depth, 64);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one text, and of all texts that one call reads from files. 256 MiB; texts of 4 GiB or more are always refused.
    pub max_bytes: usize,
    /// YAML or JSON documents in one text. 200 000.
    pub max_documents: usize,
    /// Scalars, lists and maps in one text, those that aliases repeat included. 20 million.
    pub max_nodes: usize,
    /// Lists and maps inside one another. 64. Reading recurses this deep, so raise it with the stack in mind.
    pub max_depth: usize,
    /// Nodes that anchors, aliases and merge keys of one text may repeat; this is what stops a "billion laughs". 1 million.
    pub max_alias_nodes: usize,
    /// Objects in one load, the items of lists counted one by one. 200 000.
    pub max_objects: usize,
    /// Problems reported of one text; the last one then says that there are more. 1 000.
    pub max_diagnostics: usize,
    /// Problems reported of the shape of one object. 100.
    pub max_problems_per_object: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_bytes: 256 << 20,
            max_documents: 200_000,
            max_nodes: 20_000_000,
            max_depth: 64,
            max_alias_nodes: 1_000_000,
            max_objects: 200_000,
            max_diagnostics: 1_000,
            max_problems_per_object: 100,
        }
    }
}
