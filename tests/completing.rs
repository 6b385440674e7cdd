//! Completions and manual pages, as a shell and `man` see them.

use std::path::Path;
use std::process::Command;

use crate::program::fleet::{self, Fleet};
use crate::program::{cowherd, succeeded};

/// What bash offers for the last of the words.
fn offers(directory: &Path, words: &[&str]) -> Vec<String> {
    let script = r#"source <(cowherd completion bash)
function=$(complete -p cowherd | sed 's/.*-F \([^ ]*\) .*/\1/')
COMP_WORDS=(cowherd "$@") COMP_CWORD=$# COMP_TYPE=9
"$function" cowherd "${!#}" ""
printf '%s\n' "${COMPREPLY[@]}""#;
    let program = Path::new(env!("CARGO_BIN_EXE_cowherd")).parent().unwrap().display().to_string();
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script, "bash"]).args(words).current_dir(directory).env_remove("KUBECONFIG");
    bash.env("PATH", format!("{program}:{}", std::env::var("PATH").unwrap())).env("HOME", directory);
    succeeded(bash.output().unwrap())
        .lines()
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn names_are_completed_from_the_cluster_that_the_line_works_on() {
    let fleet = Fleet::start();
    let kubeconfig = fleet.running.kubeconfig();
    let directory = kubeconfig.parent().unwrap();
    let cluster = ["--kubeconfig", kubeconfig.to_str().unwrap()];
    let of = |words: &[&str]| offers(directory, &[&words[..1], &cluster, &words[1..]].concat());
    assert_eq!(of(&["tree", ""])[..4], ["app", "flux-system", "helmrelease", "kustomization"]);
    assert_eq!(of(&["reconcile", "source", "h"]), ["helm"]);
    assert_eq!(of(&["get", "ks", "o"]), ["other"]);
    assert_eq!(of(&["reconcile", "source", "git", ""])[0], "flux-system");
    assert_eq!(of(&["suspend", "ks/a"]), ["ks/app"]);
    assert_eq!(of(&["trace", "-n", "default", "configmap/re"]), ["configmap/red"]);
    assert_eq!(of(&["events", "-n", "default", "--for", "configm"]), ["configmap/"]);
    // Where no namespace is named, those of all are offered, as the commands find them.
    assert_eq!(of(&["trace", "configmap/re"]), ["configmap/red"]);
    assert_eq!(of(&["events", "--for", "configmap/re"]), ["configmap/red"]);
    assert_eq!(of(&["trace", "cm/re"]), ["cm/red"], "whatever kubectl takes for the kind");
    assert!(of(&["trace", "-n", "kube-public", "configmap/re"]).is_empty());
    assert_eq!(of(&["get", "-n", "kube-p"]), ["kube-public"]);
}

#[test]
fn revisions_are_completed_from_the_repository_and_nothing_is_where_nothing_answers() {
    let directory = tempfile::tempdir().unwrap();
    let repository = fleet::repository(&directory.path().join("fleet"));
    repository.commit("begin");
    repository.git(["branch", "feature"]);
    repository.git(["tag", "v1.0.0"]);
    assert_eq!(offers(&repository.path, &["diff", "--base", ""])[..3], ["feature", "main", "v1.0.0"]);
    assert_eq!(offers(&repository.path, &["up", "--branch", "f"]), ["feature"]);
    assert_eq!(offers(&repository.path, &["chec"]), ["check"]);
    assert!(offers(&repository.path, &["get", "ks", "a"]).is_empty());
}

#[test]
fn each_shell_and_no_other_has_completions() {
    let directory = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = succeeded(cowherd(directory.path()).args(["completion", shell]).output().unwrap());
        assert!(script.contains("COWHERD_COMPLETE"), "{shell}: {script}");
    }
    assert_eq!(cowherd(directory.path()).args(["completion", "cmd"]).status().unwrap().code(), Some(2));
}

#[test]
fn each_command_has_a_manual_page() {
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    succeeded(cowherd(directory.path()).arg("man").arg(&pages).output().unwrap());
    let page = |name: &str| std::fs::read_to_string(pages.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let help = succeeded(cowherd(directory.path()).arg("help").output().unwrap());
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What is indented further goes on with the line before.
    let commands = commands.filter(|line| !line.starts_with("   "));
    let commands: Vec<&str> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() > 10, "{help}");
    for command in commands.into_iter().filter(|command| *command != "help") {
        let page = page(&format!("cowherd-{command}.1"));
        assert!(page.contains(".SH SYNOPSIS") && page.contains(".SH OPTIONS"), "{page}");
        assert!(page.contains("Exit status: 0") || page.contains("Ends with 0"), "{command} says how it ends: {page}");
    }
    assert!(page("cowherd.1").contains("cowherd\\-up(1)"));
    // As `man` shows it.
    let shown = |name: &str| {
        let mut man = Command::new("man");
        man.arg(pages.join(name)).env("MANWIDTH", "200").env("LC_ALL", "C.UTF-8").env("MANPAGER", "cat");
        man.output().ok().map(succeeded)
    };
    let synopsis = page("cowherd-diff.1").split(".SH SYNOPSIS").nth(1).unwrap().split(".SH").next().unwrap().to_owned();
    assert!(synopsis.contains("\\-\\-revision") && synopsis.contains("REVISION"), "{synopsis}");
    if let Some(shown) = shown("cowherd-diff.1") {
        assert!(shown.contains("[--revision REVISION]") && shown.contains("[-o|--output FORMAT]"), "{shown}");
    }
}
