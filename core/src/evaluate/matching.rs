//! One rule against one flow.

use super::party::FlowView;
use super::paths::NormalPath;
use crate::dialect::{AbsentAddress, DnsCoverage, HttpPaths, Identity, NotIcmp};
use crate::model::{Http, HttpMatch, IcmpMatch, IdentityMatch, Name, NamespaceMatch, SpiffeId};
use crate::selector::LabelSource;
use crate::tables::{Check, PortCheck, Rule, Side};
use std::collections::BTreeMap;

/// Whether a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    /// The request is not one that paths can be compared with.
    Invalid,
    /// Something is not known: the HTTP request, if `request`.
    Unknown {
        request: bool,
    },
}

/// Whether a check holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    Yes,
    No,
    Unknown,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Truth::Yes } else { Truth::No }
    }
}

impl FlowView<'_> {
    pub(super) fn matches(&self, rule: &Rule) -> Match {
        let (mut unknown, mut request, mut invalid) = (false, false, false);
        for check in self.tables.policies.checks.slice(rule.checks) {
            if let Check::Http(number) = check {
                match self.http(*number) {
                    Match::No => return Match::No,
                    Match::Invalid => invalid = true,
                    Match::Unknown { .. } => request = true,
                    Match::Yes => {}
                }
                continue;
            }
            match self.truth(*check) {
                Truth::No => return Match::No,
                Truth::Unknown => unknown = true,
                Truth::Yes => {}
            }
        }
        match (invalid, unknown || request) {
            (true, _) => Match::Invalid,
            (false, true) => Match::Unknown { request },
            (false, false) => Match::Yes,
        }
    }

    fn truth(&self, check: Check) -> Truth {
        match check {
            Check::Version(wanted) => {
                self.version.map_or(Truth::Unknown, |version| (version == wanted).into())
            }
            Check::NotVersion(unwanted) => (self.version != Some(unwanted)).into(),
            Check::Protocol(wanted) => (self.protocol.number() == wanted).into(),
            Check::NotProtocol(unwanted) => (self.protocol.number() != unwanted).into(),
            Check::Icmp(wanted) => {
                (self.protocol.is_icmp() && wanted.matches(self.icmp.0, self.icmp.1)).into()
            }
            Check::NotIcmp(unwanted) => (!(self.protocol.is_icmp() && self.excluded(unwanted))).into(),
            Check::Holds(side, predicate) => self.holds(side, predicate).into(),
            Check::Fails(side, predicate) => (!self.holds(side, predicate)).into(),
            Check::InNets(side, predicate) => self.in_nets(side, predicate),
            Check::NotInNets(side, predicate) => match self.in_nets(side, predicate) {
                Truth::Yes => Truth::No,
                Truth::No => Truth::Yes,
                Truth::Unknown => Truth::Unknown,
            },
            Check::Ports(side, ports) => self.has_port(side, ports).into(),
            Check::NotPorts(side, ports) => (!self.has_port(side, ports)).into(),
            Check::Resolves(side, condition) => self.resolves(side, condition).into(),
            Check::Named(side, domains) => self.named(side, domains),
            Check::HoldsOrNamed(side, predicate, domains) => {
                if self.holds(side, predicate) {
                    Truth::Yes
                } else {
                    self.named(side, domains)
                }
            }
            Check::Identity(side, identity) => self.has_identity(side, identity).into(),
            Check::Http(_) => Truth::Yes,
        }
    }

    fn excluded(&self, unwanted: IcmpMatch) -> bool {
        let (icmp_type, icmp_code) = self.icmp;
        match (self.tables.dialect.not_icmp, unwanted.code) {
            (NotIcmp::Neither, Some(code)) => unwanted.icmp_type == icmp_type || code == icmp_code,
            _ => unwanted.matches(icmp_type, icmp_code),
        }
    }

    fn in_nets(&self, side: Side, predicate: u32) -> Truth {
        if self.party(side).address.is_some() {
            return self.holds(side, predicate).into();
        }
        match self.tables.dialect.absent_address {
            AbsentAddress::NoMatch => Truth::No,
            AbsentAddress::Undecided => Truth::Unknown,
        }
    }

    fn has_port(&self, side: Side, ports: u32) -> bool {
        let policies = &self.tables.policies;
        let Some(PortCheck { ranges, conditions }) = policies.ports.get(ports) else { return false };
        let port = self.party(side).port;
        self.protocol.has_ports()
            && (policies.port_ranges.slice(*ranges).iter().any(|range| range.contains(port))
                || policies.conditions.slice(*conditions).iter().any(|number| self.resolves(side, *number)))
    }

    fn named(&self, side: Side, domains: u32) -> Truth {
        if self.party(side).address.is_none() {
            return Truth::No;
        }
        let policies = &self.tables.policies;
        let views = policies.domains.get(domains).map_or(&[][..], |span| policies.domain_views.slice(*span));
        let predicate = usize::try_from(self.dns_view).ok().and_then(|view| views.get(view));
        if predicate.is_some_and(|predicate| self.holds(side, *predicate)) {
            return Truth::Yes;
        }
        match self.tables.dialect.dns_coverage {
            DnsCoverage::Complete => Truth::No,
            DnsCoverage::Partial => Truth::Unknown,
        }
    }

    /// An identity that is not known counts as matched unless it must be verified.
    fn has_identity(&self, side: Side, identity: u32) -> bool {
        let Some(wanted) = self.tables.policies.identities.get(identity) else { return false };
        let principal = self.party(side).principal;
        match principal.and_then(SpiffeId::parse) {
            Some(id) => self.is_wanted(wanted, id),
            None => {
                let inspected = principal.is_some() || self.context.http != Http::NotInspected;
                !(inspected && self.tables.dialect.identity == Identity::Verified)
            }
        }
    }

    fn is_wanted(&self, wanted: &IdentityMatch, id: SpiffeId<'_>) -> bool {
        let policies = &self.tables.policies;
        let account = || {
            let accounts = policies.service_accounts.get(id.namespace)?;
            accounts.get(id.service_account)
        };
        let named = wanted.names.is_empty() || wanted.names.iter().any(|name| **name == *id.service_account);
        named
            && wanted.selector.as_ref().is_none_or(|selector| selector.matches(&Labels(account())))
            && match &wanted.namespace {
                NamespaceMatch::Any => true,
                NamespaceMatch::Equals(namespace) => **namespace == *id.namespace,
                NamespaceMatch::Selector(selector) => selector.matches(&NamespaceLabels {
                    name: id.namespace,
                    labels: Labels(policies.namespaces.get(id.namespace)),
                }),
            }
    }

    fn http(&self, number: u32) -> Match {
        let Some(wanted) = self.tables.policies.http.get(number) else { return Match::No };
        let request = match &self.context.http {
            Http::NotInspected => return Match::Yes,
            Http::Unknown => return Match::Unknown { request: true },
            Http::Request(request) => request,
        };
        if request.method.as_ref().is_some_and(|method| !wanted.matches_method(method)) {
            return Match::No;
        }
        match &request.path {
            Some(path) if !wanted.paths.is_empty() => self.path(wanted, path),
            _ => Match::Yes,
        }
    }

    /// Apart from the rest, so that rules without paths do not make room for it.
    #[inline(never)]
    fn path(&self, wanted: &HttpMatch, path: &str) -> Match {
        if !path.starts_with('/') {
            return Match::Invalid;
        }
        let raw = self.tables.dialect.http_paths == HttpPaths::Raw;
        let matched = if raw {
            wanted.paths.iter().any(|wanted| wanted.matches_raw(path))
        } else {
            let path = NormalPath::new(path);
            path.is_some_and(|path| wanted.paths.iter().any(|wanted| path.is_matched_by(wanted)))
        };
        if matched { Match::Yes } else { Match::No }
    }
}

/// The labels of something declared, or none.
struct Labels<'a>(Option<&'a BTreeMap<Name, Name>>);

impl LabelSource for Labels<'_> {
    fn label(&self, key: &str) -> Option<&str> {
        self.0?.get(key).map(|value| &**value)
    }
}

/// The labels of a namespace with the one that its name gives it.
struct NamespaceLabels<'a> {
    name: &'a str,
    labels: Labels<'a>,
}

impl LabelSource for NamespaceLabels<'_> {
    fn label(&self, key: &str) -> Option<&str> {
        if key == "projectcalico.org/name" { Some(self.name) } else { self.labels.label(key) }
    }
}
