//! Commands and flags of the programs that people come from: what does here what they meant.

mod flags;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Error, FromArgMatches as _};

use crate::{Cli, help, terminal};

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
    let mut command = help::command();
    let parsed = command.try_get_matches_from_mut(std::env::args_os());
    let parsed = parsed.and_then(|matches| Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command)));
    parsed.unwrap_or_else(|error| {
        let error = advised(error, &arguments());
        if !error.use_stderr() {
            // What was asked for, such as help.
            error.exit();
        }
        let said = error.render();
        let said = if terminal::colours() { said.ansi().to_string() } else { said.to_string() };
        terminal::tell!("{}", said.trim_end());
        std::process::exit(error.exit_code())
    })
}

/// The words of the command line, as far as they are text.
fn arguments() -> Vec<String> {
    std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect()
}

/// An error with what somebody may have meant, in the place of what has a similar name.
fn advised(mut error: Error, line: &[String]) -> Error {
    let context = |error: &Error, kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.clone()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            if let Some(word) = context(&error, ContextKind::InvalidSubcommand)
                && let Some(tip) = tip(&word, behind(&word, line))
            {
                // In the manner of clap's own, before them.
                terminal::tell!(
                    "error: there is no command '{word}'\n\n  tip: {tip}\n\nFor more information, try '--help'."
                );
                std::process::exit(error.exit_code());
            }
        }
        ErrorKind::UnknownArgument => {
            // Nothing here takes a value that looks like a flag.
            error.remove(ContextKind::Suggested);
            let flag = context(&error, ContextKind::InvalidArg).unwrap_or_default();
            let command = command_of(line);
            let tip = flags::tip(command, flag.split('=').next().unwrap_or_default(), line);
            let similar = context(&error, ContextKind::SuggestedArg);
            if tip.is_some() || similar.is_some_and(|similar| similar == flags::NEVER_OFFERED) {
                error.remove(ContextKind::SuggestedArg);
                // It had the flag that is offered.
                error.insert(ContextKind::Usage, ContextValue::StyledStr(usage(command)));
            }
            advise(&mut error, tip);
        }
        ErrorKind::InvalidValue => {
            let tip = context(&error, ContextKind::InvalidArg)
                .filter(|flag| flag.starts_with("--output"))
                .and_then(|_| flags::form(&context(&error, ContextKind::InvalidValue)?));
            if tip.is_some() {
                error.remove(ContextKind::SuggestedValue);
            }
            advise(&mut error, tip);
        }
        _ => {}
    }
    error
}

/// Gives an error its tip, if there is one.
fn advise(error: &mut Error, tip: Option<String>) {
    if let Some(tip) = tip {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
}

/// How a command is used.
fn usage(command: Option<&str>) -> clap::builder::StyledStr {
    let mut whole = help::command();
    whole.build();
    match command.and_then(|command| whole.find_subcommand_mut(command)) {
        Some(command) => command.render_usage(),
        None => whole.render_usage(),
    }
}

/// The command of a line; before it no flag takes a value.
fn command_of(line: &[String]) -> Option<&str> {
    line.iter().skip(1).map(String::as_str).find(|word| !word.starts_with('-'))
}

/// The word behind another one, if there is one that is no flag.
fn behind<'a>(word: &str, line: &'a [String]) -> Option<&'a str> {
    let mut words = line.iter().skip_while(|argument| *argument != word).skip(1);
    words.next().map(String::as_str).filter(|next| !next.starts_with('-'))
}

/// The words behind a command that are no flags, and no namespace of one.
fn words_behind(command: &str, line: &[String]) -> Vec<String> {
    let mut words = line.iter().skip_while(|word| *word != command).skip(1);
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "-n" | "--namespace" => drop(words.next()),
            word if word.starts_with('-') => {}
            word => found.push(word.to_owned()),
        }
    }
    found
}

/// The namespace that a line names.
fn named_namespace(line: &[String]) -> Option<&str> {
    let mut words = line.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if ["-n", "--namespace"].contains(&word) {
            return words.next();
        }
        let joined =
            word.strip_prefix("--namespace=").or_else(|| word.strip_prefix("-n").filter(|name| !name.is_empty()));
        if joined.is_some() {
            return joined;
        }
    }
    None
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
        "start" | "run" => "`cowherd up REPO --path PATH` follows a repository",
        "build" | "template" | "kustomize" => "`cowherd render PATH`",
        "export" => "`cowherd get KIND NAME -o yaml`",
        "status" | "list" | "ls" | "stats" => "`cowherd get -A`",
        "sync" | "refresh" => "`cowherd reconcile NAME`",
        "rollback" | "undo" | "revert" => REVERT,
        "validate" | "lint" => "`cowherd check PATH`",
        "debug" => {
            "`cowherd get KIND NAME -o yaml` and `cowherd logs KIND/NAME` say how it is; `cowherd diff NAME` what would change; \
             `cowherd render` what comes of a chart and its values"
        }
        "push" | "tag" => {
            "cowherd publishes nothing: `git push` for what it follows, `flux push artifact` for a registry"
        }
        "pull" => {
            "agents fetch what sources name: `cowherd reconcile source oci NAME`; `flux pull artifact` has it on disk"
        }
        "envsubst" => {
            "`cowherd diff --base REVISION` shows objects with their variables replaced, and `cowherd check` tells those that have \
             no value"
        }
        "wait" => {
            "`cowherd up --once` waits until all is Ready, `cowherd reconcile NAME` until NAME is; or `kubectl wait \
             --for=condition=Ready KIND/NAME -n NAMESPACE`"
        }
        "init" => "`git init` makes a repository, and `cowherd up . --path PATH` follows it",
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
        let line = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(behind("app", &line("cowherd app sync guestbook")), Some("sync"));
        assert_eq!(behind("app", &line("cowherd app --help")), None);
        assert_eq!(behind("app", &line("cowherd app")), None);
    }

    /// What is said of a command line that makes no sense.
    fn said(text: &str) -> String {
        let line: Vec<String> = text.split(' ').map(str::to_owned).collect();
        advised(help::command().try_get_matches_from(&line).unwrap_err(), &line).to_string()
    }

    #[test]
    fn a_flag_of_another_program_has_its_tip_and_no_other() {
        for (line, tip) in [
            ("cowherd reconcile ks --all", "tip: without a name it is all sources"),
            ("cowherd reconcile hr x --force", "reconcile.fluxcd.io/forceAt=$at"),
            ("cowherd get ks --show-labels", "tip: kubectl shows them"),
            ("cowherd get -o jsonpath={.x}", "tip: kubectl has this form"),
            ("cowherd get --verbose", "tip: `-o wide` shows more"),
            ("cowherd -v", "tip: `cowherd -V` prints the version"),
            ("cowherd suspend ks x --message=later", "tip: who suspended it is kept"),
        ] {
            let said = said(line);
            assert!(said.contains(tip) && said.matches("tip: ").count() == 1, "{line}: {said}");
            assert!(!said.contains("similar") && !said.contains("as a value"), "{line}: {said}");
        }
    }

    #[test]
    fn what_has_things_deleted_is_offered_for_nothing() {
        for flag in ["--all", "--allow", "--allow-prun", "--prune"] {
            let said = said(&format!("cowherd reconcile ks/apps {flag}"));
            assert!(!said.contains("--allow-prune") && said.contains("Usage: cowherd reconcile"), "{said}");
        }
        let said = said("cowherd reconcile ks/apps --with-sorce");
        assert!(said.contains("a similar argument exists: '--with-source'"), "{said}");
    }
}
