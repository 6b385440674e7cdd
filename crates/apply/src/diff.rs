//! What an apply would change, field by field.

mod alignment;

use serde_json::{Map, Value};

use crate::applier::{Applier, Coming, Desired, Stale, goes_as};
use crate::change::Action;
use crate::cluster::Kind;
use crate::error::ApplyError;
use crate::mask;
use crate::object::{Manifest, Versioned};
use crate::owner::{DISABLED, RECONCILE, SSA, SSA_IGNORE};

/// What an apply would do to one object. Values of Secrets are masked.
#[derive(Clone, Debug, PartialEq)]
pub struct Diff {
    /// The object.
    pub object: Versioned,
    /// What would be done.
    pub action: Action,
    /// The fields that would change, in order.
    pub fields: Vec<FieldChange>,
}

/// A field that would change.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChange {
    /// The field, as people write it: `spec.template.spec.containers[0].image`.
    pub path: String,
    /// The value that it has; `None` where the field is missing.
    pub before: Option<Value>,
    /// The value that it would have; `None` where the field would be gone.
    pub after: Option<Value>,
}

/// What an apply would make of one object. What is in the objects is as it is: values of Secrets are not masked.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// What would be done to it.
    pub diff: Diff,
    /// By what name the API serves objects of its kind; `None` where it does not yet.
    pub plural: Option<String>,
    /// The object as it is.
    pub before: Option<Value>,
    /// The object as it would be: as the API says, or as it is described where the API could not be asked.
    pub after: Value,
}

/// How deep values are compared field by field; below, they are compared whole.
const DEPTH: usize = 64;

impl Applier {
    /// What applying the objects would change, in the order in which they would be applied. Nothing is written.
    ///
    /// # Errors
    /// When the API would not take an object, as [`Applier::apply`] would say. An object whose kind or namespace
    /// would only come with the same set is told as created, unchecked.
    pub async fn diff(&self, desired: &Desired) -> Result<Vec<Diff>, ApplyError> {
        let foreseen = self.foresee(desired, &Coming::default()).await?;
        Ok(foreseen.into_iter().map(|one| one.diff).collect())
    }

    /// The same, with the objects as they would be, where others bring what is `coming` before.
    ///
    /// # Errors
    /// As [`Applier::diff`].
    pub async fn foresee(&self, desired: &Desired, coming: &Coming) -> Result<Vec<Foreseen>, ApplyError> {
        let mut foreseen = Vec::new();
        for work in self.prepare_with(desired, coming).await? {
            foreseen.push(self.foresee_one(desired, &work.manifest, work.kind.as_deref(), work.is_ready).await?);
        }
        Ok(foreseen)
    }

    async fn foresee_one(
        &self,
        desired: &Desired,
        manifest: &Manifest,
        kind: Option<&Kind>,
        is_ready: bool,
    ) -> Result<Foreseen, ApplyError> {
        let plural = kind.map(|kind| kind.resource.plural.clone());
        let foreseen = |action, fields, before, after| {
            let diff = Diff { object: manifest.versioned().clone(), action, fields };
            Foreseen { diff, plural: plural.clone(), before, after }
        };
        let described = || manifest.object().clone();
        let left_alone = |object: &Value| {
            crate::object::has(object, RECONCILE, DISABLED) || crate::object::has(object, SSA, SSA_IGNORE)
        };
        if left_alone(manifest.object()) {
            return Ok(foreseen(Action::Skipped, Vec::new(), None, described()));
        }
        let created = |after| foreseen(Action::Created, compare(None, Some(manifest.object())), None, after);
        let Some(kind) = kind else { return Ok(created(described())) };
        let account = desired.account.as_ref();
        let answer = |error| ApplyError::answer(manifest.id(), "dry-run failed", error, manifest.object());
        let live = self.inner.cluster.get(kind, manifest.id(), account).await.map_err(answer)?;
        let Some(live) = live else {
            if !is_ready {
                return Ok(created(described()));
            }
            let planned = self.inner.cluster.apply(kind, manifest.id(), manifest.object(), true, account).await;
            return planned.map(|planned| created(planned.object)).map_err(answer);
        };
        if left_alone(&live) {
            return Ok(foreseen(Action::Skipped, Vec::new(), Some(live.clone()), live));
        }
        let planned = self.inner.cluster.apply(kind, manifest.id(), manifest.object(), true, account).await;
        let planned = planned.map_err(answer)?.object;
        let fields = compare(Some(&live), Some(&planned));
        let action = if fields.is_empty() { Action::Unchanged } else { Action::Configured };
        Ok(foreseen(action, fields, Some(live), planned))
    }

    /// The objects that [`Applier::prune`] would delete, and those that it would leave. What is not there is neither.
    ///
    /// # Errors
    /// When the API gives no answer.
    pub async fn diff_stale(&self, stale: &Stale) -> Result<Vec<Diff>, ApplyError> {
        let mut diffs = Vec::new();
        for object in &stale.objects {
            let Some(kind) = self.kind_now(object).await? else { continue };
            let diff = |action| Diff { object: object.clone(), action, fields: Vec::new() };
            if self.never_goes(&object.id, &kind) {
                diffs.push(diff(Action::Skipped));
                continue;
            }
            let found = self.inner.cluster.metadata(&kind, &object.id, None).await;
            let found = found.map_err(|error| ApplyError::answer(&object.id, "query failed", error, &Value::Null))?;
            let Some(found) = found else { continue };
            let goes = goes_as(stale, &object.id, &found, self.inner.cluster.ownership()).is_ok();
            diffs.push(diff(if goes { Action::Deleted } else { Action::Skipped }));
        }
        Ok(diffs)
    }
}

/// The fields in which two versions of an object differ, without those that the API keeps for itself. Where there was or
/// will be no object, all fields of the other one are told. Values of Secrets are masked.
///
/// Items of a list are compared with the items that they were. Those that have a name of their own are told by it, as
/// in `containers[name=web]`; others by their place in the list as it is afterwards, those that go by the one before.
pub fn compare(before: Option<&Value>, after: Option<&Value>) -> Vec<FieldChange> {
    let mut after = after.cloned().map_or(Value::Null, without_bookkeeping);
    let mut before = before.cloned().map_or(Value::Null, without_bookkeeping);
    mask::pair(&mut before, &mut after);
    let mut changes = Vec::new();
    let or_empty = |value: Value| if value.is_null() { Value::Object(Map::new()) } else { value };
    let (before, after) = (or_empty(before), or_empty(after));
    walk(&mut String::new(), Some(&before), Some(&after), DEPTH, &mut changes);
    changes
}

/// An object without its status, and without what the API alone writes of it.
pub(crate) fn without_bookkeeping(mut object: Value) -> Value {
    if let Value::Object(fields) = &mut object {
        fields.remove("status");
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            for field in ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"] {
                metadata.remove(field);
            }
        }
    }
    object
}

fn walk(
    path: &mut String,
    before: Option<&Value>,
    after: Option<&Value>,
    depth: usize,
    changes: &mut Vec<FieldChange>,
) {
    match (before, after) {
        (Some(a), Some(b)) if a == b => {}
        (Some(Value::Object(a)), Some(Value::Object(b))) if depth > 0 => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            for key in keys {
                let step = if is_plain(key) { format!(".{key}") } else { format!("[{key:?}]") };
                descend(path, &step, |path| walk(path, a.get(key), b.get(key), depth - 1, changes));
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) if depth > 0 => {
            for pair in alignment::pairs(a, b) {
                let step = format!("[{}]", pair.label);
                descend(path, &step, |path| walk(path, pair.before, pair.after, depth - 1, changes));
            }
            if let Some(order) = alignment::reordered(a, b) {
                let path = format!("{}[*].{}", path.trim_start_matches('.'), order.key);
                changes.push(FieldChange { path, before: Some(order.before), after: Some(order.after) });
            }
        }
        _ => changes.push(FieldChange {
            path: path.trim_start_matches('.').to_owned(),
            before: before.cloned(),
            after: after.cloned(),
        }),
    }
}

fn descend(path: &mut String, step: &str, then: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push_str(step);
    then(path);
    path.truncate(length);
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(before: Option<Value>, after: Value) -> Vec<String> {
        let show = |value: Option<Value>| value.map_or("-".to_owned(), |value| value.to_string());
        compare(before.as_ref(), Some(&after))
            .into_iter()
            .map(|change| format!("{}: {} -> {}", change.path, show(change.before), show(change.after)))
            .collect()
    }

    #[test]
    fn fields_are_compared_one_by_one() {
        let before = json!({ "kind": "X", "metadata": { "resourceVersion": "1", "labels": { "a/b": "1" } },
            "spec": { "list": [{ "image": "a" }, 2] }, "status": {} });
        let after = json!({ "kind": "X", "metadata": { "resourceVersion": "2", "labels": { "a/b": "2" } },
            "spec": { "list": [{ "image": "b" }], "new": true } });
        assert_eq!(
            lines(Some(before), after),
            [
                "metadata.labels[\"a/b\"]: \"1\" -> \"2\"",
                "spec.list[0].image: \"a\" -> \"b\"",
                "spec.list[1]: 2 -> -",
                "spec.new: - -> true",
            ]
        );
    }

    #[test]
    fn items_are_compared_with_what_they_were() {
        let env = |names: &[(&str, &str)]| -> Value {
            let items = names.iter().map(|(name, value)| json!({ "name": name, "value": value }));
            json!({ "env": items.collect::<Vec<_>>() })
        };
        let before = env(&[("A", "1"), ("B", "2"), ("C", "3")]);
        assert_eq!(
            lines(Some(before.clone()), env(&[("NEW", "0"), ("A", "1"), ("C", "4")])),
            [
                "env[name=NEW]: - -> {\"name\":\"NEW\",\"value\":\"0\"}",
                "env[name=C].value: \"3\" -> \"4\"",
                "env[name=B]: {\"name\":\"B\",\"value\":\"2\"} -> -",
            ]
        );
        assert_eq!(
            lines(Some(before), env(&[("C", "3"), ("A", "1"), ("B", "2")])),
            ["env[*].name: [\"A\",\"B\",\"C\"] -> [\"C\",\"A\",\"B\"]"]
        );
        let args = |args: &[&str]| json!({ "args": args });
        assert_eq!(
            lines(Some(args(&["a", "b", "c"])), args(&["new", "a", "c"])),
            ["args[0]: - -> \"new\"", "args[1]: \"b\" -> -"]
        );
        assert_eq!(lines(Some(args(&["a", "b"])), args(&["a", "x"])), ["args[1]: \"b\" -> \"x\""]);
    }

    #[test]
    fn values_of_secrets_do_not_show() {
        let secret = |value: &str| json!({ "apiVersion": "v1", "kind": "Secret", "data": { "a": value } });
        assert_eq!(lines(Some(secret("eA==")), secret("eQ==")), ["data.a: \"***** (before)\" -> \"***** (after)\""]);
        assert!(!lines(None, secret("eA==")).concat().contains("eA=="));
    }
}
