//! One end of a Calico rule: addresses, ports, selectors, services and domain names (`spec/calico.md` 4.3 to 4.5,
//! `spec/domains-rbac-l7.md` 1).

use super::calico_rule::RuleContext;
use super::calico_selector::{GlobalUse, PeerFields, selector_field, unlimited_selector};
use super::cidr::{CidrReading, parse_cidr};
use super::names::{NameRule, check_name};
use super::ports::{add_calico_port, port_number};
use super::problems::{Checker, all_words, error};
use crate::diagnostic::Code;
use crate::dialect::{Flavour, ServiceNamespace};
use crate::model::{
    Direction, DomainPattern, EntityMatch, IpVersion, PortMatch, PortRange, Protocol, RuleAction, ServiceKey,
};
use crate::resource::IntOrString;
use crate::resource::calico::{EntityRule, ServiceMatch};
use ipnet::IpNet;

const MAX_NETS: usize = 256;
const MAX_PORTS: usize = 50;

/// Which ports a rule may have, by its protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PortUse {
    /// Any: the protocol has ports.
    Any,
    /// Named ports: no protocol is given, and the name stands for one.
    NamesOnly,
    /// None: this protocol has no ports.
    None(Protocol),
}

/// The address family that a rule is about, as far as it is known: the four lists of ranges of one rule must agree.
#[derive(Debug)]
pub(super) struct Families {
    stated: Option<IpVersion>,
    first: Option<IpNet>,
}

impl Families {
    /// The family that `ipVersion` states, if it does.
    pub(super) fn new(stated: Option<IpVersion>) -> Self {
        Families { stated, first: None }
    }

    fn check(&mut self, checker: &mut Checker, net: IpNet) {
        let family = IpVersion::of_net(&net);
        let first = *self.first.get_or_insert(net);
        let message = match self.stated {
            Some(stated) if stated != family => {
                format!("`{net}` is an {family} range, and the rule is for {stated}")
            }
            None if IpVersion::of_net(&first) != family => {
                format!("one rule cannot hold ranges of both families: `{first}` and `{net}`")
            }
            _ => return,
        };
        checker.error(
            Code::IpVersionConflict,
            message,
            "write one rule for IPv4 and one for IPv6: a rule with ranges of one family never matches the other",
        );
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Source,
    Destination,
}

/// Reads both ends of one rule.
#[derive(Debug)]
pub(super) struct EntityReader<'a> {
    pub(super) context: RuleContext<'a>,
    /// The action of the rule; absent if it is wrong.
    pub(super) action: Option<RuleAction>,
    pub(super) ports: PortUse,
    pub(super) families: Families,
}

impl EntityReader<'_> {
    /// Reads the field `source`.
    pub(super) fn source(&mut self, checker: &mut Checker, entity: &EntityRule) -> EntityMatch {
        checker.at("source", |checker| self.entity(checker, entity, End::Source))
    }

    /// Reads the field `destination`.
    pub(super) fn destination(&mut self, checker: &mut Checker, entity: &EntityRule) -> EntityMatch {
        checker.at("destination", |checker| self.entity(checker, entity, End::Destination))
    }

    fn entity(&mut self, checker: &mut Checker, entity: &EntityRule, end: End) -> EntityMatch {
        let namespace = self.context.namespace;
        let nets = self.nets(checker, "nets", &entity.nets);
        let not_nets = self.nets(checker, "notNets", &entity.not_nets);
        let peers = peer_fields(checker, entity);
        let selectors = checker.at("namespaceSelector", |checker| checker.value(peers.selectors(namespace)));
        let selectors = selectors.unwrap_or_default();
        let set_domains = selectors.positive.is_some() && self.honours_domains(end);
        EntityMatch {
            selector: selectors.positive,
            not_selector: selectors.negative,
            nets,
            not_nets,
            ports: self.ports(checker, "ports", &entity.ports),
            not_ports: self.ports(checker, "notPorts", &entity.not_ports),
            service: entity
                .services
                .as_ref()
                .and_then(|services| self.service(checker, entity, services, end)),
            domains: self.domains(checker, entity, end),
            set_domains,
            identity: peers.identity(namespace),
            ..EntityMatch::default()
        }
    }

    fn nets(&mut self, checker: &mut Checker, key: &'static str, list: &[String]) -> Vec<IpNet> {
        checker.at(key, |checker| {
            checker.at_most(list, MAX_NETS, "ranges");
            checker.distinct(list);
        });
        checker.each(key, list, |checker, text| {
            let net = checker.value(parse_cidr(text, CidrReading::CalicoRule))?;
            self.families.check(checker, net);
            if key == "notNets" && net.prefix_len() == 0 {
                let family = IpVersion::of_net(&net);
                checker.error(
                    Code::InvalidCidr,
                    format!("`{text}` holds every {family} address, so the rule could never match"),
                    "remove the rule, or name the ranges that are meant",
                );
            }
            Some(net)
        })
    }

    fn ports(&self, checker: &mut Checker, key: &'static str, list: &[IntOrString]) -> PortMatch {
        let mut ports = PortMatch::default();
        checker.at(key, |checker| checker.at_most(list, MAX_PORTS, "ports"));
        checker.each(key, list, |checker, port| {
            checker.value(match port {
                IntOrString::Int(number) => {
                    port_number(*number).map(|port| ports.ranges.push(PortRange::from(port)))
                }
                IntOrString::String(text) => add_calico_port(text, &mut ports),
            })
        });
        let message = match self.ports {
            PortUse::NamesOnly if !ports.ranges.is_empty() => {
                "the rule has port numbers and no protocol".to_owned()
            }
            PortUse::None(protocol) if !list.is_empty() => {
                format!("the rule has ports, and its protocol is {protocol}, which has none")
            }
            _ => return ports,
        };
        checker.at(key, |checker| {
            let help = "ports need `protocol: TCP`, `UDP` or `SCTP` on the rule";
            checker.error(Code::PortsNeedProtocol, message, help);
        });
        ports
    }

    fn service(
        &self,
        checker: &mut Checker,
        entity: &EntityRule,
        services: &ServiceMatch,
        end: End,
    ) -> Option<ServiceKey> {
        checker.at("services", |checker| {
            self.check_service_place(checker, end);
            check_alone(checker, entity, end);
            if services.name.is_empty() {
                checker.error(Code::MissingField, "`services` needs the name of a service", "add `name`");
            } else {
                checker.at("name", |checker| {
                    checker.value(check_name(&services.name, NameRule::Subdomain, "the name of a service"))
                });
            }
            let namespace = self.service_namespace(checker, services);
            Some(ServiceKey { namespace: namespace.map(Into::into), name: services.name.as_str().into() })
        })
    }

    fn check_service_place(&self, checker: &mut Checker, end: End) {
        let (wrong, right) = match (self.context.direction, end) {
            (Direction::Ingress, End::Source) | (Direction::Egress, End::Destination) => return,
            (Direction::Ingress, End::Destination) => ("destination", "source"),
            (Direction::Egress, End::Source) => ("source", "destination"),
        };
        let direction = self.context.direction;
        checker.error(
            Code::InvalidServices,
            format!("`services` is not allowed in the {wrong} of an {direction} rule"),
            format!("in {direction} rules it stands in `{right}`"),
        );
    }

    fn service_namespace<'s>(&'s self, checker: &mut Checker, services: &'s ServiceMatch) -> Option<&'s str> {
        if !services.namespace.is_empty() {
            checker.at("namespace", |checker| {
                checker.value(check_name(&services.namespace, NameRule::Subdomain, "the name of a namespace"))
            });
            return Some(&services.namespace);
        }
        let Some(own) = self.context.namespace else {
            let message =
                "`services` needs a namespace here: neither a global policy nor a profile is in one";
            checker.error(Code::MissingField, message, "add `namespace` beside `name`");
            return None;
        };
        let add = format!("add `namespace: {own}`");
        match self.context.dialect.service_namespace {
            ServiceNamespace::Policy => {
                let message = "without a namespace this is a service of the policy's own, as the API says; but some versions \
                               of Calico then find no service";
                checker.warning(Code::LikelyMistake, message, add);
                Some(own)
            }
            ServiceNamespace::NoService => {
                let message = "without a namespace this matches no service";
                checker.warning(Code::LikelyMistake, message, add);
                None
            }
        }
    }

    /// Domain names count for destinations of egress Allow rules only.
    fn honours_domains(&self, end: End) -> bool {
        end == End::Destination
            && self.context.direction == Direction::Egress
            && self.action == Some(RuleAction::Allow)
    }

    fn domains(&self, checker: &mut Checker, entity: &EntityRule, end: End) -> Vec<DomainPattern> {
        if entity.domains.is_empty() {
            return Vec::new();
        }
        if self.context.dialect.flavour == Flavour::OpenSource {
            checker.at("domains", |checker| {
                let otherwise = "; without it the rule would match every address";
                unknown_enterprise_field(checker, "domains", otherwise);
            });
            return Vec::new();
        }
        checker.at("domains", |checker| {
            if !self.honours_domains(end) && self.action.is_some() {
                checker.error(
                    Code::InvalidDomain,
                    "`domains` is only allowed in the destination of egress rules with `action: Allow`",
                    "allow the names that are wanted; the end of the tier denies the others",
                );
            }
            let conflicts = given(&[
                ("nets", !entity.nets.is_empty()),
                ("selector", !entity.selector.is_empty()),
                ("notSelector", !entity.not_selector.is_empty()),
                ("namespaceSelector", !entity.namespace_selector.is_empty()),
                ("serviceAccounts", entity.service_accounts.is_some()),
            ]);
            if !conflicts.is_empty() {
                checker.error(
                    Code::ConflictingFields,
                    format!("`domains` excludes {}", all_words(&conflicts)),
                    "write two rules, or a network set with `nets` and `allowedEgressDomains`",
                );
            }
        });
        domain_patterns(checker, "domains", &entity.domains)
    }
}

fn peer_fields(checker: &mut Checker, entity: &EntityRule) -> PeerFields {
    let mut fields = PeerFields {
        selector: selector_field(checker, "selector", &entity.selector, GlobalUse::Forbidden),
        not_selector: selector_field(checker, "notSelector", &entity.not_selector, GlobalUse::Plain),
        namespace_selector: selector_field(
            checker,
            "namespaceSelector",
            &entity.namespace_selector,
            GlobalUse::Alone,
        ),
        ..PeerFields::default()
    };
    if let Some(accounts) = &entity.service_accounts {
        checker.at("serviceAccounts", |checker| {
            checker.at("names", |checker| checker.distinct(&accounts.names));
            fields.service_account_names = accounts.names.iter().map(|name| name.as_str().into()).collect();
            fields.service_account_selector =
                checker.at("selector", |checker| unlimited_selector(checker, &accounts.selector));
        });
    }
    fields
}

/// A service is matched by its own addresses and ports: nothing else may narrow it.
fn check_alone(checker: &mut Checker, entity: &EntityRule, end: End) {
    let conflicts = given(&[
        ("selector", !entity.selector.is_empty()),
        ("notSelector", !entity.not_selector.is_empty()),
        ("namespaceSelector", !entity.namespace_selector.is_empty()),
        ("serviceAccounts", entity.service_accounts.is_some()),
        ("nets", !entity.nets.is_empty()),
        ("notNets", !entity.not_nets.is_empty()),
        ("domains", !entity.domains.is_empty()),
        ("ports", end == End::Destination && !entity.ports.is_empty()),
        ("notPorts", end == End::Destination && !entity.not_ports.is_empty()),
    ]);
    if !conflicts.is_empty() {
        checker.error(
            Code::ConflictingFields,
            format!(
                "`services` excludes {}: it stands for the addresses and ports of the service",
                all_words(&conflicts)
            ),
            "keep one of them, or write two rules",
        );
    }
}

fn given(fields: &[(&'static str, bool)]) -> Vec<&'static str> {
    fields.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect()
}

/// The error for a field that only Calico Enterprise has; `otherwise` says what dropping it would do.
pub(super) fn unknown_enterprise_field(checker: &mut Checker, field: &str, otherwise: &str) {
    checker.error(
        Code::UnknownField,
        format!("`{field}` is a field of Calico Enterprise and Calico Cloud, which open-source Calico does not have"),
        format!("if the cluster runs one of those, choose the flavour `Enterprise` of the dialect; else write `nets`{otherwise}"),
    );
}

/// Reads the list `key` of domain names and patterns.
pub(super) fn domain_patterns(
    checker: &mut Checker,
    key: &'static str,
    list: &[String],
) -> Vec<DomainPattern> {
    checker.each(key, list, |checker, text| {
        let pattern = text.parse().map_err(|cause| {
            let help = "write a name like `api.example.com`, or `*.example.com` for every name below it";
            error(Code::InvalidDomain, format!("`{text}`: {cause}"), help)
        });
        checker.value::<DomainPattern>(pattern)
    })
}
