//! What a commit says is what the cluster has.

use serde_json::json;

use crate::world::{FLUX, World, condition, config_map, inventory, kustomization};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_is_applied_and_says_so_as_flux_does() {
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;

    let found = world.ready("apps", &revision).await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("1"));
    let expected = ("True".to_owned(), "ReconciliationSucceeded".to_owned(), format!("Applied revision: {revision}"));
    assert_eq!(condition(&found, "Ready"), Some(expected));
    assert_eq!(condition(&found, "Reconciling"), None);
    assert_eq!(inventory(&found), ["apps_a__ConfigMap"]);
    assert_eq!(found.metadata.finalizers.as_deref(), Some(&["finalizers.fluxcd.io".to_owned()][..]));
    let object = world.get("v1", "ConfigMap", Some("apps"), "a").await.unwrap();
    assert_eq!(
        object["metadata"]["labels"],
        json!({ "kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": FLUX })
    );
    let repository = world.git_repository().await.status.unwrap();
    let artifact = repository.artifact.unwrap();
    assert_eq!(artifact.revision, revision);
    let ready = repository.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap();
    assert_eq!(ready.message, format!("stored artifact for revision '{revision}'"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_is_changed_what_is_added_is_created_and_what_is_gone_is_pruned() {
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &config_map("apps", "a", "1"));
    world.repository.write("apps/b.yaml", &config_map("apps", "b", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;
    world.ready("apps", &first).await;

    world.repository.write("apps/a.yaml", &config_map("apps", "a", "2"));
    world.repository.write("apps/c.yaml", &config_map("apps", "c", "1"));
    world.repository.remove("apps/b.yaml");
    let second = world.repository.commit("second");
    let found = world.ready("apps", &second).await;
    assert_eq!(world.value("apps", "a").await.as_deref(), Some("2"));
    assert_eq!(world.value("apps", "b").await, None);
    assert_eq!(world.value("apps", "c").await.as_deref(), Some("1"));
    assert_eq!(inventory(&found), ["apps_a__ConfigMap", "apps_c__ConfigMap"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_moves_to_another_kustomization_survives() {
    let world = World::new().await;
    world.repository.write("one/a.yaml", &config_map("apps", "a", "1"));
    world.repository.write("one/stays.yaml", &config_map("apps", "stays", "1"));
    world.repository.write("two/other.yaml", &config_map("apps", "other", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("one", "./one", json!({}))).await;
    world.add(kustomization("two", "./two", json!({}))).await;
    world.ready("one", &first).await;
    world.ready("two", &first).await;
    let uid = world.get("v1", "ConfigMap", Some("apps"), "a").await.unwrap()["metadata"]["uid"].clone();

    world.repository.git(&["mv", "one/a.yaml", "two/a.yaml"]);
    let second = world.repository.commit("second");
    world.ready("one", &second).await;
    let two = world.ready("two", &second).await;
    let moved = world.get("v1", "ConfigMap", Some("apps"), "a").await.expect("the object is there");
    assert_eq!(moved["metadata"]["uid"], uid, "it was never deleted");
    assert_eq!(moved["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"], "two");
    assert!(inventory(&two).contains(&"apps_a__ConfigMap".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_moves_to_one_who_waits_for_the_former_owner_survives() {
    let world = World::new().await;
    world.repository.write("one/a.yaml", &config_map("apps", "a", "1"));
    world.repository.write("one/stays.yaml", &config_map("apps", "stays", "1"));
    world.repository.write("two/other.yaml", &config_map("apps", "other", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("one", "./one", json!({}))).await;
    world.add(kustomization("two", "./two", json!({ "dependsOn": [{ "name": "one" }] }))).await;
    world.ready("two", &first).await;
    let uid = world.get("v1", "ConfigMap", Some("apps"), "a").await.unwrap()["metadata"]["uid"].clone();
    world.repository.git(&["mv", "one/a.yaml", "two/a.yaml"]);
    let second = world.repository.commit("second");
    world.ready("two", &second).await;
    let moved = world.get("v1", "ConfigMap", Some("apps"), "a").await.expect("the object is there");
    assert_eq!(moved["metadata"]["uid"], uid, "it was never deleted");
    assert_eq!(moved["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"], "two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kustomizations_create_kustomizations_and_take_them_away_again() {
    let world = World::new().await;
    let write = |name: &str, depends: serde_json::Value| {
        let file = format!("cluster/{name}.yaml");
        world.repository.write(&file, &kustomization(name, &format!("./{name}"), depends).to_string());
        world.repository.write(&format!("{name}/map.yaml"), &config_map("apps", name, "1"));
    };
    write("infra", json!({ "wait": true }));
    write("web", json!({ "dependsOn": [{ "name": "infra" }] }));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("root", "./cluster", json!({ "wait": true }))).await;
    let root = world.ready("root", &first).await;
    assert_eq!(inventory(&root).len(), 2);
    world.ready("web", &first).await;
    assert_eq!(world.value("apps", "web").await.as_deref(), Some("1"));

    world.repository.remove("cluster/web.yaml");
    let second = world.repository.commit("second");
    world.ready("root", &second).await;
    world
        .until("the child and its objects are gone", async || {
            match (world.kustomization("web").await, world.value("apps", "web").await) {
                (None, None) => Ok(()),
                (child, value) => Err(format!("{} {value:?}", child.is_some())),
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_definition_a_namespace_and_what_needs_them_come_in_one_commit() {
    let world = World::new().await;
    world.repository.write(
        "all/all.yaml",
        r#"
apiVersion: example.org/v1
kind: Widget
metadata: { name: w, namespace: fresh }
spec: { size: 3 }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: c, namespace: fresh }
---
apiVersion: v1
kind: Namespace
metadata: { name: fresh }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.org }
spec:
  group: example.org
  scope: Namespaced
  names: { kind: Widget, plural: widgets, singular: widget, listKind: WidgetList }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                size: { type: integer }
"#,
    );
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("all", "./all", json!({ "wait": true }))).await;
    let found = world.ready("all", &revision).await;
    assert_eq!(
        inventory(&found),
        [
            "_widgets.example.org_apiextensions.k8s.io_CustomResourceDefinition",
            "_fresh__Namespace",
            "fresh_c__ConfigMap",
            "fresh_w_example.org_Widget"
        ]
    );
    let widget = world.get("example.org/v1", "Widget", Some("fresh"), "w").await.unwrap();
    assert_eq!(widget["spec"]["size"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_of_no_replicas_is_waited_for() {
    let world = World::new().await;
    world.repository.write(
        "apps/web.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, namespace: apps }\nspec:\n  replicas: 0\n  \
         selector: { matchLabels: { app: web } }\n  template:\n    metadata: { labels: { app: web } }\n    \
         spec: { containers: [{ name: web, image: nginx }] }\n",
    );
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({ "wait": true, "timeout": "20s" }))).await;
    let found = world.ready("apps", &revision).await;
    let (status, reason, message) = condition(&found, "Healthy").unwrap();
    assert_eq!((status.as_str(), reason.as_str()), ("True", "Succeeded"));
    assert!(message.starts_with("Health check passed in"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_kustomization_adds_is_in_the_objects() {
    let world = World::new().await;
    world
        .create(
            "v1",
            "ConfigMap",
            json!({ "metadata": { "name": "vars", "namespace": FLUX }, "data": { "who": "world" } }),
        )
        .await;
    world.repository.write("apps/a.yaml", &config_map("elsewhere", "a", "hello ${who} of ${team}"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    let more = json!({
        "targetNamespace": "apps", "namePrefix": "pre-",
        "commonMetadata": { "labels": { "team": "x" } },
        "patches": [{ "target": { "kind": "ConfigMap" }, "patch": "- op: add\n  path: /data/more\n  value: patched\n" }],
        "postBuild": { "substitute": { "team": "us" }, "substituteFrom": [{ "kind": "ConfigMap", "name": "vars" }] },
    });
    world.add(kustomization("apps", "./apps", more)).await;
    world.ready("apps", &revision).await;
    let object = world.get("v1", "ConfigMap", Some("apps"), "pre-a").await.unwrap();
    assert_eq!(object["data"], json!({ "key": "hello world of us", "more": "patched" }));
    assert_eq!(object["metadata"]["labels"]["team"], "x");

    // A commit that is about something else is applied with the variables of then.
    world.patch("v1", "ConfigMap", FLUX, "vars", json!({ "data": { "who": "herd" } })).await;
    world.repository.write("other/b.yaml", &config_map("apps", "b", "1"));
    world.ready("apps", &world.repository.commit("second")).await;
    let object = world.get("v1", "ConfigMap", Some("apps"), "pre-a").await.unwrap();
    assert_eq!(object["data"]["key"], "hello herd of us");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_that_cannot_change_is_refused_and_with_force_the_object_is_made_anew() {
    let binding = |name: &str| {
        format!(
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {{name: a, namespace: \
             apps}}\nroleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {name}}}\n"
        )
    };
    const RBAC: &str = "rbac.authorization.k8s.io/v1";
    let world = World::new().await;
    world.repository.write("apps/a.yaml", &binding("one"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", json!({}))).await;
    world.ready("apps", &first).await;
    let before = world.get(RBAC, "RoleBinding", Some("apps"), "a").await.unwrap();

    world.repository.write("apps/a.yaml", &binding("two"));
    let second = world.repository.commit("second");
    let message = world.failed("apps", "ReconciliationFailed", "RoleBinding/apps/a").await;
    assert!(message.contains("roleRef") || message.contains("cannot change roleRef"), "{message}");
    assert_eq!(world.get(RBAC, "RoleBinding", Some("apps"), "a").await.unwrap(), before);

    world.patch_kustomization("apps", json!({ "spec": { "force": true } })).await;
    world.ready("apps", &second).await;
    let after = world.get(RBAC, "RoleBinding", Some("apps"), "a").await.unwrap();
    assert_eq!(after["roleRef"]["name"], "two");
    assert_ne!(after["metadata"]["uid"], before["metadata"]["uid"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_depends_on_another_waits_until_that_is_ready() {
    let world = World::new().await;
    world.repository.write("base/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: [broken");
    world.repository.write("apps/b.yaml", &config_map("apps", "b", "1"));
    world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("base", "./base", json!({}))).await;
    world.add(kustomization("apps", "./apps", json!({ "dependsOn": [{ "name": "base" }] }))).await;
    world.failed("base", "BuildFailed", "base/a.yaml").await;
    world.failed("apps", "DependencyNotReady", "base").await;
    assert_eq!(world.value("apps", "b").await, None);

    world.repository.write("base/a.yaml", &config_map("apps", "a", "1"));
    let second = world.repository.commit("second");
    world.ready("base", &second).await;
    world.ready("apps", &second).await;
    assert_eq!(world.value("apps", "b").await.as_deref(), Some("1"));
}
