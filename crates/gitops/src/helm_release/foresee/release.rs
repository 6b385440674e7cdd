//! What an install or an upgrade would make of the cluster.

use cowherd_apply::{Action, Coming, Diff, Foreseen, Manifest, Versioned, compare};
use cowherd_helm::Release;
use cowherd_helm::release::record::Record;
use jiff::Timestamp;

use super::super::action::{self, ActionError, Policy, what_is_there};
use super::super::capabilities::{self, InCluster};
use super::super::noting::Noting;
use super::super::post_render::PostRender;
use super::super::remediation::ReleaseAction;
use super::super::{manifests, render};
use super::guarded::Guarded;
use super::{Foreseer, deed};
use crate::delivery::{Deed, PreviewError, Previewed, desired, unapplied};

/// Two of what follows by chance from: what differs between them is made up.
const SEEDS: [&[u8]; 2] = [b"one", b"another"];

impl Foreseer<'_> {
    /// Tells what the action would change.
    pub(super) async fn release(
        &mut self,
        action: ReleaseAction,
        mut previewed: Previewed,
    ) -> Result<Previewed, PreviewError> {
        let (current, last) = self.current(action).await?;
        if let Some(config) = current.as_ref().and_then(|current| current.config.as_ref()) {
            for values in std::iter::once(&self.values).chain(&self.live) {
                values.hide_in(config, &mut self.mask);
            }
        }
        // As with Helm, to templates an installation is the first revision, whatever came before it.
        let revision = if action == ReleaseAction::Install { 1 } else { last + 1 };
        let record = self.record(action, revision, &mut previewed).await?;
        let mut coming = self.place.prospect.coming.clone();
        let mut foreseen = self.definitions(action, &mut coming).await?;
        if action == ReleaseAction::Install {
            previewed.diffs.extend(self.namespace(&mut coming).await?);
        }
        let failed = |error: ActionError| self.place.failed(&error, &self.mask);
        let all = self.site().of(&record).await.map_err(failed)?;
        let before = match &current {
            Some(current) => self.site().described(current).await.map_err(failed)?,
            None => Vec::new(),
        };
        self.check_owners(action, &all, &before).await?;
        foreseen.extend(self.objects(all.clone(), &coming).await?);
        previewed.diffs.extend(foreseen.iter().map(|one| one.diff.clone()));
        previewed.diffs.extend(self.place.stale(self.site(), &manifests::gone(before, &all)).await?);
        previewed.deed = Some(self.deed(action, current.as_ref(), &record));
        (previewed.foreseen, previewed.manifests) = (foreseen, all);
        Ok(previewed)
    }

    /// The record of what is there, and the last revision.
    async fn current(&self, action: ReleaseAction) -> Result<(Option<Record>, i64), PreviewError> {
        let unknown = |error| self.place.unknown(&error);
        let entries = self.storage.entries().await.map_err(unknown)?;
        let last = entries.last().map(|last| last.version);
        if action == ReleaseAction::Install {
            return Ok((None, last.unwrap_or_default()));
        }
        // One that is under way counts as the one that it makes.
        let version = what_is_there(&entries).ok().flatten().or(last);
        let record = match version {
            Some(version) => self.storage.get(version).await.map_err(unknown)?,
            None => None,
        };
        Ok((record, last.unwrap_or_default()))
    }

    /// The revision as it would be recorded.
    async fn record(
        &mut self,
        action: ReleaseAction,
        revision: i64,
        previewed: &mut Previewed,
    ) -> Result<Record, PreviewError> {
        let name = self.place.name();
        let capabilities = capabilities::discover(&self.place.client(&self.place.prospect.client)?).await;
        let capabilities = capabilities.map_err(|error| {
            PreviewError::Apply(name.clone(), format!("could not get apiVersions from Kubernetes: {error}"))
        })?;
        let is_upgrade = action == ReleaseAction::Upgrade;
        let (install, upgrade) = (self.spec.install.as_ref(), self.spec.upgrade.as_ref());
        let skips_schema = match is_upgrade {
            true => upgrade.and_then(|said| said.disable_schema_validation),
            false => install.and_then(|said| said.disable_schema_validation),
        };
        let wanted = render::Wanted {
            chart: self.chart.clone(),
            values: self.values.values.clone(),
            release: Release {
                name: self.names.release.clone(),
                namespace: self.names.namespace.clone(),
                revision,
                is_upgrade,
                ..Release::default()
            },
            capabilities,
            skips_schema: skips_schema == Some(true),
            post_render: PostRender::of(&self.place.owner.name, &self.spec),
        };
        let is_open = !self.place.prospect.default_account.may_be_less(self.place.owner);
        let lookup = InCluster::new(self.place.client(&self.place.prospect.foreseen)?, None);
        let lookup = Noting::new(Guarded { lookup, is_open });
        let rendered = tokio::task::spawn_blocking(move || {
            let now = Timestamp::now();
            let [one, another] = SEEDS.map(|seed| render::record(wanted.clone(), now, seed, &lookup));
            (one.map_err(|error| lookup.told(&error)), another, lookup.mask())
        });
        let (record, another, seen) = rendered.await.map_err(|error| {
            tracing::error!(error = cowherd_runtime::broken_off(error), "a render broke off");
            PreviewError::Build(name.clone(), "the render broke off; this is a bug in cowherd".to_owned())
        })?;
        self.mask.join(&seen);
        let record = record.map_err(|error| PreviewError::Build(name, self.mask.text(&error)))?;
        if another.is_ok_and(|another| another.manifest != record.manifest) {
            let chance =
                "what its chart makes up by chance is another one each time: what is shown of it is an example";
            previewed.remarks.push(chance.to_owned());
        }
        Ok(record)
    }

    /// What becomes of the definitions of the chart.
    async fn definitions(&self, action: ReleaseAction, coming: &mut Coming) -> Result<Vec<Foreseen>, PreviewError> {
        let said = match action {
            ReleaseAction::Install => self.spec.install.as_ref().and_then(|install| install.crds.as_ref()),
            ReleaseAction::Upgrade => self.spec.upgrade.as_ref().and_then(|upgrade| upgrade.crds.as_ref()),
        };
        let (policy, parts) = (Policy::of(said), (&self.chart, &self.values.values));
        let described = action::definitions(&self.place.owner.name, parts, policy);
        let described = described.map_err(|error| self.place.failed(&error, &self.mask))?;
        let mut wanted = Vec::new();
        for definition in described {
            if policy == Policy::CreateReplace || self.is_absent(definition.versioned()).await? {
                wanted.push(definition);
            }
        }
        let foreseen = self.objects(wanted.clone(), coming).await?;
        wanted.iter().for_each(|definition| coming.take(definition));
        Ok(foreseen)
    }

    /// The namespace of the release, where it would be made.
    async fn namespace(&self, coming: &mut Coming) -> Result<Option<Diff>, PreviewError> {
        let is_wanted = self.spec.install.as_ref().and_then(|install| install.create_namespace) == Some(true);
        if !is_wanted || self.spec.target_namespace.is_none() {
            return Ok(None);
        }
        let made = action::namespace(&self.names.namespace);
        let made = made.map_err(|error| PreviewError::Build(self.place.name(), error.told(&self.mask)))?;
        if !self.is_absent(made.versioned()).await? {
            return Ok(None);
        }
        coming.take(&made);
        let (object, fields) = (made.versioned().clone(), compare(None, Some(made.object())));
        Ok(Some(Diff { object, action: Action::Created, fields }))
    }

    async fn is_absent(&self, object: &Versioned) -> Result<bool, PreviewError> {
        let found = self.applier.look(object, self.site().account).await;
        Ok(found.map_err(|error| unapplied(&self.place.name(), &self.mask, &error))?.is_none())
    }

    /// Refuses objects of others, where they are not to be taken over.
    async fn check_owners(
        &self,
        action: ReleaseAction,
        all: &[Manifest],
        before: &[Manifest],
    ) -> Result<(), PreviewError> {
        let (install, upgrade) = (self.spec.install.as_ref(), self.spec.upgrade.as_ref());
        let disabled = match action {
            ReleaseAction::Install => install.and_then(|said| said.disable_take_ownership),
            ReleaseAction::Upgrade => upgrade.and_then(|said| said.disable_take_ownership),
        };
        if disabled != Some(true) {
            return Ok(());
        }
        let refused = self.site().refuse_those_of_others(&manifests::gone(all.to_vec(), before)).await;
        refused.map_err(|error| self.place.failed(&error, &self.mask))
    }

    /// What applying the objects would make of them.
    async fn objects(&self, objects: Vec<Manifest>, coming: &Coming) -> Result<Vec<Foreseen>, PreviewError> {
        let desired = desired(self.place.owner, self.settings, objects);
        let foreseen = self.applier.foresee(&desired, coming).await;
        foreseen.map_err(|error| unapplied(&self.place.name(), &self.mask, &error))
    }

    fn deed(&self, action: ReleaseAction, current: Option<&Record>, record: &Record) -> Deed {
        let (install, upgrade) = (self.spec.install.as_ref(), self.spec.upgrade.as_ref());
        let (what, events, hooks_are_off) = match action {
            ReleaseAction::Install => {
                ("installed", deed::INSTALL, install.and_then(|said| said.disable_hooks) == Some(true))
            }
            ReleaseAction::Upgrade => {
                ("upgraded", deed::UPGRADE, upgrade.and_then(|said| said.disable_hooks) == Some(true))
            }
        };
        let mut details = vec![deed::charts(current, record)];
        details.extend(deed::values(current, record));
        details.extend(deed::hooks(record, &events).filter(|_| !hooks_are_off));
        let is_tested = self.spec.test.as_ref().and_then(|test| test.enable) == Some(true);
        details.extend(deed::hooks(record, &deed::TEST).filter(|_| is_tested));
        Deed { what, details }
    }
}
