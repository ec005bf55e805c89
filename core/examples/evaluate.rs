//! Loads manifests and says what they mean for one flow, and why.
//!
//! ```text
//! cargo run --release --example evaluate -- PATH... --from END --to END [--port N] [OPTION...]
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command prints")]

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use tierwall::cluster::{Cluster, EndRef};
use tierwall::explain::explain;
use tierwall::manifest::{LoadOptions, LoadReport, OnInvalid, load_paths};
use tierwall::model::{Flow, FlowContext, Http, HttpRequest, Protocol, Side};

const USAGE: &str = "\
usage: evaluate PATH... --from END --to END [--port N] [OPTION...]

  PATH                  a manifest, a directory of them, or - for standard input
  END                   NAMESPACE/NAME of a workload, host/NODE, svc/NAMESPACE/NAME or an address

  --port N              destination port
  --source-port N       source port
  --protocol NAME       tcp (default), udp, sctp, icmp, icmpv6, udplite or a number
  --icmp TYPE[/CODE]    ICMP message
  --http-method M       judge a request with this method
  --http-path P         judge a request with this path
  --from-principal ID   the source's TLS identity, spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT
  --explain             every tier, policy and rule that was tried
  --json                the whole trace as JSON
  --skip-invalid        leave out invalid objects instead of refusing the load";

type Failure = Box<dyn std::error::Error>;

#[derive(Default)]
struct Arguments {
    paths: Vec<PathBuf>,
    from: Option<EndRef>,
    to: Option<EndRef>,
    port: u16,
    source_port: u16,
    protocol: Option<Protocol>,
    icmp: (u8, u8),
    request: Option<HttpRequest>,
    principal: Option<String>,
    explain: bool,
    json: bool,
    skip_invalid: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Failure> {
    let arguments = Arguments::parse()?;
    let (Some(from), Some(to)) = (&arguments.from, &arguments.to) else { return Err(USAGE.into()) };
    let mut cluster = Cluster::new();
    let mut options = LoadOptions::default();
    if arguments.skip_invalid {
        options.invalid = OnInvalid::Skip;
    }
    let report = load_paths(&mut cluster, &arguments.paths, &options)?;
    warn(&report);

    let mut context = FlowContext { source_principal: arguments.principal.clone(), ..FlowContext::default() };
    if let Some(request) = &arguments.request {
        context.http = Http::Request(request.clone());
    }
    let source = cluster.side(from)?;
    let destination = match (to, cluster.side(to)) {
        // A service of manifests in git has no address yet.
        (EndRef::Service(key), Err(_)) if cluster.service(key).is_some() => {
            context.service = Some(key.clone());
            Side::Address(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
        }
        (_, side) => side?,
    };
    let flow = Flow::new(source, destination, arguments.protocol.unwrap_or(Protocol::TCP))
        .with_ports(arguments.source_port, arguments.port)
        .with_icmp(arguments.icmp.0, arguments.icmp.1);
    let trace = explain(&cluster, &flow, &context);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&trace)?);
    } else if arguments.explain {
        print!("{trace}");
    } else {
        println!("{}", trace.summary());
    }
    Ok(())
}

fn warn(report: &LoadReport) {
    for diagnostic in &report.diagnostics {
        eprintln!("{diagnostic}\n");
    }
    for object in &report.skipped {
        eprintln!("left out: {object}");
    }
}

impl Arguments {
    fn parse() -> Result<Self, Failure> {
        use lexopt::prelude::*;
        let mut arguments = Arguments::default();
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Value(path) => arguments.paths.push(path.into()),
                Long("from") => arguments.from = Some(parser.value()?.string()?.parse()?),
                Long("to") => arguments.to = Some(parser.value()?.string()?.parse()?),
                Long("port") => arguments.port = parser.value()?.parse()?,
                Long("source-port") => arguments.source_port = parser.value()?.parse()?,
                Long("protocol") => arguments.protocol = Some(protocol(&parser.value()?.string()?)?),
                Long("icmp") => arguments.icmp = icmp(&parser.value()?.string()?)?,
                Long("http-method") => arguments.request().method = Some(parser.value()?.string()?),
                Long("http-path") => arguments.request().path = Some(parser.value()?.string()?),
                Long("from-principal") => arguments.principal = Some(parser.value()?.string()?),
                Long("explain") => arguments.explain = true,
                Long("json") => arguments.json = true,
                Long("skip-invalid") => arguments.skip_invalid = true,
                Short('h') | Long("help") => return Err(USAGE.into()),
                _ => return Err(format!("{}\n\n{USAGE}", argument.unexpected()).into()),
            }
        }
        if arguments.paths.is_empty() { Err(USAGE.into()) } else { Ok(arguments) }
    }

    fn request(&mut self) -> &mut HttpRequest {
        self.request.get_or_insert_with(HttpRequest::default)
    }
}

fn protocol(text: &str) -> Result<Protocol, Failure> {
    let named = Protocol::names().find(|name| name.eq_ignore_ascii_case(text)).and_then(Protocol::from_name);
    let numbered = || text.parse::<u8>().ok().map(Protocol::from);
    named.or_else(numbered).ok_or_else(|| {
        let names: Vec<&str> = Protocol::names().collect();
        format!("`{text}` is no protocol: write one of {} or a number", names.join(", ")).into()
    })
}

fn icmp(text: &str) -> Result<(u8, u8), Failure> {
    let (icmp_type, code) = text.split_once('/').unwrap_or((text, "0"));
    match (icmp_type.parse(), code.parse()) {
        (Ok(icmp_type), Ok(code)) => Ok((icmp_type, code)),
        _ => Err(format!("`{text}` is no ICMP message: write TYPE or TYPE/CODE").into()),
    }
}
