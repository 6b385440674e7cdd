//! Artifacts of a registry, followed by the built program and steered by its commands.

use cowherd_gitserver::artifact::{Artifact, Repository as Place};
use cowherd_gitserver::registry::{Access, Registry};
use serde_json::Value;

use crate::program::Running;
use crate::program::fleet::repository;

/// An artifact with the ConfigMap `shop`, which says that it was made of a commit.
fn push(place: &Place<'_>, value: &str, commit: &str) -> String {
    let config_map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: shop, namespace: default}}\ndata: {{value: {value:?}}}\n"
    );
    let artifact = Artifact::of(&[("shop/map.yaml", config_map)])
        .annotated("org.opencontainers.image.source", "https://example.org/shop")
        .annotated("org.opencontainers.image.revision", &format!("main@sha1:{commit}"));
    format!("latest@{}", artifact.push(place, "latest"))
}

#[test]
fn an_artifact_is_followed_and_told_of_like_a_commit() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let place = Place::new(&registry.host, "team/shop");
    let fleet = repository(&directory.path().join("fleet"));
    let source = format!(
        "apiVersion: source.toolkit.fluxcd.io/v1beta2\nkind: OCIRepository\nmetadata: {{name: shop, namespace: \
         flux-system}}\nspec: {{interval: 1h, url: {}}}\n---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: \
         Kustomization\nmetadata: {{name: shop, namespace: flux-system}}\nspec: {{interval: 1h, prune: true, path: shop, \
         sourceRef: {{kind: OCIRepository, name: shop}}}}\n",
        place.url()
    );
    fleet.write("cluster/shop.yaml", &source);
    let commit = fleet.commit("begin");
    let first = push(&place, "1", &commit);
    let arguments = ["up", "fleet", "--path", "cluster", "--allow-network", "127.0.0.1"];
    let running = Running::start(directory.path(), arguments);
    running.wait_for_ready("shop", "True", &first);
    running.wait_for_value("shop", "1");

    let all = running.cowherd_ok(["get"]);
    let short: String = first.chars().take("latest@sha256:01234567".len()).collect();
    for row in ["ocirepository/shop", "kustomization/shop"] {
        assert!(all.lines().any(|line| line.starts_with(row) && line.contains(&short)), "{row} {short}: {all}");
    }
    let one = running.cowherd_ok(["get", "sources", "oci", "shop"]);
    assert!(one.contains("stored artifact for digest"), "{one}");

    running.cowherd_ok(["suspend", "source", "oci", "shop"]);
    let second = push(&place, "2", &commit);
    running.cowherd_ok(["reconcile", "kustomization", "shop"]);
    assert_eq!(running.value("shop"), "1");
    running.cowherd_ok(["resume", "source", "oci", "shop", "--wait"]);
    running.wait_for_ready("shop", "True", &second);
    running.wait_for_value("shop", "2");
    let third = push(&place, "3", &commit);
    running.cowherd_ok(["reconcile", "ks/shop", "--with-source"]);
    running.wait_for_ready("shop", "True", &third);
    let fourth = push(&place, "4", &commit);
    running.cowherd_ok(["reconcile", "source", "oci", "shop"]);
    running.wait_for_ready("shop", "True", &fourth);

    let traced = running.cowherd_ok(["trace", "cm/shop", "-n", "default"]);
    for part in ["OCIRepository", &place.url(), &fourth, &format!("main@sha1:{commit}"), "https://example.org/shop"] {
        assert!(traced.contains(part), "{part:?} is not in: {traced}");
    }
    let traced: Value =
        serde_json::from_str(&running.cowherd_ok(["trace", "cm/shop", "-n", "default", "-o", "json"])).unwrap();
    assert_eq!(traced["origin"]["revision"], format!("main@sha1:{commit}"));
    let history: Value = serde_json::from_str(&running.cowherd_ok(["history", "shop", "-o", "json"])).unwrap();
    assert_eq!(history[0]["metadata"]["revision"], fourth);
    assert_eq!(history[0]["metadata"]["originRevision"], format!("main@sha1:{commit}"));
    let diff = running.cowherd(["diff", "shop"]);
    let said = String::from_utf8_lossy(&diff.stderr).into_owned();
    assert!(!diff.status.success() && said.contains("is made of the OCIRepository shop"), "{said}");
}
