//! Flags of the programs that people come from: what does here what they meant.

use super::{named_namespace, words_behind};
use crate::bootstrap::ROOT;

/// The one that is never offered for another: it has things deleted.
pub const NEVER_OFFERED: &str = "--allow-prune";

/// What else does what a flag of another program does. `line` is the command line.
pub fn tip(command: Option<&str>, flag: &str, line: &[String]) -> Option<String> {
    let meant = match (command.unwrap_or_default(), flag) {
        ("reconcile", "--force" | "--reset") => return Some(remedied(flag, line)),
        ("reconcile", "--all") => {
            "without a name it is all sources of the namespace, then all its Kustomizations and HelmReleases: `cowherd reconcile`"
        }
        ("reconcile", "--wait") => "it waits until all that is named is Ready, as long as --timeout says",
        ("diff", "--all") => "without a name it is everything that the repository describes: `cowherd diff`",
        ("tree", "--all") => {
            "`cowherd tree flux-system` shows all that the root applies, and what that applies in turn"
        }
        ("get" | "events" | "logs", "--all") => {
            "`-A` is for all namespaces; without a name all of the namespace is shown"
        }
        ("suspend", "--message" | "--reason") => {
            "who suspended it is kept, and no reason; `kubectl annotate KIND NAME -n NAMESPACE KEY=REASON` writes one beside it"
        }
        ("get" | "tree" | "events", "--show-labels") => {
            "kubectl shows them, with the kubeconfig of the control plane: `kubectl get kustomizations -A --show-labels`"
        }
        ("get", "--selector") => "`-l SELECTOR`, or --label-selector",
        ("check", "--pre") => {
            "nothing has to be there before; `cowherd check` looks at a repository alone, and `cowherd install` at the cluster that \
             it works on"
        }
        ("bootstrap", flag) if of_bootstrap(flag).is_some() => of_bootstrap(flag).unwrap_or_default(),
        ("install" | "up" | "bootstrap", "--components" | "--components-extra") => {
            "there are none to choose from: one program does what Flux's controllers do"
        }
        ("up" | "reconcile" | "install", "--dry-run") => {
            "`cowherd diff` shows what would change in the cluster, `cowherd diff --base REVISION` without one, \
             `cowherd install --export` what would be installed"
        }
        ("", "-v" | "--verbose") => "`cowherd -V` prints the version; what is done is in the log: `cowherd logs`",
        ("get", "-v" | "--verbose") => "`-o wide` shows more; what was done is in the log: `cowherd logs`",
        (_, "-v" | "--verbose" | "--debug") => "what was done, by whose commit and why, is in the log: `cowherd logs`",
        ("logs", "--flux-namespace") => {
            "`-n NAMESPACE` is that of the objects that lines are about; agents in a cluster write their log to their Pod: `kubectl \
             logs -n flux-system deployment/cowherd-agent`"
        }
        (_, "--flux-namespace") => "`-n NAMESPACE` names the namespace of what is meant",
        _ => return None,
    };
    Some(meant.to_owned())
}

/// What does what a flag of `flux bootstrap` does that is none here.
fn of_bootstrap(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "--registry" | "--registry-creds" => {
            "--image names the image with its registry, and --image-pull-secret the Secret in flux-system with which nodes fetch it"
        }
        "--version" => "--image says which version runs, and the manifests are those of the program that you have here",
        "--gpg-key-ring" | "--gpg-passphrase" | "--gpg-key-id" => {
            "commits are signed with a key of ssh: --ssh-signing-key-file; nothing signs with OpenPGP here"
        }
        "--ssh-signing-password" | "--ssh-signing-passphrase" | "--ssh-signing-reuse-private-key" => {
            "--ssh-signing-key-file names a private key of ssh without a passphrase"
        }
        "--ssh-hostkey-algos" => {
            "--known-hosts-file says which host keys are accepted, and ~/.ssh/config what your ssh asks for"
        }
        "--network-policy" | "--toleration-keys" | "--cluster-domain" => {
            "write a patch of gotk-components.yaml into flux-system/kustomization.yaml of the repository: it stays"
        }
        "--watch-all-namespaces" | "--log-level" => {
            "flags of `cowherd agent` for the agents stand behind `--`; these look at all namespaces"
        }
        "--sparse-checkout" => {
            "write a patch of the GitRepository into flux-system/kustomization.yaml of the repository: it stays"
        }
        "--force" => "what another tool has brought is taken over; Flux's controllers are: `cowherd migrate`",
        "--reconcile" | "--team" | "--visibility" | "--group" | "--deploy-token-auth" => {
            "a repository that is there stays as it is, and one that is made is private or, with --private=false, public"
        }
        _ => return None,
    })
}

/// How a release is forced, or its failures are forgotten, by the annotations that Flux's own command sets.
fn remedied(flag: &str, line: &[String]) -> String {
    const RELEASES: [&str; 3] = ["hr", "helmrelease", "helmreleases"];
    let words = words_behind("reconcile", line);
    let (kind, name) = match &words[..] {
        [word, ..] if word.contains('/') => word.split_once('/').unwrap_or_default(),
        [word] => ("", word.as_str()),
        [kind, name, ..] => (kind.as_str(), name.as_str()),
        [] => ("hr", "NAME"),
    };
    if !RELEASES.contains(&kind) {
        return format!(
            "{flag} is of HelmReleases; the field `force: true` of a Kustomization has objects made anew that cannot be changed"
        );
    }
    let (annotation, what) = match flag {
        "--reset" => ("resetAt", "forgets how often it failed"),
        _ => ("forceAt", "installs or upgrades it once, whatever its state is"),
    };
    let name = cowherd_text::shell::word(name);
    let namespace = cowherd_text::shell::word(named_namespace(line).unwrap_or(ROOT));
    format!(
        "this {what}: at=$(date +%s); kubectl annotate --overwrite helmrelease {name} -n {namespace} \
         reconcile.fluxcd.io/requestedAt=$at reconcile.fluxcd.io/{annotation}=$at"
    )
}

/// What gives the form of output that kubectl has and no command here.
pub fn form(value: &str) -> Option<String> {
    const OF_KUBECTL: [&str; 5] = ["jsonpath", "jsonpath-as-json", "go-template", "template", "custom-columns"];
    let name = value.split('=').next().unwrap_or(value);
    OF_KUBECTL.contains(&name).then(|| {
        format!(
            "kubectl has this form, with the kubeconfig of the control plane: `kubectl get KIND NAME -n NAMESPACE -o {name}=…`; \
             `-o json` is there for `jq`"
        )
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::Cli;

    fn of(line: &str, flag: &str) -> String {
        let line: Vec<String> = line.split(' ').map(str::to_owned).collect();
        tip(line.get(1).map(String::as_str), flag, &line).unwrap_or_default()
    }

    #[test]
    fn a_release_is_forced_by_the_line_that_is_given() {
        let line = |namespace: &str, annotation: &str| {
            format!(
                "at=$(date +%s); kubectl annotate --overwrite helmrelease web -n {namespace} \
                 reconcile.fluxcd.io/requestedAt=$at reconcile.fluxcd.io/{annotation}=$at"
            )
        };
        let (root, shop) = (line("flux-system", "forceAt"), line("shop", "resetAt"));
        assert!(of("cowherd reconcile hr web --force", "--force").ends_with(&root));
        assert!(of("cowherd reconcile --force helmrelease/web", "--force").ends_with(&root));
        for namespace in ["-n shop", "--namespace shop", "--namespace=shop", "-nshop"] {
            let said = of(&format!("cowherd reconcile {namespace} hr/web --reset"), "--reset");
            assert!(said.ends_with(&shop), "{namespace}: {said}");
        }
        assert!(of("cowherd reconcile hr/web --timeout 5m --force", "--force").ends_with(&root));
        assert!(of("cowherd reconcile ks/apps --force", "--force").contains("`force: true` of a Kustomization"));
        assert!(of("cowherd reconcile --force", "--force").contains("helmrelease NAME -n"));
    }

    #[test]
    fn no_tip_is_about_a_flag_that_is_there() {
        const FLAGS: [&str; 15] = [
            "--all",
            "--components",
            "--components-extra",
            "--debug",
            "--dry-run",
            "--flux-namespace",
            "--force",
            "--message",
            "--pre",
            "--reason",
            "--reset",
            "--selector",
            "--show-labels",
            "--verbose",
            "--wait",
        ];
        let whole = Cli::command();
        for command in whole.get_subcommands() {
            for flag in FLAGS {
                let has = command.get_arguments().any(|one| one.get_long() == flag.strip_prefix("--"));
                let is_general = ["--verbose", "--debug"].contains(&flag);
                let tip = tip(Some(command.get_name()), flag, &[]);
                assert!(!has || is_general || tip.is_none(), "{} {flag}", command.get_name());
            }
        }
    }

    #[test]
    fn forms_of_kubectl_are_told_from_mistakes() {
        assert!(form("jsonpath={.status}").unwrap().contains("-o jsonpath=…"));
        assert_eq!((form("jsn"), form("wide")), (None, None));
    }
}
