//! Keeps the source and the Kustomization that everything grows from: whoever deletes or edits them, they are put back
//! at once, and an event says so.
//!
//! Suspending them is no such change: `cowherd suspend` and `flux suspend` are how people ask for a pause.

mod event;
pub mod secret;

use std::time::Duration;

use anyhow::Result;
use futures::StreamExt;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use crate::bootstrap::{self, MANAGER, ROOT, Root};
use crate::target::Kind;
use crate::terminal::{Mark, Said};

/// The pause before an object is put back again; it doubles while that is needed again and again.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long an object that was deleted stays away: whoever deleted it with kubectl looks until it is gone, and would look for
/// ever if another were there before.
const AWAY: Duration = Duration::from_millis(500);
/// After how long without a need the pause is short again.
const PEACE: Duration = Duration::from_secs(60);

/// One object that is kept.
#[derive(Clone)]
pub struct Keeper {
    client: Client,
    kind: Kind,
    /// The object as it is applied.
    wanted: Value,
    /// Its spec as the API completes it.
    spec: Value,
    /// Whether a manifest of the repository may say how the object is.
    repository_decides: bool,
}

impl Keeper {
    /// Puts the objects of the root into the cluster, and returns who keeps them there.
    pub async fn put(client: &Client, root: &Root) -> Result<Vec<Self>> {
        let has_secret = bootstrap::prepare(client, root).await?;
        let mut keepers = Vec::new();
        for (kind, wanted) in root.objects(has_secret) {
            let spec = completed(&kind.api(client, ROOT), &wanted).await?;
            let keeper = Self { client: client.clone(), kind, wanted, spec, repository_decides: !root.is_checkout() };
            let live = keeper.api().get_opt(ROOT).await?;
            if live.as_ref().is_none_or(|live| !keeper.is_the_repositorys(live)) {
                keeper.restore().await?;
            }
            keepers.push(keeper);
        }
        Ok(keepers)
    }

    fn api(&self) -> Api<DynamicObject> {
        self.kind.api(&self.client, ROOT)
    }

    /// What it is called among loops.
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Kustomization => "keeper of the Kustomization",
            _ => "keeper of the source",
        }
    }

    /// Watches the object for as long as it is polled, and tells `say` what it put back.
    pub async fn keep(self, say: UnboundedSender<Said>) {
        let config = watcher::Config::default().fields(&format!("metadata.name={ROOT}"));
        let mut events = watcher(self.api(), config).default_backoff().boxed();
        let mut pause = PAUSE;
        let mut last = tokio::time::Instant::now();
        while let Some(event) = events.next().await {
            if matches!(event, Ok(watcher::Event::Delete(_))) {
                tokio::time::sleep(AWAY).await;
            }
            let lost = match event {
                Ok(watcher::Event::Apply(object) | watcher::Event::InitApply(object)) => self.lost_to(&object),
                Ok(watcher::Event::Delete(_)) => Some("was deleted; the API does not say by whom".to_owned()),
                Ok(watcher::Event::Init | watcher::Event::InitDone) | Err(_) => None,
            };
            let Some(lost) = lost else { continue };
            pause = if last.elapsed() > PEACE { PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
            last = tokio::time::Instant::now();
            match self.restore().await {
                Ok(object) => {
                    let message =
                        format!("{} {ROOT} {lost}; it was put back, and nothing was pruned", self.kind.name());
                    event::tell(&self.client, &object, self.kind.name(), &message).await;
                    let _ = say.send(Said::new(Mark::Action, message));
                }
                Err(error) => {
                    let error = crate::failure::text(&error);
                    let text = format!("{} {ROOT} {lost}: {error}", self.kind.name());
                    let _ = say.send(Said::new(Mark::Failure, text));
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// What happened to the object, if it is not as it should be.
    fn lost_to(&self, live: &DynamicObject) -> Option<String> {
        // One that is being deleted is put back when it is gone.
        if live.metadata.deletion_timestamp.is_some() || self.is_the_repositorys(live) || self.is_as_wanted(live) {
            return None;
        }
        Some(match changed_by(live) {
            Some(manager) => format!("was changed by {manager:?}"),
            None => "was changed".to_owned(),
        })
    }

    /// Whether the repository itself describes the object, and may.
    fn is_the_repositorys(&self, live: &DynamicObject) -> bool {
        self.repository_decides && live.labels().contains_key(cowherd_apply::OWNER_NAME)
    }

    fn is_as_wanted(&self, live: &DynamicObject) -> bool {
        let annotations = self.wanted.pointer("/metadata/annotations").and_then(Value::as_object);
        let has = |(key, value): (&String, &Value)| live.annotations().get(key).map(String::as_str) == value.as_str();
        annotations.into_iter().flatten().all(has) && live.data.get("spec") == Some(&self.spec_beside(live))
    }

    /// The spec as it should be, suspended if the object is.
    fn spec_beside(&self, live: &DynamicObject) -> Value {
        let mut spec = self.spec.clone();
        if let Some(suspend) = live.data.pointer("/spec/suspend") {
            spec["suspend"] = suspend.clone();
        }
        spec
    }

    /// Makes the object as it should be.
    async fn restore(&self) -> Result<DynamicObject> {
        let api = self.api();
        let live = bootstrap::apply(&api, &self.wanted).await?;
        if self.is_as_wanted(&live) {
            return Ok(live);
        }
        // What others added beside what we apply.
        let patch = json!([
            { "op": "test", "path": "/metadata/resourceVersion", "value": live.resource_version() },
            { "op": "replace", "path": "/spec", "value": self.spec_beside(&live) },
        ]);
        let patch: Patch<()> = Patch::Json(serde_json::from_value(patch)?);
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        Ok(api.patch(ROOT, &params, &patch).await?)
    }
}

/// The spec of an object as the API would complete it.
async fn completed(api: &Api<DynamicObject>, wanted: &Value) -> Result<Value> {
    let mut object: DynamicObject = serde_json::from_value(wanted.clone())?;
    object.metadata.name = None;
    object.metadata.generate_name = Some(format!("{ROOT}-"));
    let params = PostParams { dry_run: true, field_manager: Some(MANAGER.to_owned()) };
    Ok(api.create(&params, &object).await?.data["spec"].take())
}

/// The field manager that changed the object last, other than us.
fn changed_by(live: &DynamicObject) -> Option<String> {
    let entries = live.managed_fields().iter().filter(|entry| entry.subresource.is_none());
    let others = entries.filter(|entry| entry.manager.as_deref() != Some(MANAGER));
    let of_spec =
        others.filter(|entry| entry.fields_v1.as_ref().is_some_and(|fields| fields.0.get("f:spec").is_some()));
    of_spec.max_by_key(|entry| entry.time.as_ref().map(|time| time.0)).and_then(|entry| entry.manager.clone())
}
