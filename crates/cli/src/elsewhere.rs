//! Commands of the programs that people come from: what does here what they meant.

use clap::Parser as _;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::Cli;

/// What kubectl does with every control plane, so that nothing here does.
const OF_KUBECTL: [&str; 12] = [
    "annotate",
    "api-resources",
    "apply",
    "create",
    "delete",
    "describe",
    "edit",
    "explain",
    "label",
    "patch",
    "rollout",
    "scale",
];

/// How something is brought to what it was.
const REVERT: &str = "`git revert`: what is there is what Git says";

/// The command line.
pub fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        if error.kind() == ErrorKind::InvalidSubcommand
            && let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
            && let Some(tip) = tip(word, behind(word, arguments()).as_deref())
        {
            // In the manner of clap's own, before them.
            crate::terminal::tell!(
                "error: there is no command '{word}'\n\n  tip: {tip}\n\nFor more information, try '--help'."
            );
            std::process::exit(error.exit_code());
        }
        error.exit()
    })
}

/// The words of the command line, as far as they are text.
fn arguments() -> impl Iterator<Item = String> {
    std::env::args_os().map(|argument| argument.to_string_lossy().into_owned())
}

/// The word behind another one, if there is one that is no flag.
fn behind(word: &str, mut arguments: impl Iterator<Item = String>) -> Option<String> {
    arguments.find(|argument| argument == word)?;
    arguments.next().filter(|next| !next.starts_with('-'))
}

/// What does what a command of another program does, which may take a second word.
fn tip(word: &str, second: Option<&str>) -> Option<String> {
    if OF_KUBECTL.contains(&word) {
        return Some(format!("kubectl works with every control plane: `kubectl {word} …`, with its kubeconfig"));
    }
    let meant = match word {
        "app" | "appset" => second
            .and_then(of_an_application)
            .unwrap_or("an Application is a Kustomization here: `cowherd get ks -A`, `cowherd tree NAME`"),
        "bootstrap" | "start" | "run" => "`cowherd up REPO --path PATH` follows a repository",
        "build" | "template" | "kustomize" => "`cowherd render PATH`",
        "export" => "`cowherd get KIND NAME -o yaml`",
        "status" | "list" | "ls" | "stats" => "`cowherd get -A`",
        "sync" | "refresh" => "`cowherd reconcile NAME`",
        "rollback" | "undo" | "revert" => REVERT,
        "validate" | "lint" => "`cowherd check PATH`",
        "stop" | "down" | "uninstall" => {
            "Ctrl-C, or SIGTERM, ends `cowherd up` and `server`; what they keep is in the data directory"
        }
        "repo" | "repocreds" => {
            "repositories are sources: `cowherd get sources -A`; their credentials are in the Secrets that they name"
        }
        "proj" => {
            "what a project restricts, the account of a Kustomization does: its spec.serviceAccountName, with roles of Kubernetes"
        }
        "cluster" | "context" | "login" | "account" => {
            "clusters and who you are to them are in the kubeconfig: `kubectl config`, and --context of each command"
        }
        _ => return None,
    };
    Some(meant.to_owned())
}

/// What does what `argocd app VERB` does.
fn of_an_application(verb: &str) -> Option<&'static str> {
    Some(match verb {
        "list" | "get" | "wait" => "`cowherd get ks -A`, or `cowherd get ks NAME -o wide`",
        "sync" => "`cowherd reconcile NAME --with-source`",
        "diff" => "`cowherd diff NAME --revision REVISION`",
        "history" => "`cowherd history NAME`",
        "rollback" => REVERT,
        "resources" => "`cowherd tree NAME`",
        "manifests" => "`cowherd render PATH`, or `cowherd tree NAME` for what was applied",
        "logs" => "`cowherd logs ks/NAME` for what was done, `kubectl logs` for what a Pod says",
        "create" | "set" | "unset" | "edit" | "patch" | "delete" => {
            "an Application is a Kustomization here, and what is in Git is there: commit it, change it, or take it away"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn no_tip_is_about_a_command_that_is_there() {
        for name in Cli::command().get_subcommands().map(clap::Command::get_name) {
            assert_eq!(tip(name, None), None, "{name}");
        }
        assert!(tip("delete", None).unwrap().contains("`kubectl delete …`") && tip("nonsense", None).is_none());
    }

    #[test]
    fn words_of_argo_cd_have_a_tip_each() {
        for (second, meant) in [
            (Some("sync"), "`cowherd reconcile NAME"),
            (Some("list"), "`cowherd get ks -A`"),
            (Some("rollback"), "git revert"),
            (Some("nonsense"), "`cowherd tree NAME`"),
            (None, "`cowherd tree NAME`"),
        ] {
            let tip = tip("app", second).unwrap();
            assert!(tip.contains(meant), "{second:?}: {tip}");
        }
        assert!(["repo", "proj", "cluster", "rollback"].iter().all(|word| tip(word, None).is_some()));
    }

    #[test]
    fn a_flag_is_no_second_word() {
        let line = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>().into_iter();
        assert_eq!(behind("app", line("cowherd app sync guestbook")).as_deref(), Some("sync"));
        assert_eq!(behind("app", line("cowherd app --help")), None);
        assert_eq!(behind("app", line("cowherd app")), None);
    }
}
