//! Applying a configuration.

use std::borrow::Cow;

use cowherd_schema::Schema;
use serde_json::{Map, Value};

use super::compare::Comparison;
use super::conflict::ApplyError;
use super::merge::{is_merged, merge};
use super::owners::{Identity, Operation, Owner, Owners, same_without_owners, without_owners};
use super::prune::prune;
use super::remove::remove;
use super::set::FieldSet;
use super::shape::Place;
use super::stripped::{strip, without_server_fields};
use super::typed;

/// Who owns what was there before somebody first applied.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// The manager that `kubectl apply --server-side` applies as, and where it kept what it applied before.
const KUBECTL: &str = "kubectl";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Who applies, and how.
#[derive(Clone, Copy, Debug)]
pub struct Applier<'a> {
    /// The name of the field manager.
    pub manager: &'a str,
    /// Whether to take over fields that others own with another value.
    pub force: bool,
    /// The subresource that is applied to, if any.
    pub subresource: Option<&'a str>,
    /// The version the configuration is written in, such as `apps/v1`.
    pub api_version: &'a str,
    /// The time to record, in RFC 3339, UTC, whole seconds.
    pub now: &'a str,
}

/// Merges a configuration into the live object, or makes the object if there is none.
///
/// Fields that `applier` applied before and no longer gives are removed, unless somebody else owns them. Fields that
/// somebody else owns with another value are a conflict, unless forced. An apply that changes nothing returns the
/// live object as it is.
pub fn apply(
    live: Option<&Value>,
    applied: &Value,
    schema: &Schema,
    applier: &Applier<'_>,
) -> Result<Value, ApplyError> {
    apply_except(live, applied, schema, applier, &FieldSet::new())
}

/// Like [`apply`], but what the configuration says of the fields of `ignored` and below them neither changes the
/// object nor makes an owner: `status`, say, when the object has a status subresource.
pub fn apply_except(
    live: Option<&Value>,
    applied: &Value,
    schema: &Schema,
    applier: &Applier<'_>,
    ignored: &FieldSet,
) -> Result<Value, ApplyError> {
    if applied.pointer("/metadata/managedFields").is_some_and(|given| !given.is_null()) {
        return Err(ApplyError::ManagedFieldsGiven);
    }
    typed::check(applied, schema)?;
    let applied = without_ignored(without_server_fields(applied), ignored, schema);
    let nothing = Value::Object(Map::new());
    let mut owners = match live {
        Some(live) => known_owners(live, schema, applier, ignored)?,
        None => Owners::default(),
    };
    let live = live.unwrap_or(&nothing);

    let identity = Identity::new(applier.manager, Operation::Apply, applier.api_version, applier.subresource);
    let given = FieldSet::of(&applied, schema);
    let mut before = owners.take(&identity);
    let previous = before.as_mut().map(|owner| owner.fields(schema)).transpose()?;

    let merged = merged(live, &applied, previous, &given, &mut owners, schema)?;
    let change = match &merged {
        Some(merged) => Comparison::of(live, merged, schema, ignored),
        None => Comparison::default(),
    };
    let changed = change.changed();
    if !applier.force && !changed.is_empty() {
        let conflicts = owners.conflicts(&changed.difference(&last_applied(live, schema, applier)), schema)?;
        if !conflicts.is_empty() {
            return Err(ApplyError::Conflict(conflicts));
        }
    }
    owners.lose(&change, schema)?;

    let fields = strip(given);
    let same_owner = match &mut before {
        Some(owner) => owner.identity.api_version == identity.api_version && *owner.fields(schema)? == fields,
        None => fields.is_empty(),
    };
    if same_owner && merged.is_none() {
        return Ok(live.clone());
    }
    if !fields.is_empty() {
        owners.put(Owner::new(identity, fields, applier.now));
    }
    let mut result = merged.unwrap_or_else(|| without_owners(live));
    owners.write(&mut result);
    Ok(result)
}

/// The owners of the live object. Where there are none yet, all its fields belong to whoever wrote them.
fn known_owners<'v>(
    live: &'v Value,
    schema: &Schema,
    applier: &Applier<'_>,
    ignored: &FieldSet,
) -> Result<Owners<'v>, ApplyError> {
    let mut owners = Owners::of(live)?;
    if owners.is_empty() {
        let nothing = Value::Object(Map::new());
        let fields = Comparison::of(&nothing, live, schema, ignored).added;
        if !fields.is_empty() {
            let (version, subresource) = (applier.api_version, applier.subresource);
            let identity = Identity::new(BEFORE_FIRST_APPLY, Operation::Update, version, subresource);
            owners.put(Owner::new(identity, fields, applier.now));
        }
    }
    Ok(owners)
}

/// The live object with the configuration merged and what is no longer given removed; `None` if that is the live
/// object.
fn merged(
    live: &Value,
    applied: &Value,
    previous: Option<&FieldSet>,
    given: &FieldSet,
    owners: &mut Owners<'_>,
    schema: &Schema,
) -> Result<Option<Value>, ApplyError> {
    let given_up = previous.filter(|previous| !previous.is_subset(given));
    if given_up.is_none() && is_merged(live, applied, schema) {
        return Ok(None);
    }
    let mut object = without_owners(live);
    merge(&mut object, applied, schema);
    if let Some(previous) = given_up {
        object = prune(object, previous, &owners.owned(schema)?.union(given), schema);
        // What is given up is gone with all that was in it; where the configuration gives it empty, it comes back.
        merge(&mut object, applied, schema);
    }
    Ok(Some(object).filter(|object| !same_without_owners(live, object)))
}

/// The fields that the same person applied before, when kubectl still merged by itself, and that still have the values
/// given then: whose they are is no question, so taking them over is no conflict.
fn last_applied(live: &Value, schema: &Schema, applier: &Applier<'_>) -> FieldSet {
    if applier.manager != KUBECTL || applier.subresource.is_some() {
        return FieldSet::new();
    }
    let annotation = &live["metadata"]["annotations"][LAST_APPLIED];
    let configuration: Option<Value> = annotation.as_str().and_then(|text| serde_json::from_str(text).ok());
    let Some(configuration) = configuration.filter(|given| typed::check(given, schema).is_ok()) else {
        return FieldSet::new();
    };
    let since = Comparison::of(&configuration, live, schema, &FieldSet::new());
    FieldSet::of(&configuration, schema).difference(&since.changed().union(&since.removed))
}

fn without_ignored<'v>(applied: Cow<'v, Value>, ignored: &FieldSet, schema: &Schema) -> Cow<'v, Value> {
    if ignored.is_empty() {
        return applied;
    }
    let mut applied = applied.into_owned();
    remove(&mut applied, ignored, Place::root(schema));
    Cow::Owned(applied)
}
