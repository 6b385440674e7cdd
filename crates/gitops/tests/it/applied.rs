//! A Kustomization `apps` of ConfigMaps in the namespace `apps`, and how it fares.

use serde_json::{Value, json};

use crate::world::{FLUX, World, config_map, kustomization};

/// A cluster in which the Kustomization, with more in its spec, has brought these ConfigMaps with the value `1`.
pub async fn applied(names: &[&str], more: Value) -> World {
    let world = World::new().await;
    apply(&world, names, more).await;
    world
}

/// Has the Kustomization bring these ConfigMaps, and waits until it is ready; the revision.
pub async fn apply(world: &World, names: &[&str], more: Value) -> String {
    for name in names {
        world.repository.write(&format!("apps/{name}.yaml"), &config_map("apps", name, "1"));
    }
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("apps", "./apps", more)).await;
    world.ready("apps", &revision).await;
    revision
}

/// Waits until one of the ConfigMaps has this value.
pub async fn becomes(world: &World, name: &str, value: &str) {
    world
        .until(&format!("{name} is {value}"), async || {
            let found = world.value("apps", name).await;
            if found.as_deref() == Some(value) { Ok(()) } else { Err(format!("{found:?}")) }
        })
        .await;
}

/// Deletes a Kustomization.
pub async fn delete(world: &World, name: &str) {
    let api = world.api("kustomize.toolkit.fluxcd.io/v1", "Kustomization", Some(FLUX));
    api.delete(name, &Default::default()).await.unwrap();
}

/// Waits until a Kustomization is gone.
pub async fn is_gone(world: &World, name: &str) {
    world
        .until(&format!("{name} is gone"), async || match world.kustomization(name).await {
            None => Ok(()),
            Some(found) => Err(format!("{:?}", found.status.map(|status| status.conditions))),
        })
        .await;
}

/// A ServiceAccount in the namespace of the Kustomizations that may do all in `apps` but delete.
pub async fn may_delete_nothing(world: &World, name: &str) {
    world.create("v1", "ServiceAccount", json!({ "metadata": { "name": name, "namespace": FLUX } })).await;
    let metadata = json!({ "name": name, "namespace": "apps" });
    let verbs = json!(["get", "list", "watch", "create", "update", "patch"]);
    let rules = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": verbs }]);
    world.create("rbac.authorization.k8s.io/v1", "Role", json!({ "metadata": metadata, "rules": rules })).await;
    let binding = json!({ "metadata": metadata,
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": name, "namespace": FLUX }] });
    world.create("rbac.authorization.k8s.io/v1", "RoleBinding", binding).await;
}
