//! Suspends and resumes, and says where that does not hold.

use anyhow::{Result, bail};
use cowherd_api::flux::annotations::{DISABLED, RECONCILE, SSA};
use kube::api::{Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::json;

use super::{Describer, entries};
use crate::bootstrap::ROOT;
use crate::cluster::explain;
use crate::resource::Resource;
use crate::target::Kind;
use crate::terminal::Mark;
use crate::terminal::text::say;

/// Suspends a resource, or resumes it, says so, and leaves on the object that it was a command; the resource as it is then. `None`
/// where that would be taken back at once, which is said, too.
///
/// # Errors
/// When the cluster does not do it.
pub async fn set(client: &Client, resource: Resource, suspend: bool) -> Result<Option<Resource>> {
    let (kind, name) = (resource.kind.word(), resource.name());
    let against = against(client, &resource, suspend).await;
    if let Some(against) = against.as_ref().filter(|against| !against.holds) {
        say(Mark::Failure, &against.refusal(&resource, suspend));
        return Ok(None);
    }
    let api = resource.kind.api(client, &resource.namespace());
    if resource.kind == Kind::ExternalArtifact {
        bail!("{name} is what somebody makes; suspend who makes it");
    }
    let patch = Patch::Merge(match resource.kind.resting() {
        Some(annotation) => json!({ "metadata": { "annotations": { annotation: suspend.then_some(DISABLED) } } }),
        None => json!({ "spec": { "suspend": suspend } }),
    });
    let manager = if suspend { "cowherd-suspend" } else { "cowherd-resume" };
    let params = PatchParams { field_manager: Some(manager.to_owned()), ..PatchParams::default() };
    let object = api.patch(&name, &params, &patch).await.map_err(explain)?;
    let word = if suspend { "suspended" } else { "resumed" };
    let until = against.map(|against| against.until(&resource, suspend)).unwrap_or_default();
    say(Mark::Success, &format!("{kind} {name} {word}{until}"));
    Ok(Some(Resource { object, ..resource }))
}

/// Who says otherwise, and whether it holds all the same, for now.
struct Against {
    describer: Describer,
    holds: bool,
}

impl Against {
    /// Why it is not done.
    fn refusal(&self, resource: &Resource, suspend: bool) -> String {
        let (stays, again) = match suspend {
            true => ("is not suspended", "resume it"),
            false => ("stays suspended", "suspend it again"),
        };
        let Describer { kind, namespace, name } = &self.describer;
        let place = if namespace == ROOT { String::new() } else { format!(" -n {namespace}") };
        format!(
            "{} {} {stays}: {} describes it with spec.suspend: {}, and would {again} at once. Change that in Git, or before this: \
             cowherd suspend {} {name}{place}",
            resource.kind.word(),
            resource.name(),
            self.describer.shown(),
            !suspend,
            kind.word()
        )
    }

    /// How long it holds.
    fn until(&self, resource: &Resource, suspend: bool) -> String {
        let describer = self.describer.shown();
        let says = format!("with spec.suspend: {}", !suspend);
        match self.describer.is(resource) {
            true => format!(" until it is reconciled: it describes itself {says}"),
            false => format!(" until {describer} is resumed, which describes it {says}"),
        }
    }
}

/// Who would take back what is set. A HelmRelease puts nothing back at once, and nobody does with what asks to be left alone.
async fn against(client: &Client, resource: &Resource, suspend: bool) -> Option<Against> {
    let is_left = |key: &str, values: &[&str]| {
        let value = resource.object.annotations().get(key).or_else(|| resource.object.labels().get(key));
        value.is_some_and(|value| values.iter().any(|one| one.eq_ignore_ascii_case(value)))
    };
    if resource.suspended() == suspend || is_left(RECONCILE, &[DISABLED]) || is_left(SSA, &["Ignore", "IfNotPresent"]) {
        return None;
    }
    let describer = entries(resource).find_map(|entry| Describer::of(resource, entry))?;
    if describer.kind == Kind::HelmRelease {
        return None;
    }
    if describer.is(resource) {
        return Some(Against { describer, holds: true });
    }
    // Whoever may not see who describes it is told what is so of most.
    match describer.kind.api(client, &describer.namespace).get_opt(&describer.name).await {
        Ok(None) => None,
        Ok(Some(object)) => {
            let holds = Resource { kind: describer.kind, object }.suspended();
            Some(Against { describer, holds })
        }
        Err(_) => Some(Against { describer, holds: false }),
    }
}
