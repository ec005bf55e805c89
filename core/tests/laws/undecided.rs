//! A verdict that is definite although something is unknown stays so whatever that turns out to be.

use crate::cases;
use crate::generate::{Ask, OUTSIDE, World, answers, asks, request, world};
use proptest::prelude::*;
use tierwall::cluster::{Cluster, DnsAnswer};
use tierwall::dialect::{Dialect, DnsCoverage};
use tierwall::model::{Action, FlowContext, Http, HttpRequest};
use tierwall::reference::evaluate;

fn action(cluster: &Cluster, ask: &Ask, context: &FlowContext) -> Action {
    evaluate(cluster, &ask.flow(cluster), context).enforced.action()
}

/// The world where names that nothing is known of may have any address.
fn partial(mut world: World) -> World {
    world.dialect.dns_coverage = DnsCoverage::Partial;
    world
}

/// The same world where this is all there is to know of names.
fn complete(world: &World, found: &[DnsAnswer]) -> Cluster {
    let mut world = world.clone();
    world.dialect.dns_coverage = DnsCoverage::Complete;
    world.answers.extend(found.iter().cloned());
    world.cluster()
}

/// Every name, at every address.
fn everything() -> Vec<DnsAnswer> {
    let expiry = std::time::Duration::from_secs(100);
    let names = ["api.example.com", "www.example.com", "example.com", "www.x.com"];
    let addresses = || OUTSIDE.iter().map(|address| address.parse().unwrap());
    names.iter().map(|name| DnsAnswer::addresses(name, addresses(), expiry)).collect()
}

proptest! {
    #![proptest_config(cases(384))]

    #[test]
    fn whatever_names_turn_out_to_be(world in world(), found in answers(), asks in asks()) {
        let world = partial(world);
        let cluster = world.cluster();
        let mut later = cluster.clone();
        found.iter().for_each(|answer| later.observe(answer.clone()));
        let outcomes = [complete(&world, &[]), complete(&world, &found), complete(&world, &everything()), later];
        for ask in &asks {
            let known = action(&cluster, ask, &ask.context);
            for outcome in outcomes.iter().filter(|_| known != Action::Undecided) {
                let then = action(outcome, ask, &ask.context);
                prop_assert!(then == known || then == Action::Undecided, "{} became {} for {:?}", known, then, ask);
                if outcome.dialect().dns_coverage == DnsCoverage::Complete && !needs_more(ask) {
                    prop_assert_eq!(then, known, "{:?}", ask);
                }
            }
        }
    }

    #[test]
    fn whatever_the_request_is(world in world(), requests in prop::collection::vec(request(), 6), asks in asks()) {
        let cluster = world.cluster();
        for ask in &asks {
            let with = |http| FlowContext { http, ..ask.context.clone() };
            let known = action(&cluster, ask, &with(Http::Unknown));
            let nothing = HttpRequest::default();
            for request in requests.iter().chain([&nothing]).filter(|_| known != Action::Undecided) {
                let then = action(&cluster, ask, &with(Http::Request(request.clone())));
                prop_assert_eq!(then, known, "{:?} of {:?}", request, ask);
            }
        }
    }

    #[test]
    fn nothing_is_unknown_where_all_is_given(world in world(), asks in asks()) {
        let mut world = world;
        let Dialect { flavour, domain_actions, .. } = world.dialect;
        world.dialect = Dialect::default();
        (world.dialect.flavour, world.dialect.domain_actions) = (flavour, domain_actions);
        let cluster = world.cluster();
        for ask in &asks {
            let flow = ask.flow(&cluster);
            let named = flow.source_address().is_some() && flow.destination_address().is_some();
            let context = FlowContext { http: Http::NotInspected, ..ask.context.clone() };
            let verdict = evaluate(&cluster, &flow, &context).enforced;
            // Which backend a service chooses is not for policy to say.
            let service = ["10.96.0.1", "10.96.0.2", "10.1.0.1", "10.1.0.2", "fd01::1"];
            let direct = ask.context.service.is_none() && flow.destination_address().is_none_or(|address| !service.contains(&&*address.to_string()));
            prop_assert!(!named || !direct || verdict.action() != Action::Undecided, "{:?}", ask);
        }
    }
}

/// Whether something besides names may be unknown of a flow.
fn needs_more(ask: &Ask) -> bool {
    ask.context.http == Http::Unknown
}
