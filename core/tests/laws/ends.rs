//! The ends of a flow: by name or by address, of whatever family, and those that nothing is.

use crate::answer::{answer, said};
use crate::cases;
use crate::generate::{Ask, End, asks, pod_name, world};
use proptest::prelude::*;
use tierwall::cluster::Cluster;
use tierwall::explain::explain;
use tierwall::model::{Action, Direction, EndpointId, Flow, FlowContext, IpVersion, Protocol, Reason, Side};
use tierwall::reference::evaluate;

const FAMILIES: [IpVersion; 2] = [IpVersion::V4, IpVersion::V6];

/// The endpoint of a pod, and its address of a family.
fn pod(cluster: &Cluster, index: u8, version: IpVersion) -> Option<(EndpointId, Option<std::net::IpAddr>)> {
    let (namespace, name) = pod_name(index);
    let id = cluster.workload(namespace, &name)?;
    Some((id, cluster.endpoint(id)?.endpoint.address(version)))
}

/// The ways to say the same end: by id with the address, and by the address alone where it is of nobody else.
fn other_names(cluster: &Cluster, end: &End, version: IpVersion) -> Option<Vec<Side>> {
    match end {
        End::Pod(index) => {
            let (id, address) = pod(cluster, *index, version)?;
            let address = address?;
            let alone = cluster.endpoints_at(address).count() == 1;
            Some(std::iter::once(Side::Both(id, address)).chain(alone.then_some(address.into())).collect())
        }
        End::Address(address) => (IpVersion::of(*address) == version).then(|| vec![Side::Address(*address)]),
        _ => None,
    }
}

/// The family that a flow between names is in.
fn family(cluster: &Cluster, ask: &Ask) -> Option<IpVersion> {
    FAMILIES.into_iter().find(|version| {
        other_names(cluster, &ask.source, *version).is_some()
            && other_names(cluster, &ask.destination, *version).is_some()
    })
}

proptest! {
    #![proptest_config(cases(384))]

    #[test]
    fn an_endpoint_is_its_address_of_the_family(world in world(), asks in asks()) {
        let cluster = world.cluster();
        for ask in &asks {
            let Some(version) = family(&cluster, ask) else { continue };
            let flow = ask.flow(&cluster);
            let expected = evaluate(&cluster, &flow, &ask.context);
            for source in other_names(&cluster, &ask.source, version).unwrap() {
                for destination in other_names(&cluster, &ask.destination, version).unwrap() {
                    let other = flow.with_source(source).with_destination(destination);
                    prop_assert_eq!(evaluate(&cluster, &other, &ask.context), expected, "{:?} and {:?}", flow, other);
                }
            }
        }
    }

    #[test]
    fn an_end_that_does_not_exist_is_denied(world in world(), asks in asks(), id in 1_000..u32::MAX, is_source: bool) {
        let cluster = world.cluster();
        for ask in asks {
            let mut ask = ask;
            ask.context.service = None;
            let direction = if is_source { Direction::Egress } else { Direction::Ingress };
            *(if is_source { &mut ask.source } else { &mut ask.destination }) = End::Nobody(id);
            let verdict = evaluate(&cluster, &ask.flow(&cluster), &ask.context).enforced;
            prop_assert_eq!(verdict.action(), Action::Deny);
            // A service without a backend leads nowhere, whoever asks.
            let reasons = [Reason::UnknownEndpoint, Reason::NoBackend];
            prop_assert!(reasons.contains(&verdict.reason(direction)));
        }
    }

    #[test]
    fn whatever_is_asked_is_answered(world in world(), asks in asks(), numbers: [u8; 3], ports: [u16; 2]) {
        let cluster = world.cluster();
        for ask in &asks {
            let flow = Flow::new(ask.source.side(&cluster), ask.destination.side(&cluster), Protocol::from(numbers[0]))
                .with_ports(ports[0], ports[1])
                .with_icmp(numbers[1], numbers[2]);
            evaluate(&cluster, &flow, &ask.context);
            evaluate(&cluster, &flow.reversed(), &ask.context);
            prop_assert!(!explain(&cluster, &flow, &ask.context).to_string().is_empty());
        }
    }

    #[test]
    fn the_generation_is_that_of_the_cluster(world in world(), asks in asks()) {
        let cluster = world.cluster();
        for ask in &asks {
            let evaluation = evaluate(&cluster, &ask.flow(&cluster), &ask.context);
            prop_assert_eq!(evaluation.enforced.generation(), cluster.generation());
            prop_assert_eq!(said(&cluster, evaluation.enforced), answer(&cluster, ask).enforced);
        }
    }
}

/// The flow whose every byte is zero: an endpoint that no cluster has, to itself, by protocol 0.
fn zeroed() -> Flow {
    Flow::new(EndpointId::from(u32::MAX), EndpointId::from(u32::MAX), Protocol::from(0))
}

#[test]
fn a_zeroed_flow_is_denied() {
    let flow = zeroed();
    assert_eq!((flow.source_address(), flow.destination_address()), (None, None));
    let verdict = evaluate(&Cluster::new(), &flow, &FlowContext::default()).enforced;
    assert_eq!(
        (verdict.action(), verdict.reason(Direction::Egress)),
        (Action::Deny, Reason::UnknownEndpoint)
    );
    assert_eq!(flow.reversed(), flow);
    assert_eq!(flow.with_source(flow.source()), flow);
}
