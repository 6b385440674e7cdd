//! The owners of an object's fields: the entries of `metadata.managedFields`.

use cowherd_schema::Schema;
use serde_json::{Map, Value};

use super::compare::Comparison;
use super::conflict::{ApplyError, Conflict};
use super::named::fitted;
use super::set::FieldSet;
use super::shape::Place;

/// How a manager came to own its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    Apply,
    Update,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who owns fields.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) manager: String,
    pub(super) operation: Operation,
    pub(super) api_version: String,
    pub(super) subresource: String,
}

impl Identity {
    pub(super) fn new(manager: &str, operation: Operation, api_version: &str, subresource: Option<&str>) -> Self {
        let manager = if manager.is_empty() { "unknown" } else { manager };
        Self {
            manager: manager.to_owned(),
            operation,
            api_version: api_version.to_owned(),
            subresource: subresource.unwrap_or_default().to_owned(),
        }
    }

    /// Whether both share an entry. Who applies owns the same in every version.
    fn matches(&self, other: &Self) -> bool {
        self.manager == other.manager
            && self.operation == other.operation
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    fn conflict(&self, field: String) -> Conflict {
        Conflict {
            manager: self.manager.clone(),
            api_version: (self.operation == Operation::Update).then(|| self.api_version.clone()),
            subresource: Some(self.subresource.clone()).filter(|subresource| !subresource.is_empty()),
            field,
        }
    }
}

/// An entry of `managedFields`.
#[derive(Clone, Debug)]
pub(super) struct Owner<'v> {
    pub(super) identity: Identity,
    pub(super) time: Option<String>,
    fields: Fields<'v>,
}

/// What an owner owns. Most writes touch few owners, so fields are read when they are asked for.
#[derive(Clone, Debug)]
enum Fields<'v> {
    /// The entry as it was found.
    Found(&'v Value),
    /// As found, and what that means.
    Read(&'v Value, FieldSet),
    /// Something new.
    New(FieldSet),
}

impl<'v> Owner<'v> {
    pub(super) fn new(identity: Identity, fields: FieldSet, now: &str) -> Self {
        Self { identity, time: Some(now.to_owned()), fields: Fields::New(fields) }
    }

    /// The fields, fitted to the schema as it is now.
    pub(super) fn fields(&mut self, schema: &Schema) -> Result<&FieldSet, ApplyError> {
        if let Fields::Found(entry) = self.fields {
            let fields = entry.get("fieldsV1").filter(|fields| !fields.is_null());
            let set = fields.map(FieldSet::from_fields_v1).transpose();
            let set = set.map_err(|error| ApplyError::ManagedFields(error.to_string()))?.unwrap_or_default();
            self.fields = match fitted(&set, Place::root(schema)) {
                Some(set) => Fields::New(set),
                None => Fields::Read(entry, set),
            };
        }
        match &self.fields {
            Fields::Read(_, set) | Fields::New(set) => Ok(set),
            Fields::Found(_) => Err(ApplyError::ManagedFields("fields were not read".to_owned())),
        }
    }

    pub(super) fn set_fields(&mut self, fields: FieldSet) {
        self.fields = Fields::New(fields);
    }

    fn read(index: usize, entry: &'v Value) -> Result<Self, String> {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let operation = match text("operation") {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return Err("operation must be `Apply` or `Update`".to_owned()),
        };
        if text("apiVersion").is_empty() {
            return Err("apiVersion must not be empty".to_owned());
        }
        match text("fieldsType") {
            "FieldsV1" => (),
            "" => return Err(format!("missing fieldsType in managed fields entry {index}")),
            other => return Err(format!("invalid fieldsType {other:?} in managed fields entry {index}")),
        }
        let identity = Identity::new(text("manager"), operation, text("apiVersion"), Some(text("subresource")));
        let time = entry.get("time").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { identity, time, fields: Fields::Found(entry) })
    }

    fn write(self) -> Value {
        let fields = match self.fields {
            Fields::Found(entry) | Fields::Read(entry, _) => return entry.clone(),
            Fields::New(fields) => fields,
        };
        let mut entry = Map::new();
        let mut put = |name: &str, value: Value| entry.insert(name.to_owned(), value);
        put("apiVersion", self.identity.api_version.into());
        put("fieldsType", "FieldsV1".into());
        put("fieldsV1", fields.to_fields_v1());
        put("manager", self.identity.manager.into());
        put("operation", self.identity.operation.name().into());
        if !self.identity.subresource.is_empty() {
            put("subresource", self.identity.subresource.into());
        }
        if let Some(time) = self.time {
            put("time", time.into());
        }
        Value::Object(entry)
    }
}

/// All owners of an object's fields.
#[derive(Clone, Debug, Default)]
pub(super) struct Owners<'v> {
    pub(super) all: Vec<Owner<'v>>,
}

impl<'v> Owners<'v> {
    /// The owners that an object names. The fields themselves are not looked at.
    pub(super) fn of(object: &'v Value) -> Result<Self, ApplyError> {
        match object.pointer("/metadata/managedFields") {
            Some(entries) => Self::read(entries),
            None => Ok(Self::default()),
        }
    }

    /// The owners of a `managedFields`.
    pub(super) fn read(entries: &'v Value) -> Result<Self, ApplyError> {
        let entries = match entries {
            Value::Null => return Ok(Self::default()),
            Value::Array(entries) => entries,
            _ => return Err(ApplyError::ManagedFields("managedFields must be a list".to_owned())),
        };
        let mut owners = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            let owner = Owner::read(index, entry).map_err(ApplyError::ManagedFields)?;
            owners.put(owner);
        }
        Ok(owners)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Adds an owner, in place of the one it shares an entry with.
    pub(super) fn put(&mut self, owner: Owner<'v>) {
        self.take(&owner.identity);
        self.all.push(owner);
    }

    /// Takes an owner out.
    pub(super) fn take(&mut self, identity: &Identity) -> Option<Owner<'v>> {
        let place = self.all.iter().position(|owner| owner.identity.matches(identity))?;
        Some(self.all.swap_remove(place))
    }

    /// All that anybody owns.
    pub(super) fn owned(&mut self, schema: &Schema) -> Result<FieldSet, ApplyError> {
        self.all.iter_mut().try_fold(FieldSet::new(), |all, owner| Ok(all.union(owner.fields(schema)?)))
    }

    /// The fields of `change` that somebody owns, sorted by owner.
    pub(super) fn conflicts(&mut self, changed: &FieldSet, schema: &Schema) -> Result<Vec<Conflict>, ApplyError> {
        let mut conflicts = Vec::new();
        self.all.sort_by_cached_key(|owner| {
            let Identity { manager, operation, api_version, subresource } = &owner.identity;
            (manager.clone(), *operation, api_version.clone(), subresource.clone())
        });
        for owner in &mut self.all {
            let paths = owner.fields(schema)?.intersection(changed).paths();
            conflicts.extend(paths.iter().map(|path| owner.identity.conflict(path.to_string())));
        }
        Ok(conflicts)
    }

    /// Takes the fields that changed or were removed from everybody.
    pub(super) fn lose(&mut self, change: &Comparison, schema: &Schema) -> Result<(), ApplyError> {
        if change.is_empty() {
            return Ok(());
        }
        let lost = change.changed().union(&change.removed);
        for owner in &mut self.all {
            let fields = owner.fields(schema)?;
            let kept = fields.difference(&lost);
            if kept != *fields {
                owner.set_fields(kept);
            }
        }
        self.all.retain(|owner| !matches!(&owner.fields, Fields::New(fields) if fields.is_empty()));
        Ok(())
    }

    /// Reads the fields of all owners: an error if some cannot be understood.
    pub(super) fn check(&mut self, schema: &Schema) -> Result<(), ApplyError> {
        self.all.iter_mut().try_for_each(|owner| owner.fields(schema).map(drop))
    }

    /// Writes the owners into an object: appliers first, then by time and name.
    pub(super) fn write(mut self, object: &mut Value) {
        self.all.sort_by(|left, right| {
            let key = |owner: &Owner<'_>| (owner.identity.operation, owner.time.clone().unwrap_or_default());
            let (left_id, right_id) = (&left.identity, &right.identity);
            key(left)
                .cmp(&key(right))
                .then_with(|| left_id.manager.cmp(&right_id.manager))
                .then_with(|| left_id.api_version.cmp(&right_id.api_version))
                .then_with(|| left_id.subresource.cmp(&right_id.subresource))
        });
        let entries: Vec<Value> = self.all.into_iter().map(Owner::write).collect();
        let Some(Value::Object(metadata)) = object.get_mut("metadata") else { return };
        if entries.is_empty() {
            metadata.remove("managedFields");
        } else {
            metadata.insert("managedFields".to_owned(), Value::Array(entries));
        }
    }
}

/// An object without its `managedFields`.
pub(super) fn without_owners(object: &Value) -> Value {
    let Value::Object(map) = object else { return object.clone() };
    let without = |metadata: &Map<String, Value>| {
        let kept = metadata.iter().filter(|(name, _)| *name != "managedFields");
        kept.map(|(name, value)| (name.clone(), value.clone())).collect()
    };
    let fields = map.iter().map(|(name, value)| match value {
        Value::Object(metadata) if name == "metadata" => (name.clone(), Value::Object(without(metadata))),
        value => (name.clone(), value.clone()),
    });
    Value::Object(fields.collect())
}

/// Whether two objects are the same apart from their `managedFields`.
pub(super) fn same_without_owners(left: &Value, right: &Value) -> bool {
    let (Value::Object(left), Value::Object(right)) = (left, right) else { return left == right };
    fn given(metadata: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
        metadata.iter().filter(|(name, _)| *name != "managedFields")
    }
    left.len() == right.len()
        && left.iter().zip(right).all(|((left_name, left), (right_name, right))| {
            left_name == right_name
                && match (left, right) {
                    (Value::Object(left), Value::Object(right)) if left_name == "metadata" => {
                        given(left).eq(given(right))
                    }
                    _ => left == right,
                }
        })
}

/// Whether two states of an object differ in nothing but the times at which its owners last changed it: then nothing
/// changed at all, and the older times hold.
pub fn same_but_for_times(left: &Value, right: &Value) -> bool {
    let owners = |object: &Value| object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let timeless = |mut owner: Value| {
        owner.as_object_mut().map(|owner| owner.remove("time"));
        owner
    };
    let (left_owners, right_owners) = (owners(left), owners(right));
    left_owners.len() == right_owners.len()
        && same_without_owners(left, right)
        && left_owners.into_iter().map(timeless).eq(right_owners.into_iter().map(timeless))
}
