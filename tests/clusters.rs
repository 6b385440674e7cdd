//! Several clusters in one repository, and a start that names none of them.

use std::path::Path;

use crate::program::cowherd;
use crate::program::repository::{Repository, config_map};

/// A Kustomization of Flux, as text.
fn kustomization(name: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
         flux-system}}\nspec: {{interval: 1m, prune: true, path: ./apps, sourceRef: {{kind: GitRepository, name: \
         flux-system}}}}\n"
    )
}

/// Starts in a directory, to the end; how it ended, and what it said.
fn once(directory: &Path, words: &[&str]) -> (Option<i32>, String) {
    let mut command = cowherd(directory);
    command.arg("up").args(words).args(["--once", "--listen", "127.0.0.1:0"]).env_remove("COWHERD_DATA_DIR");
    let output = command.output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn repository(directory: &tempfile::TempDir) -> Repository {
    Repository::new(directory.path().join("fleet"))
}

#[test]
fn a_repository_of_several_clusters_is_refused_with_their_list_until_one_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let repository = repository(&directory);
    for cluster in ["dev", "prod"] {
        repository.write(&format!("clusters/{cluster}/apps.yaml"), &kustomization("apps"));
    }
    repository.write("apps/map.yaml", &config_map("map", "1")).commit("begin");
    for (from, flag) in [("", "--path clusters/dev"), ("clusters", "--path dev")] {
        let place = repository.path.join(from);
        let (status, said) = once(&place, &["."]);
        assert_eq!(status, Some(2), "{said}");
        for word in [
            "has no manifests of its own, and several clusters below it",
            "./clusters/dev (Flux Kustomizations), ./clusters/prod (Flux Kustomizations)",
            flag,
        ] {
            assert!(said.contains(word), "{from:?}: {word:?} is not in: {said}");
        }
        assert!(!repository.path.join(".cowherd").exists(), "nothing is made where nothing is followed");
    }
    // Who named the directory of the clusters means one of them as well.
    let (status, said) = once(&repository.path, &[".", "--path", "./clusters/"]);
    assert_eq!(status, Some(2), "{said}");
    for word in [
        "./clusters of file://",
        "has no manifests of its own, and several clusters below it",
        "such as --path ./clusters/dev",
        "as one: the same command with --path ./clusters/.",
    ] {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    assert!(!repository.path.join(".cowherd").exists());
    let (_, said) = once(&repository.path, &[".", "--path", "clusters/.", "--data-dir", "below"]);
    assert!(said.contains("from ./clusters") && said.contains("listens"), "{said}");
    let (status, said) = once(&repository.path, &[".", "--path", "clusters/dev"]);
    assert!(status == Some(0) && said.contains("from ./clusters/dev"), "{said}");
    // What is followed by now is resumed, without a question.
    let (status, said) = once(&repository.path, &[]);
    assert!(status == Some(0) && said.contains("resuming") && !said.contains("several"), "{said}");
    // And so is what somebody has chosen.
    let (_, said) = once(&repository.path, &[".", "--path", ".", "--data-dir", "all"]);
    assert!(said.contains("from ./") && said.contains("listens"), "{said}");
}

#[test]
fn overlays_of_one_base_are_refused_too_and_applications_beside_each_other_are_followed() {
    let directory = tempfile::tempdir().unwrap();
    let repository = repository(&directory);
    repository.write("base/kustomization.yaml", "resources: [map.yaml]\n");
    repository.write("base/map.yaml", &config_map("map", "1"));
    for overlay in ["dev", "prod"] {
        repository.write(&format!("{overlay}/kustomization.yaml"), "resources: [../base]\n");
    }
    repository.commit("begin");
    let (status, said) = once(&repository.path, &[]);
    assert!(status == Some(2) && said.contains("./dev (a kustomization), ./prod (a kustomization)"), "{said}");
    assert!(said.contains("To see first what would fail in each of them: cowherd check\n"), "{said}");
    // All is offered that a review looks at, as far as there is room for it.
    for number in 10..22 {
        repository.write(&format!("plain-{number}/map.yaml"), &config_map("map", "1"));
    }
    repository.write("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n").commit("more");
    let (status, said) = once(directory.path(), &["fleet"]);
    assert!(status == Some(2) && said.contains("./plain-10 (manifests), ./plain-11 (manifests)"), "{said}");
    assert!(said.contains(", and 4 more") && !said.contains("./chart"), "{said}");
    let check = format!("cowherd check {}\n", repository.path.display());
    assert!(said.contains(&check), "{check}: {said}");
    let directory = tempfile::tempdir().unwrap();
    let plain = Repository::new(directory.path().join("plain"));
    for name in ["one", "two"] {
        plain.write(&format!("{name}/kustomization.yaml"), "resources: [map.yaml]\n");
        plain.write(&format!("{name}/map.yaml"), &config_map(name, "1"));
    }
    plain.commit("begin");
    let (status, said) = once(&plain.path, &[]);
    assert!(status == Some(0) && !said.contains("may be meant"), "{said}");
}

#[test]
fn one_cluster_below_what_is_followed_is_named_and_nothing_is_guessed() {
    let directory = tempfile::tempdir().unwrap();
    let repository = repository(&directory);
    repository.write("clusters/prod/apps.yaml", &kustomization("apps"));
    repository.write("apps/map.yaml", &config_map("map", "1")).commit("begin");
    let (_, said) = once(&repository.path, &[]);
    let hint = "below ./, of which all is followed, a cluster may be meant: ./clusters/prod (Flux Kustomizations); --path \
                clusters/prod follows that alone";
    assert!(said.contains(hint) && said.contains("from ./"), "{said}");
}
