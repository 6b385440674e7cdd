//! Objects as the table that `kubectl get` prints.

use serde_json::{Value, json};

use crate::{
    answer::metadata_only,
    object,
    query::Query,
    resource::{Behaviour, Resource},
    status::{ApiError, ApiResult},
};

/// How much of the objects stands in a table's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    /// Nothing.
    None,
    /// The metadata.
    Metadata,
    /// Everything.
    Object,
}

impl Include {
    /// Reads `includeObject` of a query.
    pub fn parse(query: &Query) -> ApiResult<Self> {
        match query.get("includeObject") {
            None | Some("Metadata") => Ok(Self::Metadata),
            Some("None") => Ok(Self::None),
            Some("Object") => Ok(Self::Object),
            Some(other) => Err(ApiError::bad_request(format!("unrecognized includeObject value: {other:?}"))),
        }
    }
}

/// The table of these objects; `headed` says whether the columns are described.
pub fn table(resource: &Resource, objects: Vec<Value>, metadata: Value, include: Include, headed: bool) -> Value {
    let now = jiff::Timestamp::now();
    let rows: Vec<Value> = objects.into_iter().map(|object| row(resource, object, include, now)).collect();
    let columns = if headed { columns(resource) } else { Vec::new() };
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
        "columnDefinitions": columns, "rows": rows,
    })
}

/// The table of a `Scale`.
pub fn scale(scale: Value, include: Include) -> Value {
    let replicas = |part: &str| object::at(&scale, &[part, "replicas"]).cloned().unwrap_or_else(|| 0.into());
    let now = jiff::Timestamp::now();
    let cells = vec![object::name(&scale).into(), replicas("spec"), replicas("status"), age(&scale, now)];
    let version = object::resource_version(&scale).to_owned();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {"resourceVersion": version},
        "columnDefinitions": [
            column("Name", "string", "name", "The object's name.", 0),
            column("Desired", "integer", "", "How many replicas are wanted.", 0),
            column("Available", "integer", "", "How many replicas there are.", 0),
            column("Age", "string", "", "How long ago the object was created.", 0),
        ],
        "rows": [of(cells, scale, include)],
    })
}

/// The row of an object.
pub fn row(resource: &Resource, object: Value, include: Include, now: jiff::Timestamp) -> Value {
    let cells = match &resource.behaviour {
        Behaviour::BuiltIn(kind) => kind.row(&object, now),
        Behaviour::Custom(version) => {
            let name = Value::from(object::name(&object));
            match &version.columns {
                Some(columns) => {
                    std::iter::once(name).chain(columns.iter().map(|column| column.cell(&object, now))).collect()
                }
                None => vec![name, age(&object, now)],
            }
        }
    };
    of(cells, object, include)
}

fn of(cells: Vec<Value>, object: Value, include: Include) -> Value {
    match include {
        Include::None => json!({"cells": cells}),
        Include::Metadata => json!({"cells": cells, "object": metadata_only(object)}),
        Include::Object => json!({"cells": cells, "object": object}),
    }
}

fn age(object: &Value, now: jiff::Timestamp) -> Value {
    match object::text_at(object, &["metadata", "creationTimestamp"]).parse::<jiff::Timestamp>() {
        Ok(then) => cowherd_kinds::human_duration(now.duration_since(then)).into(),
        Err(_) => "<unknown>".into(),
    }
}

fn column(name: &str, value_type: &str, format: &str, description: &str, priority: i64) -> Value {
    json!({"name": name, "type": value_type, "format": format, "description": description, "priority": priority})
}

/// What the columns are.
pub fn columns(resource: &Resource) -> Vec<Value> {
    match &resource.behaviour {
        Behaviour::BuiltIn(kind) => kind
            .columns()
            .iter()
            .map(|known| column(known.name, known.value_type, known.format, known.description, known.priority.into()))
            .collect(),
        Behaviour::Custom(version) => {
            let name = column("Name", "string", "name", "The object's name.", 0);
            let rest = match &version.columns {
                Some(columns) => columns
                    .iter()
                    .map(|known| {
                        column(&known.name, &known.value_type, &known.format, &known.description, known.priority)
                    })
                    .collect(),
                None => vec![column("Age", "date", "", "How long ago the object was created.", 0)],
            };
            std::iter::once(name).chain(rest).collect()
        }
    }
}
