//! Finds what of a release is not in the cluster as it was released.

use cowherd_api::flux::annotations::DRIFT_DETECTION;
use cowherd_api::flux::helm::v2::HelmReleaseSpec;
use cowherd_api::flux::kustomize::v1::IgnoreRule;
use cowherd_apply::{ApplyError, FieldChange, Manifest, ObjectId, compare};
use cowherd_helm::release::record::Record;
use futures::{StreamExt, TryStreamExt, stream};
use regex::Regex;
use serde_json::Value;

use super::action::{ActionError, Site};
use crate::owner::OwnerName;

/// How many objects are looked at at the same time.
const AT_ONCE: usize = 8;

/// How many objects a message names.
const NAMED: usize = 20;

/// The fields that say nothing of how an object should be.
const MOMENTARY: &[&str] = &["/metadata/managedFields", "/metadata/resourceVersion", "/metadata/generation", "/status"];

/// An object that is not as it was released.
pub(super) struct Drifted {
    /// What puts it right: the object as it was released, with what it has where differences are none.
    pub(super) manifest: Manifest,
    change: Change,
    /// The fields that differ where it is there. Values of Secrets are masked.
    pub(super) fields: Vec<FieldChange>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// It is not to be looked at.
    Excluded,
    Removed,
    Changed {
        added: usize,
        changed: usize,
        removed: usize,
    },
}

impl Drifted {
    /// Whether it is to be put right.
    pub(super) fn differs(&self) -> bool {
        self.change != Change::Excluded
    }

    /// Whether it is not there.
    pub(super) fn is_removed(&self) -> bool {
        self.change == Change::Removed
    }

    /// One of which there is no more to say.
    fn whole(manifest: Manifest, change: Change) -> Self {
        Self { manifest, change, fields: Vec::new() }
    }
}

/// What was put right, as Flux says it: what was made anew, and then what was changed.
pub(super) fn corrections(drifted: &[Drifted]) -> String {
    let of = |is: fn(&Change) -> bool, what: &'static str| {
        let mut ids: Vec<&ObjectId> =
            drifted.iter().filter(|one| is(&one.change)).map(|one| one.manifest.id()).collect();
        ids.sort_by(|a, b| cowherd_apply::order::compare(a, b));
        ids.into_iter().map(move |id| format!("{id} {what}"))
    };
    let made = of(|change| *change == Change::Removed, "created");
    let changed = of(|change| matches!(change, Change::Changed { .. }), "configured");
    listed(made.chain(changed).collect())
}

/// So many lines, and how many more there are.
fn listed(mut lines: Vec<String>) -> String {
    let more = lines.len().saturating_sub(NAMED);
    if more > 0 {
        lines.truncate(NAMED);
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}

/// Whether it is looked for differences.
pub(super) fn is_detected(spec: &HelmReleaseSpec) -> bool {
    let mode = spec.drift_detection.as_ref().and_then(|detection| detection.mode.as_deref());
    matches!(mode, Some("enabled" | "warn"))
}

/// The objects of the record that are not as it has them.
pub(super) async fn find(
    site: Site<'_>,
    (owner, spec): (&OwnerName, &HelmReleaseSpec),
    record: &Record,
) -> Result<Vec<Drifted>, ActionError> {
    let rules = spec.drift_detection.iter().flat_map(|detection| &detection.ignore);
    let ignored: Vec<Ignored> = rules.map(Ignored::of).collect::<Result<_, _>>()?;
    let objects = site.of(record).await?;
    let (Site { applier, account, .. }, ignored) = (site, &ignored);
    let drifted = stream::iter(objects).map(|manifest| async move {
        if manifest.has(DRIFT_DETECTION, "disabled") {
            return Ok(Some(Drifted::whole(manifest, Change::Excluded)));
        }
        let failed = |error: ApplyError| ActionError::refused(&error);
        let live = applier.look(manifest.versioned(), account).await.map_err(failed)?;
        let Some(live) = live else { return Ok(Some(Drifted::whole(manifest, Change::Removed))) };
        let marked = Manifest::new(live.clone()).is_ok_and(|live| live.has(DRIFT_DETECTION, "disabled"));
        if marked {
            return Ok(Some(Drifted::whole(manifest, Change::Excluded)));
        }
        let mut manifest_with_marks = manifest.clone();
        manifest_with_marks.set_metadata(owner.mark_labels(), []);
        let foreseen = applier.foresee_single(&manifest_with_marks, account).await.map_err(failed)?;
        let corrected = corrected(&manifest, &live, ignored)?;
        let change = difference(manifest.id(), live, foreseen, ignored);
        Ok::<_, ActionError>(change.map(|(change, fields)| Drifted { manifest: corrected, change, fields }))
    });
    let found: Vec<Option<Drifted>> = drifted.buffered(AT_ONCE).try_collect().await?;
    let found: Vec<Drifted> = found.into_iter().flatten().collect();
    // Where nothing differs, there is nothing to tell of what was left out either.
    Ok(if found.iter().any(Drifted::differs) { found } else { Vec::new() })
}

/// How an object differs from what an apply would make of it.
fn difference(
    id: &ObjectId,
    mut live: Value,
    mut foreseen: Value,
    ignored: &[Ignored],
) -> Option<(Change, Vec<FieldChange>)> {
    let paths = ignored.iter().filter(|rule| rule.is_for(id)).flat_map(|rule| rule.paths.iter().map(String::as_str));
    for path in MOMENTARY.iter().copied().chain(paths) {
        remove(&mut live, path);
        remove(&mut foreseen, path);
    }
    let fields = compare(Some(&live), Some(&foreseen));
    if fields.is_empty() {
        return None;
    }
    let count = |is: fn(&cowherd_apply::FieldChange) -> bool| fields.iter().filter(|field| is(field)).count();
    let change = Change::Changed {
        added: count(|field| field.before.is_none()),
        changed: count(|field| field.before.is_some() && field.after.is_some()),
        removed: count(|field| field.after.is_none()),
    };
    Some((change, fields))
}

/// The object as it was released, with what is there where differences are none.
fn corrected(manifest: &Manifest, live: &Value, ignored: &[Ignored]) -> Result<Manifest, ActionError> {
    let mut object = manifest.object().clone();
    for path in ignored.iter().filter(|rule| rule.is_for(manifest.id())).flat_map(|rule| &rule.paths) {
        match (object.pointer_mut(path), live.pointer(path)) {
            (Some(wanted), Some(found)) => *wanted = found.clone(),
            (Some(_), None) => remove(&mut object, path),
            (None, _) => {}
        }
    }
    Manifest::new(object).map_err(|error| ActionError::Failed(error.text()))
}

/// Takes the value at a JSON pointer out.
fn remove(object: &mut Value, pointer: &str) {
    let Some((parent, last)) = pointer.rsplit_once('/') else { return };
    let last = last.replace("~1", "/").replace("~0", "~");
    match object.pointer_mut(parent) {
        Some(Value::Object(map)) => drop(map.remove(&last)),
        Some(Value::Array(items)) => {
            if let Some(at) = last.parse::<usize>().ok().filter(|at| *at < items.len()) {
                items.remove(at);
            }
        }
        _ => {}
    }
}

/// Differences that are none.
struct Ignored {
    paths: Vec<String>,
    /// What the group, version, kind, namespace and name of an object have to fit, where they have to.
    target: [Option<Regex>; 4],
}

impl Ignored {
    fn of(rule: &IgnoreRule) -> Result<Self, ActionError> {
        let target = rule.target.clone().unwrap_or_default();
        let pattern = |text: Option<String>| {
            let pattern = text
                .filter(|text| !text.is_empty())
                .map(|text| regex::RegexBuilder::new(&format!("^(?:{text})$")).size_limit(64 << 10).build());
            pattern.transpose().map_err(|error| {
                ActionError::failed(&format!("spec.driftDetection.ignore: a target is no regular expression: {error}"))
            })
        };
        let target = [pattern(target.group)?, pattern(target.kind)?, pattern(target.namespace)?, pattern(target.name)?];
        Ok(Self { paths: rule.paths.clone(), target })
    }

    fn is_for(&self, id: &ObjectId) -> bool {
        let parts = [&id.group, &id.kind, &id.namespace, &id.name];
        self.target
            .iter()
            .zip(parts)
            .all(|(pattern, part)| pattern.as_ref().is_none_or(|pattern| pattern.is_match(part)))
    }
}

/// What differs, as Flux says it.
pub(super) fn summary(drifted: &[Drifted]) -> String {
    let line = |one: &Drifted| {
        let id = one.manifest.id();
        match one.change {
            Change::Excluded => format!("{id} excluded"),
            Change::Removed => format!("{id} removed"),
            Change::Changed { added, changed, removed } => {
                format!("{id} changed ({added} additions, {changed} changes, {removed} removals)")
            }
        }
    };
    listed(drifted.iter().map(line).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id() -> ObjectId {
        ObjectId { group: "apps".into(), kind: "Deployment".into(), namespace: "apps".into(), name: "web".into() }
    }

    fn ignored(rule: Value) -> Vec<Ignored> {
        vec![Ignored::of(&serde_json::from_value(rule).unwrap()).unwrap()]
    }

    #[test]
    fn what_an_apply_would_change_is_counted() {
        let live =
            json!({ "spec": { "replicas": 3, "paused": true }, "status": { "a": 1 }, "metadata": { "generation": 2 } });
        let foreseen = json!({ "spec": { "replicas": 2, "x": "y" }, "status": {}, "metadata": { "generation": 3 } });
        let change = difference(&id(), live.clone(), foreseen.clone(), &[]).map(|(change, _)| change);
        assert_eq!(change, Some(Change::Changed { added: 1, changed: 1, removed: 1 }));
        assert_eq!(difference(&id(), live.clone(), live, &[]), None);
    }

    #[test]
    fn what_is_ignored_is_no_difference_for_those_that_are_meant() {
        let of = |replicas: i64| json!({ "spec": { "replicas": replicas } });
        let of = |rule: Value| difference(&id(), of(3), of(2), &ignored(rule)).is_some();
        assert!(!of(json!({ "paths": ["/spec/replicas"] })));
        assert!(!of(json!({ "paths": ["/spec/replicas"], "target": { "kind": "Deploy.*", "name": "web" } })));
        assert!(of(json!({ "paths": ["/spec/replicas"], "target": { "kind": "Deploy" } })));
        assert!(of(json!({ "paths": ["/spec/other"] })));
    }

    #[test]
    fn what_is_ignored_stays_as_it_is_when_the_rest_is_put_right() {
        let object = |replicas: i64, image: &str| {
            json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "apps" },
                "spec": { "replicas": replicas, "image": image } })
        };
        let rules = ignored(json!({ "paths": ["/spec/replicas"] }));
        let right = corrected(&Manifest::new(object(2, "a")).unwrap(), &object(5, "b"), &rules).unwrap();
        assert_eq!(right.object()["spec"], json!({ "replicas": 5, "image": "a" }));
    }
}
