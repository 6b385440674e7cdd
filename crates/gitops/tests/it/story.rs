//! What is told of a reconciliation says what was brought, who wrote it, and why.

use cowherd_gitops::{Phase, Progress, Trigger};
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::applied::apply;
use crate::telling::{event, heard, telling};
use crate::world::{FLUX, World, config_map, kustomization};

async fn edit(world: &World, name: &str) {
    world.patch("v1", "ConfigMap", "apps", name, json!({ "data": { "key": "by hand" } })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_carry_the_revision_its_author_and_subject_and_the_cause() {
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let first = world.repository.commit("first\n\nand more");
    world.follow_repository().await;
    let mut apps = kustomization("apps", "./apps", json!({}));
    apps["metadata"]["annotations"] = json!({ "event.toolkit.fluxcd.io/env": "test", "other": "not given" });
    world.add(apps).await;
    world.ready("apps", &first).await;
    let short = &first[.."main@sha1:12345678".len()];
    let what = format!("{short} \"first\" by Test");
    let told = event(&world, "apps", "Progressing", &["ConfigMap/apps/a created", &what, "made or changed"]).await;
    let expected = json!({
        "kustomize.toolkit.fluxcd.io/revision": first, "event.toolkit.fluxcd.io/env": "test",
        "cowherd.dev/author": "Test", "cowherd.dev/subject": "first", "cowherd.dev/cause": "it was made or changed",
    });
    assert_eq!(told, expected);
    event(&world, "apps", "ReconciliationSucceeded", &["Reconciliation finished in", &what]).await;
    let artifact = event(&world, FLUX, "NewArtifact", &["stored artifact for commit 'first' by Test"]).await;
    assert_eq!(artifact["source.toolkit.fluxcd.io/revision"], first);
    assert!(artifact["source.toolkit.fluxcd.io/digest"].as_str().unwrap().starts_with("sha256:"), "{artifact}");
    assert_eq!(artifact["cowherd.dev/subject"], "first");

    edit(&world, "a").await;
    let drift =
        ["ConfigMap/apps/a configured", &what, "because ConfigMap/apps/a was changed by \"kubectl-edit\" at 20"];
    let told = event(&world, "apps", "Progressing", &drift).await;
    assert!(told["cowherd.dev/cause"].as_str().unwrap().contains("by \"kubectl-edit\" at 20"), "{told}");

    world.repository.write("apps/a.yaml", &config_map("apps", "a", "2"));
    let second = world.repository.commit("second");
    world.ready("apps", &second).await;
    let told =
        event(&world, "apps", "Progressing", &["ConfigMap/apps/a configured; main@sha1:", "\"second\" by Test"]).await;
    assert_eq!(told["cowherd.dev/cause"], "there is a new revision");
    assert_eq!(told["kustomize.toolkit.fluxcd.io/revision"], second);

    let asked = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } });
    world.patch_kustomization("apps", asked).await;
    let told =
        event(&world, "apps", "ReconciliationSucceeded", &["\"second\" by Test, because somebody asked for it (now)"]);
    assert_eq!(told.await["cowherd.dev/cause"], "somebody asked for it (now)");

    world.repository.write("apps/a.yaml", "{");
    let third = world.repository.commit("third");
    let told = event(&world, "apps", "BuildFailed", &["apps/a.yaml", "\"third\" by Test"]).await;
    assert_eq!(told["kustomize.toolkit.fluxcd.io/revision"], third);
}

fn ready_for(trigger: Trigger) -> impl Fn(&Progress) -> bool {
    move |told| told.phase == Phase::Ready && told.occasion.trigger == trigger
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_reconciliation_has_its_cause_and_counts_what_it_did_itself() {
    let (mut world, mut progress) = telling().await;
    for name in ["a", "b", "c"] {
        world.repository.write(&format!("apps/{name}.yaml"), &config_map("apps", name, "1"));
    }
    world.repository.write("infra/a.yaml", "{");
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("infra", "./infra", json!({}))).await;
    // What is not seen as it happens is looked at at the interval.
    let waits = json!({ "dependsOn": [{ "name": "infra" }], "wait": true, "interval": "2s" });
    world.add(kustomization("apps", "./apps", waits)).await;
    let told = heard(&mut progress, "apps", |told| matches!(told.phase, Phase::Waiting(_))).await;
    assert_eq!((told.occasion.revision.as_str(), told.occasion.trigger), (first.as_str(), Trigger::Change));
    heard(&mut progress, "infra", |told| {
        matches!((&told.phase, &told.occasion.trigger), (Phase::Failed(_), Trigger::Retry))
    })
    .await;
    world.repository.write("infra/a.yaml", &config_map("other", "a", "1"));
    world.repository.commit("second");
    heard(&mut progress, "infra", ready_for(Trigger::Revision)).await;
    let told = heard(&mut progress, "apps", ready_for(Trigger::Dependency("flux-system/infra".to_owned()))).await;
    assert_eq!((told.described, told.applied, told.changed, told.pruned, told.ready), (3, 3, 3, 0, 3));
    assert_eq!(told.changes[0], "ConfigMap/apps/a created");
    let told = heard(&mut progress, "apps", ready_for(Trigger::Interval)).await;
    assert_eq!((told.described, told.applied, told.changed, told.pruned), (3, 3, 0, 0));
    assert_eq!(told.occasion.authorship.unwrap().to_string(), "\"second\" by Test");

    world.api("v1", "ConfigMap", Some("apps")).delete("b", &Default::default()).await.unwrap();
    let drifted =
        |told: &Progress| matches!(told.occasion.trigger, Trigger::Drift { .. }) && told.phase == Phase::Ready;
    let told = heard(&mut progress, "apps", drifted).await;
    assert!(told.occasion.to_string().contains("because ConfigMap/apps/b was deleted at 20"), "{}", told.occasion);
    assert_eq!(told.changes, ["ConfigMap/apps/b created"]);

    world.repository.remove("apps/c.yaml");
    world.repository.commit("third");
    let told = heard(&mut progress, "apps", |told| told.phase == Phase::Ready && told.pruned > 0).await;
    assert_eq!((told.described, told.applied, told.changed, told.pruned), (2, 2, 0, 1));
    assert_eq!((told.changes, told.occasion.trigger), (vec!["ConfigMap/apps/c deleted".to_owned()], Trigger::Revision));

    world.kill_agents().await;
    world.start_agents();
    heard(&mut progress, "apps", ready_for(Trigger::Start)).await;
    world.kill_agents().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "4"));
    world.repository.commit("fourth");
    world.start_agents();
    heard(&mut progress, "apps", ready_for(Trigger::Revision)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_api_refused_does_not_count_as_applied() {
    let (world, mut progress) = telling().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    world.repository.write("apps/b.yaml", &config_map("apps", "Not_A_Name", "1"));
    world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;
    let told = heard(&mut progress, "apps", |told| matches!(told.phase, Phase::Failed(_))).await;
    assert_eq!((told.described, told.applied, told.changed, told.ready), (2, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_answered_while_a_dependency_is_waited_for() {
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({ "dependsOn": [{ "name": "none" }] }))).await;
    world.failed("apps", "DependencyNotReady", "'flux-system/none' not found").await;
    for request in ["one", "two"] {
        let asked = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": request } } });
        world.patch_kustomization("apps", asked).await;
        world
            .until(&format!("request {request} is answered"), async || {
                let handled = world.kustomization("apps").await.unwrap().status.unwrap().last_handled_reconcile_at;
                if handled.as_deref() == Some(request) { Ok(()) } else { Err(format!("{handled:?}")) }
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_resumes_is_why_also_where_the_agents_were_started_meanwhile() {
    let (mut world, mut progress) = telling().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    world.repository.write("other/b.yaml", &config_map("other", "b", "1"));
    world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;
    heard(&mut progress, "apps", ready_for(Trigger::Change)).await;
    for is_started_between in [false, true] {
        world.patch_kustomization("apps", json!({ "spec": { "suspend": true } })).await;
        world.repository.write("apps/a.yaml", &config_map("apps", "a", &format!("{is_started_between}")));
        world.repository.commit("while nobody looks");
        if is_started_between {
            world.kill_agents().await;
            world.start_agents();
        }
        // It is seen that it is suspended before it is seen that it is not any more.
        let other = format!("other-{is_started_between}");
        world.add(kustomization(&other, "./other", json!({ "prune": false }))).await;
        heard(&mut progress, &other, |told| told.phase == Phase::Ready).await;
        world.patch_kustomization("apps", json!({ "spec": { "suspend": false } })).await;
        heard(&mut progress, "apps", ready_for(Trigger::Resumption)).await;
    }
    event(&world, "apps", "ReconciliationSucceeded", &["because it was resumed"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_is_why_where_the_revision_was_tried_before_and_another_spec_where_that_came_meanwhile() {
    let (mut world, mut progress) = telling().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;
    heard(&mut progress, "apps", ready_for(Trigger::Change)).await;
    world.repository.write("apps/a.yaml", "{");
    let second = world.repository.commit("second");
    world.failed("apps", "BuildFailed", "apps/a.yaml").await;
    world.kill_agents().await;
    world.start_agents();
    let failed = |told: &Progress| matches!(told.phase, Phase::Failed(_)) && told.occasion.trigger == Trigger::Start;
    let told = heard(&mut progress, "apps", failed).await;
    assert_eq!(told.occasion.revision, second);
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "3"));
    world.repository.commit("third");
    heard(&mut progress, "apps", ready_for(Trigger::Revision)).await;
    world.kill_agents().await;
    world.patch_kustomization("apps", json!({ "spec": { "interval": "2h" } })).await;
    world.start_agents();
    heard(&mut progress, "apps", ready_for(Trigger::Change)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_a_wait_is_why() {
    let (world, mut progress) = telling().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    world.repository.commit("first");
    let checks = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "namespace": "other" }]);
    world.add(kustomization("apps", "./apps", json!({ "healthChecks": checks, "timeout": "1h" }))).await;
    heard(&mut progress, "apps", |told| matches!(told.phase, Phase::Waiting(_))).await;
    world.follow_repository().await;
    let checking = |told: &Progress| told.phase == Phase::Checking;
    let told = heard(&mut progress, "apps", checking).await;
    assert_eq!(told.occasion.trigger, Trigger::Revision, "its source has brought something");

    // Not the revision for which it still waits, but who took the object away.
    world.api("v1", "ConfigMap", Some("apps")).delete("a", &Default::default()).await.unwrap();
    let told = heard(&mut progress, "apps", |told| {
        told.phase == Phase::Checking && told.changed > 0 && told.occasion.trigger != Trigger::Revision
    })
    .await;
    assert!(told.occasion.to_string().contains("because ConfigMap/apps/a was deleted at 20"), "{}", told.occasion);
    assert_eq!(told.changes, ["ConfigMap/apps/a created"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_was_answered_is_no_cause_of_what_comes_later() {
    let (world, mut progress) = telling().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    world.repository.write("infra/a.yaml", &config_map("other", "a", "1"));
    world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("infra", "./infra", json!({}))).await;
    world.add(kustomization("apps", "./apps", json!({ "dependsOn": [{ "name": "infra" }] }))).await;
    heard(&mut progress, "apps", |told| told.phase == Phase::Ready).await;
    world.repository.write("infra/a.yaml", "{");
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "2"));
    world.repository.commit("second");
    world.failed("apps", "DependencyNotReady", "'flux-system/infra'").await;
    let asked = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } });
    world.patch_kustomization("apps", asked).await;
    world
        .until("the request is answered", async || {
            let handled = world.kustomization("apps").await.unwrap().status.unwrap().last_handled_reconcile_at;
            if handled.as_deref() == Some("now") { Ok(()) } else { Err(format!("{handled:?}")) }
        })
        .await;
    world.repository.write("infra/a.yaml", &config_map("other", "a", "3"));
    world.repository.commit("third");
    let told = heard(&mut progress, "apps", |told| told.phase == Phase::Ready && told.changed > 0).await;
    assert_eq!(told.occasion.trigger, Trigger::Dependency("flux-system/infra".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_start_does_of_a_revision_is_told_as_that_and_that_an_attempt_before_was_cut_off() {
    let (mut world, mut progress) = telling().await;
    apply(&world, &["a", "b"], json!({})).await;
    let changed = |told: &Progress| told.phase == Phase::Ready && told.changed > 0;
    let told = heard(&mut progress, "apps", changed).await;
    assert!(!told.is_first && !told.was_cut_off, "it was never there before");
    for is_cut_off in [false, true] {
        // The source has brought it when the agents end.
        world.patch_kustomization("apps", json!({ "spec": { "suspend": true } })).await;
        world.repository.write("apps/a.yaml", &config_map("apps", "a", &format!("{is_cut_off}")));
        let revision = world.repository.commit("in the middle of which they end");
        world
            .until("the source says so", async || {
                let artifact = world.git_repository().await.status.unwrap().artifact.map(|artifact| artifact.revision);
                if artifact.as_ref() == Some(&revision) { Ok(()) } else { Err(format!("{artifact:?}")) }
            })
            .await;
        world.kill_agents().await;
        world.patch_kustomization("apps", json!({ "spec": { "suspend": false } })).await;
        if is_cut_off {
            let ready = json!({ "type": "Ready", "status": "Unknown", "reason": "Progressing", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z" });
            let api = world.api("kustomize.toolkit.fluxcd.io/v1", "Kustomization", Some(FLUX));
            let patch = Patch::Merge(json!({ "status": { "conditions": [ready] } }));
            api.patch_status("apps", &PatchParams::default(), &patch).await.unwrap();
        }
        world.start_agents();
        let told = heard(&mut progress, "apps", changed).await;
        assert_eq!((told.changed, told.is_first, told.was_cut_off), (1, true, is_cut_off));
        world.repository.write("apps/b.yaml", &config_map("apps", "b", &format!("{is_cut_off}")));
        world.repository.commit("while all is well");
        let told = heard(&mut progress, "apps", changed).await;
        assert_eq!((told.is_first, told.was_cut_off), (false, false));
    }
}
