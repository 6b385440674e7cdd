//! What becomes of definitions that are stored: one that is being deleted goes once its objects are gone, and one whose
//! names were taken is accepted once they are free.
//!
//! It follows from the log: whatever a server left undone is taken up by the next one, or by another over the same store.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::{
    task::{Id, JoinSet},
    time::sleep,
};

use crate::{
    background::Loop,
    crd::{CLEANUP_FINALIZER, News},
    object,
    resource::Resource,
    rest::{self, delete_collection_of},
    selector::Selection,
    server::ApiServer,
    status::ApiResult,
};

/// How long to wait before looking again whether objects are gone that somebody's finalizer keeps, at first and at
/// most. Also how long to wait after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// Takes care of the definitions that there are, and of those that change.
pub fn care(server: &ApiServer, news: News) -> Loop {
    let server = server.clone();
    Loop::new("definitions", move || {
        // What was taken by a loop that broke off is looked at again.
        news.add_all(server.catalog().definition_names());
        keep(server.clone(), news.clone())
    })
}

async fn keep(server: ApiServer, news: News) {
    let mut cleaners = Cleaners::default();
    loop {
        tokio::select! {
            names = news.take() => for name in names {
                cleaners.look_at(&server, &name);
                review(&server, &name).await;
            },
            // What has changed while it was cleaned up after is looked at once more.
            Some(name) = cleaners.next() => cleaners.look_at(&server, &name),
        }
    }
}

/// The definitions that are cleaned up after, one task each.
#[derive(Default)]
struct Cleaners {
    tasks: JoinSet<()>,
    names: BTreeMap<Id, String>,
}

impl Cleaners {
    /// Cleans up after a definition in the background, if it is being deleted.
    fn look_at(&mut self, server: &ApiServer, name: &str) {
        if is_going(server, name) && !self.names.values().any(|known| known == name) {
            let task = self.tasks.spawn(clean_up_safely(server.clone(), name.to_owned()));
            self.names.insert(task.id(), name.to_owned());
        }
    }

    /// The next definition that is done with.
    async fn next(&mut self) -> Option<String> {
        let id = match self.tasks.join_next_with_id().await? {
            Ok((id, ())) => id,
            Err(error) => error.id(),
        };
        self.names.remove(&id)
    }
}

fn is_going(server: &ApiServer, name: &str) -> bool {
    server.catalog().definition(name).is_some_and(|definition| definition.terminating)
}

/// Settles who has the names that a definition which has changed wants, or wanted.
async fn review(server: &ApiServer, name: &str) {
    for name in server.catalog().rivals(name) {
        if let Err(error) = accept(server, &name).await {
            tracing::error!(name, %error, "cannot accept the names of a definition");
        }
    }
}

/// Accepts the names of a definition, or no longer, if they are free or no longer.
async fn accept(server: &ApiServer, name: &str) -> ApiResult<()> {
    let Some(known) = server.catalog().definition(name) else { return Ok(()) };
    let free = server.catalog().conflict(&known.names, name).is_none();
    if known.terminating || free == known.accepted {
        return Ok(());
    }
    let definitions = server.built_in("apiextensions.k8s.io", "v1", "customresourcedefinitions")?;
    let now = crate::clock::now();
    rest::change_internally(server, &definitions, &definitions.key("", name), |definition| {
        crate::crd::accept(definition, server.catalog(), &now);
    })
    .await?;
    Ok(())
}

/// Cleans up after a definition. Should that panic, it is tried again by whoever sees that it has ended, and not at once.
async fn clean_up_safely(server: ApiServer, name: String) {
    if AssertUnwindSafe(clean_up(server, name.clone())).catch_unwind().await.is_err() {
        tracing::error!(name, "removing the objects of a definition being deleted panicked; it is tried again");
        sleep(PAUSES.1).await;
    }
}

/// Removes the objects of a definition that is being deleted, then what kept it.
async fn clean_up(server: ApiServer, name: String) {
    let mut pause = PAUSES.0;
    loop {
        match clean(&server, &name).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::error!(name, %error, "cannot remove the objects of a definition being deleted"),
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Whether nothing is left to do for a definition.
async fn clean(server: &ApiServer, name: &str) -> ApiResult<bool> {
    let definitions = server.built_in("apiextensions.k8s.io", "v1", "customresourcedefinitions")?;
    let key = definitions.key("", name);
    let Some(live) = rest::load(server, &definitions, &key).await? else { return Ok(true) };
    if !object::is_terminating(&live.object) || !object::finalizers(&live.object).contains(&CLEANUP_FINALIZER) {
        return Ok(true);
    }
    if delete_objects(server, name).await? > 0 {
        return Ok(false);
    }
    rest::change_internally(server, &definitions, &key, |definition| {
        let rest = object::finalizers(definition).into_iter().filter(|known| *known != CLEANUP_FINALIZER);
        let rest = rest.map(str::to_owned).collect();
        object::set_finalizers(definition, rest);
    })
    .await?;
    Ok(true)
}

/// Deletes the objects of a definition; how many there were.
async fn delete_objects(server: &ApiServer, name: &str) -> ApiResult<usize> {
    let Some(definition) = server.catalog().definition(name) else { return Ok(0) };
    let Some(version) = definition.versions.first() else { return Ok(0) };
    let resource = Arc::new(Resource::custom(version.clone()));
    delete_collection_of(server, &resource, None, &Selection::default()).await
}
