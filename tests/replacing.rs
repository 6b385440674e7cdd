//! All that a Kustomization had goes, and something else comes in its place.

use crate::program::repository::{Repository, config_map};
use crate::program::{Running, eventually};

/// A Kustomization `app` whose directory has what is written into it.
fn app(files: &[(&str, &str)]) -> (Repository, Running, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("app", "./app", "");
    for (file, text) in files {
        repository.write(&format!("app/{file}"), text);
    }
    let first = repository.commit("begin");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_for_ready("app", "True", &first);
    (repository, running, directory)
}

fn names(running: &Running) -> Vec<String> {
    let found = running.identities("configmaps", "default").into_keys();
    found.filter(|name| name != "kube-root-ca.crt").collect()
}

fn has_only(running: &Running, wanted: &[&str]) {
    eventually("only these are there", || match names(running) {
        found if found == wanted => Ok(()),
        found => Err(format!("{found:?}")),
    });
}

#[test]
fn six_in_whose_place_one_comes_wait_for_a_word_which_diff_foresees() {
    let six = ["a", "b", "c", "d", "e", "f"];
    let files = six.map(|name| (format!("{name}.yaml"), config_map(name, "1")));
    let files: Vec<_> = files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
    let (repository, running, _directory) = app(&files);
    for name in six {
        repository.remove(&format!("app/{name}.yaml"));
    }
    repository.config_map("app/other.yaml", "other", "1");
    let foreseen = running.cowherd(["diff", "ks/app", "--worktree"]);
    let foreseen = String::from_utf8_lossy(&foreseen.stdout).into_owned();
    assert!(foreseen.contains("waits until it is approved: nothing would be left"), "{foreseen}");
    let commit = repository.commit("another one");
    let words = [&commit, "it describes nothing of what it had before, of which 6 objects would go", "--allow-prune"];
    running.wait_for_condition("kustomization app", "False", &words);
    has_only(&running, &["a", "b", "c", "d", "e", "f", "other"]);
    running.cowherd_ok(["reconcile", "kustomization", "app", "--allow-prune"]);
    has_only(&running, &["other"]);
}

#[test]
fn the_only_object_may_have_another_name_and_what_a_generator_makes_another_hash() {
    let generator =
        |value: &str| format!("namespace: default\nconfigMapGenerator:\n- name: settings\n  literals: [key={value}]\n");
    let (repository, running, _directory) = app(&[("kustomization.yaml", &generator("1"))]);
    let before = names(&running);
    repository.write("app/kustomization.yaml", &generator("2"));
    running.wait_for_ready("app", "True", &repository.commit("another value"));
    assert!(names(&running).len() == 1 && names(&running) != before, "{before:?} {:?}", names(&running));

    repository.write("app/kustomization.yaml", "resources: [map.yaml]\n").config_map("app/map.yaml", "one", "1");
    running.wait_for_ready("app", "True", &repository.commit("one that is written"));
    has_only(&running, &["one"]);
    repository.config_map("app/map.yaml", "two", "1");
    running.wait_for_ready("app", "True", &repository.commit("another name"));
    has_only(&running, &["two"]);
}
