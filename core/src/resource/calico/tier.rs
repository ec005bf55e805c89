//! Tiers (`spec/calico.md 1.2`).

objects! { strict
    /// A tier: policies that are consulted together.
    pub struct Tier is Tier {
        /// Its place and its default.
        pub spec: TierSpec,
    }
}

strict! {
    /// The place of a [`Tier`] and its default.
    pub struct TierSpec {
        /// Its place among the tiers, lower comes first; absent: last.
        pub order: Option<f64>,
        /// What happens to traffic that its policies govern and do not decide: `Deny` or `Pass`; absent: `Deny`.
        pub default_action: Option<String>,
    }
}
