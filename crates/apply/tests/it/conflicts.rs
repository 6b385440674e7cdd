//! Objects that somebody else writes at the same moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cowherd_apply::{Action, Applier, ApplyError, Options};
use http::{Method, Request};
use kube::Client;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::client::Body;
use serde_json::json;

use crate::{World, actions, config_map, desired};

/// A client of the world in which a controller writes the ConfigMap `a` whenever fields of it are about to be taken over,
/// that many times.
fn beside_a_controller(world: &World, times: usize) -> Client {
    let (client, left) = (world.client.clone(), Arc::new(AtomicUsize::new(times)));
    let api = world.api("v1", "ConfigMap");
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, left, api) = (client.clone(), left.clone(), api.clone());
        async move {
            let is_merge =
                request.headers().get("content-type").is_some_and(|kind| kind == "application/merge-patch+json");
            let less = |left: usize| left.checked_sub(1);
            if request.method() == Method::PATCH
                && is_merge
                && let Ok(before) = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
            {
                let params = PatchParams { field_manager: Some("controller".to_owned()), ..PatchParams::default() };
                let patch = json!({ "metadata": { "annotations": { "rounds": before.to_string() } } });
                api.patch("a", &params, &Patch::Merge(patch)).await.unwrap();
            }
            client.send(request).await
        }
    });
    Client::new(service, "default")
}

/// A world in which somebody made the ConfigMap `a` with kubectl.
async fn made_by_hand() -> World {
    let world = World::new().await;
    let theirs: DynamicObject = serde_json::from_value(config_map("a", json!({ "by": "hand" }))).unwrap();
    let params = PostParams { field_manager: Some("kubectl-create".to_owned()), ..PostParams::default() };
    world.api("v1", "ConfigMap").create(&params, &theirs).await.unwrap();
    world
}

#[tokio::test]
async fn fields_are_taken_over_although_a_controller_writes_the_object_meanwhile() {
    let world = made_by_hand().await;
    let (applier, _drift) = Applier::new(beside_a_controller(&world, 3), Options::default());
    let changes = applier.apply(&desired("x", vec![config_map("a", json!({ "k": "1" }))])).await.unwrap();
    assert_eq!(actions(&changes), [("ConfigMap/default/a".to_owned(), Action::Configured)]);
    let found = world.get("v1", "ConfigMap", "a").await.unwrap();
    assert_eq!(found["data"], json!({ "k": "1" }));
    assert_eq!(found["metadata"]["annotations"]["rounds"], "1", "what the controller wrote stays");
}

#[tokio::test]
async fn a_conflict_that_lasts_is_reported() {
    let world = made_by_hand().await;
    let (applier, _drift) = Applier::new(beside_a_controller(&world, usize::MAX), Options::default());
    let failed = applier.apply(&desired("x", vec![config_map("a", json!({ "k": "1" }))])).await.unwrap_err();
    let ApplyError::Refused { code, step, .. } = &failed.error else { panic!("{failed:?}") };
    assert_eq!((*code, *step), (409, "takeover of fields failed"), "{failed:?}");
}
