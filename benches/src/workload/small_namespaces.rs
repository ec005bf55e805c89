//! Many small namespaces with policies for ingress.

use super::flows::{AmongPods, Mix, Traffic};
use super::objects::{Author, Pods, Rules, in_namespace, label, namespace, peer, tier};
use super::{Recipe, Workload};
use std::iter;
use std::net::Ipv4Addr;
use tierwall::lower::{Lowered, labels};
use tierwall::model::{DefaultAction, Direction, Name, RuleAction};
use tierwall::selector::Selector;

const TIER: &str = "namespaces";
const FIRST_ADDRESS: u32 = 0x0A01_0000;
const ENDPOINTS_PER_NAMESPACE: u32 = 4;

/// Policies look at no port.
const MIX: Mix = Mix { same_namespace: 50, any_pod: 50, listed: 0, named_port: 100, tcp: 90 };

/// Namespaces of four endpoints, two of each of two apps, and three policies: a default deny, and for each app ingress from
/// itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmallNamespaces {
    /// Namespaces.
    pub namespaces: u32,
}

impl Recipe for SmallNamespaces {
    /// Nothing is left to chance.
    fn generate(&self, _seed: u64) -> Workload {
        let key: Name = "app".into();
        let apps = ["app-0", "app-1"].map(Name::from);
        let (pods, mut author) = (Pods::new(), Author::new(TIER));
        let mut objects = vec![tier(TIER, 100.0, DefaultAction::Deny).into()];
        let addresses = (0..self.namespaces * ENDPOINTS_PER_NAMESPACE)
            .map(|number| Ipv4Addr::from(FIRST_ADDRESS + number))
            .collect::<Vec<_>>();
        for (number, addresses) in (0_u32..).zip(addresses.chunks(ENDPOINTS_PER_NAMESPACE as usize)) {
            let name: Name = format!("ns-{number}").into();
            let profiles = labels::workload_profiles(&name, None);
            objects.push(namespace(&name, iter::empty()));
            for ((pod, address), app) in addresses.iter().enumerate().zip(apps.iter().cycle()) {
                let labels = [(key.clone(), app.clone())];
                objects.push(pods.pod(
                    &name,
                    format!("pod-{pod}").into(),
                    *address,
                    labels,
                    profiles.clone(),
                ));
            }
            author.push(Some(&name), in_namespace(&name), true, Rules::default());
            for app in &apps {
                let app = Selector::and([in_namespace(&name), label(&key, app)]);
                let mut rules = Rules::default();
                rules.push(Direction::Ingress, RuleAction::Allow, None, peer(app.clone()), Vec::new());
                author.push(Some(&name), app, true, rules);
            }
        }
        objects.extend(author.policies.into_iter().map(Lowered::from));
        let traffic = AmongPods {
            mix: MIX,
            addresses,
            per_namespace: ENDPOINTS_PER_NAMESPACE,
            prefixes: Vec::new(),
            ports: vec![80, 443],
        };
        Workload { objects, traffic: Traffic::among_pods(traffic) }
    }
}
