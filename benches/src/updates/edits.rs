//! Edits of a cluster as it is run: each kind is one that people or controllers make all the time.

use super::policies;
use crate::workload::rng::{Rng, index, length};
use crate::workload::rules;
use ipnet::{IpNet, Ipv4Net};
use rustc_hash::FxHasher;
use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tierwall::cluster::{Cluster, DnsAnswer};
use tierwall::lower::Lowered;
use tierwall::model::{
    Endpoint, EndpointId, EndpointKey, EndpointKind, Name, NetworkSet, NetworkSetKey, PolicyKey,
};
use tierwall::resource::{Kind as ResourceKind, ResourceKey};

/// Labels that are an endpoint's own: no other one has the same.
const OF_INSTANCE: [&str; 2] = ["instance", "quarantine"];
/// Labels that say where an endpoint is.
const AUTOMATIC: &str = "projectcalico.org/";
/// An edit that changes nothing is drawn again so many times.
const DRAWS: usize = 20;

/// One edit.
#[derive(Debug, Clone)]
pub enum Edit {
    /// An object is put.
    Put(Box<Lowered>),
    /// An object is removed.
    Remove(ResourceKey),
    /// A DNS answer is observed.
    Observe(DnsAnswer),
}

impl Edit {
    pub(super) fn put(object: impl Into<Lowered>) -> Option<Self> {
        Some(Edit::Put(Box::new(object.into())))
    }

    /// Makes the edit, as a transaction of its own.
    pub fn apply(self, cluster: &mut Cluster) {
        match self {
            Edit::Put(object) => cluster.put(*object),
            Edit::Remove(key) => {
                cluster.remove(&key);
            }
            Edit::Observe(answer) => cluster.observe(answer),
        }
    }
}

/// A kind of edit.
#[derive(Debug)]
pub struct Kind {
    /// A word for it.
    pub id: &'static str,
    /// The same for people.
    pub title: &'static str,
    /// The next edit of the kind; `None` if there is nothing to edit.
    pub draw: fn(&mut Editor, &Cluster) -> Option<Edit>,
}

/// Every kind.
pub const KINDS: &[Kind] = &[
    Kind { id: "relabel", title: "labels of another endpoint", draw: Editor::relabel },
    Kind { id: "relabel_new", title: "labels that are new together", draw: Editor::relabel_new },
    Kind { id: "endpoint", title: "endpoint comes or goes", draw: Editor::endpoint },
    Kind { id: "namespaced_policy", title: "rule of a namespace", draw: Editor::namespaced_policy },
    Kind { id: "global_policy", title: "rule of the whole cluster", draw: Editor::global_policy },
    Kind { id: "policy_new", title: "policy comes or goes", draw: Editor::policy_new },
    Kind { id: "network_set", title: "member of a network set", draw: Editor::network_set },
    Kind { id: "dns", title: "DNS answer", draw: Editor::dns },
];

/// Draws edits of a cluster. The cluster may have been edited since, but by its edits only.
#[derive(Debug)]
pub struct Editor {
    pub(super) rng: Rng,
    /// The endpoints of each namespace that has several.
    neighbours: Vec<Vec<EndpointId>>,
    endpoints: Vec<EndpointId>,
    /// Hashes of the labels that were seen together, with their namespaces.
    seen: HashSet<u64>,
    /// The policies of each namespace.
    pub(super) namespaced: Vec<Vec<PolicyKey>>,
    pub(super) global: Vec<PolicyKey>,
    sets: Vec<NetworkSetKey>,
    domains: Vec<String>,
    /// The endpoint that came last, if it is to go next.
    guest: Option<ResourceKey>,
    /// The same of policies.
    pub(super) draft: Option<ResourceKey>,
    /// How many new things there were.
    count: u32,
}

impl Editor {
    /// What draws edits of this cluster. Every choice follows from the seed.
    pub fn new(cluster: &Cluster, seed: u64) -> Self {
        let mut by_namespace: BTreeMap<Name, Vec<EndpointId>> = BTreeMap::new();
        for entry in cluster.endpoints() {
            if let Some(namespace) = &entry.endpoint.key.namespace {
                by_namespace.entry(namespace.clone()).or_default().push(entry.id);
            }
        }
        let mut policies: BTreeMap<Option<Name>, Vec<PolicyKey>> = BTreeMap::new();
        for entry in cluster.policies() {
            let key = &entry.policy.key;
            policies.entry(key.namespace.clone()).or_default().push(key.clone());
        }
        let of_rules = rules(cluster).flat_map(|rule| &rule.destination.domains);
        let of_sets = cluster.network_sets().flat_map(|entry| &entry.set.domains);
        Editor {
            rng: Rng::new(seed),
            endpoints: by_namespace.values().flatten().copied().collect(),
            neighbours: by_namespace.into_values().filter(|ids| ids.len() > 1).collect(),
            seen: cluster.endpoints().map(|entry| hash(&entry.endpoint)).collect(),
            global: policies.remove(&None).unwrap_or_default(),
            namespaced: policies.into_values().collect(),
            sets: cluster.network_sets().map(|entry| entry.set.key.clone()).collect(),
            domains: of_rules.chain(of_sets).map(|domain| domain.as_str().replace('*', "any")).collect(),
            guest: None,
            draft: None,
            count: 0,
        }
    }

    /// One of `items`; `None` if there are none.
    pub(super) fn pick<'t, T>(&mut self, items: &'t [T]) -> Option<&'t T> {
        if items.is_empty() { None } else { Some(self.rng.pick(items)) }
    }

    /// The first drawn that is something.
    pub(super) fn try_often(&mut self, mut draw: impl FnMut(&mut Self) -> Option<Edit>) -> Option<Edit> {
        (0..DRAWS).find_map(|_| draw(self))
    }

    pub(super) fn next_number(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    /// An endpoint becomes like another one of its namespace.
    fn relabel(&mut self, cluster: &Cluster) -> Option<Edit> {
        self.try_often(|editor| {
            let namespaces = std::mem::take(&mut editor.neighbours);
            let pair =
                editor.pick(&namespaces).and_then(|ids| Some((*editor.pick(ids)?, *editor.pick(ids)?)));
            editor.neighbours = namespaces;
            let (endpoint, other) = pair?;
            let (old, other) = (&cluster.endpoint(endpoint)?.endpoint, &cluster.endpoint(other)?.endpoint);
            let mut endpoint = old.clone();
            endpoint.labels.retain(|key, _| !is_shared(key));
            let shared = other.labels.iter().filter(|(key, _)| is_shared(key));
            endpoint.labels.extend(shared.map(|(key, value)| (key.clone(), value.clone())));
            if endpoint == *old { None } else { Edit::put(endpoint) }
        })
    }

    /// An endpoint has labels of several others, which none of its namespace had together before: of others of its
    /// namespace, and if they have no such labels left, of any.
    fn relabel_new(&mut self, cluster: &Cluster) -> Option<Edit> {
        let (namespaces, all) = (std::mem::take(&mut self.neighbours), std::mem::take(&mut self.endpoints));
        let near = self.pick(&namespaces).map_or(all.as_slice(), Vec::as_slice);
        let edit = self.mixed(cluster, near, near).or_else(|| self.mixed(cluster, near, &all));
        (self.neighbours, self.endpoints) = (namespaces, all);
        edit
    }

    fn mixed(&mut self, cluster: &Cluster, endpoints: &[EndpointId], donors: &[EndpointId]) -> Option<Edit> {
        let mut endpoint = cluster.endpoint(*self.pick(endpoints)?)?.endpoint.clone();
        self.try_often(|editor| {
            for (key, value) in endpoint.labels.iter_mut().filter(|(key, _)| is_shared(key)) {
                let donor = editor.pick(donors).and_then(|id| cluster.endpoint(*id));
                if let Some(other) = donor.and_then(|donor| donor.endpoint.labels.get(key)) {
                    *value = other.clone();
                }
            }
            if editor.seen.insert(hash(&endpoint)) { Edit::put(endpoint.clone()) } else { None }
        })
    }

    /// A new endpoint, like one that is there, comes, and then goes.
    fn endpoint(&mut self, cluster: &Cluster) -> Option<Edit> {
        if let Some(key) = self.guest.take() {
            return Some(Edit::Remove(key));
        }
        let endpoints = std::mem::take(&mut self.endpoints);
        let like = self.pick(&endpoints).and_then(|id| cluster.endpoint(*id));
        self.endpoints = endpoints;
        let like = &like?.endpoint;
        let name: Name = format!("guest-{}", self.next_number()).into();
        let namespace = like.key.namespace.as_deref().map(str::to_owned);
        self.guest = Some(ResourceKey { kind: ResourceKind::Pod, namespace, name: name.to_string() });
        Edit::put(Endpoint {
            key: EndpointKey { kind: EndpointKind::Pod, namespace: like.key.namespace.clone(), name },
            addresses: vec![guest_address(self.count)],
            ..like.clone()
        })
    }

    fn namespaced_policy(&mut self, cluster: &Cluster) -> Option<Edit> {
        self.try_often(|editor| {
            let namespaces = std::mem::take(&mut editor.namespaced);
            let edit = editor.pick(&namespaces).and_then(|keys| policies::edit(editor, cluster, keys));
            editor.namespaced = namespaces;
            edit
        })
    }

    fn global_policy(&mut self, cluster: &Cluster) -> Option<Edit> {
        self.try_often(|editor| {
            let keys = std::mem::take(&mut editor.global);
            let edit = policies::edit(editor, cluster, &keys);
            editor.global = keys;
            edit
        })
    }

    fn policy_new(&mut self, cluster: &Cluster) -> Option<Edit> {
        policies::come_or_go(self, cluster)
    }

    /// A member of a network set becomes another one of its length, nearby.
    fn network_set(&mut self, cluster: &Cluster) -> Option<Edit> {
        self.try_often(|editor| {
            let keys = std::mem::take(&mut editor.sets);
            let key = editor.pick(&keys).cloned();
            editor.sets = keys;
            let key = key?;
            let mut set: NetworkSet = cluster.network_sets().find(|entry| entry.set.key == key)?.set.clone();
            let at = index(editor.rng.below(length(&set.nets)));
            let steps = editor.rng.range(1, 255);
            let member = set.nets.get_mut(at)?;
            let IpNet::V4(net) = *member else { return None };
            *member = IpNet::V4(moved(net, steps));
            Edit::put(set)
        })
    }

    /// A name that a rule or a network set states leads to one more address.
    fn dns(&mut self, cluster: &Cluster) -> Option<Edit> {
        let domains = std::mem::take(&mut self.domains);
        let name = self.pick(&domains).cloned();
        self.domains = domains;
        let address = IpAddr::V4(Ipv4Addr::from(0xCB00_0000 | self.rng.below(1 << 24)));
        let expires_at = cluster.now() + Duration::from_secs(3_600);
        Some(Edit::Observe(DnsAnswer::addresses(&name?, [address], expires_at)))
    }
}

/// Other endpoints may have the label, too.
fn is_shared(key: &Name) -> bool {
    !key.starts_with(AUTOMATIC) && !OF_INSTANCE.contains(&&**key)
}

/// Of the namespace and the shared labels.
fn hash(endpoint: &Endpoint) -> u64 {
    let mut hasher = FxHasher::default();
    endpoint.key.namespace.hash(&mut hasher);
    let shared = endpoint.labels.iter().filter(|(key, _)| is_shared(key));
    shared.for_each(|label| label.hash(&mut hasher));
    hasher.finish()
}

/// One of 100.64.0.0/10, where no workload has any.
fn guest_address(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0x6440_0000 | (number & 0x003F_FFFF)))
}

/// The prefix of the same length so many steps on.
fn moved(net: Ipv4Net, steps: u32) -> Ipv4Net {
    let step = u32::from(net.hostmask()).wrapping_add(1);
    let address = u32::from(net.network()).wrapping_add(step.wrapping_mul(steps));
    Ipv4Net::new(address.into(), net.prefix_len()).unwrap_or(net)
}
