//! What maintainers run: tests beside the real tools, generated data, benchmarks.

mod attack;
mod bench;
mod compare;
mod deny;
mod histories;
mod mutants;
mod rbac;
mod record;
mod schemas;
mod site;
mod test;
mod test_agent;
mod tools;
mod wire;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

const USAGE: &str = "\
cargo xtask <COMMAND>

  attack [--list] [--only NAME] [--for TIME] [--small] [--seed NUMBER]
                attacks the release build, beside a bystander who must not feel it
  test [ARGS]   every test of the workspace; installs kubectl, git and sshd where they are missing.
                ARGS go to `cargo test`
  test-agent DIRECTORY
                the agents on a real Kubernetes, whose kube-apiserver, kube-controller-manager and etcd are in DIRECTORY
  bench [--charts DIRECTORY] [APPS]
                measures the release build, beside kubectl and helm, and writes docs/benchmarks.md
  compare DIR   our rendering beside kubectl's and helm's, over everything below DIR; --help says more
  deny [CHECK]… what cargo-deny says of the dependencies, by deny.toml: their licences, sources, versions, and, where the
                network has the database, advisories. CHECK is advisories, bans, licenses or sources
  histories COUNT
                tells the agents' model this many random histories of each kind that no test run tells
  mutants [--together] [--shard K/N] [AREA]
                changes the code that decides trust, place by place, and tells which changes no test of its crate
                notices; cargo-mutants must be installed. --together leaves out the few that need a build of their own
  rbac KUBECONFIG
                records the roles and bindings of a fresh control plane of Kubernetes, whose admin the kubeconfig
                is, in crates/apiserver/data, for the embedded API to have the same
  record        records what the real tools say, for tests where they are not installed
  schemas       generates crates/schema/data from the sources of k8s-openapi
  site [DIRECTORY]
                writes the documentation as a site, in target/site by default
  wire API MACHINERY EXTENSIONS
                generates crates/apiserver/data from checkouts of kubernetes/api, kubernetes/apimachinery and
                kubernetes/apiextensions-apiserver; `schemas` reads it
";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has no parent directory")?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((command, rest)) if command == "test" => test::run(root, rest)?,
        Some((command, [programs])) if command == "test-agent" => test_agent::run(root, Path::new(programs))?,
        Some((command, rest)) if command == "attack" => return attack::run(root, rest),
        Some((command, rest)) if command == "bench" => bench::run(root, rest)?,
        Some((command, rest)) if command == "compare" => return compare::run(root, rest),
        Some((command, rest)) if command == "deny" => deny::run(root, rest)?,
        Some((command, [count])) if command == "histories" => histories::run(root, count)?,
        Some((command, rest)) if command == "mutants" => return mutants::run(root, rest),
        Some((command, [kubeconfig])) if command == "rbac" => rbac::run(root, Path::new(kubeconfig))?,
        Some((command, [])) if command == "record" => record::run(root)?,
        Some((command, [])) if command == "schemas" => schemas::run(root)?,
        Some((command, [])) if command == "site" => site::run(root, &root.join("target/site"))?,
        Some((command, [directory])) if command == "site" => site::run(root, Path::new(directory))?,
        Some((command, [api, machinery, extensions])) if command == "wire" => {
            wire::run(root, Path::new(api), Path::new(machinery), Path::new(extensions))?
        }
        _ => {
            eprint!("{USAGE}");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}
