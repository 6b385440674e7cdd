//! A FluxInstance in a repository: what it says is followed by the built program, and reported on.

use cowherd_gitserver::http::Server;

use crate::program::repository::Repository;
use crate::program::{Running, eventually};

/// A FluxInstance that follows a repository, which has one ConfigMap, and something else, so that not all goes at once.
fn describe(fleet: &Repository, url: &str) {
    let instance = format!(
        "apiVersion: fluxcd.controlplane.io/v1\nkind: FluxInstance\nmetadata:\n  name: flux\n  namespace: flux-system\nspec:\n  \
         distribution: {{version: 2.x, registry: ghcr.io/fluxcd}}\n  components: [source-controller, kustomize-controller]\n  \
         cluster: {{size: large}}\n  commonMetadata: {{labels: {{team: platform}}}}\n  sync:\n    kind: GitRepository\n    name: \
         platform\n    url: {url}\n    ref: refs/heads/main\n    path: apps\n    interval: 1h\n  kustomize:\n    patches:\n    - target: \
         {{kind: Kustomization}}\n      patch: |\n        - op: add\n          path: /spec/retryInterval\n          value: 5s\n    - \
         target: {{kind: Deployment}}\n      patch: |\n        - op: remove\n          path: /spec/replicas\n"
    );
    fleet.write("cluster/flux.yaml", &instance);
    fleet.config_map("cluster/other.yaml", "other", "1");
}

#[test]
fn what_it_says_is_followed_and_reported_and_stays_where_it_goes() {
    let directory = tempfile::tempdir().unwrap();
    let platform = Repository::new(directory.path().join("served/platform"));
    platform.config_map("apps/app.yaml", "app", "1").commit("begin");
    let server = Server::start(&directory.path().join("served"));
    let fleet = Repository::new(directory.path().join("fleet"));
    describe(&fleet, &server.url("platform/.git"));
    fleet.commit("begin");
    let arguments = ["up", "fleet", "--path", "cluster", "--allow-network", "127.0.0.1"];
    let running = Running::start(directory.path(), arguments);
    running.wait_for_value("app", "1");
    running.wait_for_condition("fluxinstance/flux", "True", &["Applied 2 objects"]);

    let instance = running.get("fluxinstance flux -n flux-system");
    let status = &instance["status"];
    assert_eq!(instance["metadata"]["finalizers"][0], "fluxcd.controlplane.io/finalizer");
    assert_eq!(status["lastAppliedRevision"], status["lastAttemptedRevision"], "{status}");
    assert!(status["components"].to_string().contains("kustomize-controller"), "{status}");
    let conditions = status["conditions"].as_array().unwrap();
    let idle = conditions.iter().find(|condition| condition["type"] == "WithoutEffect").unwrap().to_string();
    for field in ["spec.distribution", "spec.cluster.size", "spec.kustomize.patches[1]"] {
        assert!(idle.contains(field), "{field}: {idle}");
    }
    assert!(!idle.contains("spec.kustomize.patches[0]"), "{idle}");
    let made = running.get("kustomization platform -n flux-system");
    assert_eq!((&made["spec"]["retryInterval"], &made["spec"]["interval"]), (&"5s".into(), &"10m0s".into()));
    let labels = &made["metadata"]["labels"];
    assert_eq!((&labels["team"], &labels["fluxcd.controlplane.io/name"]), (&"platform".into(), &"flux".into()));

    // What is followed changes without it, and commands know whose it is.
    platform.config_map("apps/app.yaml", "app", "2").commit("another value");
    running.cowherd_ok(["reconcile", "source", "git", "platform"]);
    running.wait_for_value("app", "2");
    let all = running.cowherd_ok(["get"]);
    assert!(all.lines().any(|line| line.starts_with("fluxinstance/flux") && line.contains("True")), "{all}");
    let tree = running.cowherd_ok(["tree", "fluxinstance", "flux"]);
    assert!(tree.contains("GitRepository/flux-system/platform") && tree.contains("ConfigMap/default/app"), "{tree}");
    running.cowherd_ok(["reconcile", "fluxinstance", "flux"]);

    eventually("there is a report of what is followed", || {
        let report = running.kubectl(["get", "fluxreport", "flux", "-n", "flux-system", "-o", "json"]);
        let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap_or_default();
        let (spec, sync) = (&report["spec"], &report["spec"]["sync"]);
        let counted = spec["reconcilers"].as_array().cloned().unwrap_or_default();
        let kustomizations = counted.iter().find(|one| one["kind"] == "Kustomization").map(|one| one["stats"].clone());
        let is_whole = sync["id"] == "kustomization/platform"
            && sync["ready"] == true
            && sync["source"] == server.url("platform/.git").as_str()
            && kustomizations.is_some_and(|stats| stats["running"] == 2 && stats["failing"] == 0);
        if is_whole { Ok(()) } else { Err(report.to_string()) }
    });

    // Without it nothing is followed any more, and what was brought stays.
    fleet.remove("cluster/flux.yaml").commit("nothing is followed");
    eventually("what was followed is let go", || {
        let left = running.kubectl_ok([
            "get",
            "fluxinstances,kustomizations,gitrepositories",
            "-n",
            "flux-system",
            "-o",
            "name",
        ]);
        if left.contains("platform") || left.contains("fluxinstance") { Err(left) } else { Ok(()) }
    });
    assert_eq!(running.value("app"), "2");
}
