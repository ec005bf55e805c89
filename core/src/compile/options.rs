//! What a compilation may do.

/// How a cluster is compiled. Nothing here changes a verdict, only what it costs.
///
/// ```
/// use tierwall::{CompileOptions, Snapshot, cluster::Cluster};
/// let mut options = CompileOptions::default();
/// options.table_budget = 16 << 20;
/// let snapshot = Snapshot::compile_with(&Cluster::new(), &options);
/// assert!(snapshot.table_bytes() < 16 << 20);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompileOptions {
    /// What the buckets and rows of the fast form may take, in bytes. Lists of rules that do not fit are left to the
    /// complete form, which walks them one by one.
    pub table_budget: usize,
    /// A policy that governs at least as many classes of endpoints has a bit for each rule, and is no part of the lists
    /// of single classes.
    pub wide_classes: u32,
    /// As many rules for any peer are part of every row of a list; more of them have a row of their own.
    pub folded_rules: usize,
    /// A set of peers of more classes than this may become part of what tells classes apart, so that lists do not name
    /// its classes one by one.
    pub broad_classes: usize,
}

impl Default for CompileOptions {
    fn default() -> Self {
        CompileOptions { table_budget: 256 << 20, wide_classes: 32, folded_rules: 6, broad_classes: 64 }
    }
}
