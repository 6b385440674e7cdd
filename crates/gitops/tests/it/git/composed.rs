//! Repositories that are made of others: by what they include, and by their submodules.

use cowherd_gitserver::http::Server;
use cowherd_source::{Access, LocalAccess, Network};
use serde_json::{Value, json};

use super::{SOURCE, condition, reconcile, says};
use crate::world::{FLUX, Repository, World, config_map, kustomization};

/// Has a GitRepository follow the branch main of a repository.
async fn follow(world: &World, name: &str, url: &str, more: Value) {
    let mut spec = json!({ "interval": "1h", "url": url, "ref": { "branch": "main" } });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let object = json!({ "metadata": { "name": name, "namespace": FLUX }, "spec": spec });
    world.create(SOURCE, "GitRepository", object).await;
}

fn at(repository: &Repository) -> String {
    format!("file://{}", repository.path().display())
}

fn include(name: &str, from: &str, to: &str) -> Value {
    json!({ "include": [{ "repository": { "name": name }, "fromPath": from, "toPath": to }] })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_included_is_there_and_changes_with_its_repository() {
    let world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    let lib = Repository::new(directory.path().join("lib"));
    lib.write("deploy/a.yaml", &config_map("apps", "a", "1"));
    lib.write("other/b.yaml", &config_map("apps", "b", "1"));
    let first = lib.commit("first");
    world.repository.write("app/own.yaml", &config_map("apps", "own", "1"));
    let own = world.repository.commit("own");
    follow(&world, FLUX, &at(&world.repository), include("lib", "deploy", "app/lib")).await;
    world.add(kustomization("app", "./app", json!({}))).await;
    let missing =
        "could not get resource for include 'lib': gitrepositories.source.toolkit.fluxcd.io \"lib\" not found";
    let status = says(&world, FLUX, "False", "NotFound", missing).await;
    assert_eq!(condition(&status, "IncludeUnavailable")["status"], "True");
    assert!(status["artifact"].is_null(), "{status}");

    follow(&world, "lib", &at(&lib), json!({})).await;
    world.ready("app", &own).await;
    let status = says(&world, FLUX, "True", "Succeeded", &own).await;
    assert!(condition(&status, "IncludeUnavailable").is_null(), "{status}");
    assert_eq!(status["includedArtifacts"][0]["revision"], first);
    assert_eq!(status["observedInclude"], include("lib", "deploy", "app/lib")["include"]);
    for (name, value) in [("own", Some("1")), ("a", Some("1")), ("b", None)] {
        assert_eq!(world.value("apps", name).await.as_deref(), value, "{name}");
    }

    // Nobody looks at the outer one: it is told of the inner one.
    lib.write("deploy/a.yaml", &config_map("apps", "a", "2"));
    let second = lib.commit("second");
    world
        .until("what is included is applied anew", async || {
            let value = world.value("apps", "a").await;
            if value.as_deref() == Some("2") { Ok(()) } else { Err(format!("{value:?}")) }
        })
        .await;
    world
        .until("the status says of what it is made", async || {
            let object = world.get(SOURCE, "GitRepository", Some(FLUX), FLUX).await.unwrap();
            let revision = object["status"]["includedArtifacts"][0]["revision"].clone();
            if revision == second { Ok(()) } else { Err(revision.to_string()) }
        })
        .await;
    // What is not included makes no difference.
    let digest = says(&world, FLUX, "True", "Succeeded", "").await["artifact"]["digest"].clone();
    let none = json!({ "spec": { "include": null } });
    world.patch(SOURCE, "GitRepository", FLUX, FLUX, none).await;
    world
        .until("nothing is included", async || {
            let object = world.get(SOURCE, "GitRepository", Some(FLUX), FLUX).await.unwrap();
            let status = &object["status"];
            let is_gone = status["includedArtifacts"].is_null() && status["observedInclude"].is_null();
            if is_gone && status["artifact"]["digest"] != digest { Ok(()) } else { Err(status.to_string()) }
        })
        .await;
    world
        .until("what was included is pruned", async || {
            let value = world.value("apps", "a").await;
            if value.is_none() { Ok(()) } else { Err(format!("{value:?}")) }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_included_is_said() {
    let world = World::new().await;
    let directory = tempfile::tempdir().unwrap();
    let lib = Repository::new(directory.path().join("lib"));
    lib.write("a.yaml", &config_map("apps", "a", "1"));
    lib.commit("first");
    world.repository.write("app/own.yaml", &config_map("apps", "own", "1"));
    world.repository.commit("own");
    follow(&world, "lib", &at(&lib), json!({})).await;
    follow(&world, FLUX, &at(&world.repository), include("lib", "", "app")).await;
    let taken = "failed to copy 'lib' include from . to app: there is something at app already";
    let status = says(&world, FLUX, "False", "CopyFailure", taken).await;
    assert_eq!(condition(&status, "StorageOperationFailed")["status"], "True");
    for (from, to, reason, said) in [
        ("gone", "lib", "CopyFailure", "gone: no such file or directory"),
        ("", "../lib", "IllegalPath", "path calculation for include 'lib' failed"),
        ("../..", "lib", "IllegalPath", "path calculation for include 'lib' failed"),
        ("", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q", "IllegalPath", "has more than 16 directories"),
        ("", "app/own.yaml/x", "CopyFailure", "app/own.yaml is no directory"),
    ] {
        let spec = json!({ "spec": include("lib", from, to) });
        world.patch(SOURCE, "GitRepository", FLUX, FLUX, spec).await;
        says(&world, FLUX, "False", reason, said).await;
    }
    // Two that are made of each other.
    world.patch(SOURCE, "GitRepository", FLUX, FLUX, json!({ "spec": include("lib", "", "lib") })).await;
    says(&world, FLUX, "True", "Succeeded", "stored artifact").await;
    world.patch(SOURCE, "GitRepository", FLUX, "lib", json!({ "spec": include(FLUX, "", "fleet") })).await;
    says(&world, "lib", "False", "IncludeCycle", "is made of this GitRepository itself").await;
    let itself = json!({ "spec": include(FLUX, "", "self") });
    world.patch(SOURCE, "GitRepository", FLUX, FLUX, itself).await;
    says(&world, FLUX, "False", "IncludeCycle", "is made of this GitRepository itself").await;
    // One of another namespace cannot be named.
    let other = json!({ "spec": include("../other/lib", "", "lib") });
    world.patch(SOURCE, "GitRepository", FLUX, FLUX, other).await;
    says(&world, FLUX, "False", "NotFound", "could not get resource for include '../other/lib'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn submodules_are_there_where_they_are_asked_for() {
    let mut world = World::new().await;
    world.kill_agents().await;
    let network = Network::Others(vec!["127.0.0.1".parse().unwrap()]);
    world.policy.access = Access { network, local: LocalAccess::Any, ..Access::default() };
    world.start_agents();
    let directory = tempfile::tempdir().unwrap();
    let new = |name: &str| Repository::new(directory.path().join(name));
    let (fleet, lib) = (new("fleet"), new("lib"));
    lib.write("a.yaml", &config_map("apps", "a", "1"));
    lib.commit("lib");
    let commit = lib.git(&["rev-parse", "HEAD"]);
    let pin = |commit: &str| {
        fleet.write(".gitmodules", "[submodule \"lib\"]\n\tpath = app/lib\n\turl = ../../lib/.git\n");
        fleet.git(&["add", ".gitmodules"]);
        fleet.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},app/lib")]);
        fleet.git(&["commit", "--quiet", "--allow-empty", "-m", "a submodule"]);
        fleet.revision()
    };
    let first = pin(&commit);
    let server = Server::start(directory.path());
    follow(&world, FLUX, &server.url("fleet/.git"), json!({ "recurseSubmodules": true })).await;
    world.add(kustomization("app", "./app", json!({}))).await;
    world.ready("app", &first).await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("1"));
    let status = says(&world, FLUX, "True", "Succeeded", &first).await;
    assert_eq!(status["observedRecurseSubmodules"], true);

    // What the submodule has since is nobody's business until the commit says so.
    lib.write("a.yaml", &config_map("apps", "a", "2"));
    lib.commit("lib again");
    let second = pin(&lib.git(&["rev-parse", "HEAD"]));
    reconcile(&world, FLUX, "1").await;
    world.ready("app", &second).await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("2"));

    // One at a path of this machine leaves the last good revision.
    fleet.write(".gitmodules", "[submodule \"lib\"]\n\tpath = app/lib\n\turl = /etc\n");
    fleet.git(&["add", ".gitmodules"]);
    fleet.git(&["commit", "--quiet", "-m", "a path"]);
    reconcile(&world, FLUX, "2").await;
    let status = says(&world, FLUX, "False", "GitOperationFailed", "its URL is a path of a machine").await;
    assert_eq!(status["artifact"]["revision"], second);
}
