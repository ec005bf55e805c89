//! A compiled cluster, shared by any number of readers.

use crate::cluster::{Cluster, Scope};
use crate::compile::{self, CompileOptions};
use crate::evaluate;
use crate::explanation::{Explanation, Judgement};
use crate::model::{Columns, Evaluation, Flow, FlowContext, Judged, Point, Verdict};
use crate::stats::Stats;
use crate::tables::{self, Tables};
use std::sync::Arc;

pub use crate::tables::SnapshotError;

/// An immutable, compiled picture of a [`Cluster`]: cheap to clone, answered from without a lock.
///
/// It answers as [`reference::evaluate`](crate::reference::evaluate) does on the cluster it was compiled from.
///
/// ```
/// use tierwall::{Snapshot, cluster::Cluster, model::*};
/// use std::net::IpAddr;
/// let snapshot = Snapshot::compile(&Cluster::new());
/// let flow = Flow::new("10.0.0.1".parse::<IpAddr>()?, "10.0.0.2".parse::<IpAddr>()?, Protocol::TCP).with_ports(40000, 80);
/// // Neither address is an endpoint, so no policy has a say.
/// assert!(snapshot.evaluate(&flow, &FlowContext::default()).enforced.is_allowed());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Snapshot(Arc<Tables>);

impl From<Tables> for Snapshot {
    fn from(mut tables: Tables) -> Self {
        tables.seal();
        Snapshot(Arc::new(tables))
    }
}

impl From<Arc<Tables>> for Snapshot {
    fn from(tables: Arc<Tables>) -> Self {
        Snapshot(tables)
    }
}

impl From<Snapshot> for Arc<Tables> {
    fn from(Snapshot(tables): Snapshot) -> Self {
        tables
    }
}

impl Snapshot {
    /// Compiles all of a cluster.
    pub fn compile(cluster: &Cluster) -> Self {
        Snapshot::compile_with(cluster, &CompileOptions::default())
    }

    /// Compiles all of a cluster as the options say.
    pub fn compile_with(cluster: &Cluster, options: &CompileOptions) -> Self {
        compile::compile(cluster, options).into()
    }

    pub(crate) fn as_tables(&self) -> &Tables {
        &self.0
    }

    /// It is made of these tables, and not of others that are equal.
    pub(crate) fn is_of(&self, tables: &Arc<Tables>) -> bool {
        Arc::ptr_eq(&self.0, tables)
    }

    /// The enforced verdict of a flow: what [`Snapshot::evaluate`] gives, without the pending one.
    pub fn verdict(&self, flow: &Flow, context: &FlowContext) -> Verdict {
        evaluate::verdict(&self.0, flow, context)
    }

    /// The enforced verdicts of flows of which nothing else is known, each as [`Snapshot::verdict`] gives it, faster than
    /// one by one. As many are written as the shorter of both slices holds.
    ///
    /// ```
    /// use tierwall::{Snapshot, cluster::Cluster, model::*};
    /// use std::net::IpAddr;
    /// let snapshot = Snapshot::compile(&Cluster::new());
    /// let flow = Flow::new("10.0.0.1".parse::<IpAddr>()?, "10.0.0.2".parse::<IpAddr>()?, Protocol::TCP);
    /// let flows = [flow.with_ports(40000, 80), flow.with_ports(40000, 443)];
    /// let mut verdicts = [Verdict::default(); 2];
    /// snapshot.verdicts(&flows, &mut verdicts);
    /// assert!(verdicts.iter().all(|verdict| verdict.is_allowed()));
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn verdicts(&self, flows: &[Flow], verdicts: &mut [Verdict]) {
        evaluate::verdicts(&self.0, flows, verdicts);
    }

    /// The same of flows that are given column by column.
    pub fn verdicts_of(&self, flows: &Columns<'_>, verdicts: &mut [Verdict]) {
        evaluate::verdicts_of(&self.0, *flows, verdicts);
    }

    /// The verdict of a flow, enforced and pending. It takes no lock and allocates nothing.
    pub fn evaluate(&self, flow: &Flow, context: &FlowContext) -> Evaluation {
        evaluate::evaluate(&self.0, flow, context)
    }

    /// What the policies of one endpoint say of a flow in one direction, and nothing else: no other end, no exemption.
    /// An endpoint that does not exist denies, with [`Reason::UnknownEndpoint`](crate::model::Reason::UnknownEndpoint).
    pub fn judge(&self, point: Point, flow: &Flow, context: &FlowContext, scope: Scope) -> Judged {
        evaluate::judge(&self.0, point, flow, context, scope)
    }

    /// The verdicts of [`Snapshot::evaluate`] and how they come about: every tier that passed, allowed or denied, every
    /// rule that logs, by the ids of rules and endpoints.
    ///
    /// It walks tiers, policies and profiles as the complete form does, in time linear in the rules that govern the ends,
    /// and allocates what it gives: a slow path, for what is to be reported.
    ///
    /// ```
    /// use tierwall::{Snapshot, cluster::Cluster, explanation::Form, model::*};
    /// use std::net::IpAddr;
    /// let snapshot = Snapshot::compile(&Cluster::new());
    /// let flow = Flow::new("10.0.0.1".parse::<IpAddr>()?, "10.0.0.2".parse::<IpAddr>()?, Protocol::TCP);
    /// let told = snapshot.explain(&flow, &FlowContext::default());
    /// assert_eq!(told.enforced.form, Form::Fast);
    /// assert_eq!(told.enforced.connections[0].ingress.said.reason, Reason::NotPoliced);
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn explain(&self, flow: &Flow, context: &FlowContext) -> Explanation {
        evaluate::explain(&self.0, flow, context)
    }

    /// What [`Snapshot::judge`] gives and how it comes about. An endpoint that does not exist has no steps.
    pub fn explain_at(&self, point: Point, flow: &Flow, context: &FlowContext, scope: Scope) -> Judgement {
        evaluate::explain_at(&self.0, point, flow, context, scope)
    }

    /// What the tables take, in bytes, without names and HTTP paths.
    pub fn table_bytes(&self) -> usize {
        self.0.bytes()
    }

    /// How large the tables are, and which form was chosen for what. Linear in the tables.
    pub fn stats(&self) -> Stats {
        Stats::of(&self.0)
    }

    /// The snapshot as bytes, for [`Snapshot::from_bytes`] of the same version of the format: on disk, or sent to another
    /// machine of any kind. Equal snapshots have equal bytes.
    ///
    /// They answer with the ids of rules and endpoints of the cluster that was compiled, but do not hold their names.
    ///
    /// ```
    /// use tierwall::{Snapshot, SnapshotError, cluster::Cluster};
    /// let bytes = Snapshot::compile(&Cluster::new()).to_bytes();
    /// assert_eq!(Snapshot::from_bytes(&bytes)?.to_bytes(), bytes);
    /// # Ok::<(), SnapshotError>(())
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        tables::to_bytes(&self.0)
    }

    /// The snapshot that [`Snapshot::to_bytes`] wrote.
    ///
    /// The bytes may be any: what is accepted has been checked whole, so that no evaluation panics or runs away. It takes
    /// time and memory in proportion to the bytes. The checksum finds accidents; it does not prove who wrote them.
    ///
    /// # Errors
    /// Bytes that something else wrote, or another version of the format; that are damaged or cut short; or of which parts
    /// do not go together. Selectors that were built in code with more than 768 levels are refused here too.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        tables::from_bytes(bytes).map(Snapshot::from)
    }

    /// The generation of the cluster, wrapping.
    pub fn generation(&self) -> u32 {
        self.0.generation
    }
}
