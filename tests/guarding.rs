//! What nobody may have meant to delete waits until somebody says that it is meant.

use std::path::Path;

use crate::program::repository::Repository;
use crate::program::{Running, cowherd, eventually, succeeded};

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: prod\n";

const DEFINITION: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: gadgets.example.com
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets, singular: gadget}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema: {type: object}
";

fn config_map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: prod\n")
}

/// An environment `prod`, a Kustomization with a Namespace and a ConfigMap in it, beside a Kustomization `other`.
struct Environment {
    repository: Repository,
    running: Running,
    // Goes last, when nobody writes into it any more.
    _directory: tempfile::TempDir,
}

impl Environment {
    fn start(arguments: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = Self::repository(&directory.path().join("fleet"));
        let first = repository.commit("begin");
        let up = ["up", "fleet", "--path", "cluster"].into_iter().chain(arguments.iter().copied());
        let running = Running::start(directory.path(), up);
        running.wait_for_ready("prod", "True", &first);
        running.wait_for_ready("other", "True", &first);
        Self { repository, running, _directory: directory }
    }

    fn repository(path: &Path) -> Repository {
        let repository = Repository::new(path.to_owned());
        repository.kustomization("prod", "./prod", "").kustomization("other", "./other", "");
        repository.write("prod/kustomization.yaml", "resources: [namespace.yaml, map.yaml]\n");
        repository.write("prod/namespace.yaml", NAMESPACE).write("prod/map.yaml", &config_map("settings"));
        repository.config_map("other/map.yaml", "other", "1");
        repository
    }

    /// Commits, and waits until `prod` says all of these words of what waits.
    fn commit_waits(&self, words: &[&str]) -> String {
        let commit = self.repository.commit("one that was not meant so");
        self.running.wait_for_condition("kustomization prod", "False", &[&[commit.as_str()], words].concat());
        commit
    }

    fn has(&self, object: &str) -> bool {
        self.running.kubectl(["get"].into_iter().chain(object.split(' '))).status.success()
    }
}

#[test]
fn an_environment_that_a_commit_leaves_empty_waits_for_approval() {
    let environment = Environment::start(&[]);
    let Environment { repository, running, .. } = &environment;
    repository.write("prod/kustomization.yaml", "resources: []\n");
    repository.config_map("other/map.yaml", "other", "2");
    let words =
        ["2 objects", "ConfigMap/prod/settings", "Namespace/prod", "reconcile kustomization prod", "--allow-prune"];
    let commit = environment.commit_waits(&words);
    running.wait_for_ready("other", "True", &commit);
    running.wait_for_warning("Kustomization/prod", &["waits until it is approved"]);
    running.wait_until_said(&["prod", "waits until it is approved"]);

    // It goes on waiting at later revisions, whatever else they bring, and over attempts.
    repository
        .write("prod/kustomization.yaml", "resources: [more.yaml]\n")
        .write("prod/more.yaml", &config_map("more"));
    environment.commit_waits(&words);
    let attempt = running.cowherd(["reconcile", "kustomization", "prod"]);
    assert_eq!(attempt.status.code(), Some(1));
    for object in ["namespace prod", "configmap settings -n prod", "configmap more -n prod"] {
        assert!(environment.has(object), "{object} is gone");
    }

    // All that is named has to wait.
    let both = running.cowherd(["reconcile", "kustomization", "prod", "other", "--allow-prune"]);
    assert!(!both.status.success() && String::from_utf8_lossy(&both.stderr).contains("nothing of kustomization other"));
    let prod = running.get("kustomization prod -n flux-system");
    assert!(prod["metadata"]["annotations"]["cowherd.dev/prune-approved"].is_null(), "{prod}");

    running.cowherd_ok(["reconcile", "kustomization", "prod", "--allow-prune"]);
    assert!(!environment.has("configmap settings -n prod"));
}

#[test]
fn who_resumes_approves_of_nothing_that_waits() {
    let environment = Environment::start(&[]);
    environment.repository.write("prod/kustomization.yaml", "resources: []\n");
    environment.commit_waits(&["2 objects"]);
    let Environment { running, _directory: directory, .. } = environment;
    running.stop();
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster", "--switch"]);
    assert_eq!(running.cowherd(["reconcile", "kustomization", "prod"]).status.code(), Some(1));
    assert!(running.kubectl(["get", "configmap", "settings", "-n", "prod"]).status.success());
}

#[test]
fn the_approval_of_a_switch_ends_when_the_revision_is_applied_though_nothing_was_to_be_pruned() {
    let environment = Environment::start(&[]);
    let Environment { repository, running, _directory: directory } = environment;
    repository.config_map("spare/map.yaml", "spare", "1").write("empty/kustomization.yaml", "resources: []\n");
    repository.copy(&repository.path.join("cluster"), "another");
    running.wait_for_ready("flux-system", "True", &repository.commit("room for another"));
    let apply = |running: &Running, path: &str| {
        repository.write("by-hand.yaml", &by_hand(path));
        running.kubectl_ok(["apply", "-f", repository.path.join("by-hand.yaml").to_str().unwrap()]);
    };
    apply(&running, "./spare");
    running.wait_for_ready("by-hand", "True", "");
    running.stop();
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "another", "--switch"]);
    // What it says is from before the start until it was asked.
    running.cowherd_ok(["reconcile", "kustomization", "by-hand"]);
    apply(&running, "./empty");
    running.wait_for_condition("kustomization by-hand", "False", &["waits until it is approved", "default/spare"]);
    assert!(running.kubectl(["get", "configmap", "spare", "-n", "default"]).status.success());
}

/// A Kustomization that nobody but the test has made, of a directory.
fn by_hand(path: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: by-hand, namespace: flux-system}}\n\
         spec: {{interval: 1h, path: {path}, prune: true, sourceRef: {{kind: GitRepository, name: flux-system}}}}\n"
    )
}

#[test]
fn an_approval_counts_for_what_it_was_shown_and_once() {
    let environment = Environment::start(&[]);
    let Environment { repository, running, .. } = &environment;
    repository.config_map("spare/map.yaml", "spare", "1").write("empty/kustomization.yaml", "resources: []\n");
    running.wait_for_ready("flux-system", "True", &repository.commit("room for another"));
    let apply = |path: &str| {
        repository.write("by-hand.yaml", &by_hand(path));
        running.kubectl_ok(["apply", "-f", repository.path.join("by-hand.yaml").to_str().unwrap()]);
    };
    let waits = || {
        apply("./empty");
        running.wait_for_condition("kustomization by-hand", "False", &["waits until it is approved", "default/spare"]);
        assert!(environment.has("configmap spare -n default"));
    };
    let applied = || {
        apply("./spare");
        running.wait_for_ready("by-hand", "True", "");
        eventually("the object is there", || match environment.has("configmap spare -n default") {
            true => Ok(()),
            false => Err("it is not".to_owned()),
        });
    };
    let pruned = || {
        eventually("the object is gone", || match environment.has("configmap spare -n default") {
            true => Err("it is still there".to_owned()),
            false => Ok(()),
        });
    };
    applied();
    let early = running.cowherd(["reconcile", "kustomization", "by-hand", "--allow-prune"]);
    let said = String::from_utf8_lossy(&early.stderr).into_owned();
    assert!(!early.status.success() && said.contains("nothing of kustomization by-hand waits for approval"), "{said}");
    waits();
    running.cowherd_ok(["reconcile", "kustomization", "by-hand", "--allow-prune"]);
    pruned();

    // The revision is the same, and so is what would go: it is another time.
    applied();
    waits();
    let conditions = running.get("kustomization by-hand -n flux-system")["status"]["conditions"].clone();
    let ready = conditions[0]["message"].as_str().unwrap();
    let (_, approval) = ready.rsplit_once("cowherd.dev/prune-approved: ").unwrap();
    let annotation = format!("cowherd.dev/prune-approved={}", approval.trim_end_matches('`'));
    running.kubectl_ok(["annotate", "--overwrite", "kustomization", "by-hand", "-n", "flux-system", &annotation]);
    pruned();
}

#[test]
fn what_comes_back_waits_no_longer() {
    let environment = Environment::start(&[]);
    let uid = environment.running.uid("configmap settings -n prod");
    environment.repository.write("prod/kustomization.yaml", "resources: []\n");
    environment.commit_waits(&["approved"]);
    environment.repository.git(["revert", "--no-edit", "HEAD"]);
    environment.running.wait_for_ready("prod", "True", "");
    assert_eq!(environment.running.uid("configmap settings -n prod"), uid, "it was never gone");
}

#[test]
fn a_mistake_that_is_reverted_takes_what_it_brought_with_it_and_asks_for_nothing() {
    let environment = Environment::start(&[]);
    let Environment { repository, running, .. } = &environment;
    let uid = running.uid("configmap settings -n prod");
    repository.write("prod/kustomization.yaml", "resources: [stray.yaml]\n");
    repository.write(
        "prod/stray.yaml",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: stray, namespace: default}\n",
    );
    environment.commit_waits(&["it describes nothing of what it had before, of which 2 objects would go"]);
    assert!(environment.has("serviceaccount stray -n default"));
    repository.git(["revert", "--no-edit", "HEAD"]);
    let reverted = repository.git(["rev-parse", "HEAD"]);
    running.wait_for_ready("prod", "True", reverted.trim());
    assert!(!environment.has("serviceaccount stray -n default"), "the mistake had brought it");
    assert_eq!(running.uid("configmap settings -n prod"), uid, "it was never gone");
    running.wait_until_said(&["prod", "1 pruned", "ServiceAccount/default/stray deleted"]);
}

#[test]
fn a_namespace_with_what_others_made_waits_and_the_rest_is_pruned() {
    let environment = Environment::start(&[]);
    let Environment { repository, running, .. } = &environment;
    running.kubectl_ok(["create", "secret", "generic", "by-hand", "-n", "prod"]);
    repository.config_map("prod/stays.yaml", "stays", "1");
    repository.write("prod/kustomization.yaml", "resources: [stays.yaml, namespace.yaml, map.yaml]\n");
    running.wait_for_ready("prod", "True", &repository.commit("add one that stays"));

    repository.write("prod/kustomization.yaml", "resources: [stays.yaml]\n");
    let commit = environment.commit_waits(&["Namespace/prod", "Secret/prod/by-hand"]);
    assert!(!environment.has("configmap settings -n prod"), "the rest is pruned");
    running.wait_until_said(&["prod", "1 pruned", "ConfigMap/prod/settings deleted"]);
    eventually("the log says what was pruned", || {
        let log = running.cowherd_ok(["logs", "ks/prod", "--level", "error"]);
        if log.contains("ConfigMap/prod/settings deleted") { Ok(()) } else { Err(log) }
    });
    assert!(environment.has("secret by-hand -n prod"));

    running.kubectl_ok(["delete", "secret", "by-hand", "-n", "prod"]);
    running.wait_for_ready("prod", "True", &commit);
}

/// Objects of several groups that nobody applied, in the namespace `prod`.
const BY_HAND: &str = "apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: by-hand, namespace: prod}}
- {apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: by-hand, namespace: prod},
   spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: by-hand, namespace: prod}, spec: {replicas: 0,
   selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: a}]}}}}
- {apiVersion: batch/v1, kind: CronJob, metadata: {name: by-hand, namespace: prod}, spec: {schedule: '0 0 1 1 *',
   suspend: true, jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: a}]}}}}}}
- {apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: by-hand, namespace: prod}, spec: {podSelector: {}}}
- {apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: by-hand, namespace: prod}, rules: []}
";

#[test]
fn what_others_made_in_the_namespace_of_an_emptied_environment_is_named_and_part_of_what_is_approved() {
    let environment = Environment::start(&[]);
    let Environment { repository, running, .. } = &environment;
    repository.write("by-hand.yaml", BY_HAND);
    running.kubectl_ok(["apply", "-f", repository.path.join("by-hand.yaml").to_str().unwrap()]);
    repository.write("prod/kustomization.yaml", "resources: []\n");
    let words = [
        "2 objects",
        "with Namespace/prod would go",
        "Secret/prod/by-hand",
        "PersistentVolumeClaim/prod/by-hand",
        "Deployment/prod/by-hand",
        "CronJob/prod/by-hand",
        "NetworkPolicy/prod/by-hand",
        "Role/prod/by-hand",
    ];
    environment.commit_waits(&words);
    let approval = || {
        let conditions = running.get("kustomization prod -n flux-system")["status"]["conditions"].clone();
        let ready = conditions[0]["message"].as_str().unwrap();
        let (_, approval) = ready.rsplit_once("cowherd.dev/prune-approved: ").unwrap();
        approval.trim_end_matches('`').to_owned()
    };
    let shown = approval();
    for _ in 0..3 {
        assert_eq!(running.cowherd(["reconcile", "kustomization", "prod"]).status.code(), Some(1));
        assert_eq!(approval(), shown, "the same in the same order");
    }

    running.kubectl_ok(["create", "configmap", "another", "-n", "prod"]);
    let annotation = format!("cowherd.dev/prune-approved={shown}");
    running.kubectl_ok(["annotate", "--overwrite", "kustomization", "prod", "-n", "flux-system", &annotation]);
    assert_eq!(running.cowherd(["reconcile", "kustomization", "prod"]).status.code(), Some(1));
    assert!(environment.has("secret by-hand -n prod"), "that was of less");
    running.cowherd_ok(["reconcile", "kustomization", "prod", "--allow-prune"]);
    assert!(!environment.has("configmap settings -n prod"));
}

#[test]
fn a_definition_with_instances_waits() {
    let environment = Environment::start(&[]);
    let Environment { repository, running, .. } = &environment;
    repository.write("prod/definition.yaml", DEFINITION);
    repository.write("prod/kustomization.yaml", "resources: [namespace.yaml, map.yaml, definition.yaml]\n");
    running.wait_for_ready("prod", "True", &repository.commit("define gadgets"));
    let gadget = "apiVersion: example.com/v1\nkind: Gadget\nmetadata:\n  name: one\n  namespace: default\n";
    repository.write("gadget.yaml", gadget);
    running.kubectl_ok(["apply", "-f", repository.path.join("gadget.yaml").to_str().unwrap()]);

    repository.write("prod/kustomization.yaml", "resources: [namespace.yaml, map.yaml]\n");
    environment.commit_waits(&["CustomResourceDefinition/gadgets.example.com", "Gadget/default/one"]);
    assert!(environment.has("gadget one -n default"));
    running.cowherd_ok(["reconcile", "kustomization", "prod", "--allow-prune"]);
    // A definition goes once its instances are gone.
    eventually("the definition is gone", || match environment.has("crd gadgets.example.com") {
        true => Err("it is still there".to_owned()),
        false => Ok(()),
    });
}

#[test]
fn a_kustomization_that_leaves_git_takes_its_objects_with_it_and_leaves_what_holds_others() {
    let environment = Environment::start(&[]);
    let Environment { repository, running, .. } = &environment;
    running.kubectl_ok(["create", "secret", "generic", "by-hand", "-n", "prod"]);
    repository.remove("cluster/prod.yaml");
    running.wait_for_ready("flux-system", "True", &repository.commit("without prod"));
    crate::program::eventually("prod is gone", || {
        let is_there = environment.has("kustomization prod -n flux-system");
        if is_there { Err(running.kubectl_ok(["get", "kustomizations", "-A"])) } else { Ok(()) }
    });
    assert!(!environment.has("configmap settings -n prod"));
    assert!(environment.has("secret by-hand -n prod"), "what others made stays");
    running.wait_for_warning("Kustomization/prod", &["Namespace/prod", "Secret/prod/by-hand"]);
}

/// A repository in which the root describes `prod` alone.
fn with_prod_alone() -> (Repository, Running, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("fleet"));
    repository.kustomization("prod", "./prod", "");
    repository.config_map("prod/one.yaml", "one", "1").config_map("prod/two.yaml", "two", "1");
    let first = repository.commit("begin");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_for_ready("prod", "True", &first);
    (repository, running, directory)
}

#[test]
fn another_environment_in_the_place_of_one_is_no_rename_and_a_rename_asks_for_nothing() {
    let (repository, running, _directory) = with_prod_alone();
    let before = running.identities("configmaps", "default");
    repository.remove("cluster/prod.yaml").kustomization("staging", "./staging", "");
    repository.config_map("staging/other.yaml", "other", "1");
    let commit = repository.commit("the directory of another cluster");
    running.wait_for_ready("staging", "True", &commit);
    let words = ["nothing of what it had before", "Kustomization/flux-system/prod", "--allow-prune"];
    running.wait_for_condition("kustomization flux-system", "False", &words);
    let maps = || running.identities("configmaps", "default");
    assert_eq!((maps().get("one"), maps().get("two")), (before.get("one"), before.get("two")));

    // Back again, and then under another name: nothing is asked, and nothing made anew.
    repository.remove("cluster/staging.yaml").kustomization("prod", "./prod", "");
    running.wait_for_ready("flux-system", "True", &repository.commit("a mistake"));
    repository.remove("cluster/prod.yaml").kustomization("production", "./prod", "");
    let commit = repository.commit("a rename");
    running.wait_for_ready("production", "True", &commit);
    running.wait_for_ready("flux-system", "True", &commit);
    eventually("prod is gone", || match running.identities("kustomizations", "flux-system").contains_key("prod") {
        true => Err("it is there".to_owned()),
        false => Ok(()),
    });
    let uid = |maps: &std::collections::BTreeMap<String, (String, String)>, name: &str| maps[name].0.clone();
    for name in ["one", "two"] {
        assert_eq!(uid(&maps(), name), uid(&before, name), "{name}");
    }
}

#[test]
fn what_waits_at_a_kustomization_is_asked_about_when_that_is_renamed_or_taken_away() {
    let (repository, running, _directory) = with_prod_alone();
    repository.kustomization("other", "./other", "").config_map("other/map.yaml", "other", "1");
    repository.remove("prod/one.yaml").remove("prod/two.yaml").write("prod/kustomization.yaml", "resources: []\n");
    let commit = repository.commit("a mistake");
    running.wait_for_condition("kustomization prod", "False", &[&commit, "2 objects"]);
    running.wait_for_ready("other", "True", &commit);
    repository.remove("cluster/prod.yaml").kustomization("production", "./prod", "");
    let commit = repository.commit("a rename");
    running.wait_for_ready("production", "True", &commit);
    let words = ["Kustomization/flux-system/prod", "ConfigMap/default/one", "ConfigMap/default/two", "--allow-prune"];
    running.wait_for_condition("kustomization flux-system", "False", &words);
    let maps = running.identities("configmaps", "default");
    assert!(maps.contains_key("one") && maps.contains_key("two"), "{:?}", maps.keys());
    running.cowherd_ok(["reconcile", "kustomization", "flux-system", "--allow-prune"]);
    eventually("it went as was approved", || {
        let maps = running.identities("configmaps", "default");
        if maps.contains_key("one") || maps.contains_key("two") { Err(format!("{:?}", maps.keys())) } else { Ok(()) }
    });
}

#[test]
fn everything_is_pruned_as_flux_does_where_that_is_set() {
    let environment = Environment::start(&["--no-prune-protection"]);
    environment.repository.write("prod/kustomization.yaml", "resources: []\n");
    environment.running.wait_for_ready("prod", "True", &environment.repository.commit("empty prod"));
    assert!(!environment.has("configmap settings -n prod"));

    let environment = Environment::start(&[]);
    let Environment { repository, running, .. } = &environment;
    let annotated = std::fs::read_to_string(repository.path.join("cluster/prod.yaml")).unwrap();
    let annotated =
        annotated.replace("metadata:\n", "metadata:\n  annotations: {cowherd.dev/prune-protection: disabled}\n");
    repository.write("cluster/prod.yaml", &annotated);
    running.wait_for_ready("flux-system", "True", &repository.commit("trust every commit"));
    repository.write("prod/kustomization.yaml", "resources: []\n");
    running.wait_for_ready("prod", "True", &repository.commit("empty prod"));
    assert!(!environment.has("configmap settings -n prod"));
}

#[test]
fn reconcile_wants_names_when_it_may_prune() {
    let directory = tempfile::tempdir().unwrap();
    let output = cowherd(directory.path()).args(["reconcile", "--help"]).output().unwrap();
    assert!(succeeded(output).contains("--allow-prune"));
}
