//! What is valid and what is not (`spec/kubernetes.md` 1.2, 1.3, 2.3, 11).

use crate::support::{add, anp, banp, banp_named, cnp, cnp_spec, np_spec};
use tierwall::cluster::Cluster;
use tierwall::diagnostic::Code;
use tierwall::dialect::{CidrSyntax, Dialect};

/// An object, and the code of the error it has, if it has one.
struct Vector {
    what: String,
    object: String,
    error: Option<Code>,
    syntax: CidrSyntax,
}

fn accept(what: &str, object: String) -> Vector {
    Vector { what: what.to_owned(), object, error: None, syntax: CidrSyntax::Legacy }
}

fn reject(code: Code, what: &str, object: String) -> Vector {
    Vector { error: Some(code), ..accept(what, object) }
}

impl Vector {
    fn strict(self) -> Self {
        Vector { syntax: CidrSyntax::Strict, ..self }
    }

    fn failure(&self) -> Option<String> {
        let mut dialect = Dialect::default();
        dialect.cidr_syntax = self.syntax;
        let result = add(&mut Cluster::with_dialect(dialect), std::slice::from_ref(&self.object));
        let errors = result.err().into_iter().flat_map(|error| error.diagnostics);
        let errors: Vec<_> = errors.filter(|diagnostic| diagnostic.is_error()).collect();
        let agrees = match self.error {
            None => errors.is_empty(),
            Some(code) => errors.iter().any(|error| error.code == code),
        };
        // What is wrong, where, and what to write instead: for every error.
        let helps = errors.iter().all(|error| error.help.is_some() && error.location.is_some());
        let shown: String = errors.iter().map(|error| format!("\n{error}")).collect();
        (!agrees || !helps).then(|| format!("{}: expected {:?}, found{shown}", self.what, self.error))
    }
}

fn run(vectors: &[Vector]) {
    let failures: Vec<String> = vectors.iter().filter_map(Vector::failure).collect();
    assert!(failures.is_empty(), "{} of {} vectors:\n{}", failures.len(), vectors.len(), failures.join("\n"));
}

fn port(entry: &str) -> String {
    np_spec("x", &format!("{{podSelector: {{}}, ingress: [{{ports: [{{{entry}}}]}}]}}"))
}

fn peer(entry: &str) -> String {
    np_spec("x", &format!("{{podSelector: {{}}, ingress: [{{from: [{entry}]}}]}}"))
}

fn types(list: &str) -> String {
    np_spec("x", &format!("{{podSelector: {{}}, policyTypes: {list}}}"))
}

fn subject(selector: &str) -> String {
    np_spec("x", &format!("{{podSelector: {selector}}}"))
}

#[test]
fn network_policy_ports() {
    let name = Code::InvalidPort;
    run(&[
        reject(name, "quoted number", port("port: '80'")),
        reject(name, "16 characters", port("port: abcdefghijklmnop")),
        reject(name, "-a", port("port: '-a'")),
        reject(name, "a-", port("port: a-")),
        reject(name, "a--b", port("port: a--b")),
        reject(name, "HTTP", port("port: HTTP")),
        accept("15 characters", port("port: abcdefghijklmno")),
        accept("a digit first", port("port: 1a")),
        reject(name, "port 0", port("port: 0")),
        reject(name, "port 65536", port("port: 65536")),
        reject(name, "port -1", port("port: -1")),
        accept("port 65535", port("port: 65535")),
        reject(Code::ConflictingFields, "endPort after a name", port("port: http, endPort: 90")),
        reject(Code::ConflictingFields, "endPort alone", port("endPort: 90")),
        reject(name, "endPort before port", port("port: 90, endPort: 80")),
        reject(name, "endPort out of range", port("port: 90, endPort: 65536")),
        accept("endPort at port", port("port: 80, endPort: 80")),
        reject(Code::InvalidProtocol, "ICMP", port("protocol: ICMP")),
        reject(Code::InvalidProtocol, "tcp", port("protocol: tcp")),
        accept("protocol alone", port("protocol: SCTP")),
        accept("nothing", port("")),
    ]);
}

#[test]
fn network_policy_peers() {
    let block =
        |cidr: &str, except: &str| peer(&format!("{{ipBlock: {{cidr: '{cidr}', except: [{except}]}}}}"));
    run(&[
        reject(Code::EmptyPeer, "empty", peer("{}")),
        reject(Code::EmptyPeer, "null fields", peer("{podSelector: null}")),
        reject(Code::WrongType, "null", peer("null")),
        reject(
            Code::ConflictingFields,
            "ipBlock and pods",
            peer("{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}"),
        ),
        reject(
            Code::ConflictingFields,
            "ipBlock and namespaces",
            peer("{ipBlock: {cidr: 10.0.0.0/8}, namespaceSelector: {}}"),
        ),
        accept("pods and namespaces", peer("{podSelector: {}, namespaceSelector: {}}")),
        reject(Code::MissingField, "no cidr", peer("{ipBlock: {}}")),
        reject(Code::InvalidCidr, "an address", block("10.0.0.1", "")),
        reject(Code::InvalidCidr, "no range", block("ten", "")),
        reject(Code::InvalidCidr, "except: the same", block("10.0.0.0/8", "10.0.0.0/8")),
        reject(Code::InvalidCidr, "except: wider", block("10.0.0.0/8", "10.0.0.0/7")),
        reject(Code::InvalidCidr, "except: elsewhere", block("10.0.0.0/8", "11.0.0.0/16")),
        reject(Code::InvalidCidr, "except: of the other family", block("10.0.0.0/8", "'fd00::/64'")),
        reject(Code::InvalidCidr, "except: no range", block("10.0.0.0/8", "10.0.0.1")),
        accept("except: half", block("10.0.0.0/8", "10.0.0.0/9")),
        accept("except: overlapping", block("10.0.0.0/8", "10.0.0.0/9, 10.1.0.0/16")),
        accept("host bits", block("10.0.0.5/8", "")),
        reject(Code::InvalidCidr, "host bits, strict", block("10.0.0.5/8", "")).strict(),
        accept("leading zeros", block("010.0.0.0/8", "")),
        reject(Code::InvalidCidr, "leading zeros, strict", block("010.0.0.0/8", "")).strict(),
        accept("mapped", block("::ffff:10.0.0.0/104", "")),
        reject(Code::InvalidCidr, "mapped, strict", block("::ffff:10.0.0.0/104", "")).strict(),
        accept("long IPv6, strict", block("fd00:0:0:0:0:0:0:0/64", "")).strict(),
        reject(Code::InvalidCidr, "except: host bits, strict", block("10.0.0.0/8", "10.1.0.1/16")).strict(),
    ]);
}

#[test]
fn network_policy_types_and_selectors() {
    let expression = |text: &str| subject(&format!("{{matchExpressions: [{{{text}}}]}}"));
    run(&[
        reject(Code::InvalidLength, "three types", types("[Ingress, Egress, Ingress]")),
        reject(Code::UnknownValue, "ingress", types("[ingress]")),
        accept("twice the same", types("[Ingress, Ingress]")),
        reject(
            Code::ConflictingFields,
            "Exists with values",
            expression("key: a, operator: Exists, values: [b]"),
        ),
        reject(
            Code::ConflictingFields,
            "DoesNotExist with values",
            expression("key: a, operator: DoesNotExist, values: [b]"),
        ),
        reject(Code::InvalidLength, "In without values", expression("key: a, operator: In")),
        reject(
            Code::InvalidLength,
            "NotIn without values",
            expression("key: a, operator: NotIn, values: []"),
        ),
        reject(Code::UnknownValue, "notIn", expression("key: a, operator: notIn, values: [b]")),
        reject(Code::UnknownValue, "Gt", expression("key: a, operator: Gt, values: ['1']")),
        reject(Code::InvalidLabel, "a key with a space", expression("key: 'a b', operator: Exists")),
        reject(Code::InvalidLabel, "a value with a slash", subject("{matchLabels: {a: b/c}}")),
        accept("an empty value", subject("{matchLabels: {a: ''}}")),
        accept("a prefix", subject("{matchLabels: {example.com/a: b}}")),
        reject(Code::WrongType, "a boolean", subject("{matchLabels: {a: true}}")),
        reject(Code::WrongType, "a number", subject("{matchLabels: {a: 1}}")),
        reject(Code::UnknownField, "misspelt", subject("{matchlabels: {a: b}}")),
        reject(Code::UnknownField, "a field of another kind", np_spec("x", "{podSelector: {}, priority: 1}")),
    ]);
}

const SUBJECT: &str = "subject: {namespaces: {}}";

/// A valid ClusterNetworkPolicy but for its rules.
fn ingress(rules: &str) -> String {
    cnp("Admin", 1, "namespaces: {}", &format!("ingress: [{rules}]"))
}

fn egress(rules: &str) -> String {
    cnp("Admin", 1, "namespaces: {}", &format!("egress: [{rules}]"))
}

fn protocols(list: &str) -> String {
    ingress(&format!("{{action: Deny, from: [{{namespaces: {{}}}}], protocols: {list}}}"))
}

fn from(peer: &str) -> String {
    ingress(&format!("{{action: Deny, from: [{peer}]}}"))
}

fn to(peer: &str) -> String {
    egress(&format!("{{action: Accept, to: [{peer}]}}"))
}

fn repeat(item: &str, times: usize) -> String {
    vec![item; times].join(", ")
}

#[test]
fn cluster_network_policy_fields() {
    let spec = |fields: &str| cnp_spec(&format!("{{{fields}, {SUBJECT}}}"));
    let of = |subject: &str| cnp_spec(&format!("{{tier: Admin, priority: 1, subject: {subject}}}"));
    run(&[
        reject(Code::MissingField, "no tier", spec("priority: 1")),
        reject(Code::UnknownValue, "tier admin", spec("tier: admin, priority: 1")),
        reject(Code::MissingField, "no priority", spec("tier: Admin")),
        reject(Code::OutOfRange, "priority -1", spec("tier: Admin, priority: -1")),
        reject(Code::OutOfRange, "priority 1001", spec("tier: Admin, priority: 1001")),
        accept("priority 0", spec("tier: Admin, priority: 0")),
        accept("priority 1000", spec("tier: Baseline, priority: 1000")),
        reject(Code::EmptyPeer, "subject {}", of("{}")),
        reject(Code::EmptyPeer, "subject null", of("{namespaces: null}")),
        reject(Code::EmptyPeer, "no subject", cnp_spec("{tier: Admin, priority: 1}")),
        reject(Code::ConflictingFields, "subject of both", of("{namespaces: {}, pods: {podSelector: {}}}")),
        accept("pods of all namespaces", of("{pods: {podSelector: {}}}")),
        reject(Code::MissingField, "pods without podSelector", of("{pods: {namespaceSelector: {}}}")),
    ]);
}

#[test]
fn cluster_network_policy_rules() {
    let rule = "{action: Deny, from: [{namespaces: {}}]}";
    let named =
        |length| format!("{{name: {}, action: Deny, from: [{{namespaces: {{}}}}]}}", "n".repeat(length));
    run(&[
        accept("25 rules", ingress(&repeat(rule, 25))),
        reject(Code::InvalidLength, "26 rules", ingress(&repeat(rule, 26))),
        reject(
            Code::InvalidLength,
            "26 rules of egress",
            egress(&repeat("{action: Deny, to: [{namespaces: {}}]}", 26)),
        ),
        accept("25 peers", from(&repeat("{namespaces: {}}", 25))),
        reject(Code::InvalidLength, "26 peers", from(&repeat("{namespaces: {}}", 26))),
        reject(Code::InvalidLength, "from []", from("")),
        reject(Code::InvalidLength, "no from", ingress("{action: Deny}")),
        reject(Code::MissingField, "no action", ingress("{from: [{namespaces: {}}]}")),
        reject(Code::UnknownValue, "action Allow", ingress("{action: Allow, from: [{namespaces: {}}]}")),
        reject(Code::UnknownValue, "action accept", ingress("{action: accept, from: [{namespaces: {}}]}")),
        accept("a name of 100", ingress(&named(100))),
        reject(Code::InvalidLength, "a name of 101", ingress(&named(101))),
        reject(Code::EmptyPeer, "peer {}", from("{}")),
        reject(Code::EmptyPeer, "peer null", from("{namespaces: null}")),
        reject(Code::ConflictingFields, "peer of both", from("{namespaces: {}, pods: {podSelector: {}}}")),
        reject(Code::UnknownField, "networks for ingress", from("{networks: [10.0.0.0/8]}")),
        reject(Code::UnknownField, "the first shape of peers", from("{namespaces: {namespaceSelector: {}}}")),
    ]);
}

#[test]
fn cluster_network_policy_protocols() {
    let tcp = |port: &str| protocols(&format!("[{{tcp: {{destinationPort: {port}}}}}]"));
    let entry = "{tcp: {destinationPort: {number: 80}}}";
    run(&[
        accept("25 protocols", protocols(&format!("[{}]", repeat(entry, 25)))),
        reject(Code::InvalidLength, "26 protocols", protocols(&format!("[{}]", repeat(entry, 26)))),
        reject(Code::InvalidLength, "protocols []", protocols("[]")),
        reject(Code::EmptyPeer, "protocols [{}]", protocols("[{}]")),
        reject(Code::MissingField, "tcp {}", protocols("[{tcp: {}}]")),
        reject(
            Code::ConflictingFields,
            "tcp and udp",
            protocols("[{tcp: {destinationPort: {number: 80}}, udp: {destinationPort: {number: 80}}}]"),
        ),
        reject(Code::InvalidPort, "80 to 80", tcp("{range: {start: 80, end: 80}}")),
        reject(Code::InvalidPort, "81 to 80", tcp("{range: {start: 81, end: 80}}")),
        accept("1 to 65535", tcp("{range: {start: 1, end: 65535}}")),
        reject(Code::ConflictingFields, "number and range", tcp("{number: 80, range: {start: 80, end: 81}}")),
        reject(Code::MissingField, "neither", tcp("{}")),
        reject(Code::InvalidPort, "number 0", tcp("{number: 0}")),
        reject(Code::InvalidPort, "number 65536", tcp("{number: 65536}")),
    ]);
}

#[test]
fn cluster_network_policy_addresses() {
    let networks = |list: &str| to(&format!("{{networks: [{list}]}}"));
    let many = |count| (0..count).map(|index| format!("10.0.{index}.0/24")).collect::<Vec<_>>().join(", ");
    let names = |list: &str| to(&format!("{{domainNames: [{list}]}}"));
    let named = |peer: &str| {
        egress(&format!("{{action: Accept, to: [{peer}], protocols: [{{destinationNamedPort: http}}]}}"))
    };
    let mut vectors = vec![
        accept("25 networks", networks(&many(25))),
        reject(Code::InvalidLength, "26 networks", networks(&many(26))),
        reject(Code::InvalidLength, "no networks", networks("")),
        reject(Code::InvalidCidr, "an address", networks("10.0.0.0")),
        reject(Code::DuplicateItem, "duplicates", networks("10.0.0.0/8, 10.0.0.0/8")),
        reject(Code::InvalidCidr, "leading zeros", networks("010.0.0.0/8")),
        reject(Code::InvalidCidr, "mapped", networks("'::ffff:10.0.0.0/104'")),
        accept("host bits", networks("10.0.0.5/8")),
        // The standard channel takes it; what it can match is known pods.
        accept("networks and a named port", named("{networks: [10.0.0.0/8]}")),
        reject(Code::ConflictingFields, "nodes and a named port", named("{nodes: {}}")),
        reject(
            Code::ConflictingFields,
            "domain names and a named port",
            named("{domainNames: [example.com]}"),
        ),
    ];
    for name in ["'*.com'", "com", "'*'", "'a.*.b.com'", "'foo*.b.com'", "localhost", "'*foo.com'", "''"] {
        vectors.push(reject(Code::InvalidDomain, name, names(name)));
    }
    for name in ["example.com.", "'*.a.b.c'", "x_y.example.com", "_dmarc.example.com", "EXAMPLE.com"] {
        vectors.push(accept(name, names(name)));
    }
    run(&vectors);
}

#[test]
fn the_first_version_of_the_api() {
    let every = "namespaces: {}";
    let rules = |rule: &str| anp(1, every, &format!("ingress: [{rule}]"));
    let ports = |list: &str| rules(&format!("{{action: Deny, from: [{{namespaces: {{}}}}], ports: {list}}}"));
    let baseline = |rule: &str| banp(every, &format!("egress: [{rule}]"));
    let no_namespaces = "{action: Deny, from: [{pods: {podSelector: {}}}]}";
    let rule = "{action: Deny, from: [{namespaces: {}}]}";
    run(&[
        reject(Code::MissingField, "pods without namespaceSelector", rules(no_namespaces)),
        accept("the same in v1alpha2", ingress(no_namespaces)),
        accept("a range that ends before it starts", ports("[{portRange: {start: 81, end: 80}}]")),
        accept("a range of one", ports("[{portRange: {start: 80, end: 80}}]")),
        reject(Code::InvalidLength, "ports []", ports("[]")),
        reject(Code::EmptyPeer, "ports [{}]", ports("[{}]")),
        reject(Code::ConflictingFields, "two fields", ports("[{portNumber: {port: 80}, namedPort: http}]")),
        reject(Code::InvalidProtocol, "tcp", ports("[{portNumber: {protocol: tcp, port: 80}}]")),
        reject(
            Code::UnknownField,
            "protocols",
            rules("{action: Deny, from: [{namespaces: {}}], protocols: []}"),
        ),
        accept("100 rules", rules(&repeat(rule, 100))),
        reject(Code::InvalidLength, "101 rules", rules(&repeat(rule, 101))),
        reject(Code::UnknownValue, "action Accept", rules("{action: Accept, from: [{namespaces: {}}]}")),
        accept("action Pass", rules("{action: Pass, from: [{namespaces: {}}]}")),
        reject(Code::OutOfRange, "priority 1001", anp(1001, every, "ingress: []")),
        reject(Code::InvalidName, "another baseline", banp_named("strict", every, "ingress: []")),
        reject(
            Code::UnknownValue,
            "a baseline that passes",
            baseline("{action: Pass, to: [{namespaces: {}}]}"),
        ),
        reject(
            Code::UnknownField,
            "domain names in a baseline",
            baseline("{action: Allow, to: [{domainNames: [example.com]}]}"),
        ),
        reject(Code::UnknownField, "a baseline with a priority", banp(every, "priority: 1")),
    ]);
}

/// A range that ends before it starts is accepted by the schema, warned about, and matches nothing.
#[test]
fn a_range_that_matches_nothing() {
    use crate::support::{row, run};
    let empty =
        "ingress: [{action: Deny, from: [{namespaces: {}}], ports: [{portRange: {start: 81, end: 80}}]}]";
    run(&[row(
        "ANP 81 to 80",
        [anp(1, "namespaces: {}", empty)],
        ["y/a -> x/a 80: allow", "y/a -> x/a 81: allow"],
    )]);
}
