//! Many flows at once, so that one's memory is on its way while another's is read.

use super::fast::{Prepared, decide, locate, prepare};
use crate::model::{Flow, Verdict};
use crate::tables::Tables;

/// How many flows go through each stage together: as many as memory reads can well be on their way.
const TOGETHER: usize = 32;

/// The enforced verdicts of flows without context; `slowly` gives those that the fast form cannot tell.
pub(super) fn verdicts(
    tables: &Tables,
    flows: &[Flow],
    verdicts: &mut [Verdict],
    slowly: impl Fn(&Flow) -> Verdict,
) {
    for (flows, verdicts) in flows.chunks(TOGETHER).zip(verdicts.chunks_mut(TOGETHER)) {
        prefetch_addresses(tables, flows);
        let mut located = [None; TOGETHER];
        for (flow, place) in flows.iter().zip(&mut located) {
            *place = locate(tables, flow);
            if let Some(ends) = *place {
                tables.enforced.prefetch_class(ends.source);
                tables.enforced.prefetch_class(ends.destination);
            }
        }
        for ends in located.iter().flatten() {
            if let (Some(source), Some(destination)) =
                (tables.enforced.class(ends.source), tables.enforced.class(ends.destination))
            {
                let ([egress, _], [_, ingress]) = (&source.sides, &destination.sides);
                tables.enforced.prefetch_bucket(egress, ends.destination);
                tables.enforced.prefetch_bucket(ingress, ends.source);
            }
        }
        let mut prepared: [Option<Prepared<'_>>; TOGETHER] = [None; TOGETHER];
        for (ends, place) in located.into_iter().zip(&mut prepared) {
            *place = ends.and_then(|ends| prepare(&tables.enforced, ends));
            if let Some(prepared) = place {
                prepared.prefetch();
            }
        }
        for ((flow, prepared), place) in flows.iter().zip(&prepared).zip(verdicts) {
            let fast = prepared.as_ref().and_then(|prepared| decide(prepared, tables.generation));
            *place = fast.unwrap_or_else(|| slowly(flow));
        }
    }
}

fn prefetch_addresses(tables: &Tables, flows: &[Flow]) {
    let trie = &tables.addresses.v4;
    for stage in [
        crate::tables::Trie::prefetch_root,
        crate::tables::Trie::prefetch_page,
        crate::tables::Trie::prefetch_last,
    ] {
        for (source, destination) in flows.iter().filter_map(Flow::v4_addresses) {
            stage(trie, source);
            stage(trie, destination);
        }
    }
}
