//! What bringing a release to what its HelmRelease says would change, without changing it.

mod deed;
mod guarded;
mod release;

use std::sync::Arc;

use cowherd_api::flux::helm::v2::{HelmRelease, HelmReleaseSpec, HelmReleaseStatus};
use cowherd_apply::mask::Mask;
use cowherd_apply::{Action, Applier, Clients, Diff, Manifest};
use cowherd_helm::Chart;
use cowherd_helm::release::record::{Record, Status as ReleaseStatus};
use kube::{Api, Client};

use super::action::{ActionError, Site, goes};
use super::drift::Drifted;
use super::names::Names;
use super::observed::{self, latest};
use super::remediation::ReleaseAction;
use super::state::{State, Wanted, determine};
use super::storage::{Storage, StorageError};
use super::values::{self, Values};
use super::{KIND, chart, digest, drift, manifests, owner, status as words};
use crate::delivery::{Deed, PreviewError, Previewed, Prospect, applier, hide, unapplied};
use crate::owner::{Owner, Settings, Status};
use crate::source::Artifact;

/// Tells what the next attempt for the HelmRelease would change.
pub(super) async fn foresee(
    prospect: &Prospect,
    (owner, status): (&Owner, &Status),
    settings: &Settings,
    content: &Arc<Artifact>,
) -> Result<Previewed, PreviewError> {
    let mut foreseer = Foreseer::prepare(prospect, (owner, status), settings, content).await?;
    let mut previewed = foreseer.foresee().await?;
    let mask = &foreseer.mask;
    previewed.diffs.iter_mut().for_each(|diff| hide(diff, mask));
    let texts = previewed.deed.iter_mut().flat_map(|deed| &mut deed.details).chain(&mut previewed.remarks);
    texts.for_each(|text| *text = mask.text(text));
    Ok(previewed)
}

/// What goes with a HelmRelease that is deleted.
pub(super) async fn foresee_end(
    prospect: &Prospect,
    (owner, status): (&Owner, &Status),
) -> Result<(Option<Deed>, Vec<Diff>), PreviewError> {
    let own = words::own(status);
    let (Some(storage), Some(newest)) = (own.storage_namespace.clone(), latest(&own.history)) else {
        return Ok((None, Vec::new()));
    };
    if owner.is_suspended {
        let stays = "its release stays, since it is suspended".to_owned();
        return Ok((Some(Deed { what: "left", details: vec![stays] }), Vec::new()));
    }
    let names = Names { release: newest.name.clone(), namespace: newest.namespace.clone(), storage };
    let (applier, place) = (applier(prospect, owner), Place { prospect, owner });
    let Some((record, diffs)) = place.leaving(&applier, &names).await? else { return Ok((None, Vec::new())) };
    let disabled = owner::spec(owner).uninstall.as_ref().and_then(|said| said.disable_hooks) == Some(true);
    let mut details = vec![format!("release {}", observed::full_name(newest))];
    details.extend(deed::hooks(&record, &deed::UNINSTALL).filter(|_| !disabled));
    Ok((Some(Deed { what: "uninstalled", details }), diffs))
}

/// The cluster as a HelmRelease sees it.
#[derive(Clone, Copy)]
struct Place<'a> {
    prospect: &'a Prospect,
    owner: &'a Owner,
}

impl Place<'_> {
    /// How the HelmRelease is told.
    fn name(&self) -> String {
        format!("{} {}", KIND.kind, self.owner.name)
    }

    fn unknown(&self, error: &StorageError) -> PreviewError {
        PreviewError::Apply(self.name(), format!("the records of its release cannot be read: {error}"))
    }

    /// The client of who acts, in the cluster as it is or as it would be.
    fn client(&self, cluster: &Client) -> Result<Client, PreviewError> {
        let client = Clients::from(cluster.clone()).on_behalf_of(self.owner.account.as_ref());
        client.map_err(|error| PreviewError::Settings(self.name(), error.to_string()))
    }

    fn storage(&self, names: &Names) -> Result<Storage, PreviewError> {
        Ok(Storage::new(self.client(&self.prospect.client)?, &names.storage, &names.release))
    }

    /// The last record of a release that is uninstalled, and what becomes of its objects; `None` where there is no such release.
    async fn leaving(&self, applier: &Applier, names: &Names) -> Result<Option<(Record, Vec<Diff>)>, PreviewError> {
        let last = self.storage(names)?.last().await.map_err(|error| self.unknown(&error))?;
        let Some(last) = last.filter(|last| last.status() != Some(ReleaseStatus::Uninstalled)) else { return Ok(None) };
        let site = Site { applier, account: self.owner.account.as_ref(), names };
        let objects = site.described(&last).await.map_err(|error| self.failed(&error, &self.prospect.mask))?;
        let diffs = self.stale(site, &objects).await?;
        Ok(Some((last, diffs)))
    }

    /// What becomes of objects that the release leaves.
    async fn stale(&self, site: Site<'_>, objects: &[Manifest]) -> Result<Vec<Diff>, PreviewError> {
        let mut diffs = Vec::new();
        for object in objects {
            let found = site.applier.foresee_deletion(object.versioned(), site.account, goes(site.names)).await;
            // What may not even be seen stays.
            let is_gone = match found {
                Err(error) if error.is_unseen() => continue,
                found => found.map_err(|error| unapplied(&self.name(), &self.prospect.mask, &error))?,
            };
            let Some(goes) = is_gone else { continue };
            let goes = goes && !manifests::stays(object.object());
            let action = if goes { Action::Deleted } else { Action::Skipped };
            diffs.push(Diff { object: object.versioned().clone(), action, fields: Vec::new() });
        }
        Ok(diffs)
    }

    fn failed(&self, error: &ActionError, mask: &Mask) -> PreviewError {
        PreviewError::Apply(self.name(), error.told(mask))
    }
}

/// A HelmRelease, and all that its release would be made of.
struct Foreseer<'a> {
    place: Place<'a>,
    status: &'a Status,
    settings: &'a Settings,
    spec: Arc<HelmReleaseSpec>,
    own: HelmReleaseStatus,
    names: Names,
    applier: Applier,
    storage: Storage,
    chart: Chart,
    values: Values,
    /// The values as the HelmRelease that is there has them.
    live: Option<Values>,
    mask: Mask,
}

impl<'a> Foreseer<'a> {
    async fn prepare(
        prospect: &'a Prospect,
        (owner, status): (&'a Owner, &'a Status),
        settings: &'a Settings,
        content: &Arc<Artifact>,
    ) -> Result<Self, PreviewError> {
        let place = Place { prospect, owner };
        let (spec, names) = (owner::spec(owner), Names::of(&owner.name, &owner::spec(owner)));
        let values = values::compose(&prospect.foreseen, &owner.name.namespace, &spec, None).await;
        let values = values.map_err(|error| PreviewError::Build(place.name(), error.to_string()))?;
        let mut mask = prospect.mask.clone();
        mask.join(&values.mask);
        // What is there was made of what it named before.
        let live = live_values(prospect, owner).await;
        live.iter().for_each(|live| mask.join(&live.mask));
        let loaded = chart::load_in_a_thread(content.clone(), settings.source.kind).await;
        let loaded = loaded
            .map_err(|error| PreviewError::Build(place.name(), mask.text(&format!("could not load chart: {error}"))))?;
        let applier = applier(prospect, owner);
        let (storage, own) = (place.storage(&names)?, words::own(status));
        let chart = loaded.chart;
        Ok(Self { place, status, settings, spec, own, names, applier, storage, chart, values, live, mask })
    }

    fn site(&self) -> Site<'_> {
        Site { applier: &self.applier, account: self.place.owner.account.as_ref(), names: &self.names }
    }

    /// What the state of the release leads to.
    async fn foresee(&mut self) -> Result<Previewed, PreviewError> {
        let mut previewed = Previewed::default();
        if self.place.owner.is_suspended {
            previewed.remarks.push("it is suspended: nothing of this happens until it is resumed".to_owned());
        }
        let is_other = self.is_another_attempt();
        if let Some(former) = observed::former(&self.own, &self.names, &self.spec, &self.chart.metadata.name) {
            self.leave(&former, &mut previewed).await?;
        }
        let last = self.storage.last().await.map_err(|error| self.place.unknown(&error))?;
        let action = match self.state(last.as_ref())? {
            State::InSync => return self.in_sync(last, previewed).await,
            State::Untested => {
                previewed.remarks.push("its tests run, which they have not done for this revision yet".to_owned());
                return self.in_sync(last, previewed).await;
            }
            State::Absent => ReleaseAction::Install,
            State::Locked(pending) => {
                let pending = pending.name();
                previewed
                    .remarks
                    .push(format!("its last action has not ended, or was broken off: its release is {pending}"));
                ReleaseAction::Upgrade
            }
            State::Failed => {
                previewed.remarks.push("the last action of its release failed".to_owned());
                ReleaseAction::Upgrade
            }
            State::Unmanaged | State::OutOfSync(_) => ReleaseAction::Upgrade,
        };
        if !is_other && action.remediation(&self.spec).is_exhausted(&self.own) {
            let gives_up = "it was tried as often as it may be: nothing happens until it asks for something else";
            previewed.remarks.push(gives_up.to_owned());
            return Ok(previewed);
        }
        self.release(action, previewed).await
    }

    /// Whether something else is tried than before, so that earlier failures count no more.
    fn is_another_attempt(&self) -> bool {
        self.own.last_attempted_generation != self.place.owner.generation()
            || self.own.last_attempted_revision.as_ref() != Some(&self.chart.metadata.version)
            || self.own.last_attempted_config_digest != Some(digest::of_values(&self.values.values))
    }

    /// The release has another name or place by now: what was there goes first.
    async fn leave(&mut self, former: &Names, previewed: &mut Previewed) -> Result<(), PreviewError> {
        if let Some((_, diffs)) = self.place.leaving(&self.applier, former).await? {
            let Names { release, namespace, .. } = former;
            previewed.diffs = diffs;
            previewed.remarks.push(format!(
                "its release has another name, place or chart by now: {namespace}/{release} is uninstalled first"
            ));
        }
        self.own.history.clear();
        Ok(())
    }

    fn state(&self, last: Option<&Record>) -> Result<State, PreviewError> {
        let (metadata, config_digest) = (&self.chart.metadata, digest::of_values(&self.values.values));
        let wanted = Wanted {
            spec: &self.spec,
            chart_name: &metadata.name,
            chart_version: &metadata.version,
            config_digest: &config_digest,
            is_new_spec: self.status.observed_generation != self.place.owner.generation(),
        };
        determine(last, &self.own, &wanted).map_err(|error| PreviewError::Apply(self.place.name(), error))
    }

    /// The release is as it should be: what others changed of it is put right, where that is asked for.
    async fn in_sync(&self, last: Option<Record>, mut previewed: Previewed) -> Result<Previewed, PreviewError> {
        let Some(record) = last else { return Ok(previewed) };
        let failed = |error: ActionError| self.place.failed(&error, &self.mask);
        previewed.manifests = self.site().of(&record).await.map_err(failed)?;
        if owner::corrects_drift(&self.spec) {
            let drifted = drift::find(self.site(), (&self.place.owner.name, &self.spec), &record).await;
            let drifted = drifted.map_err(failed)?;
            previewed.diffs.extend(drifted.into_iter().filter(Drifted::differs).map(corrected));
        }
        if deed::has_other_templates(&record, &self.chart) {
            let metadata = &self.chart.metadata;
            previewed.remarks.push(format!(
                "its chart has other templates than those that were released, under the same version, {}@{}: nothing is upgraded \
                 until the version in Chart.yaml is another one (or, with a chart in a repository, spec.chart.spec.reconcileStrategy \
                 is Revision)",
                metadata.name, metadata.version
            ));
        }
        Ok(previewed)
    }
}

/// What puts right what others changed.
fn corrected(drifted: Drifted) -> Diff {
    let object = drifted.manifest.versioned().clone();
    match drifted.is_removed() {
        true => {
            let fields = cowherd_apply::compare(None, Some(drifted.manifest.object()));
            Diff { object, action: Action::Created, fields }
        }
        false => Diff { object, action: Action::Configured, fields: drifted.fields },
    }
}

/// The values of the HelmRelease as it is in the cluster, if it is there and they are to be had.
async fn live_values(prospect: &Prospect, owner: &Owner) -> Option<Values> {
    let api: Api<HelmRelease> = Api::namespaced(prospect.client.clone(), &owner.name.namespace);
    let live = api.get_opt(&owner.name.name).await.ok()??;
    values::compose(&prospect.client, &owner.name.namespace, &Arc::new(live.spec), None).await.ok()
}
