//! What happens to definitions after the request: one that is being deleted goes once its objects are gone, and one
//! whose names were taken is accepted once they are free.

use std::{sync::Arc, time::Duration};

use crate::{
    crd::CLEANUP_FINALIZER,
    object,
    resource::Resource,
    rest::{self, delete_collection_of},
    selector::Selection,
    server::ApiServer,
    status::ApiResult,
};

/// How long to wait before looking again whether objects are gone that somebody's finalizer keeps.
const PAUSE: Duration = Duration::from_millis(200);

/// Takes up the cleaning that an earlier process did not finish.
pub fn resume(server: &ApiServer) {
    for name in server.catalog().custom().keys() {
        clean_up(server, name);
    }
}

/// Cleans up after a definition in the background, if it is being deleted.
pub fn clean_up(server: &ApiServer, name: &str) {
    let (server, name) = (server.clone(), name.to_owned());
    tokio::spawn(async move {
        let closing = server.closing().clone();
        tokio::select! {
            () = closing.cancelled() => {}
            done = clean(&server, &name) => if let Err(error) = done {
                tracing::error!(name, %error, "cannot remove the objects of a definition that is being deleted");
            }
        }
    });
}

/// Accepts, in the background, definitions whose names were taken and are no longer.
pub fn accept_others(server: &ApiServer) {
    let catalog = server.catalog();
    let waiting: Vec<String> =
        catalog.custom().iter().filter(|(_, one)| !one.established).map(|(name, _)| name.clone()).collect();
    if waiting.is_empty() {
        return;
    }
    let server = server.clone();
    tokio::spawn(async move {
        for name in waiting {
            if let Err(error) = accept(&server, &name).await {
                tracing::error!(name, %error, "cannot accept the names of a definition");
            }
        }
    });
}

async fn accept(server: &ApiServer, name: &str) -> ApiResult<()> {
    let definitions = server.built_in("apiextensions.k8s.io", "v1", "customresourcedefinitions")?;
    let now = crate::clock::now();
    rest::change_internally(server, &definitions, &definitions.key("", name), |definition| {
        crate::crd::accept(definition, &server.catalog(), &now);
    })
    .await?;
    Ok(())
}

async fn clean(server: &ApiServer, name: &str) -> ApiResult<()> {
    let definitions = server.built_in("apiextensions.k8s.io", "v1", "customresourcedefinitions")?;
    let key = definitions.key("", name);
    loop {
        let Some(live) = rest::load(server, &definitions, &key).await? else { return Ok(()) };
        if !object::is_terminating(&live.object) || !object::finalizers(&live.object).contains(&CLEANUP_FINALIZER) {
            return Ok(());
        }
        if delete_objects(server, name).await? == 0 {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    rest::change_internally(server, &definitions, &key, |definition| {
        let rest = object::finalizers(definition).into_iter().filter(|known| *known != CLEANUP_FINALIZER);
        let rest = rest.map(str::to_owned).collect();
        object::set_finalizers(definition, rest);
    })
    .await?;
    Ok(())
}

/// Deletes the objects of a definition; how many there were.
async fn delete_objects(server: &ApiServer, name: &str) -> ApiResult<usize> {
    let catalog = server.catalog();
    let Some(definition) = catalog.custom().get(name) else { return Ok(0) };
    let Some(version) = definition.versions.first() else { return Ok(0) };
    let resource = Arc::new(Resource::custom(version.clone()));
    delete_collection_of(server, &resource, None, &Selection::default()).await
}
