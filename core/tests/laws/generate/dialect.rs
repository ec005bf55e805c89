//! Readings of the specifications.

use proptest::prelude::*;
use proptest::sample::select;
use tierwall::dialect::*;

/// Mostly the documented readings; now and then others. Fields of Calico Enterprise are known, and domain names may stand
/// in rules of any action.
pub(crate) fn dialect() -> impl Strategy<Value = Dialect> {
    let other = prop::bool::weighted(0.2);
    let protocols =
        select(&[OtherProtocols::FollowPeers, OtherProtocols::Allowed, OtherProtocols::Undecided][..]);
    let to_host = select(&[EndpointToHost::Accept, EndpointToHost::Drop, EndpointToHost::Return][..]);
    (prop::collection::vec(other, 12), protocols, to_host).prop_map(|(others, protocols, to_host)| {
        let mut dialect = Dialect::default();
        dialect.flavour = Flavour::Enterprise;
        dialect.domain_actions = DomainActions::Any;
        if others[0] {
            dialect.tie_break = TieBreak::BackendName;
        }
        if others[1] {
            dialect.absent_tier_order = AbsentTierOrder::Last;
        }
        if others[2] {
            dialect.types_defaulting = TypesDefaulting::ByPresence;
        }
        if others[3] {
            dialect.other_family_nets = OtherFamilyNets::NoEffect;
        }
        if others[4] {
            dialect.missing_namespace = MissingNamespace::MissingProfile;
        }
        if others[5] {
            dialect.http_paths = HttpPaths::Raw;
            dialect.identity = Identity::Verified;
        }
        if others[6] {
            dialect.egress_to_own_node = EgressToOwnNode::Evaluated;
            dialect.endpoint_to_host = to_host;
        }
        if others[7] {
            dialect.other_protocols = protocols;
        }
        if others[8] {
            dialect.selection_scope = SelectionScope::AnyDirection;
        }
        if others[9] {
            dialect.cidr_pods = CidrPods::NotMatched;
            dialect.host_network = HostNetwork::Pod;
        }
        if others[10] {
            dialect.absent_address = AbsentAddress::Undecided;
            dialect.dns_coverage = DnsCoverage::Partial;
        }
        if others[11] {
            dialect.node_port_source = NodePortSource::Client;
            dialect.profile_pass = ProfilePass::Deny;
        }
        dialect
    })
}
