//! `cargo xtask test-agent`: the agents on a real Kubernetes.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools;

/// The programs of Kubernetes that the tests start.
const PROGRAMS: [&str; 3] = ["etcd", "kube-apiserver", "kube-controller-manager"];
/// Flux's controllers, for those that hand over to each other.
const FLUX: [&str; 2] = ["source-controller", "kustomize-controller"];

/// Runs the tests of `cowherd agent` with the programs in a directory, as a release of Kubernetes has them.
pub fn run(root: &Path, programs: &Path) -> Result<()> {
    let programs = programs.canonicalize().with_context(|| format!("cannot open {}", programs.display()))?;
    for program in PROGRAMS {
        if !programs.join(program).is_file() {
            bail!("{} holds no {program}", programs.display());
        }
    }
    let tools = tools::ensure(root)?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root).args(["test", "--locked", "--package", "cowherd", "--test", "agent", "--", "--ignored"]);
    if FLUX.iter().any(|program| !programs.join(program).is_file()) {
        eprintln!("{} holds no {}: what they hand over is not tested", programs.display(), FLUX.join(" and no "));
        cargo.args(["--skip", "handover"]);
    }
    cargo.envs(tools.environment()?).env("COWHERD_KUBERNETES_BIN", programs);
    tools::run(&mut cargo)
}
