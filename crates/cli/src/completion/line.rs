//! The line that is being written, as far as completions need it: they are asked for a word, and not told the others.

use std::path::PathBuf;

use clap::CommandFactory as _;

use crate::Cli;
use crate::bootstrap::ROOT;
use crate::cluster::{Access, Cluster};

/// The words of a command line that is not finished.
pub(super) struct Line(Vec<String>);

impl Line {
    /// The line that the shell asks about: what stands behind `--`.
    pub(super) fn asked() -> Self {
        let words = std::env::args_os().map(|word| word.to_string_lossy().into_owned());
        Self::read(words.skip_while(|word| word != "--").skip(1))
    }

    fn read(words: impl Iterator<Item = String>) -> Self {
        Self(words.collect())
    }

    /// The value of a flag, as `--flag value`, `--flag=value` or, for a short one, `-fvalue`.
    fn flag(&self, names: &[&str]) -> Option<String> {
        let found = self.0.iter().enumerate().find_map(|(at, word)| {
            let behind = names.iter().find_map(|name| word.strip_prefix(name))?;
            match behind.strip_prefix('=') {
                Some(value) => Some(value.to_owned()),
                None if behind.is_empty() => self.0.get(at + 1).cloned(),
                None => (!word.starts_with("--")).then(|| behind.to_owned()),
            }
        });
        found.filter(|value| !value.is_empty())
    }

    /// The cluster and the namespace that the line names.
    pub(super) fn cluster(&self) -> Cluster {
        Cluster {
            data_dir: self.flag(&["--data-dir"]).map(PathBuf::from),
            access: Access {
                kubeconfig: self.flag(&["--kubeconfig"]).map(PathBuf::from),
                context: self.flag(&["--context"]),
            },
            namespace: self.namespace().unwrap_or_else(|| ROOT.to_owned()),
        }
    }

    /// The namespace, if the line names one.
    pub(super) fn namespace(&self) -> Option<String> {
        self.flag(&["--namespace", "-n"])
    }

    /// Whether one of the flags is there.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.0.iter().any(|word| names.contains(&word.as_str()))
    }

    /// The words behind the command that are neither flags nor their values, without the one that is being written.
    pub(super) fn words(&self) -> Vec<String> {
        let with_values = self.flags_with_values();
        let mut written = self.0.iter().skip(2).take(self.0.len().saturating_sub(3));
        let mut words = Vec::new();
        while let Some(word) = written.next() {
            if with_values.contains(word) {
                written.next();
            } else if !word.starts_with('-') {
                words.push(word.clone());
            }
        }
        words
    }

    /// The flags of the command whose value is the word behind them.
    fn flags_with_values(&self) -> Vec<String> {
        let program = Cli::command();
        let command = self.0.get(1).and_then(|name| program.find_subcommand(name));
        let arguments = command.into_iter().flat_map(clap::Command::get_arguments);
        let taking = arguments.filter(|argument| argument.get_action().takes_values());
        let names = taking.flat_map(|argument| {
            let short = argument.get_short().map(|short| format!("-{short}"));
            short.into_iter().chain(argument.get_long().map(|long| format!("--{long}")))
        });
        names.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::read(text.split(' ').map(str::to_owned))
    }

    #[test]
    fn the_cluster_is_the_one_that_the_line_names() {
        let cluster = line("cowherd get --data-dir=x -n web --context c ks a").cluster();
        assert_eq!(cluster.data_dir, Some(PathBuf::from("x")));
        assert_eq!((cluster.namespace.as_str(), cluster.access.context.as_deref()), ("web", Some("c")));
        assert_eq!(line("cowherd get -nweb ks a").cluster().namespace, "web");
        assert_eq!(line("cowherd get ks a").cluster().namespace, "flux-system");
        assert_eq!(line("cowherd get -n ").cluster().namespace, "flux-system");
    }

    #[test]
    fn the_words_are_those_between_the_command_and_what_is_being_written() {
        assert_eq!(line("cowherd get source git flux").words(), ["source", "git"]);
        assert_eq!(line("cowherd get -A ks ").words(), ["ks"]);
        assert!(line("cowherd get ").words().is_empty());
        assert_eq!(line("cowherd get -n web --kubeconfig=x --context c ks ").words(), ["ks"]);
        assert!(line("cowherd get -A ks").has(&["-A"]));
    }
}
