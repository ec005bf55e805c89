//! From the ids of a story to the hits of a flow log.

use super::{At, Did, Judgement, Step};
use crate::cluster::{Cluster, Phase, RuleOwner, RulePosition};
use crate::model::{Name, RuleAction, RuleId};
use crate::reference::{Decider, Hit};

impl Judgement {
    /// What ended each tier, in order, and what decided at last, with the names that the cluster has for it.
    ///
    /// With its position before it, each is the policy string of a flow log (calico.md 9.2). `None` if the cluster has
    /// changed since it was compiled, and something that is named here is gone.
    ///
    #[cfg_attr(feature = "yaml", doc = "```")]
    #[cfg_attr(not(feature = "yaml"), doc = "```ignore")]
    /// use tierwall::{Snapshot, cluster::Cluster, manifest::{LoadOptions, Source, load}, model::*};
    /// let text = "{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop}, status: {podIP: 10.0.0.2}}
    /// ---
    /// {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: closed, namespace: shop}, spec: {}}";
    /// let mut cluster = Cluster::new();
    /// load(&mut cluster, &[Source::new("shop.yaml", text)], &LoadOptions::default())?;
    /// let snapshot = Snapshot::from_bytes(&Snapshot::compile(&cluster).to_bytes())?;
    ///
    /// let (client, db): (std::net::IpAddr, std::net::IpAddr) = ("192.0.2.1".parse()?, "10.0.0.2".parse()?);
    /// let flow = Flow::new(client, db, Protocol::TCP).with_ports(40000, 5432);
    /// let told = snapshot.explain(&flow, &FlowContext::default());
    /// let [judgement] = &*told.enforced.connections[0].ingress.judgements else { panic!() };
    /// let hits = judgement.hits(&cluster).unwrap_or_default();
    /// let strings: Vec<String> = hits.iter().enumerate().map(|(position, hit)| format!("{position}|{hit}")).collect();
    /// assert_eq!(strings, ["0|default|knp:shop/closed|deny|-1"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hits(&self, cluster: &Cluster) -> Option<Vec<Hit>> {
        self.steps.iter().filter(|step| is_hit(step)).map(|step| self.hit(step, cluster)).collect()
    }

    fn hit(&self, step: &Step, cluster: &Cluster) -> Option<Hit> {
        match (step.did, step.rule) {
            (Did::Rule { action } | Did::EndOfTier { action, .. }, Some(rule)) => {
                policy_hit(step.phase, action, rule, cluster)
            }
            (Did::ProfileRule { action }, Some(rule)) => profile_hit(action, rule, cluster),
            (Did::MissingProfile { index }, _) => {
                Some(profiles_deny(Decider::Profile(self.profile(index, cluster)?)))
            }
            (Did::NoProfileMatched, _) => Some(profiles_deny(Decider::NoProfile)),
            _ => None,
        }
    }

    fn profile(&self, index: usize, cluster: &Cluster) -> Option<Name> {
        let At::Endpoint(point) = self.at else { return None };
        cluster.endpoint(point.endpoint)?.endpoint.profiles.get(index).cloned()
    }
}

fn is_hit(step: &Step) -> bool {
    match step.did {
        Did::Rule { action } => action != RuleAction::Log,
        Did::ProfileRule { action } => matches!(action, RuleAction::Allow | RuleAction::Deny),
        Did::EndOfTier { .. } => step.rule.is_some(),
        Did::NoProfileMatched | Did::MissingProfile { .. } => true,
        Did::Undecided { .. } | Did::InvalidRequest | Did::Failsafe | Did::Otherwise { .. } => false,
    }
}

fn policy_hit(phase: Phase, action: RuleAction, rule: RuleId, cluster: &Cluster) -> Option<Hit> {
    let info = cluster.rule(rule)?;
    let RuleOwner::Policy(key) = info.owner else { return None };
    let tier = cluster.policy(key)?.policy.tier.clone();
    let index = match info.position {
        RulePosition::Rule(index) => Some(index),
        RulePosition::EndOfTier => None,
    };
    Some(Hit {
        phase,
        tier: Some(tier),
        decider: Decider::Policy(key.clone()),
        action,
        index,
        rule: Some(rule),
    })
}

fn profile_hit(action: RuleAction, rule: RuleId, cluster: &Cluster) -> Option<Hit> {
    let info = cluster.rule(rule)?;
    let (RuleOwner::Profile(name), RulePosition::Rule(index)) = (info.owner, info.position) else {
        return None;
    };
    let decider = Decider::Profile(name.clone());
    Some(Hit { phase: Phase::Normal, tier: None, decider, action, index: Some(index), rule: Some(rule) })
}

/// Profiles deny where none of them has a rule for the flow.
fn profiles_deny(decider: Decider) -> Hit {
    Hit { phase: Phase::Normal, tier: None, decider, action: RuleAction::Deny, index: Some(0), rule: None }
}
