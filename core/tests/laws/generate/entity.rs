//! One end of a Calico rule.

use super::selector;
use super::words::{ACCOUNTS, NETS_V4, NETS_V6, PORT_NAMES, PORTS, SERVICES, any_of, some_of};
use proptest::prelude::*;
use proptest::sample::select;
use tierwall::model::IpVersion;
use tierwall::resource::IntOrString;
use tierwall::resource::calico::{EntityRule, ServiceAccountMatch, ServiceMatch};

/// What an end may say, before it is known what the rest of the rule allows it to.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    whom: Whom,
    ports: Vec<IntOrString>,
    not_ports: Vec<IntOrString>,
}

#[derive(Debug, Clone)]
enum Whom {
    Anyone,
    Nets { v4: [Vec<String>; 2], v6: [Vec<String>; 2] },
    Selected { fields: [String; 3], accounts: Option<ServiceAccountMatch>, v4: Vec<String>, v6: Vec<String> },
    Service(ServiceMatch),
    Domains(Vec<String>),
}

/// What the rule allows its ends to say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) family: IpVersion,
    pub(super) ports: PortUse,
    /// A service may stand here.
    pub(super) services: bool,
    /// Domain names may stand here.
    pub(super) domains: bool,
    /// This is a destination, which a service gives its ports.
    pub(super) destination: bool,
}

/// Which ports the protocol of the rule allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum PortUse {
    Any,
    Names,
    None,
}

/// Any end.
pub(super) fn parts() -> impl Strategy<Value = Parts> {
    (
        whom(),
        prop_oneof![4 => Just(Vec::new()), 1 => ports()],
        prop_oneof![9 => Just(Vec::new()), 1 => ports()],
    )
        .prop_map(|(whom, ports, not_ports)| Parts { whom, ports, not_ports })
}

fn whom() -> impl Strategy<Value = Whom> {
    let nets = (some_of(&NETS_V4, 2), some_of(&NETS_V4, 1), some_of(&NETS_V6, 2), some_of(&NETS_V6, 1));
    let nets = nets.prop_map(|(v4, not_v4, v6, not_v6)| Whom::Nets { v4: [v4, not_v4], v6: [v6, not_v6] });
    let not_selector = prop_oneof![2 => Just(String::new()), 1 => selector::endpoints()];
    let fields = (selector::endpoints(), not_selector, selector::peer_namespaces());
    let accounts = prop::option::weighted(0.5, accounts());
    let few_nets = (prop_oneof![5 => Just(Vec::new()), 1 => any_of(&NETS_V4, 2)], some_of(&NETS_V6, 1));
    let selected = (fields, accounts, few_nets).prop_map(
        |((selector, not_selector, namespaces), accounts, (v4, v6))| {
            // Of each family or of none, so that neither is favoured.
            let v6 = if v4.is_empty() { Vec::new() } else { v6 };
            Whom::Selected { fields: [selector, not_selector, namespaces], accounts, v4, v6 }
        },
    );
    prop_oneof![
        12 => Just(Whom::Anyone),
        6 => nets,
        5 => selected,
        5 => service().prop_map(Whom::Service),
        4 => domains().prop_map(Whom::Domains),
    ]
}

/// An end with one criterion.
pub(super) fn plain_end() -> impl Strategy<Value = EntityRule> {
    let not_selector = selector::stated().prop_map(|not_selector| EntityRule { not_selector, ..plain() });
    let name = select(&PORT_NAMES[..]).prop_map(|name| vec![IntOrString::from(name)]);
    let ports = name.prop_map(|ports| EntityRule { ports, ..plain() });
    let services = service().prop_map(|service| EntityRule { services: Some(service), ..plain() });
    let domains = domains().prop_map(|domains| EntityRule { domains, ..plain() });
    let accounts = accounts().prop_map(|accounts| EntityRule { service_accounts: Some(accounts), ..plain() });
    prop_oneof![1 => not_selector, 1 => ports, 10 => services, 7 => domains, 2 => accounts]
}

fn plain() -> EntityRule {
    EntityRule::default()
}

fn service() -> impl Strategy<Value = ServiceMatch> {
    (select(&[SERVICES[0], SERVICES[0], SERVICES[1]][..]), select(&["red", "", "", "", ""][..]))
        .prop_map(|(name, namespace)| ServiceMatch { name: name.to_owned(), namespace: namespace.to_owned() })
}

fn domains() -> impl Strategy<Value = Vec<String>> {
    any_of(&["api.example.com", "*.example.com", "example.com", "www.*.com"], 2)
}

fn accounts() -> impl Strategy<Value = ServiceAccountMatch> {
    (some_of(&ACCOUNTS, 2), selector::accounts())
        .prop_map(|(names, selector)| ServiceAccountMatch { names, selector })
}

/// At least one port: a number, a range, or a name.
fn ports() -> impl Strategy<Value = Vec<IntOrString>> {
    let number = select(&PORTS[..]).prop_map(|port| IntOrString::Int(port.into()));
    let range = select(&["80:90", "1:65535", "443", "8000:9000"][..]).prop_map(IntOrString::from);
    let name = select(&PORT_NAMES[..]).prop_map(IntOrString::from);
    prop::collection::vec(prop_oneof![2 => number, 1 => range, 2 => name], 1..4)
}

impl Parts {
    /// The end as far as the rule allows it.
    pub(super) fn at(self, place: Place) -> EntityRule {
        let is_v4 = place.family == IpVersion::V4;
        let allowed = |ports: Vec<IntOrString>| -> Vec<IntOrString> {
            let is_name = |port: &IntOrString| PORT_NAMES.contains(&&*port.to_string());
            match place.ports {
                PortUse::Any => ports,
                PortUse::Names => ports.into_iter().filter(is_name).collect(),
                PortUse::None => Vec::new(),
            }
        };
        let (ports, not_ports) = (allowed(self.ports), allowed(self.not_ports));
        let entity = EntityRule { ports, not_ports, ..EntityRule::default() };
        match self.whom {
            Whom::Nets { v4, v6 } => {
                let [nets, not_nets] = if is_v4 { v4 } else { v6 };
                EntityRule { nets, not_nets, ..entity }
            }
            Whom::Selected { fields: [selector, not_selector, namespace_selector], accounts, v4, v6 } => {
                let nets = if is_v4 { v4 } else { v6 };
                EntityRule {
                    selector,
                    not_selector,
                    namespace_selector,
                    service_accounts: accounts,
                    nets,
                    ..entity
                }
            }
            Whom::Service(services) if place.services && place.destination => {
                EntityRule { services: Some(services), ..EntityRule::default() }
            }
            Whom::Service(services) if place.services => EntityRule { services: Some(services), ..entity },
            Whom::Domains(domains) if place.domains => EntityRule { domains, ..entity },
            Whom::Anyone | Whom::Service(_) | Whom::Domains(_) => entity,
        }
    }
}
