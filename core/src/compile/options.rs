//! What a compilation may do.

use crate::model::Name;

/// How a cluster is compiled. But for `node`, nothing here changes a verdict, only what it costs.
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
    /// What the fast form may take, in bytes, together with what holds for label sets and ranges, but without a record for
    /// each class. Policies of many endpoints and lists of rules that do not fit are left to the complete form, which
    /// walks rules one by one. What updates add counts too, but stays until all is compiled again.
    pub table_budget: usize,
    /// A policy of a namespace that is in at least as many lists of policies which together govern somebody has a bit for
    /// each rule, and is no part of the lists of single classes. Of a policy of the whole cluster it is the classes of
    /// endpoints that count, of which an eighth is enough.
    pub wide_classes: u32,
    /// Only this node's endpoints are to be judged, which is what an agent needs. The side of a flow that another node
    /// judges counts as allowed, with [`Reason::NotEvaluated`](crate::model::Reason::NotEvaluated).
    pub node: Option<Name>,
    /// As many rules for any peer are part of every row of a list; more of them have a row of their own.
    pub folded_rules: usize,
    /// A set of peers of more classes than this may become part of what tells classes apart, so that lists do not name
    /// its classes one by one.
    pub broad_classes: usize,
}

impl Default for CompileOptions {
    fn default() -> Self {
        CompileOptions {
            table_budget: 256 << 20,
            wide_classes: 32,
            node: None,
            folded_rules: 6,
            broad_classes: 64,
        }
    }
}
