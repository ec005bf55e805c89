//! Random clusters of Calico and Kubernetes policy, with the verdicts and rule hits of Calico itself.

use crate::compared::Engines;
use crate::support::{Outcome, expect, list, run_cases, text};
use serde_json::Value;
use std::net::IpAddr;
use std::path::Path;
use tierwall::cluster::{Cluster, EndpointEntry, Phase, Scope};
use tierwall::dialect::{Dialect, MissingNamespace};
use tierwall::model::{Action, Direction, EndpointId, Flow, FlowContext, Http, HttpRequest, Protocol};
use tierwall::reference::{Hit, Judgement, Point, Role};
use tierwall::resource::Resource;

pub(crate) fn run(folder: &Path) -> Outcome {
    run_cases(folder, |_, case| check(case))
}

fn check(case: &Value) -> Result<(), String> {
    let engines = Engines::new(cluster(list(case, "resources"))?);
    let hits: Vec<&str> = list(case, "hits").iter().filter_map(Value::as_str).collect();
    let mut differences = Vec::new();
    for json in list(case, "probes") {
        let probe = Probe::new(&engines, &hits, json)?;
        differences.extend(probe.check().err().map(|difference| format!("{json}: {difference}")));
    }
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n    ")) }
}

fn cluster(resources: &[Value]) -> Result<Cluster, String> {
    let mut dialect = Dialect::default();
    dialect.missing_namespace = MissingNamespace::MissingProfile;
    dialect.failsafes.inbound.clear();
    dialect.failsafes.outbound.clear();
    let mut cluster = Cluster::with_dialect(dialect);
    let mut transaction = cluster.transaction();
    // The expectations leave untracked policies out.
    for json in resources.iter().filter(|json| json["spec"]["doNotTrack"] != true) {
        let resource: Resource =
            serde_json::from_value(json.clone()).map_err(|error| format!("{json}: {error}"))?;
        transaction.upsert(&resource).map_err(|invalid| format!("{json}: {invalid}"))?;
    }
    transaction.commit();
    Ok(cluster)
}

/// One new connection, with what is expected of it.
struct Probe<'a> {
    engines: &'a Engines,
    hits: &'a [&'a str],
    json: &'a Value,
    flow: Flow,
}

impl<'a> Probe<'a> {
    fn new(engines: &'a Engines, hits: &'a [&'a str], json: &'a Value) -> Result<Self, String> {
        let number = |field: &str| json[field].as_u64().unwrap_or(0);
        let byte = |field: &str| u8::try_from(number(field)).map_err(|error| format!("{json}: {error}"));
        let port = |field: &str| u16::try_from(number(field)).map_err(|error| format!("{json}: {error}"));
        let flow = Flow::new(address(json, "src")?, address(json, "dst")?, Protocol::from(byte("proto")?))
            .with_ports(port("sport")?, port("dport")?)
            .with_icmp(byte("icmpType")?, byte("icmpCode")?);
        Ok(Probe { engines, hits, json, flow })
    }

    fn check(&self) -> Result<(), String> {
        for (direction, field, pending, host) in [
            (Direction::Egress, "egress", "pendingEgress", "hostEgress"),
            (Direction::Ingress, "ingress", "pendingIngress", "hostIngress"),
        ] {
            self.expect_own(direction, field, Scope::Enforced, Http::NotInspected)?;
            let given = if self.is_given(pending) { pending } else { field };
            if self.is_given(pending) || self.absence_counts() {
                self.expect_own(direction, given, Scope::Pending, Http::NotInspected)?;
            }
            self.expect_forwarded(direction, host)?;
        }
        let owned = |field: &str| self.json[field].as_str().map(String::from);
        let request = HttpRequest { method: owned("method"), path: owned("path") };
        self.expect_own(Direction::Ingress, "http", Scope::Enforced, Http::Request(request))
    }

    fn is_given(&self, field: &str) -> bool {
        !self.json[field].is_null()
    }

    /// What is as it would be without further ado is absent. So is what neither evaluator stated: named ports of SCTP.
    fn absence_counts(&self) -> bool {
        self.flow.protocol() != Protocol::SCTP
    }

    /// The verdict of the endpoint at the address, on its own traffic.
    fn expect_own(&self, direction: Direction, field: &str, scope: Scope, http: Http) -> Result<(), String> {
        if !self.is_given(field) {
            return Ok(());
        }
        let entry = self.entry(direction).ok_or_else(|| format!("{field}: the address has no endpoint"))?;
        let context = FlowContext { http, ..FlowContext::default() };
        let found = self.judge(entry.id, direction, Role::Own, &context, scope)?;
        expect(&written(&found), &self.expected(field))
            .map_err(|error| format!("{field} ({scope:?}): {error}"))
    }

    /// The verdict of the host endpoint of the workload's node, on traffic that the node forwards; it lets through
    /// what no policy for such traffic governs, and then no verdict is given.
    fn expect_forwarded(&self, direction: Direction, field: &str) -> Result<(), String> {
        let workload = self.entry(direction).filter(|entry| !entry.endpoint.is_host());
        let Some(host) = workload.and_then(|workload| self.host_of(workload)) else {
            return if self.is_given(field) { Err(format!("{field}: no host endpoint")) } else { Ok(()) };
        };
        let expected = match self.is_given(field) {
            true => self.expected(field),
            false if self.absence_counts() && !self.within_one_node() => vec!["allow".to_owned()],
            false => return Ok(()),
        };
        let found =
            self.judge(host.id, direction, Role::Forwarded, &FlowContext::default(), Scope::Enforced)?;
        expect(&written(&found), &expected).map_err(|error| format!("{field}: {error}"))
    }

    fn within_one_node(&self) -> bool {
        let node = |direction| self.entry(direction).and_then(|entry| entry.endpoint.node.as_ref());
        let (source, destination) = (node(Direction::Egress), node(Direction::Ingress));
        source.is_some() && source == destination
    }

    fn entry(&self, direction: Direction) -> Option<&'a EndpointEntry> {
        let address = match direction {
            Direction::Egress => self.flow.source_address(),
            Direction::Ingress => self.flow.destination_address(),
        };
        self.engines.cluster().endpoints_at(address?).next()
    }

    fn host_of(&self, workload: &EndpointEntry) -> Option<&'a EndpointEntry> {
        let node = workload.endpoint.node.as_ref()?;
        self.engines
            .cluster()
            .endpoints()
            .find(|entry| entry.endpoint.is_host() && entry.endpoint.node.as_ref() == Some(node))
    }

    fn judge(
        &self,
        endpoint: EndpointId,
        direction: Direction,
        role: Role,
        context: &FlowContext,
        scope: Scope,
    ) -> Result<Judgement, String> {
        self.engines.judge(Point { endpoint, direction, role }, &self.flow, context, scope)
    }

    /// The action, then the hits, which are written as indexes.
    fn expected(&self, field: &str) -> Vec<String> {
        let read = |value: &Value| match value.as_u64().and_then(|index| usize::try_from(index).ok()) {
            Some(index) => self.hits[index].to_owned(),
            None => value.as_str().unwrap_or_default().to_owned(),
        };
        list(self.json, field).iter().map(read).collect()
    }
}

fn address(json: &Value, field: &str) -> Result<IpAddr, String> {
    text(json, field).parse().map_err(|_| format!("{field} of {json} is not an address"))
}

/// A judgement as the corpus writes it: the action, then the hits.
fn written(judgement: &Judgement) -> Vec<String> {
    let action = match judgement.action {
        Action::Allow => "allow",
        Action::Deny => "deny",
        Action::Undecided => "undecided",
    };
    std::iter::once(action.to_owned()).chain(judgement.hits.iter().map(hit)).collect()
}

fn hit(hit: &Hit) -> String {
    let phase = match hit.phase {
        Phase::PreDnat => "pre-dnat:",
        Phase::Forward => "forward:",
        Phase::Untracked | Phase::Normal => "",
    };
    match (&hit.tier, hit.index) {
        // The corpus names no policy at the end of a tier.
        (Some(tier), None) => format!("{phase}{tier}|eot|{}|-1", hit.action),
        _ => format!("{phase}{hit}"),
    }
}
