//! Recording who changed what in an ordinary write.

use cowherd_schema::Schema;
use serde_json::{Map, Value};

use super::compare::Comparison;
use super::conflict::ApplyError;
use super::element::PathElement;
use super::owners::{Identity, Operation, Owner, Owners};
use super::set::FieldSet;
use super::shape::{Place, Shape};

/// How many owners by ordinary writes an object keeps; the oldest beyond that become one.
const MAX_UPDATERS: usize = 10;
/// The owner that the oldest become.
const ANCIENT_CHANGES: &str = "ancient-changes";

/// Who writes.
#[derive(Clone, Copy, Debug)]
pub struct Updater<'a> {
    /// The name of the field manager.
    pub manager: &'a str,
    /// The subresource that is written to, if any.
    pub subresource: Option<&'a str>,
    /// The version the object is written in, such as `apps/v1`.
    pub api_version: &'a str,
    /// The time to record, in RFC 3339, UTC, whole seconds.
    pub now: &'a str,
}

/// Records in `new` who owns its fields now: what changed belongs to the writer alone, what is gone to nobody.
///
/// The writer may say in `new` who owned what before: an empty list, or one with an empty entry, forgets everybody.
/// What cannot be understood is taken as not said, as Kubernetes does. An object whose owners were forgotten gets new
/// ones when it is next applied to.
pub fn update(live: Option<&Value>, new: Value, schema: &Schema, updater: &Updater<'_>) -> Value {
    update_except(live, new, schema, updater, &FieldSet::new())
}

/// Records in a new object who owns its fields: the writer, of what it has beyond `empty`, an object of its kind to which nothing was
/// given. What Go's types have in any case belongs to nobody.
pub fn create(empty: &Value, mut new: Value, schema: &Schema, updater: &Updater<'_>) -> Value {
    let said = match new.get_mut("metadata") {
        Some(Value::Object(metadata)) => metadata.remove("managedFields"),
        _ => return new,
    };
    let owners = known_owners(None, said.as_ref(), updater, schema);
    if let Ok(recorded) = recorded(owners, Some(empty), &new, schema, updater, &FieldSet::new()) {
        recorded.write(&mut new);
    }
    new
}

/// Like [`update`], but changes to the fields of `ignored` and below them make no owner.
pub fn update_except(
    live: Option<&Value>,
    mut new: Value,
    schema: &Schema,
    updater: &Updater<'_>,
    ignored: &FieldSet,
) -> Value {
    let said = match new.get_mut("metadata") {
        Some(Value::Object(metadata)) => metadata.remove("managedFields"),
        _ => return new,
    };
    let owners = known_owners(live, said.as_ref(), updater, schema);
    if owners.is_empty() && live.is_some() {
        return new;
    }
    match recorded(owners.clone(), live, &new, schema, updater, ignored) {
        Ok(recorded) => recorded.write(&mut new),
        // The live object's owners cannot be understood: better theirs than none.
        Err(_) => owners.write(&mut new),
    }
    new
}

fn known_owners<'v>(
    live: Option<&'v Value>,
    said: Option<&'v Value>,
    updater: &Updater<'_>,
    schema: &Schema,
) -> Owners<'v> {
    let of_live = || live.and_then(|live| Owners::of(live).ok()).unwrap_or_default();
    // Through a subresource, nobody says who owns the whole.
    let Some(said) = said.filter(|_| updater.subresource.is_none()) else { return of_live() };
    if is_reset(said) {
        return Owners::default();
    }
    if live.and_then(|live| live.pointer("/metadata/managedFields")) == Some(said) {
        return of_live();
    }
    let understood = Owners::read(said).and_then(|mut owners| owners.check(schema).map(|()| owners));
    understood.ok().filter(|owners| !owners.is_empty()).unwrap_or_else(of_live)
}

fn is_reset(said: &Value) -> bool {
    match said.as_array().map(Vec::as_slice) {
        Some([]) => true,
        Some([Value::Object(entry)]) => entry.is_empty(),
        _ => false,
    }
}

fn recorded<'v>(
    mut owners: Owners<'v>,
    live: Option<&Value>,
    new: &Value,
    schema: &Schema,
    updater: &Updater<'_>,
    ignored: &FieldSet,
) -> Result<Owners<'v>, ApplyError> {
    let nothing = Value::Object(Map::new());
    let change = Comparison::of(live.unwrap_or(&nothing), new, schema, ignored);
    owners.lose(&change, schema)?;
    let changed = change.changed().difference(&bare_metadata(new, schema));
    if !changed.is_empty() {
        let identity = Identity::new(updater.manager, Operation::Update, updater.api_version, updater.subresource);
        let fields = match owners.take(&identity) {
            Some(mut before) => before.fields(schema)?.union(&changed),
            None => changed,
        };
        owners.put(Owner::new(identity, fields, updater.now));
    }
    cap(&mut owners, schema)?;
    Ok(owners)
}

/// The metadata of templates in which nothing stands, in objects of built-in kinds. Their types do not tell it from none,
/// so whoever writes it does not come to own what the server puts there.
fn bare_metadata(object: &Value, schema: &Schema) -> FieldSet {
    let mut found = FieldSet::new();
    find_bare_metadata(Place::root(schema), object, &mut Vec::new(), &mut found);
    found
}

fn find_bare_metadata(place: Place<'_>, value: &Value, path: &mut Vec<PathElement>, found: &mut FieldSet) {
    let Shape::Map(map) = place.shape(value) else { return };
    // What is an object of its own in a custom resource has no type.
    let is_custom = place.schema().is_some_and(|schema| schema.embedded_resource);
    for (name, value) in map {
        let field = place.field(name);
        path.push(PathElement::field(name));
        let is_bare = name == "metadata" && !is_custom && value.as_object().is_some_and(Map::is_empty);
        if is_bare && field.schema().is_some_and(|schema| !schema.go_fields().is_empty()) {
            found.insert(path.iter().cloned());
        } else {
            find_bare_metadata(field, value, path, found);
        }
        path.pop();
    }
}

/// Merges the oldest owners by ordinary writes, version by version, until few enough are left.
fn cap(owners: &mut Owners<'_>, schema: &Schema) -> Result<(), ApplyError> {
    let updater = |owner: &Owner<'_>| owner.identity.operation == Operation::Update;
    let mut count = owners.all.iter().filter(|owner| updater(owner)).count();
    if count <= MAX_UPDATERS {
        return Ok(());
    }
    let mut oldest: Vec<Identity> = {
        let mut updaters: Vec<&Owner<'_>> = owners.all.iter().filter(|owner| updater(owner)).collect();
        updaters.sort_by_key(|owner| (owner.time.clone().unwrap_or_default(), owner.identity.manager.clone()));
        updaters.into_iter().map(|owner| owner.identity.clone()).collect()
    };
    // One owner of a version on its own stays what it is.
    let mut first_of_version: Vec<Identity> = Vec::new();
    for identity in oldest.drain(..) {
        if count <= MAX_UPDATERS {
            break;
        }
        let version = &identity.api_version;
        let Some(first) = first_of_version.iter().find(|first| first.api_version == *version).cloned() else {
            first_of_version.push(identity);
            continue;
        };
        let bucket = Identity::new(ANCIENT_CHANGES, Operation::Update, version, None);
        let merged = owners.take(&bucket).or_else(|| owners.take(&first));
        let (Some(mut merged), Some(mut next)) = (merged, owners.take(&identity)) else { continue };
        let fields = merged.fields(schema)?.union(next.fields(schema)?);
        let time = next.time.unwrap_or_default();
        owners.put(Owner::new(bucket, fields, &time));
        count -= 1;
    }
    Ok(())
}
