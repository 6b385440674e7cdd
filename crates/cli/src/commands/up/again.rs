//! The command that goes on with what a start does: with all flags of this one that a data directory does not remember.

use std::path::Path;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory as _};
use cowherd_text::shell;

use crate::Cli;
use crate::cluster;

/// The flags that are about one start alone, and those that a later one knows without being told: by the data directory, or by the
/// Secrets in which credentials and keys are kept.
const LEFT_OUT: &[&str] = &[
    "branch",
    "ca-file",
    "data-dir",
    "default-service-account",
    "interval",
    "known-hosts-file",
    "name",
    "new-ca",
    "no-cross-namespace-refs",
    "no-remote-bases",
    "once",
    "password",
    "path",
    "private-key-file",
    "sops-age-key-file",
    "switch",
    "timeout",
    "username",
];

/// The command that resumes what this one does on the data directory.
pub fn resume(data_dir: &Path) -> String {
    let matches = Cli::command().try_get_matches_from(std::env::args_os()).ok();
    let flags = matches.as_ref().and_then(|matches| matches.subcommand_matches("up")).map(flags).unwrap_or_default();
    [cluster::up(data_dir)].into_iter().chain(flags).collect::<Vec<_>>().join(" ")
}

/// The flags of a line that a later start needs again. What the environment says, it says again.
fn flags(matches: &ArgMatches) -> Vec<String> {
    let command = Cli::command();
    let Some(up) = command.find_subcommand("up") else { return Vec::new() };
    let mut flags = Vec::new();
    for argument in up.get_arguments() {
        let (Some(long), id) = (argument.get_long(), argument.get_id().as_str()) else { continue };
        if LEFT_OUT.contains(&long) || matches.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        if !argument.get_action().takes_values() {
            flags.push(format!("--{long}"));
            continue;
        }
        let values = matches.get_raw(id).into_iter().flatten().map(|value| value.to_string_lossy());
        match argument.get_value_delimiter() {
            Some(delimiter) => {
                let all = values.collect::<Vec<_>>().join(&delimiter.to_string());
                flags.push(format!("--{long}={}", shell::word(&all)));
            }
            None => flags.extend(values.map(|value| format!("--{long}={}", shell::word(&value)))),
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn of(line: &[&str]) -> Vec<String> {
        let words = ["cowherd", "up"].into_iter().chain(line.iter().copied()).map(OsString::from);
        flags(Cli::command().try_get_matches_from(words).unwrap().subcommand_matches("up").unwrap())
    }

    #[test]
    fn flags_that_nothing_remembers_are_repeated_and_others_are_not() {
        assert!(of(&[]).is_empty());
        assert_eq!(
            of(&[
                "fleet",
                "--path",
                "prod",
                "--assume-ready",
                "CronJob,Ingress.networking.k8s.io",
                "--assume-ready=Job",
                "--once"
            ]),
            ["--assume-ready=CronJob,Ingress.networking.k8s.io,Job"]
        );
        assert_eq!(
            of(&["--no-prune-protection", "--listen", "127.0.0.1:0"]),
            ["--no-prune-protection", "--listen=127.0.0.1:0"]
        );
        assert_eq!(
            of(&["--tls-san=a.example", "--tls-san", "10.0.0.1"]),
            ["--tls-san=a.example", "--tls-san=10.0.0.1"]
        );
        let storage = of(&["--local-repository", "../my fleet", "--max-storage=2Gi", "--controllers=*,-deployment"]);
        assert_eq!(storage, ["--controllers='*,-deployment'", "--local-repository='../my fleet'", "--max-storage=2Gi"]);
    }

    #[test]
    fn nothing_secret_is_repeated() {
        let line =
            ["https://example.com/fleet", "--username", "me", "--password", "hunter2", "--private-key-file", "key"];
        assert!(of(&line).is_empty());
    }

    /// Each flag is one that a later start knows, or one that is repeated: whoever adds one says which.
    #[test]
    fn each_flag_is_remembered_or_repeated() {
        const REPEATED: &[&str] = &[
            "allow-network",
            "assume-ready",
            "controllers",
            "idle-timeout",
            "insecure-kubeconfig-tls",
            "listen",
            "local-repository",
            "max-connections",
            "max-mutating-requests-inflight",
            "max-requests-inflight",
            "max-storage",
            "max-storage-per-namespace",
            "max-watches",
            "no-prune-protection",
            "rate-limit-interval",
            "receiver-addr",
            "service-cluster-ip-range",
            "sops-age-secret",
            "tls-san",
        ];
        let command = Cli::command();
        let up = command.find_subcommand("up").unwrap();
        let known =
            up.get_arguments().filter_map(clap::Arg::get_long).filter(|long| !matches!(*long, "help" | "version"));
        let known: Vec<&str> = known.collect();
        for long in &known {
            assert!(LEFT_OUT.contains(long) != REPEATED.contains(long), "--{long}");
        }
        assert!(LEFT_OUT.iter().chain(REPEATED).all(|long| known.contains(long)));
    }
}
