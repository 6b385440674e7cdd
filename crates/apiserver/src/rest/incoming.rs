//! Objects that clients send: read, checked for shape, freed of what nobody knows.

use cowherd_schema::MAX_ERRORS;
use cowherd_yaml::{Dialect, Limits, Problem};
use serde_json::Value;

use super::{Request, options::FieldValidation};
use crate::{
    body::{self, ParseError, Parsed},
    bounds::{self, DEPTH, Exceeded, WEIGHT},
    object,
    resource::{Behaviour, Resource},
    service::Call,
    status::{ApiError, ApiResult, Named, shorten},
    wire::{self, WireError},
};

/// How many bytes of the name of a field are told.
const FIELD_LIMIT: usize = 1024;
/// How much aliases of YAML may add to a document, in nodes and bytes of text.
const YAML_EXPANSION: usize = 512 * 1024;

/// The media types that objects may be sent in.
const READABLE: &[&str] = &["application/json", "application/yaml"];

/// An object that was read, and what to tell its sender.
#[derive(Debug)]
pub struct Incoming {
    /// The object.
    pub object: Value,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

/// Reads the body as a document.
pub fn document(call: &Call) -> ApiResult<Parsed> {
    match call.content_type() {
        None | Some("application/json" | "*/*") => body::parse_json(&call.body).map_err(|error| {
            error.refused(|error| format!(
                "the object provided is unrecognized (must be of type Object): couldn't get version/kind; json parse error: {error}"
            ))
        }),
        Some("application/yaml" | "application/apply-patch+yaml" | "text/yaml") => yaml(&call.body),
        Some(wire::MEDIA_TYPE) => match wire::decode(&call.body) {
            Ok(value) => Ok(Parsed { value, duplicates: Vec::new() }),
            Err(WireError::Exceeded(exceeded)) => Err(exceeded.into()),
            Err(WireError::UnknownKind(_)) => Err(ApiError::unsupported_media_type(READABLE)),
            Err(error) => Err(ApiError::bad_request(error.to_string())),
        },
        Some(_) => Err(ApiError::unsupported_media_type(READABLE)),
    }
}

/// Reads YAML that holds one document.
pub fn yaml(bytes: &[u8]) -> ApiResult<Parsed> {
    // What looks like JSON mostly is, and is read many times faster as such.
    if bytes.first() == Some(&b'{') {
        match body::parse_json(bytes) {
            Ok(parsed) => return Ok(parsed),
            Err(ParseError::Exceeded(exceeded)) => return Err(exceeded.into()),
            Err(ParseError::Json(_)) => {}
        }
    }
    let limits = Limits { documents: 100, expansion: YAML_EXPANSION, memory: WEIGHT, ..Limits::default() };
    let documents =
        cowherd_yaml::parse_documents_as(bytes, Dialect::Kubernetes, &limits).map_err(|error| match error.problem {
            Problem::TooHeavy { .. } => Exceeded::Weight.into(),
            _ => ApiError::bad_request(format!("error decoding YAML: {error}")),
        })?;
    let mut values = documents.into_iter().map(|document| document.value);
    match (values.next(), values.next()) {
        (Some(value), None) => {
            bounds::weight().whole(&value, DEPTH).map_err(Exceeded::from)?;
            Ok(Parsed { value, duplicates: Vec::new() })
        }
        (None, _) => Err(ApiError::bad_request("error decoding YAML: the body holds no document")),
        _ => Err(ApiError::bad_request("error decoding YAML: the body holds more than one document")),
    }
}

impl Request<'_> {
    /// Checks that a document is an object of this resource and fills in its identity from the URL.
    pub fn identify(&self, object: &mut Value) -> ApiResult<()> {
        identify(&self.resource, object)?;
        self.check_namespace(object)?;
        let name = object::name(object);
        if !self.name.is_empty() && name != self.name {
            if !name.is_empty() {
                return Err(ApiError::bad_request(format!(
                    "the name of the object ({name}) does not match the name on the URL ({})",
                    self.name
                )));
            }
            object::set(object, "name", self.name);
        }
        Ok(())
    }

    /// The same for what takes the place of an object, be it sent or made by a patch. It must say its name itself: who sends
    /// one of another object to this URL is not to overwrite this one.
    pub fn identify_named(&self, object: &mut Value) -> ApiResult<()> {
        identify(&self.resource, object)?;
        self.check_name(object)?;
        self.check_namespace(object)
    }

    /// Checks that a document has the name of the URL.
    pub fn check_name(&self, object: &Value) -> ApiResult<()> {
        match object::name(object) {
            name if name == self.name => Ok(()),
            "" => Err(ApiError::bad_request(format!(
                "the name of the object ({} based on URL) was undeterminable: name must be provided",
                self.name
            ))),
            name => Err(ApiError::bad_request(format!(
                "the name of the object ({name}) does not match the name on the URL ({})",
                self.name
            ))),
        }
    }

    /// The body of a request for a part of the object, such as a Binding. It must be of that kind, and in the namespace of
    /// the URL.
    pub fn part(&self, kind: Named<'_>) -> ApiResult<Value> {
        let mut value = document(self.call)?.value;
        let sent = |field: &str| object::text_at(&value, &[field]);
        let (version, name) = (sent("apiVersion"), sent("kind"));
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let is_it = (name.is_empty() || name == kind.name) && (version.is_empty() || group == kind.group);
        if !is_it {
            let why = format!("{name} in version {version:?} cannot be handled as a {}", kind.name);
            return Err(ApiError::bad_request(why));
        }
        let has_shape = matches!(value.get("metadata"), None | Some(Value::Null | Value::Object(_)));
        if !value.is_object() || !has_shape {
            return Err(ApiError::bad_request(format!("the body must be a {}", kind.name)));
        }
        self.check_namespace(&mut value)?;
        Ok(value)
    }

    /// The same of a part that must name the object of the URL.
    pub fn named_part(&self, kind: Named<'_>) -> ApiResult<Value> {
        let value = self.part(kind)?;
        if object::name(&value) != self.name {
            return Err(ApiError::bad_request(format!("name in URL does not match name in {} object", kind.name)));
        }
        Ok(value)
    }

    fn check_namespace(&self, object: &mut Value) -> ApiResult<()> {
        let namespace = object::namespace(object);
        if namespace == self.namespace {
            return Ok(());
        }
        if !namespace.is_empty() {
            return Err(ApiError::bad_request(if self.resource.namespaced {
                "the namespace of the provided object does not match the namespace sent on the request".to_owned()
            } else {
                "namespace should be empty for cluster-scoped resources".to_owned()
            }));
        }
        object::set(object, "namespace", self.namespace);
        Ok(())
    }
}

/// Checks that a document is an object of this resource.
pub fn identify(resource: &Resource, object: &mut Value) -> ApiResult<()> {
    let Value::Object(map) = object else {
        return Err(ApiError::bad_request(
            "the object provided is unrecognized (must be an object): couldn't get version/kind",
        ));
    };
    let version = map.entry("apiVersion").or_insert_with(|| resource.api_version.as_str().into());
    if version.as_str() == Some("") {
        *version = resource.api_version.as_str().into();
    }
    if *version != resource.api_version {
        let sent = version.as_str().unwrap_or_default();
        return Err(ApiError::bad_request(format!(
            "the API version in the data ({sent}) does not match the expected API version ({})",
            resource.api_version
        )));
    }
    let kind = map.entry("kind").or_insert_with(|| resource.kind.as_str().into());
    if kind.as_str() == Some("") {
        *kind = resource.kind.as_str().into();
    }
    if *kind != resource.kind {
        let sent = kind.as_str().unwrap_or_default();
        return Err(ApiError::bad_request(format!(
            "{sent} in version {:?} cannot be handled as a {}: no kind {sent:?} is registered for this resource",
            resource.group_version.version, resource.kind
        )));
    }
    match map.get("metadata") {
        None | Some(Value::Null) => {
            map.insert("metadata".to_owned(), Value::Object(Default::default()));
            Ok(())
        }
        Some(Value::Object(_)) => Ok(()),
        Some(_) => Err(unreadable(resource, "metadata must be an object")),
    }
}

fn unreadable(resource: &Resource, why: &str) -> ApiError {
    ApiError::bad_request(format!(
        "{} in version {:?} cannot be handled as a {}: {why}",
        resource.kind, resource.group_version.version, resource.kind
    ))
}

/// Removes from an object what nobody knows, and says so; refuses values of the wrong type.
pub fn clean(resource: &Resource, parsed: Parsed, validation: FieldValidation) -> ApiResult<Incoming> {
    let Parsed { value: mut object, duplicates } = parsed;
    if let Some(why) = wrong_type(resource, &object) {
        return Err(unreadable(resource, &why));
    }
    let problems = prune(resource, &mut object, validation, &duplicates);
    if validation == FieldValidation::Strict && !problems.is_empty() {
        return Err(unreadable(resource, &format!("strict decoding error: {}", problems.join(", "))));
    }
    Ok(Incoming { object, warnings: problems })
}

/// Removes from an object what nobody knows; the words for each of them, unless nobody wants to hear.
pub fn prune(
    resource: &Resource,
    object: &mut Value,
    validation: FieldValidation,
    duplicates: &[String],
) -> Vec<String> {
    let schema = resource.schema();
    let mut problems: Vec<String> = Vec::new();
    if validation != FieldValidation::Ignore {
        let named = |what: &str, field: &str| format!("{what} field {:?}", shorten(field.to_owned(), FIELD_LIMIT));
        problems.extend(duplicates.iter().take(MAX_ERRORS).map(|field| named("duplicate", field)));
        let room = MAX_ERRORS - problems.len();
        problems.extend(schema.unknown_fields(object).iter().take(room).map(|field| named("unknown", field.as_str())));
    }
    schema.prune(object);
    problems
}

/// What of an object has a value of the wrong type. What is custom in a resource is told by its validation.
pub fn wrong_type(resource: &Resource, object: &Value) -> Option<String> {
    match resource.behaviour {
        Behaviour::BuiltIn(_) => resource.schema().decoding_error(&resource.kind, object),
        Behaviour::Custom(_) => cowherd_schema::metadata_decoding_error(object),
    }
}
