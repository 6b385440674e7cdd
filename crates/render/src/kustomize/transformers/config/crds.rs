//! What `crds` say: types in the form of Kubernetes' OpenAPI definitions, with notes on which fields are names.

use std::sync::Arc;

use cowherd_yaml::{Dialect, parse_documents_as};
use serde_json::{Map, Value};

use crate::error::{Cause, RenderError};

use super::{BackReferences, Config, Directory, FieldSpec, Lists, merge_one};

/// How deep references between types are followed.
const MAX_DEPTH: usize = 32;
/// How many fields one file may describe, each counted as often as references lead to it.
const MAX_FIELDS: usize = 100_000;

/// What the definitions in the files at `paths` add to the lists.
pub(crate) fn from_crds(directory: &Directory<'_>, paths: &[String]) -> Result<Config, RenderError> {
    let mut config = Config::Empty;
    for (at, path) in paths.iter().enumerate() {
        let field = || format!("crds[{at}]");
        let invalid = |message| directory.error(Cause::Invalid(message)).in_field(field());
        let definitions = read(directory, path).map_err(|error| error.in_field(field()))?;
        let lists = lists(&definitions).map_err(invalid)?;
        config.merge(Config::Extended(Arc::new(lists))).map_err(invalid)?;
    }
    Ok(config)
}

fn read(directory: &Directory<'_>, path: &str) -> Result<Map<String, Value>, RenderError> {
    let file = directory.join(path)?;
    let documents = parse_documents_as(&directory.load(path)?, Dialect::Kubernetes, &directory.options.yaml)
        .map_err(|error| RenderError::yaml(&file, error))?;
    match documents.into_iter().next().map(|document| document.value) {
        Some(Value::Object(definitions)) => Ok(definitions),
        None | Some(Value::Null) => Ok(Map::new()),
        Some(_) => {
            let message = "unable to parse open API definition: expected types by their names";
            Err(RenderError::new(&file, Cause::Invalid(message.into())))
        }
    }
}

fn lists(definitions: &Map<String, Value>) -> Result<Lists, String> {
    let mut all = Lists::default();
    let mut fields = 0;
    for (name, definition) in definitions {
        let Some(properties) = properties(definition) else { continue };
        if !["kind", "apiVersion", "metadata"].iter().all(|field| properties.contains_key(*field)) {
            continue;
        }
        let kind = name.rsplit('.').next().unwrap_or(name);
        let mut reading = Reading { definitions, kind, lists: Lists::default(), fields: &mut fields };
        reading.properties(properties, &mut Vec::new())?;
        let lists = reading.lists;
        all.merge(&lists)?;
    }
    Ok(all)
}

fn properties(definition: &Value) -> Option<&Map<String, Value>> {
    // Go's JSON tells fields apart without regard to case.
    let schema = definition.get("Schema").or_else(|| definition.get("schema"))?;
    schema.get("properties")?.as_object()
}

/// A type that is being read.
struct Reading<'a> {
    definitions: &'a Map<String, Value>,
    kind: &'a str,
    lists: Lists,
    fields: &'a mut usize,
}

impl Reading<'_> {
    fn properties(&mut self, properties: &Map<String, Value>, path: &mut Vec<String>) -> Result<(), String> {
        if path.len() > MAX_DEPTH {
            return Err(format!("types refer to each other in more than {MAX_DEPTH} steps"));
        }
        for (name, property) in properties {
            *self.fields += 1;
            if *self.fields > MAX_FIELDS {
                return Err(format!("more than {MAX_FIELDS} fields"));
            }
            path.push(name.clone());
            self.property(property, path)?;
            path.pop();
        }
        Ok(())
    }

    fn property(&mut self, property: &Value, path: &mut Vec<String>) -> Result<(), String> {
        let note = |name: &str| property.get(name).and_then(Value::as_str);
        let place = self.place(path);
        if note("x-kubernetes-annotation").is_some() {
            merge_one(&mut self.lists.common_annotations, &place)?;
        }
        if note("x-kubernetes-label-selector").is_some() {
            merge_one(&mut self.lists.common_labels, &place)?;
        }
        if note("x-kubernetes-identity").is_some() {
            merge_one(&mut self.lists.name_prefix, &place)?;
        }
        if let (Some(version), Some(kind)) =
            (note("x-kubernetes-object-ref-api-version"), note("x-kubernetes-object-ref-kind"))
        {
            path.push(note("x-kubernetes-object-ref-name-key").unwrap_or("name").to_owned());
            let referrer = self.place(path);
            path.pop();
            self.lists.add_references(&BackReferences {
                version: version.to_owned(),
                kind: kind.to_owned(),
                referrers: vec![referrer],
                ..BackReferences::default()
            })?;
        }
        let referred = note("$ref").and_then(|name| properties(self.definitions.get(name)?));
        referred.map_or(Ok(()), |referred| self.properties(referred, path))
    }

    fn place(&self, path: &[String]) -> FieldSpec {
        FieldSpec { kind: self.kind.to_owned().into(), path: path.join("/").into(), ..FieldSpec::default() }
    }
}
