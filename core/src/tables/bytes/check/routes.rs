//! Where addresses of services lead.

use super::{Check, Checked};
use crate::tables::{NONE, Route, Tables};

pub(super) fn check(check: Check, tables: &Tables) -> Checked {
    let routes = &tables.routes;
    sorted(check, "by_address", &routes.by_address)?;
    sorted(check, "by_node_port", &routes.by_node_port)?;
    sorted(check, "by_service", routes.by_service.as_slice())?;
    for (_, by_port) in routes.by_service.as_slice() {
        sorted(check, "by_service", by_port)?;
    }
    let by_address = routes.by_address.iter().map(|(_, route)| ("by_address", route));
    let by_node_port =
        routes.by_node_port.iter().flat_map(|(_, both)| both).map(|route| ("by_node_port", route));
    let by_service = routes.by_service.as_slice().iter().flat_map(|(_, ports)| ports);
    let by_service = by_service.map(|(_, route)| ("by_service", route));
    let mut spans = Vec::new();
    for (record, Route { backends, .. }) in by_address.chain(by_node_port).chain(by_service) {
        check.span(*backends, routes.backends.0.len(), "backends", format_args!("{record}"))?;
        spans.push(*backends);
    }
    // Those that no route leads to may be left of endpoints that are gone.
    for span in check.shares("backends", spans.into_iter(), routes.backends.0.len(), "backends")? {
        for (position, backend) in span.range().zip(routes.backends.slice(span)) {
            check.ensure(
                backend.endpoint == NONE || tables.endpoints.get(backend.endpoint).is_some(),
                format_args!("backends[{position}]"),
                format_args!("there is no endpoint {}", backend.endpoint),
            )?;
        }
    }
    Ok(())
}

fn sorted<K: PartialOrd, V>(check: Check, record: &str, entries: &[(K, V)]) -> Checked {
    check.ensure(
        entries.is_sorted_by(|(a, _), (b, _)| a < b),
        format_args!("{record}"),
        format_args!("its keys are not sorted, or repeat"),
    )
}
