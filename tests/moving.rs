//! Objects that move from one Kustomization to another are never deleted, whatever keeps the other.

use crate::program::fleet::Fleet;
use crate::program::repository::{Repository, config_map};
use crate::program::{Running, eventually};

/// The ConfigMaps of the namespace `default`, with their identities.
fn identities(running: &Running, names: &[&str]) -> Vec<(String, Option<String>)> {
    let all = running.identities("configmaps", "default");
    names.iter().map(|name| (name.to_string(), all.get(*name).map(|(uid, _)| uid.clone()))).collect()
}

#[test]
fn two_commits_in_quick_succession_delete_nothing_that_the_second_one_moves() {
    const MANY: usize = 500;
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    let many = |value: &str| {
        let all: Vec<String> = (0..MANY).map(|number| config_map(&format!("many-{number}"), value)).collect();
        repository.write("slow/many.yaml", &all.join("---\n"));
    };
    for name in ["a", "b", "slow"] {
        repository.kustomization(name, &format!("./{name}"), "");
        repository.config_map(&format!("{name}/own.yaml"), &format!("own-{name}"), "1");
    }
    many("0");
    repository.config_map("a/moved.yaml", "moved", "1").config_map("b/junk.yaml", "junk", "1");
    let first = repository.commit("begin");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    let wait = |commit: &str| ["a", "b", "slow"].iter().for_each(|name| running.wait_for_ready(name, "True", commit));
    wait(&first);
    let before = identities(&running, &["moved"]);
    for round in 1..=3 {
        let (from, to) = if round % 2 == 1 { ("a", "b") } else { ("b", "a") };
        many(&round.to_string());
        repository.remove(&format!("{to}/junk.yaml")).commit("many change, and junk goes");
        // So that the first one is being brought when the second comes, at whatever point that may be.
        std::thread::sleep(std::time::Duration::from_millis(200 * round));
        repository.remove(&format!("{from}/moved.yaml")).config_map(&format!("{to}/moved.yaml"), "moved", "1");
        wait(&repository.commit("it moves"));
        assert_eq!(identities(&running, &["moved"]), before, "round {round}");
        repository.config_map(&format!("{from}/junk.yaml"), "junk", "1");
        wait(&repository.commit("junk is back"));
    }
}

/// Has the Kustomization `app` another name, in a commit with a mistake that keeps the new one from being rendered, and waits
/// until what it has is held.
fn rename_with_a_mistake(repository: &Repository, running: &Running) {
    repository.remove("cluster/app.yaml").kustomization("shop", "./app", "");
    repository.write("app/mistake.yaml", "kind: [").commit("app is shop, and there is a mistake");
    running.wait_until_said(&["stays", "Kustomization/flux-system/app", "shop, which failed"]);
}

#[test]
fn what_is_renamed_with_a_mistake_stays_as_it_is_until_that_is_put_right() {
    let Fleet { repository, running, directory: _directory, .. } = Fleet::start();
    let names = ["red", "blue"];
    let before = identities(&running, &names);
    rename_with_a_mistake(&repository, &running);
    let words = ["Kustomization/flux-system/app", "shop, which failed", "--allow-prune"];
    running.wait_for_warning("Kustomization/flux-system", &words);
    assert_eq!(identities(&running, &names), before);
    repository.remove("app/mistake.yaml");
    running.wait_for_ready("shop", "True", &repository.commit("without the mistake"));
    crate::program::eventually("the former is gone", || match running.identities("kustomizations", "flux-system") {
        all if all.contains_key("app") => Err(format!("{:?}", all.keys())),
        _ => Ok(()),
    });
    assert_eq!(identities(&running, &names), before);
}

#[test]
fn a_rename_that_is_taken_back_while_it_waits_leaves_everything_as_it_was() {
    let Fleet { repository, running, directory: _directory, .. } = Fleet::start();
    let names = ["red", "blue"];
    let before = identities(&running, &names);
    rename_with_a_mistake(&repository, &running);
    repository.remove("cluster/shop.yaml").kustomization("app", "./app", "").remove("app/mistake.yaml");
    repository.remove("app/blue.yaml");
    running.wait_for_ready("app", "True", &repository.commit("as it was, but for blue"));
    let after = identities(&running, &names);
    assert_eq!(after[0], before[0], "it was never gone");
    assert_eq!(after[1].1, None, "what it had is known of it still");
}

#[test]
fn a_deletion_that_waits_for_another_is_foreseen_and_said_by_both_in_each_place() {
    let Fleet { repository, running, directory: _directory, .. } = Fleet::start();
    repository.remove("app/blue.yaml").write("other/map.yaml", "kind: [");
    let diff = |words: &[&str]| String::from_utf8_lossy(&running.cowherd(words).stdout).into_owned();
    let waits = "► ConfigMap/default/blue deleted\n    waits until it is known whether it moves to Kustomization \
                 flux-system/other, which cannot be built";
    let foreseen = diff(&["diff", "--worktree"]);
    assert!(foreseen.contains(&format!("{waits} at this revision")), "{foreseen}");

    let commit = repository.commit("blue goes, and there is a mistake beside it");
    let said = "pruning waits until it is known who describes what is to go (1 object): Kustomization \
                flux-system/other, which failed";
    running.wait_for_condition("kustomization app", "True", &[&commit, said]);
    running.wait_for_warning("Kustomization/app", &[said, "ConfigMap/default/blue", "--allow-prune"]);
    running.wait_until_said(&["app", "ConfigMap/default/blue", "flux-system/other, which failed", "may describe it"]);
    let table = running.cowherd_ok(["get", "kustomization", "app", "-o", "wide"]);
    assert!(table.contains("pruning waits until it is known"), "{table}");
    let theirs = "until it is known what this one describes, Kustomization flux-system/app does not prune";
    running.wait_for_condition("kustomization other", "False", &[theirs]);
    let now = diff(&["diff", "app"]);
    assert!(now.contains(&format!("{waits} now")), "{now}");

    repository.config_map("other/map.yaml", "other", "2");
    let commit = repository.commit("mended");
    running.wait_for_ready("other", "True", &commit);
    eventually("blue is gone", || match running.identities("configmaps", "default").contains_key("blue") {
        true => Err("it is there".to_owned()),
        false => Ok(()),
    });
}
