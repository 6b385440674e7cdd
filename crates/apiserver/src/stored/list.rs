//! A list, written object by object.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Form, Outlet, Stored};
use crate::{
    answer::metadata_only,
    made::Made,
    negotiation::{Accepted, Format, Shape},
    resource::Resource,
    status::{ApiError, ApiResult},
    table::{self, Include},
};

/// A list on its way, in the form that the client wants: what was written of it, and not taken yet.
#[derive(Debug)]
pub(crate) struct List {
    resource: Arc<Resource>,
    /// What is written of objects that need not be read for it.
    form: Option<Form>,
    accepted: Accepted,
    include: Include,
    now: jiff::Timestamp,
    /// Whether nothing was added yet.
    is_empty: bool,
    /// What was written.
    pub(crate) made: Made,
}

impl List {
    /// A list of what an outlet gives.
    pub fn new(outlet: &Outlet, accepted: Accepted, include: Include) -> ApiResult<Self> {
        let mut list = Self {
            resource: outlet.resource.clone(),
            form: outlet.form,
            accepted,
            include,
            now: jiff::Timestamp::now(),
            is_empty: true,
            made: Made::default(),
        };
        let begin = list.begin()?;
        list.made.push(begin.as_bytes());
        Ok(list)
    }

    /// The media type.
    pub fn media_type(&self) -> &'static str {
        self.accepted.format.media_type()
    }

    /// Adds an object.
    pub fn add(&mut self, object: Stored<'_>) -> ApiResult<()> {
        let Self { resource, form, accepted, include, now, .. } = self;
        let separator = match (accepted.format, self.is_empty) {
            (Format::Json, true) => "",
            (Format::Json, false) => ",",
            (Format::Yaml, true) => "\n",
            (Format::Yaml, false) => "",
        };
        self.made.add(|out| {
            out.push(separator.as_bytes());
            if let Some(form) = form {
                return form.write(object, out);
            }
            let object = object.into_tree(resource)?;
            let item = match accepted.shape {
                Shape::Whole | Shape::Discovery => object,
                Shape::Metadata => metadata_only(object),
                Shape::Table => table::row(resource, object, *include, *now),
            };
            match accepted.format {
                Format::Json => serde_json::to_writer(out, &item).map_err(ApiError::internal),
                Format::Yaml => {
                    out.push(cowherd_yaml::to_string(&Value::Array(vec![item])).as_bytes());
                    Ok(())
                }
            }
        })?;
        self.is_empty = false;
        Ok(())
    }

    /// Ends it with the list's own metadata.
    pub fn end(&mut self, metadata: &Value) -> ApiResult<()> {
        let (_, kind) = self.names();
        let end = match self.accepted.format {
            Format::Json => format!("],\"kind\":{},\"metadata\":{metadata}}}\n", text(kind)?),
            Format::Yaml => {
                let nothing = if self.is_empty { " []\n" } else { "" };
                nothing.to_owned() + &cowherd_yaml::to_string(&json!({"kind": kind, "metadata": metadata}))
            }
        };
        self.made.push(end.as_bytes());
        Ok(())
    }

    /// What stands before the objects.
    fn begin(&self) -> ApiResult<String> {
        let (api_version, _) = self.names();
        let is_table = self.accepted.shape == Shape::Table;
        let columns = is_table.then(|| Value::from(table::columns(&self.resource)));
        let items = if is_table { "rows" } else { "items" };
        Ok(match self.accepted.format {
            Format::Json => {
                let columns = columns.map(|columns| format!(",\"columnDefinitions\":{columns}")).unwrap_or_default();
                format!("{{\"apiVersion\":{}{columns},\"{items}\":[", text(api_version)?)
            }
            Format::Yaml => {
                let mut fields = json!({"apiVersion": api_version});
                if let (Some(columns), Value::Object(fields)) = (columns, &mut fields) {
                    fields.insert("columnDefinitions".to_owned(), columns);
                }
                format!("{}{items}:", cowherd_yaml::to_string(&fields))
            }
        })
    }

    /// `apiVersion` and `kind` of the list.
    fn names(&self) -> (&str, &str) {
        match self.accepted.shape {
            Shape::Whole | Shape::Discovery => (&self.resource.api_version, &self.resource.list_kind),
            Shape::Metadata => ("meta.k8s.io/v1", "PartialObjectMetadataList"),
            Shape::Table => ("meta.k8s.io/v1", "Table"),
        }
    }
}

fn text(text: &str) -> ApiResult<String> {
    serde_json::to_string(text).map_err(ApiError::internal)
}
