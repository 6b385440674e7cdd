//! What goes wrong, and what happens then: a clear error, nothing that worked is touched, others go on, and it
//! recovers by itself.

use std::os::unix::fs::symlink;

use serde_json::json;

use crate::world::{World, condition, config_map, kustomization};

/// Two Kustomizations, both ready: one will fail, the other must go on.
async fn two() -> World {
    let world = World::new().await;
    for name in ["bad", "good"] {
        world.repository.write(&format!("{name}/a.yaml"), &config_map("apps", name, "1"));
        world.repository.write(&format!("{name}/gone.yaml"), &config_map("apps", &format!("{name}-gone"), "1"));
    }
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    for name in ["bad", "good"] {
        world.add(kustomization(name, &format!("./{name}"), json!({}))).await;
        world.ready(name, &revision).await;
    }
    world
}

/// Commits what was written, with a change that would change and prune objects of both; the one must fail with the
/// text, the other go on, and both be well once `mend` was done.
async fn fails_and_recovers(world: &World, reason: &str, text: &str, mend: impl Fn()) {
    for name in ["bad", "good"] {
        world.repository.remove(&format!("{name}/gone.yaml"));
    }
    world.repository.write("good/a.yaml", &config_map("apps", "good", "2"));
    let second = world.repository.commit("second");
    let message = world.failed("bad", reason, text).await;
    eprintln!("{message}");
    world.ready("good", &second).await;
    assert_eq!(world.value("apps", "good").await.as_deref(), Some("2"));
    assert_eq!(world.value("apps", "bad").await.as_deref(), Some("1"), "what worked is not touched");
    assert_eq!(world.value("apps", "bad-gone").await.as_deref(), Some("1"), "nothing is pruned after a failure");
    world
        .until("an event tells of it", async || {
            let events = world.api("v1", "Event", Some("flux-system")).list(&Default::default()).await.unwrap();
            let told = events.items.iter().any(|event| {
                event.data["reason"] == reason && event.data["message"].as_str().is_some_and(|told| told.contains(text))
            });
            if told { Ok(()) } else { Err("no event") }
        })
        .await;
    mend();
    world.repository.write("bad/a.yaml", &config_map("apps", "bad", "2"));
    let third = world.repository.commit("third");
    world.ready("bad", &third).await;
    assert_eq!(world.value("apps", "bad").await.as_deref(), Some("2"));
    assert_eq!(world.value("apps", "bad-gone").await, None);
    // It may have moved to the one that failed, as long as nobody could tell.
    world
        .until("what nobody describes is gone", async || match world.value("apps", "good-gone").await {
            None => Ok(()),
            Some(found) => Err(found),
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_yaml() {
    let world = two().await;
    world.repository.write("bad/broken.yaml", "a: [1, 2\nb: {");
    fails_and_recovers(&world, "BuildFailed", "bad/broken.yaml", || world.repository.remove("bad/broken.yaml")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_file() {
    let world = two().await;
    world.repository.write("bad/kustomization.yaml", "resources: [a.yaml, missing.yaml]");
    let mend = || world.repository.remove("bad/kustomization.yaml");
    fails_and_recovers(&world, "BuildFailed", "missing.yaml", mend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_the_api_refuses() {
    let world = two().await;
    world.repository.write("bad/a.yaml", &config_map("apps", "bad", "half applied"));
    world.repository.write("bad/refused.yaml", &config_map("apps", "Not_A_Name", "1"));
    let mend = || world.repository.remove("bad/refused.yaml");
    fails_and_recovers(&world, "ReconciliationFailed", "ConfigMap/apps/Not_A_Name", mend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kind_that_the_cluster_does_not_have() {
    let world = two().await;
    world.repository.write("bad/x.yaml", "apiVersion: no.org/v1\nkind: Thing\nmetadata: {name: x, namespace: apps}\n");
    let mend = || world.repository.remove("bad/x.yaml");
    fails_and_recovers(&world, "ReconciliationFailed", "Thing/apps/x", mend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_that_leaves_the_repository() {
    let world = two().await;
    world.repository.write("bad/kustomization.yaml", "resources: [a.yaml, ../../../etc/passwd]");
    let mend = || world.repository.remove("bad/kustomization.yaml");
    fails_and_recovers(&world, "BuildFailed", "etc/passwd", mend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_that_leaves_the_repository() {
    let world = two().await;
    world.repository.write("bad/kustomization.yaml", "resources: [a.yaml, link.yaml]");
    symlink("/etc/passwd", world.repository.path().join("bad/link.yaml")).unwrap();
    let mend = || {
        world.repository.remove("bad/kustomization.yaml");
        std::fs::remove_file(world.repository.path().join("bad/link.yaml")).unwrap();
    };
    fails_and_recovers(&world, "BuildFailed", "bad/link.yaml", mend).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alias_bomb() {
    let world = two().await;
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", "));
    }
    world.repository.write("bad/bomb.yaml", &bomb);
    fails_and_recovers(&world, "BuildFailed", "bad/bomb.yaml", || world.repository.remove("bad/bomb.yaml")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_100_megabytes() {
    let world = two().await;
    world.repository.write("bad/large.yaml", &"# 0123456789abcdef0123456789abcdef0123456789abcdef\n".repeat(2_000_000));
    fails_and_recovers(&world, "BuildFailed", "bad/large.yaml", || world.repository.remove("bad/large.yaml")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cycle_of_dependencies_is_named_and_resolved_when_it_is_broken() {
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    world.repository.write("good/a.yaml", &config_map("apps", "good", "1"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("a", "./apps", json!({ "dependsOn": [{ "name": "b" }] }))).await;
    world.add(kustomization("b", "./apps", json!({ "dependsOn": [{ "name": "a" }] }))).await;
    world.add(kustomization("good", "./good", json!({}))).await;
    world.ready("good", &revision).await;
    let text = "dependency cycle: 'flux-system/a' -> 'flux-system/b' -> 'flux-system/a'";
    world.failed("a", "DependencyNotReady", text).await;
    assert_eq!(world.value("apps", "a").await, None);
    world.patch_kustomization("b", json!({ "spec": { "dependsOn": null } })).await;
    world.ready("a", &revision).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_branch_keeps_what_was_applied_and_recovers() {
    let world = two().await;
    world.repository.git(&["checkout", "--quiet", "-b", "elsewhere"]);
    world.repository.git(&["branch", "--delete", "--force", "main"]);
    world
        .until("the repository says so", async || {
            let status = world.git_repository().await.status.unwrap();
            let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap().clone();
            let kept = status.artifact.is_some();
            if ready.message.contains("main") && ready.reason == "GitOperationFailed" && kept {
                Ok(())
            } else {
                Err(ready.message)
            }
        })
        .await;
    assert_eq!(world.value("apps", "bad").await.as_deref(), Some("1"));
    world.repository.git(&["branch", "main"]);
    world.repository.git(&["checkout", "--quiet", "main"]);
    world.repository.write("bad/a.yaml", &config_map("apps", "bad", "2"));
    let revision = world.repository.commit("second");
    world.ready("bad", &revision).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rewritten_branch_is_followed() {
    let world = two().await;
    world.repository.write("bad/a.yaml", &config_map("apps", "bad", "rewritten"));
    world.repository.git(&["add", "--all"]);
    world.repository.git(&["commit", "--quiet", "--amend", "--message", "another past"]);
    let revision = world.repository.revision();
    world.ready("bad", &revision).await;
    assert_eq!(world.value("apps", "bad").await.as_deref(), Some("rewritten"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_supported_is_said_and_not_acted_on() {
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("a", "./apps", json!({ "buildMetadata": ["originAnnotations"] }))).await;
    world.failed("a", "UnsupportedFeature", "spec.buildMetadata").await;
    let found = world.kustomization("a").await.unwrap();
    assert_eq!(condition(&found, "Stalled").unwrap().0, "True");
    world.patch_kustomization("a", json!({ "spec": { "buildMetadata": null } })).await;
    world.ready("a", &revision).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_secrets_show_nowhere() {
    let world = World::new().await;
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: Wrong_Name, namespace: apps}\nstringData: {password: hunter2hunter2}\n";
    world.repository.write("apps/secret.yaml", secret);
    world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("a", "./apps", json!({}))).await;
    let message = world.failed("a", "ReconciliationFailed", "Secret/apps/Wrong_Name").await;
    let found = serde_json::to_string(&world.kustomization("a").await.unwrap()).unwrap();
    for text in [message, found] {
        assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMmh1bnRlcjI"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_value_of_a_secret_is_told_whatever_is_made_of_it() {
    let world = World::new().await;
    let secret =
        json!({ "metadata": { "name": "values", "namespace": "flux-system" }, "stringData": { "NAME": "hunter2" } });
    world.create("v1", "Secret", secret).await;
    world.repository.write("app/a.yaml", &config_map("apps", "on-${NAME}", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    let from = json!({ "postBuild": { "substituteFrom": [{ "kind": "Secret", "name": "values" }] } });
    world.add(kustomization("app", "./app", from)).await;
    world.ready("app", &first).await;
    assert_eq!(world.value("apps", "on-hunter2").await.as_deref(), Some("1"));

    let encrypted =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: '${NAME}', namespace: apps}\nsops: {mac: x}\ndata: {}\n";
    world.repository.write("app/b.yaml", encrypted);
    world.repository.commit("second");
    world.failed("app", "BuildFailed", "Secret/apps/***** is SOPS encrypted").await;

    let told = world
        .until("events tell of both", async || {
            let events = world.api("v1", "Event", Some("flux-system")).list(&Default::default()).await.unwrap();
            let messages: Vec<String> =
                events.items.iter().filter_map(|event| Some(event.data["message"].as_str()?.to_owned())).collect();
            let all = ["ConfigMap/apps/on-*****", "SOPS encrypted"];
            let both = all.iter().all(|text| messages.iter().any(|message| message.contains(text)));
            if both { Ok(messages) } else { Err(format!("{messages:?}")) }
        })
        .await;
    assert!(!told.iter().any(|message| message.contains("hunter2")), "{told:?}");
    let object = world.kustomization("app").await.unwrap();
    let conditions = format!("{:?}", object.status.unwrap().conditions);
    assert!(!conditions.contains("hunter2"), "{conditions}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_an_expression_makes_of_a_secret_is_told() {
    let world = World::new().await;
    let secret = json!({ "metadata": { "name": "values", "namespace": "flux-system" }, "stringData": { "NAME": "hunter2-sesame" } });
    world.create("v1", "Secret", secret).await;
    for (name, expression) in [("part", "${NAME:0:6}"), ("other", "${NAME/-/.}"), ("end", "${NAME##*-}")] {
        world.repository.write(&format!("app/{name}.yaml"), &config_map("apps", &format!("{name}-{expression}"), "1"));
    }
    let first = world.repository.commit("first");
    world.follow_repository().await;
    let from = json!({ "postBuild": { "substituteFrom": [{ "kind": "Secret", "name": "values" }] } });
    world.add(kustomization("app", "./app", from)).await;
    world.ready("app", &first).await;
    assert_eq!(world.value("apps", "part-hunter").await.as_deref(), Some("1"));
    world.repository.write("app/wrong.yaml", &config_map("apps", "wrong ${NAME:0:6}", "1"));
    world.repository.commit("second");
    world.failed("app", "BuildFailed", "ConfigMap/wrong *****").await;
    let told = world
        .until("events tell of both", async || {
            let events = world.api("v1", "Event", Some("flux-system")).list(&Default::default()).await.unwrap();
            let messages: Vec<String> =
                events.items.iter().filter_map(|event| Some(event.data["message"].as_str()?.to_owned())).collect();
            let all =
                ["ConfigMap/apps/part-*****", "ConfigMap/apps/other-*****", "ConfigMap/apps/end-*****", "/wrong *****"];
            let both = all.iter().all(|text| messages.iter().any(|message| message.contains(text)));
            if both { Ok(messages) } else { Err(format!("{messages:?}")) }
        })
        .await;
    let conditions = format!("{:?}", world.kustomization("app").await.unwrap().status.unwrap().conditions);
    let all = format!("{told:?} {conditions}");
    assert!(!all.contains("hunter") && !all.contains("sesame"), "{all}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn why_a_source_brings_nothing_is_told_by_those_of_its_namespace_who_wait_for_it_and_by_no_others() {
    let world = World::new().await;
    world.follow_repository().await;
    world.add(kustomization("near", "./apps", json!({}))).await;
    let mut far = kustomization("far", "./apps", json!({}));
    far["metadata"]["namespace"] = "other".into();
    far["spec"]["sourceRef"]["namespace"] = "flux-system".into();
    world.add(far).await;
    let why = "Source 'GitRepository/flux-system/flux-system' has no artifact yet (failed to checkout";
    world.failed("near", "ArtifactFailed", why).await;
    let api_version = "kustomize.toolkit.fluxcd.io/v1";
    let told = world
        .until("the other one waits", async || {
            let found = world.get(api_version, "Kustomization", Some("other"), "far").await.unwrap();
            let message = found["status"]["conditions"][0]["message"].as_str().unwrap_or_default().to_owned();
            if message.contains("has no artifact yet") { Ok(message) } else { Err(message) }
        })
        .await;
    assert!(!told.contains("failed"), "{told}");
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let revision = world.repository.commit("first");
    world.ready("near", &revision).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_fails_has_observed_its_generation_only_where_that_is_final() {
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    world.repository.commit("first");
    world.follow_repository().await;
    let seen = async |reason: &str| {
        world
            .until(&format!("the source says {reason}"), async || {
                let found = serde_json::to_value(world.git_repository().await).unwrap();
                let (status, generation) = (&found["status"], &found["metadata"]["generation"]);
                let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
                let ready = conditions.into_iter().find(|one| one["type"] == "Ready").unwrap_or_default();
                let is_it = ready["reason"] == reason && ready["observedGeneration"] == *generation;
                let is_observed = status["observedGeneration"] == *generation;
                if is_it { Ok(is_observed) } else { Err(format!("{ready}")) }
            })
            .await
    };
    assert!(seen("Succeeded").await);
    let patch = async |spec: serde_json::Value| {
        let spec = json!({ "spec": spec });
        world.patch("source.toolkit.fluxcd.io/v1", "GitRepository", "flux-system", "flux-system", spec).await;
    };
    patch(json!({ "ref": { "branch": "missing" } })).await;
    assert!(!seen("GitOperationFailed").await);
    patch(json!({ "ref": { "branch": null, "semver": "no range" } })).await;
    assert!(seen("GitOperationFailed").await, "it is stalled");
    patch(json!({ "ref": { "branch": "main", "semver": null } })).await;
    assert!(seen("Succeeded").await);
}
