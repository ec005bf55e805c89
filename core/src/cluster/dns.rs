//! DNS answers that were observed, and the names they give to addresses (domains-rbac-l7.md 1.4, 1.5).

use super::Cluster;
use crate::model::{DomainPattern, Name, canonical_domain};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// One answer: a name leads to addresses, or to other names, until it expires.
///
/// ```
/// use tierwall::cluster::{Cluster, DnsAnswer};
/// use std::time::Duration;
/// let mut cluster = Cluster::new();
/// cluster.observe(DnsAnswer::addresses("api.example.com", ["192.0.2.1".parse()?], Duration::from_secs(60)));
/// cluster.advance(Duration::from_secs(61));
/// assert!(cluster.names_of("192.0.2.1".parse()?, None).is_empty());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DnsAnswer {
    /// The name that was asked for, or an alias on the way.
    pub name: String,
    /// The addresses it leads to (A, AAAA).
    pub addresses: Vec<IpAddr>,
    /// The names it is an alias of (CNAME).
    pub aliases: Vec<String>,
    /// When it stops to count, on the clock of [`Cluster::advance`].
    pub expires_at: Duration,
    /// The node that observed it; absent for an answer that counts everywhere.
    pub node: Option<Name>,
}

impl DnsAnswer {
    /// An answer with addresses that counts everywhere.
    pub fn addresses(name: &str, addresses: impl IntoIterator<Item = IpAddr>, expires_at: Duration) -> Self {
        DnsAnswer {
            name: name.to_owned(),
            addresses: addresses.into_iter().collect(),
            aliases: Vec::new(),
            expires_at,
            node: None,
        }
    }

    /// An answer with an alias that counts everywhere.
    pub fn alias(name: &str, target: &str, expires_at: Duration) -> Self {
        DnsAnswer { aliases: vec![target.to_owned()], ..DnsAnswer::addresses(name, [], expires_at) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    Address(IpAddr),
    Name(Name),
}

/// What leads to a value: the owner of the record, and the node that saw it.
type Lead = (Name, Option<Name>);

#[derive(Debug, Clone, Default)]
pub(super) struct DnsTable {
    /// Value to what leads to it, with the expiry.
    leads: BTreeMap<Value, BTreeMap<Lead, Duration>>,
    /// The same by expiry.
    expiries: BTreeSet<(Duration, Value, Lead)>,
}

impl DnsTable {
    /// Takes note of an answer that lasts until `expires_at`. True if that is new.
    fn observe(&mut self, answer: DnsAnswer, expires_at: Duration) -> bool {
        let lead: Lead = (canonical_domain(&answer.name).into(), answer.node);
        let values = answer
            .addresses
            .into_iter()
            .map(Value::Address)
            .chain(answer.aliases.iter().map(|alias| Value::Name(canonical_domain(alias).into())));
        let mut is_new = false;
        for value in values {
            let until = self.leads.entry(value.clone()).or_default().entry(lead.clone()).or_default();
            if expires_at > *until {
                let known = std::mem::replace(until, expires_at);
                self.expiries.remove(&(known, value.clone(), lead.clone()));
                self.expiries.insert((expires_at, value, lead.clone()));
                is_new = true;
            }
        }
        is_new
    }

    /// True if anything expired.
    fn expire(&mut self, now: Duration) -> bool {
        let mut expired = false;
        while self.earliest_expiry().is_some_and(|until| until <= now)
            && let Some((_, value, lead)) = self.expiries.pop_first()
        {
            expired = true;
            if let Some(leads) = self.leads.get_mut(&value) {
                leads.remove(&lead);
                if leads.is_empty() {
                    self.leads.remove(&value);
                }
            }
        }
        expired
    }

    fn earliest_expiry(&self) -> Option<Duration> {
        self.expiries.first().map(|(until, _, _)| *until)
    }

    /// Every name that leads to the address, and until when; an alias chain lives until its first record dies.
    fn names(&self, address: IpAddr, node: Option<&str>) -> BTreeMap<Name, Duration> {
        let mut names: BTreeMap<Name, Duration> = BTreeMap::new();
        let mut open = vec![(Value::Address(address), Duration::MAX)];
        while let Some((value, until)) = open.pop() {
            let Some(leads) = self.leads.get(&value) else { continue };
            for ((owner, seen_by), expires_at) in leads {
                let until = until.min(*expires_at);
                let counts = seen_by.is_none() || seen_by.as_deref() == node;
                if counts && names.get(owner).is_none_or(|known| *known < until) {
                    names.insert(owner.clone(), until);
                    open.push((Value::Name(owner.clone()), until));
                }
            }
        }
        names
    }
}

impl Cluster {
    /// Takes note of a DNS answer. One that has expired by now has no effect.
    pub fn observe(&mut self, answer: DnsAnswer) {
        let expires_at = answer.expires_at.saturating_add(self.dialect.dns_extra_ttl);
        if expires_at > self.now {
            self.log.dns(self.dns.observe(answer, expires_at));
        }
        self.generation = self.generation.wrapping_add(1);
    }

    /// Moves the clock: answers that expire by `now` no longer count. The clock never goes back. Its zero is the
    /// caller's choice.
    pub fn advance(&mut self, now: Duration) {
        self.now = self.now.max(now);
        self.log.dns(self.dns.expire(self.now));
        self.generation = self.generation.wrapping_add(1);
    }

    /// The clock, as last set by [`Cluster::advance`].
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The names that lead to an address, for traffic of an endpoint on `node`, each with the time until which it does.
    pub fn names_of(&self, address: IpAddr, node: Option<&str>) -> BTreeMap<Name, Duration> {
        self.dns.names(address, node)
    }

    /// The addresses that some name leads to.
    pub(crate) fn dns_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.dns.leads.keys().filter_map(|value| match value {
            Value::Address(address) => Some(*address),
            Value::Name(_) => None,
        })
    }

    /// The nodes that observed answers of their own.
    pub(crate) fn dns_observers(&self) -> BTreeSet<Name> {
        self.dns.leads.values().flat_map(BTreeMap::keys).filter_map(|(_, node)| node.clone()).collect()
    }

    /// The first name of an address that one of the patterns matches.
    pub(crate) fn domain_of(
        &self,
        address: IpAddr,
        node: Option<&str>,
        patterns: &[DomainPattern],
    ) -> Option<Name> {
        let names: BTreeSet<Name> = self.dns.names(address, node).into_keys().collect();
        names.into_iter().find(|name| patterns.iter().any(|pattern| pattern.matches(name)))
    }

    /// The earliest time at which a DNS answer in use expires; `None` if there is none.
    pub fn valid_until(&self) -> Option<Duration> {
        self.dns.earliest_expiry()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_lives_until_its_first_record_dies() {
        let mut cluster = Cluster::new();
        let address: IpAddr = "5.5.5.5".parse().unwrap();
        cluster.observe(DnsAnswer::alias("www.shop.com", "x.cdn.net", Duration::from_secs(300)));
        cluster.observe(DnsAnswer::addresses("x.cdn.net", [address], Duration::from_secs(20)));
        let names = cluster.names_of(address, None);
        assert_eq!(names.keys().map(|name| &**name).collect::<Vec<_>>(), ["www.shop.com", "x.cdn.net"]);
        assert_eq!(names["www.shop.com"], Duration::from_secs(20));
        cluster.advance(Duration::from_secs(25));
        assert!(cluster.names_of(address, None).is_empty());
    }

    #[test]
    fn alias_loops_end() {
        let mut cluster = Cluster::new();
        let address: IpAddr = "5.5.5.5".parse().unwrap();
        cluster.observe(DnsAnswer::alias("a.com", "b.com", Duration::from_secs(9)));
        cluster.observe(DnsAnswer::alias("b.com", "a.com", Duration::from_secs(9)));
        cluster.observe(DnsAnswer::addresses("a.com", [address], Duration::from_secs(9)));
        assert_eq!(cluster.names_of(address, None).len(), 2);
    }

    #[test]
    fn an_answer_counts_on_the_node_that_saw_it() {
        let mut cluster = Cluster::new();
        let address: IpAddr = "5.5.5.5".parse().unwrap();
        let seen = DnsAnswer::addresses("a.com", [address], Duration::from_secs(9));
        cluster.observe(DnsAnswer { node: Some("n1".into()), ..seen });
        assert_eq!(cluster.names_of(address, Some("n1")).len(), 1);
        assert_eq!(cluster.names_of(address, Some("n2")).len(), 0);
    }
}
