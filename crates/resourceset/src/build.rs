//! Fills templates in, and reads what comes of that.

use std::collections::HashSet;
use std::sync::Arc;

use cowherd_helm::functions::Context;
use cowherd_template::{Definitions, Delimiters, Execution, Functions, Map, MissingKey, Templates as Set, Value};
use cowherd_yaml::{Dialect, parse_documents_as, parse_first_document};
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::functions::functions;
use crate::{BuildError, Input, Inputs, value};

/// The annotation of an object that says `disabled`, which leaves it out.
pub const RECONCILE: &str = "fluxcd.controlplane.io/reconcile";

/// What actions of templates stand between.
const DELIMITERS: Delimiters = Delimiters { left: *b"<<", right: *b">>" };

/// What errors call a template of a text.
const TEXT: &str = "resourcesTemplate";

/// Templates of objects.
#[derive(Clone, Copy, Debug)]
pub struct Templates<'a> {
    /// Objects with actions in their texts.
    pub resources: &'a [Json],
    /// A text that is to become documents of YAML.
    pub text: Option<&'a str>,
}

/// How much templates may make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many objects.
    pub objects: usize,
    /// How long all templates together may take, and how much they may write.
    pub templates: cowherd_template::Limits,
    /// How much all templates together may be given of inputs, in bytes: each is given each.
    pub inputs: usize,
    /// How much YAML one template may write.
    pub yaml: cowherd_yaml::Limits,
}

impl Default for Limits {
    /// What no ResourceSet needs, and a machine bears.
    fn default() -> Self {
        let templates = cowherd_template::Limits { depth: 1_000, output: 64 * 1024 * 1024, steps: 50_000_000 };
        Self { objects: 20_000, templates, inputs: 256 * 1024 * 1024, yaml: cowherd_yaml::Limits::default() }
    }
}

/// The objects that the templates become, filled in with each of the inputs, or once with nothing where there are none. Of those
/// that are the same object the first counts.
///
/// # Errors
/// When a template cannot be read, fails, or writes what is no object, and when there is too much of anything.
pub fn build(templates: &Templates<'_>, inputs: &Inputs, limits: &Limits) -> Result<Vec<Json>, BuildError> {
    let functions = functions();
    let (set, places) = read(templates, &functions)?;
    // No function gives what the time is, or what is random.
    let mut context = Context::seeded(Timestamp::UNIX_EPOCH, b"");
    let mut execution = Execution::new(&functions, Arc::new(set), &mut context);
    execution.missing_key(MissingKey::Error);
    execution.limits(limits.templates.clone());
    let mut filling = Filling { execution, limits, given: 0, objects: Vec::new(), known: HashSet::new() };
    for place in &places {
        match inputs.is_empty() {
            true => filling.resource(place, None)?,
            false => inputs.iter().try_for_each(|input| filling.resource(place, Some(&input)))?,
        }
    }
    if templates.text.is_some_and(|text| !text.is_empty()) {
        match inputs.is_empty() {
            true => filling.text(None)?,
            false => inputs.iter().try_for_each(|input| filling.text(Some(&input)))?,
        }
    }
    Ok(filling.objects)
}

/// The templates, and the names of those that become one object each.
fn read(templates: &Templates<'_>, functions: &Functions<Context<'_>>) -> Result<(Set, Vec<String>), BuildError> {
    let mut set = Set::new("resourceset");
    let mut places = Vec::with_capacity(templates.resources.len());
    let mut add = |place: String, text: &str| {
        let parsed = Definitions::parse_between(DELIMITERS, &place, text.as_bytes(), functions);
        let failed = |error: cowherd_template::parse::ParseError| error.to_string();
        match parsed.map_err(failed) {
            Ok(parsed) => set.add_parsed(parsed),
            Err(message) => return Err(BuildError::Parse { place, message }),
        }
        Ok(())
    };
    for (at, resource) in templates.resources.iter().enumerate() {
        let place = format!("resources[{at}]");
        add(place.clone(), &cowherd_yaml::to_string(resource))?;
        places.push(place);
    }
    if let Some(text) = templates.text {
        add(TEXT.to_owned(), text)?;
    }
    Ok((set, places))
}

/// Templates that are being filled in.
struct Filling<'a, 'c> {
    execution: Execution<'a, Context<'c>>,
    limits: &'a Limits,
    /// How much the templates were given.
    given: usize,
    objects: Vec<Json>,
    known: HashSet<[String; 4]>,
}

impl Filling<'_, '_> {
    /// Fills in a template that becomes an object.
    fn resource(&mut self, place: &str, input: Option<&Input>) -> Result<(), BuildError> {
        let text = self.fill(place, input)?;
        let failed = |message: String| BuildError::Read { place: place.to_owned(), message };
        let document = parse_first_document(text.as_bytes(), Dialect::Kubernetes, &self.limits.yaml);
        let object = document.map_err(|error| failed(error.to_string()))?.map(|document| document.value);
        let object = object.ok_or_else(|| failed("EOF".to_owned()))?;
        if !object.get("kind").is_some_and(Json::is_string) {
            return Err(failed("Object 'Kind' is missing".to_owned()));
        }
        // What is filled in with nothing is not left out, as with the Flux Operator.
        match input.is_some() && is_left_out(&object) {
            true => Ok(()),
            false => self.add(object),
        }
    }

    /// Fills in the template that becomes documents.
    fn text(&mut self, input: Option<&Input>) -> Result<(), BuildError> {
        let text = self.fill(TEXT, input)?;
        let failed = |message: String| BuildError::Read { place: TEXT.to_owned(), message };
        let documents = parse_documents_as(text.as_bytes(), Dialect::Kubernetes, &self.limits.yaml);
        for document in documents.map_err(|error| failed(error.to_string()))? {
            let kind = document.value.get("kind").and_then(Json::as_str);
            let Some(kind) = kind else { return Err(failed("Object 'Kind' is missing".to_owned())) };
            match document.value.get("items").and_then(Json::as_array) {
                Some(items) if kind.ends_with("List") => items.iter().try_for_each(|item| self.keep(item.clone()))?,
                _ if is_object(&document.value) => self.keep(document.value)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn keep(&mut self, object: Json) -> Result<(), BuildError> {
        if is_left_out(&object) { Ok(()) } else { self.add(object) }
    }

    fn add(&mut self, object: Json) -> Result<(), BuildError> {
        if self.known.insert(key(&object)) {
            self.objects.push(object);
        }
        match self.objects.len() > self.limits.objects {
            true => Err(BuildError::TooMany { what: "its objects", most: self.limits.objects }),
            false => Ok(()),
        }
    }

    /// What the template writes with the input.
    fn fill(&mut self, place: &str, input: Option<&Input>) -> Result<String, BuildError> {
        self.given += input.map_or(0, value::weight);
        if self.given > self.limits.inputs {
            return Err(BuildError::TooMany {
                what: "the bytes of inputs for all templates",
                most: self.limits.inputs,
            });
        }
        let input = input.map_or_else(|| Value::Map(Map::new()), value::map);
        self.execution.context().give(input);
        let written = self.execution.execute(place, &Value::Nil);
        let failed = |message: String| BuildError::Execute { place: place.to_owned(), message };
        written.map(|text| text.to_str().into_owned()).map_err(|error| failed(error.to_string()))
    }
}

/// Which object it is: that of another version is the same.
fn key(object: &Json) -> [String; 4] {
    let text = |pointer: &str| object.pointer(pointer).and_then(Json::as_str).unwrap_or_default().to_owned();
    let api_version = text("/apiVersion");
    let group = api_version.split_once('/').map_or("", |(group, _)| group).to_owned();
    [group, text("/kind"), text("/metadata/namespace"), text("/metadata/name")]
}

/// Whether it has what every object has, and is no file of kustomize.
fn is_object(object: &Json) -> bool {
    let [group, kind, _, name] = key(object);
    let has_version = object.get("apiVersion").and_then(Json::as_str).is_some_and(|text| !text.is_empty());
    let is_kustomization = kind.eq_ignore_ascii_case("kustomization") && group == "kustomize.config.k8s.io";
    has_version && !kind.is_empty() && !name.is_empty() && !is_kustomization
}

fn is_left_out(object: &Json) -> bool {
    object.get("metadata").and_then(|metadata| metadata.get("annotations")?.get(RECONCILE)?.as_str())
        == Some("disabled")
}
