//! A policy of Kubernetes, and the Calico policy that it equals, decide alike.

use crate::answer::{Answer, Decider, Said, answers};
use crate::generate::{Policy, World, asks, dialect, kubernetes_policy, policy, world_of};
use crate::print::yaml;
use crate::{cases, generate};
use proptest::prelude::*;
use tierwall::cluster::{Cluster, RuleOwner};
use tierwall::diagnostic::Problem;
use tierwall::dialect::{
    CidrPods, Dialect, EgressToOwnNode, OtherProtocols, SelectionScope, TieBreak, TypesDefaulting,
};
use tierwall::lower::{calico_form, lower};
use tierwall::manifest::{LoadOptions, Source, load};
use tierwall::resource::Resource;
use tierwall::resource::policy_api::EgressPeer;

/// A world of which most policies are of Kubernetes.
fn world() -> impl Strategy<Value = World> {
    let policies = prop_oneof![4 => kubernetes_policy().boxed(), 1 => policy().boxed()];
    world_of(policies.prop_map(in_words_of_calico).boxed()).prop_map(|mut world| {
        as_calico(&mut world.dialect);
        world.objects.iter_mut().for_each(drop_nodes);
        world
    })
}

/// The policy without the rules that Calico has no words for.
fn in_words_of_calico(mut policy: Policy) -> Policy {
    match &mut policy {
        Policy::Admin(spec) => spec.egress.retain(|rule| has_words(&rule.to, &rule.action)),
        Policy::Cluster(spec) => spec.egress.retain(|rule| has_words(&rule.to, &rule.action)),
        _ => {}
    }
    policy
}

/// Not for peers that are nodes, nor for domain names but to allow them.
fn has_words(peers: &[EgressPeer], action: &str) -> bool {
    let allows = action == "Allow" || action == "Accept";
    peers.iter().all(|peer| peer.nodes.is_none() && (allows || peer.domain_names.is_none()))
}

fn drop_nodes(object: &mut Resource) {
    if let Resource::BaselineAdminNetworkPolicy(policy) = object {
        policy.spec.egress.retain(|rule| rule.to.iter().all(|peer| peer.nodes.is_none()));
    }
}

/// The readings under which NetworkPolicy has no exemption that a Calico policy cannot have, is ranked by its name, and
/// has the directions that the form is given, which knows no other reading than the documented one.
fn as_calico(dialect: &mut Dialect) {
    dialect.egress_to_own_node = EgressToOwnNode::Evaluated;
    dialect.other_protocols = OtherProtocols::FollowPeers;
    dialect.selection_scope = SelectionScope::PerDirection;
    dialect.cidr_pods = CidrPods::Matched;
    dialect.tie_break = TieBreak::NameNamespaceKind;
    dialect.types_defaulting = TypesDefaulting::ByLength;
}

/// The same world with every policy of Kubernetes in its Calico form, printed and read again.
fn in_calico_form(world: &World) -> Cluster {
    let forms: String = world
        .objects
        .iter()
        .map(|object| calico_form(object).unwrap_or_else(|| object.clone()))
        .map(|object| yaml(&serde_json::to_value(&object).unwrap()))
        .collect();
    let mut cluster = Cluster::with_dialect(world.dialect.clone());
    load(&mut cluster, &[Source::new("forms.yaml", &*forms)], &LoadOptions::default())
        .unwrap_or_else(|error| panic!("{error}\n{forms}"));
    world.observe(&mut cluster);
    cluster
}

/// The answers with the kinds of policies left open.
fn without_kinds(answers: &[Answer]) -> Vec<String> {
    let side = |(reason, decider): &(_, Option<Decider>)| {
        let decider = decider.as_ref().map(|decider| match &decider.owner {
            RuleOwner::Policy(key) => (key.qualified_name(), decider.position),
            RuleOwner::Profile(name) => (format!("profile {name}"), decider.position),
        });
        format!("{reason:?} {decider:?}")
    };
    let said = |said: &Said| format!("{} {} {}", said.action, side(&said.egress), side(&said.ingress));
    answers.iter().map(|answer| format!("{} / {}", said(&answer.enforced), said(&answer.pending))).collect()
}

proptest! {
    #![proptest_config(cases(512))]

    #[test]
    fn both_forms_decide_alike(world in world(), asks in asks()) {
        let (original, form) = (world.cluster(), in_calico_form(&world));
        prop_assert_eq!(
            without_kinds(&answers(&form, &asks)),
            without_kinds(&answers(&original, &asks)),
            "{:#?}",
            asks
        );
    }

    #[test]
    fn the_form_of_a_calico_policy_is_none(policy in generate::policy()) {
        let of_kubernetes = matches!(
            policy,
            Policy::Kubernetes(..) | Policy::StagedKubernetes(..) | Policy::Admin(_) | Policy::Cluster(_)
        );
        prop_assert_eq!(calico_form(&policy.named("p")).is_some(), of_kubernetes);
    }

    #[test]
    fn a_form_is_valid(policy in kubernetes_policy(), dialect in dialect()) {
        let form = calico_form(&policy.named("p")).unwrap();
        let errors: Vec<_> = lower(&form, &dialect).problems.into_iter().filter(Problem::is_error).collect();
        prop_assert!(errors.is_empty(), "{:?}\n{:#?}", errors, form);
    }
}
