//! The rules of Calico policies and profiles (`spec/calico.md 4.2` to `4.6`).

use crate::resource::IntOrString;
use std::collections::BTreeMap;

strict! {
    /// What happens to some traffic. All criteria must hold, a positive one and its negation too; a rule without any
    /// matches everything.
    pub struct Rule {
        /// `Allow`, `Deny`, `Log` or `Pass`. Required.
        pub action: String,
        /// 4 or 6.
        pub ip_version: Option<i64>,
        /// `TCP`, `UDP`, `ICMP`, `ICMPv6`, `SCTP`, `UDPLite`, or a number from 1 to 255.
        pub protocol: Option<IntOrString>,
        /// Any protocol but this one.
        pub not_protocol: Option<IntOrString>,
        /// The ICMP type and code.
        pub icmp: Option<IcmpFields>,
        /// Any ICMP type and code but these.
        pub not_icmp as "notICMP": Option<IcmpFields>,
        /// Where the traffic comes from.
        pub source: EntityRule,
        /// Where the traffic goes.
        pub destination: EntityRule,
        /// The HTTP request. Only in Allow rules for ingress.
        pub http: Option<HttpMatch>,
        /// Notes for people and tools.
        pub metadata: Option<RuleMetadata>,
    }

    /// One end of the traffic. All criteria must hold; the items of one list are alternatives.
    pub struct EntityRule {
        /// Address ranges.
        pub nets: Vec<String>,
        /// Address ranges that the address must not be in.
        pub not_nets: Vec<String>,
        /// Endpoints and network sets by their labels; empty: anything.
        pub selector: String,
        /// Endpoints and network sets that it must not be.
        pub not_selector: String,
        /// The namespaces of what `selector` selects; `global()` for what has none (`spec/calico.md 3.4`).
        pub namespace_selector: String,
        /// Numbers, ranges (`80:90`) or names of ports.
        pub ports: Vec<IntOrString>,
        /// Ports that it must not be.
        pub not_ports: Vec<IntOrString>,
        /// The service account of the endpoint.
        pub service_accounts: Option<ServiceAccountMatch>,
        /// The service that the endpoint is behind.
        pub services: Option<ServiceMatch>,
        /// Domain names of the destination (Calico Enterprise; `spec/domains-rbac-l7.md 1.1`).
        pub domains: Vec<String>,
    }

    /// Service accounts by name and by labels; both must hold.
    pub struct ServiceAccountMatch {
        /// One of these names; empty: any.
        pub names: Vec<String>,
        /// Labels of the service account; empty: any.
        pub selector: String,
    }

    /// A Kubernetes service.
    pub struct ServiceMatch {
        /// Its name. Required.
        pub name: String,
        /// Its namespace; empty: that of the policy.
        pub namespace: String,
    }

    /// ICMP types and codes.
    pub struct IcmpFields {
        /// The type, 0 to 254.
        pub icmp_type as "type": Option<i64>,
        /// The code, 0 to 255; absent: any. Needs a type.
        pub code: Option<i64>,
    }

    /// HTTP requests: both the method and the path must match.
    pub struct HttpMatch {
        /// Methods, `*` for any; empty: any.
        pub methods: Vec<String>,
        /// Paths; empty: any.
        pub paths: Vec<HttpPath>,
    }

    /// A path of HTTP requests: exactly one of the two.
    pub struct HttpPath {
        /// The whole path.
        pub exact: Option<String>,
        /// A path and all below it.
        pub prefix: Option<String>,
    }

    /// Notes on a [`Rule`].
    pub struct RuleMetadata {
        /// Notes for people and tools.
        pub annotations: BTreeMap<String, String>,
    }
}
