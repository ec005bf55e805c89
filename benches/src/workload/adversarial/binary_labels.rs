//! Labels that make every endpoint different.

use super::rng;
use crate::workload::multi_tenant::PLATFORM;
use crate::workload::objects::label;
use crate::workload::rng::Rng;
use crate::workload::{MultiTenant, Recipe, Workload};
use tierwall::lower::Lowered;
use tierwall::model::{Name, Policy};
use tierwall::selector::Selector;

/// Endpoints with binary labels set at random, and policies of tier *platform* whose subjects and peers are those with two
/// labels set. With 40 labels, nearly every endpoint has a set of policies of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BinaryLabels {
    /// The cluster, which has other labels and policies, too.
    pub cluster: MultiTenant,
    /// Binary labels.
    pub labels: u32,
}

impl Recipe for BinaryLabels {
    fn generate(&self, seed: u64) -> Workload {
        let mut workload = self.cluster.generate(seed);
        let mut rng = rng(seed);
        let keys: Vec<Name> = (0..self.labels).map(|key| format!("bit-{key}").into()).collect();
        let values = ["0", "1"].map(Name::from);
        for object in &mut workload.objects {
            match object {
                Lowered::Endpoint(endpoint) => {
                    let bits = keys.iter().map(|key| (key.clone(), rng.pick(&values).clone()));
                    endpoint.labels.extend(bits);
                }
                Lowered::Policy(policy) if &*policy.tier == PLATFORM => {
                    select_by_pairs(policy, &keys, &mut rng);
                }
                _ => {}
            }
        }
        workload
    }
}

fn select_by_pairs(policy: &mut Policy, keys: &[Name], rng: &mut Rng) {
    let set = |rng: &mut Rng| label(rng.pick::<Name>(keys), "1");
    let mut pair = || Selector::and([set(rng), set(rng)]);
    policy.subject = pair();
    for rule in policy.ingress.iter_mut().chain(&mut policy.egress).flatten() {
        for end in [&mut rule.source, &mut rule.destination] {
            if let Some(selector) = &mut end.selector {
                *selector = pair();
            }
        }
    }
}
