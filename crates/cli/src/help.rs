//! The command line as it is explained: paragraphs flow, however wide the terminal is.

use clap::CommandFactory as _;

use crate::Cli;

/// All commands, with paragraphs that nothing but the terminal breaks.
pub fn command() -> clap::Command {
    Cli::command().mut_subcommands(|command| match command.get_long_about().map(ToString::to_string) {
        Some(about) => command.long_about(flowing(&about)),
        None => command,
    })
}

/// A text whose paragraphs are one line each. What is indented stays as it is written.
fn flowing(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let goes_on = |before: &&mut String| is_prose(before) && is_prose(line);
        match lines.last_mut().filter(goes_on) {
            Some(before) => {
                before.push(' ');
                before.push_str(line);
            }
            None => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

/// Whether a line is part of a paragraph.
fn is_prose(line: &str) -> bool {
    !line.is_empty() && !line.starts_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_flow_and_examples_stay() {
        let text = "One\n\nTwo goes\non here.\nAnd here.\n\nExamples:\n  a\n  b\n\nEnd";
        assert_eq!(flowing(text), "One\n\nTwo goes on here. And here.\n\nExamples:\n  a\n  b\n\nEnd");
    }

    #[test]
    fn nothing_in_help_is_broken_by_hand_and_by_the_terminal() {
        let whole = command();
        for command in whole.get_subcommands().chain([&whole]) {
            let texts = [command.get_long_about(), command.get_after_help()].into_iter().flatten();
            for text in texts.map(ToString::to_string) {
                let lines: Vec<&str> = text.lines().collect();
                let twice = lines.windows(2).find(|pair| pair.iter().all(|line| is_prose(line)));
                assert_eq!(twice, None, "{}", command.get_name());
                let long = lines.iter().find(|line| line.starts_with(' ') && line.chars().count() > crate::WIDTH);
                assert_eq!(long, None, "{}", command.get_name());
            }
        }
    }

    /// Rows of commands, a heading, and the flags that stand under it in the help of these; all others stand under none.
    const HEADED: &[(&[&str], &str, &[&str])] = &[
        (&["up", "agent"], "Notifications", &["receiver-addr", "rate-limit-interval"]),
        (
            &["up", "server"],
            "Limits of the API",
            &[
                "max-requests-inflight",
                "max-mutating-requests-inflight",
                "max-watches",
                "max-connections",
                "idle-timeout",
            ],
        ),
        (
            &["up", "agent"],
            "What tenants may",
            &[
                "local-repository",
                "allow-network",
                "no-remote-bases",
                "no-cross-namespace-refs",
                "default-service-account",
                "insecure-kubeconfig-tls",
                "sops-age-secret",
                "max-storage",
                "max-storage-per-namespace",
            ],
        ),
        (
            &["up"],
            "Credentials of the repository",
            &["username", "password", "private-key-file", "known-hosts-file", "ca-file"],
        ),
        (
            &["bootstrap"],
            "Credentials of the repository",
            &[
                "username",
                "password",
                "token-auth",
                "with-bearer-token",
                "private-key-file",
                "known-hosts-file",
                "ca-file",
                "secret-name",
                "ssh-hostname",
                "ssh-key-algorithm",
                "ssh-ecdsa-curve",
                "ssh-rsa-bits",
                "silent",
            ],
        ),
        (
            &["bootstrap"],
            "Repositories of github, gitlab and gitea",
            &["owner", "repository", "hostname", "personal", "private", "read-write-key"],
        ),
        (&["diff"], "Without a cluster", &["base", "path", "max-size"]),
        (&["diff", "check"], "Without a cluster", &["with", "source", "exclude", "offline"]),
        (&["diff", "check", "migrate"], "What is encrypted", &["sops-age-key-file"]),
        (
            &["render"],
            "Where a chart is",
            &["repo", "version", "username", "password", "pass-credentials", "plain-http"],
        ),
        (
            &["render"],
            "Charts, as helm template has it",
            &[
                "namespace",
                "values",
                "set",
                "set-string",
                "set-file",
                "set-json",
                "set-literal",
                "include-crds",
                "kube-version",
                "api-versions",
                "show-only",
                "no-hooks",
                "skip-tests",
                "is-upgrade",
                "skip-schema-validation",
                "seed",
                "time",
            ],
        ),
        (&["render"], "Charts and a cluster", &["validate", "kubeconfig", "kube-context"]),
    ];

    #[test]
    fn each_flag_stands_under_the_heading_that_it_belongs_to() {
        let whole = command();
        let mut seen = 0;
        for command in whole.get_subcommands() {
            for (flag, argument) in command.get_arguments().filter_map(|one| Some((one.get_long()?, one))) {
                let is_of = |(commands, _, flags): &&(&[&str], &str, &[&str])| {
                    commands.contains(&command.get_name()) && flags.contains(&flag)
                };
                let heading = HEADED.iter().find(is_of).map(|(_, heading, _)| *heading);
                assert_eq!(argument.get_help_heading(), heading, "--{flag} of {}", command.get_name());
                seen += usize::from(heading.is_some());
            }
        }
        let rows = HEADED.iter().map(|(commands, _, flags)| commands.len() * flags.len());
        assert_eq!(seen, rows.sum::<usize>(), "a flag is looked for where it is not");
    }
}
