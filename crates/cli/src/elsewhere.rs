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

/// The command line.
pub fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        if error.kind() == ErrorKind::InvalidSubcommand
            && let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
            && let Some(tip) = tip(word)
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

/// What does what a command of another program does.
fn tip(word: &str) -> Option<String> {
    if OF_KUBECTL.contains(&word) {
        return Some(format!("kubectl works with every control plane: `kubectl {word} …`, with its kubeconfig"));
    }
    let meant = match word {
        "bootstrap" | "start" | "run" => "`cowherd up REPO --path PATH` follows a repository",
        "install" => "`cowherd agent --install-crds` works on a cluster that you have, `cowherd up` brings its own",
        "build" | "template" | "kustomize" => "`cowherd render PATH`",
        "export" => "`cowherd get KIND NAME -o yaml`",
        "status" | "list" | "ls" => "`cowherd get -A`",
        "sync" | "refresh" => "`cowherd reconcile NAME`",
        "validate" | "lint" => "`cowherd check PATH`",
        "stop" | "down" | "uninstall" => {
            "Ctrl-C, or SIGTERM, ends `cowherd up` and `server`; what they keep is in the data directory"
        }
        _ => return None,
    };
    Some(meant.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn no_tip_is_about_a_command_that_is_there() {
        for name in Cli::command().get_subcommands().map(clap::Command::get_name) {
            assert_eq!(tip(name), None, "{name}");
        }
        assert!(tip("delete").unwrap().contains("`kubectl delete …`") && tip("nonsense").is_none());
    }
}
