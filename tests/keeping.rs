//! What `cowherd up` put into the cluster stays there, and with it all that grows from it.

use crate::program::fleet::Fleet;
use crate::program::{Running, eventually};

const KUSTOMIZATION: &str = "kustomization flux-system -n flux-system";
const REPOSITORY: &str = "gitrepository flux-system -n flux-system";

/// Waits until an object is there that is not the one with this uid.
fn wait_for_another(running: &Running, object: &str, uid: &str) {
    eventually(&format!("{object} is back"), || {
        let words = ["get", "-o", "jsonpath={.metadata.uid}"].into_iter().chain(object.split(' '));
        let found = String::from_utf8_lossy(&running.kubectl(words).stdout).into_owned();
        if !found.is_empty() && found != uid { Ok(()) } else { Err(found) }
    });
}

/// The objects that the fleet applied, with their identities.
fn applied(fleet: &Fleet) -> Vec<(String, String)> {
    let maps = fleet.running.identities("configmaps", "default").into_iter();
    let mut found: Vec<_> = maps.map(|(name, (uid, _))| (name, uid)).collect();
    let kustomizations = fleet.running.identities("kustomizations", "flux-system").into_iter();
    found.extend(kustomizations.filter(|(name, _)| name != "flux-system").map(|(name, (uid, _))| (name, uid)));
    found
}

fn delete(fleet: &Fleet, object: &str) {
    let before = applied(fleet);
    let uid = fleet.running.uid(object);
    fleet.running.kubectl_ok(["delete", "--wait=false"].into_iter().chain(object.split(' ')));
    wait_for_another(&fleet.running, object, &uid);
    fleet.repository.config_map("app/red.yaml", "red", "after");
    fleet.running.wait_for_ready("app", "True", &fleet.repository.commit("go on"));
    assert_eq!(fleet.running.value("red"), "after");
    assert_eq!(applied(fleet), before, "nothing was made anew");
}

#[test]
fn the_root_that_is_deleted_is_put_back_and_prunes_nothing() {
    let fleet = Fleet::start();
    delete(&fleet, KUSTOMIZATION);
    fleet.running.wait_for_warning("Kustomization/flux-system", &["was deleted", "put back", "nothing was pruned"]);
    fleet.running.wait_until_said(&["Kustomization flux-system was deleted"]);
}

#[test]
fn what_waits_at_the_root_waits_still_when_it_was_deleted_and_put_back() {
    let Fleet { repository, running, directory: _directory, .. } = Fleet::start();
    // All that the root has goes, and nothing of its kind comes.
    repository.remove("cluster/app.yaml").remove("cluster/other.yaml");
    repository.config_map("cluster/map.yaml", "left", "1");
    let commit = repository.commit("a mistake");
    let words = ["nothing of what it had before", "Kustomization/flux-system/app", &commit];
    running.wait_for_condition("kustomization flux-system", "False", &words);
    let uid = running.uid(KUSTOMIZATION);
    running.kubectl_ok(["delete", "--wait=false"].into_iter().chain(KUSTOMIZATION.split(' ')));
    wait_for_another(&running, KUSTOMIZATION, &uid);
    running.wait_for_condition("kustomization flux-system", "False", &words);
    running.cowherd_ok(["reconcile", "kustomization", "flux-system", "--allow-prune"]);
    eventually("it went as was approved", || match running.identities("configmaps", "default").contains_key("red") {
        true => Err("red is there".to_owned()),
        false => Ok(()),
    });
}

const APP: &str = "kustomization app -n flux-system";

fn maps(running: &Running) -> Vec<(String, String)> {
    running.identities("configmaps", "default").into_iter().map(|(name, (uid, _))| (name, uid)).collect()
}

#[test]
fn a_kustomization_that_git_describes_is_put_back_when_it_is_deleted_and_prunes_nothing() {
    let fleet = Fleet::start();
    let (running, before) = (&fleet.running, maps(&fleet.running));
    let uid = running.uid(APP);
    // Where the new one is there when kubectl looks, it waits for that one to go.
    running.kubectl_ok(["delete", "--wait=false"].into_iter().chain(APP.split(' ')));
    wait_for_another(running, APP, &uid);
    let said = ["app was deleted", "Kustomization flux-system/flux-system describes it in Git", "nothing was pruned"];
    running.wait_for_warning("Kustomization/app", &said);
    running.wait_until_said(&said);
    fleet.repository.config_map("app/red.yaml", "red", "after").remove("app/blue.yaml");
    running.wait_for_ready("app", "True", &fleet.repository.commit("go on"));
    assert_eq!(running.value("red"), "after");
    let after: Vec<_> = before.into_iter().filter(|(name, _)| name != "blue").collect();
    assert_eq!(maps(running), after, "nothing was made anew, and what is dropped later goes");
}

#[test]
fn a_kustomization_goes_with_all_that_it_applied_where_who_describes_it_is_suspended() {
    let fleet = Fleet::start();
    let (running, uid) = (&fleet.running, fleet.running.uid("configmap red -n default"));
    running.cowherd_ok(["suspend", "kustomization", "flux-system"]);
    running.kubectl_ok(["delete"].into_iter().chain(APP.split(' ')));
    assert!(!running.identities("configmaps", "default").contains_key("red"));
    running.cowherd_ok(["resume", "kustomization", "flux-system"]);
    running.wait_for_ready("app", "True", &fleet.first);
    assert_ne!(running.uid("configmap red -n default"), uid, "it was made anew");
}

#[test]
fn the_source_that_is_deleted_is_put_back_and_commits_go_on() {
    let fleet = Fleet::start();
    delete(&fleet, REPOSITORY);
    fleet.running.wait_for_warning("GitRepository/flux-system", &["was deleted", "put back"]);
}

#[test]
fn a_spec_that_is_edited_by_hand_is_put_right_and_says_by_whom() {
    let fleet = Fleet::start();
    let running = &fleet.running;
    for (object, patch, field, expected) in [
        (KUSTOMIZATION, r#"{"spec":{"path":"./app"}}"#, "path", "./cluster"),
        (KUSTOMIZATION, r#"{"spec":{"targetNamespace":"elsewhere"}}"#, "targetNamespace", ""),
        (REPOSITORY, r#"{"spec":{"ref":{"branch":"gone"}}}"#, "ref.branch", "main"),
    ] {
        running.kubectl_ok(["patch", "--type=merge", "-p", patch].into_iter().chain(object.split(' ')));
        eventually(&format!("{field} of {object} is {expected:?} again"), || {
            let path = format!("jsonpath={{.spec.{field}}}");
            let found = running.kubectl_ok(["get", "-o", &path].into_iter().chain(object.split(' ')));
            if found == expected { Ok(()) } else { Err(found) }
        });
    }
    running.wait_for_warning("Kustomization/flux-system", &["was changed by \"kubectl-patch\""]);
    running.wait_for_warning("GitRepository/flux-system", &["was changed by \"kubectl-patch\""]);
    fleet.repository.config_map("app/red.yaml", "red", "after");
    fleet.wait_until_applied(&fleet.repository.commit("go on"));
}

#[test]
fn the_root_can_be_suspended() {
    let fleet = Fleet::start();
    fleet.running.cowherd_ok(["suspend", "kustomization", "flux-system"]);
    fleet.repository.kustomization("more", "./more", "").config_map("more/map.yaml", "more", "1");
    // What does not concern the root is seen first, so the root has had its time.
    fleet.repository.config_map("app/red.yaml", "red", "2");
    fleet.running.wait_for_ready("app", "True", &fleet.repository.commit("add one more"));
    assert_eq!(fleet.running.get(KUSTOMIZATION)["spec"]["suspend"], true);
    assert!(!fleet.running.kubectl(["get", "kustomization", "more", "-n", "flux-system"]).status.success());
    fleet.running.cowherd_ok(["resume", "kustomization", "flux-system"]);
    fleet.running.wait_for_ready("more", "True", "");
}

#[test]
fn the_namespace_and_the_definitions_that_everything_needs_are_not_deleted() {
    let fleet = Fleet::start();
    let before = applied(&fleet);
    for object in ["namespace flux-system", "crd kustomizations.kustomize.toolkit.fluxcd.io"] {
        let output = fleet.running.kubectl(["delete"].into_iter().chain(object.split(' ')));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("may not be deleted"), "{said}");
    }
    assert_eq!(applied(&fleet), before);
}
