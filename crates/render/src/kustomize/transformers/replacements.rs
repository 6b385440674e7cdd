//! `replacements`: values of one object put into fields of others.

use cowherd_yaml::{Dialect, parse_documents_as};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Cause, RenderError};
use crate::kustomize::budget::Budget;
use crate::kustomize::fields::path;
use crate::kustomize::fields::scalar;
use crate::kustomize::fields::written::written;
use crate::kustomize::files::decode;
use crate::kustomize::files::directory::Directory;
use crate::kustomize::objects::resource::{Id, Resource};
use crate::kustomize::objects::set::ResourceSet;
use crate::kustomize::patches::select::Labels;
use crate::overlay::Selector;

/// Which field is read or written where nothing is said.
const DEFAULT_PATH: &str = "metadata.name";

/// How deep a value that is put elsewhere may be nested.
const MAX_DEPTH: usize = 150;

/// An entry of `replacements`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Replacement {
    /// A file with one or several replacements, instead of anything else.
    path: String,
    source: Option<Source>,
    source_value: Option<String>,
    targets: Option<Vec<Target>>,
}

/// The object and the field that a value is read from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Source {
    group: String,
    version: String,
    kind: String,
    name: String,
    namespace: String,
    field_path: String,
    options: Option<FieldOptions>,
}

/// The objects and the fields that a value is written to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Target {
    select: Option<Selector>,
    reject: Vec<Selector>,
    field_paths: Vec<String>,
    options: Option<FieldOptions>,
}

/// Which part of a field is meant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct FieldOptions {
    /// The field is a list in a text, with this between its items.
    delimiter: String,
    /// Which of them.
    index: i64,
    /// Known to kustomize and without effect.
    #[serde(rename = "encoding")]
    _encoding: String,
    create: bool,
}

/// The replacements of `entries`, those in files read.
pub(crate) fn load(directory: &Directory<'_>, entries: &[Replacement]) -> Result<Vec<Replacement>, RenderError> {
    let mut loaded = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        let field = || format!("replacements[{at}]");
        if entry.path.is_empty() {
            loaded.push(entry.clone());
            continue;
        }
        if entry.source.is_some() || entry.targets.as_ref().is_some_and(|targets| !targets.is_empty()) {
            let message = "cannot specify both path and inline replacement";
            return Err(directory.error(Cause::Invalid(message.into())).in_field(field()));
        }
        loaded.extend(read(directory, &entry.path).map_err(|error| error.in_field(field()))?);
    }
    Ok(loaded)
}

fn read(directory: &Directory<'_>, path: &str) -> Result<Vec<Replacement>, RenderError> {
    let file = directory.join(path)?;
    let documents = parse_documents_as(&directory.load(path)?, Dialect::Kubernetes, &directory.options.yaml)
        .map_err(|error| RenderError::yaml(&file, error))?;
    let read = match documents.into_iter().next().map(|document| document.value) {
        Some(list @ Value::Array(_)) => decode::lenient(list),
        Some(one @ Value::Object(_)) => decode::lenient(one).map(|one| vec![one]),
        _ => Err(Cause::Invalid("unsupported replacement type: expected a replacement or a list of them".into())),
    };
    read.map_err(|cause| RenderError::new(&file, cause))
}

/// Makes `replacements` in order.
pub(crate) fn apply(
    directory: &Directory<'_>,
    replacements: &[Replacement],
    resources: &mut ResourceSet,
) -> Result<(), String> {
    for replacement in replacements {
        let Some(targets) = &replacement.targets else { return Err(incomplete()) };
        let value = match (&replacement.source, &replacement.source_value) {
            (Some(_), Some(_)) => return Err("value and resource selectors are mutually exclusive".into()),
            (None, None) => return Err(incomplete()),
            (None, Some(text)) => Replacing::Plain(text.clone()),
            (Some(source), None) => source.read(directory, resources)?,
        };
        for target in targets {
            target.write(resources, &value, directory.budget)?;
        }
    }
    Ok(())
}

fn incomplete() -> String {
    "replacements must specify a source and at least one target".into()
}

/// What is put into fields.
enum Replacing {
    Value(Value),
    /// A value that is no text, and how it is written where one is wanted.
    Written(Value, String),
    /// A text that means in a field what it would mean there unquoted.
    Plain(String),
}

impl Replacing {
    /// The bytes that are written where the value is put.
    fn size(&self) -> usize {
        match self {
            Self::Value(value) => size(value),
            Self::Written(_, text) | Self::Plain(text) => text.len(),
        }
    }

    fn text(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Value(value) => scalar::text(value),
            Self::Written(_, text) | Self::Plain(text) => text.into(),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Value(value) | Self::Written(value, _) => value.clone(),
            Self::Plain(text) => scalar::plain(text),
        }
    }
}

/// About how many bytes a value takes.
fn size(value: &Value) -> usize {
    /// What a value takes besides its text.
    const NODE: usize = 64;
    let content = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + size(value)).sum(),
        _ => 0,
    };
    NODE + content
}

/// Whether values are nested more than `levels` deep.
fn is_deeper(value: &Value, levels: usize) -> bool {
    let inside = |value: &Value| levels == 0 || is_deeper(value, levels - 1);
    match value {
        Value::Array(items) => items.iter().any(inside),
        Value::Object(map) => map.values().any(inside),
        _ => false,
    }
}

/// Whether `id` has what of group, version, kind, name and namespace is wanted.
fn is_selected(id: &Id<'_>, [group, version, kind, name, namespace]: [&str; 5]) -> bool {
    let fits = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
    fits(group, id.group)
        && fits(version, id.version)
        && fits(kind, id.kind)
        && fits(name, id.name)
        && fits(namespace, id.namespace)
}

fn parts(selector: &Selector) -> [&str; 5] {
    [&selector.group, &selector.version, &selector.kind, &selector.name, &selector.namespace].map(String::as_str)
}

impl Source {
    fn read(&self, directory: &Directory<'_>, resources: &ResourceSet) -> Result<Replacing, String> {
        let object = self.find(resources)?;
        let field_path = if self.field_path.is_empty() { DEFAULT_PATH } else { &self.field_path };
        let parts = path::parts(field_path);
        let found = path::get(&object.value, &parts)
            .map_err(|error| format!("error looking up replacement source {field_path:?}: {error}"))?;
        let is_empty = |value: &Value| match value {
            Value::Null => true,
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
            _ => false,
        };
        let Some(found) = found.filter(|found| !is_empty(found)) else {
            return Err(format!("fieldPath {field_path:?} is missing for replacement source {self}"));
        };
        // An object can be put into itself again and again.
        if is_deeper(found, MAX_DEPTH) {
            return Err(format!("the value at {field_path:?} is nested more than {MAX_DEPTH} levels deep"));
        }
        let Some(options) = self.options.as_ref().filter(|options| !options.delimiter.is_empty()) else {
            return Ok(match written(directory, object, &parts) {
                Some(text) => Replacing::Written(found.clone(), text),
                None => Replacing::Value(found.clone()),
            });
        };
        if found.is_array() || found.is_object() {
            return Err("delimiter option can only be used with scalar nodes".into());
        }
        let text = written(directory, object, &parts).map_or_else(|| scalar::text(found), Into::into);
        let part = usize::try_from(options.index).ok().and_then(|index| text.split(&options.delimiter).nth(index));
        // The value itself may be a secret one.
        let part =
            part.ok_or_else(|| format!("options.index {} is out of bounds for {field_path:?}", options.index))?;
        Ok(match found {
            Value::String(_) => Replacing::Value(part.into()),
            _ => Replacing::Plain(part.to_owned()),
        })
    }

    fn find<'a>(&self, resources: &'a ResourceSet) -> Result<&'a Resource, String> {
        let wanted: [&str; 5] =
            [&self.group, &self.version, &self.kind, &self.name, &self.namespace].map(String::as_str);
        let mut found = resources.iter().filter(|resource| resource.ids().any(|id| is_selected(&id, wanted)));
        match (found.next(), found.next()) {
            (Some(found), None) => Ok(found),
            (Some(_), Some(_)) => Err(format!("multiple matches for selector {self}")),
            (None, _) => Err(format!("nothing selected by {self}")),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { group, version, kind, name, namespace, field_path, .. } = self;
        let namespace = if namespace.is_empty() { "[noNs]" } else { namespace };
        write!(f, "{}", Id { group, version, kind, name, namespace })?;
        if field_path.is_empty() { Ok(()) } else { write!(f, ":{field_path}") }
    }
}

impl Target {
    fn write(&self, resources: &mut ResourceSet, value: &Replacing, budget: &Budget) -> Result<(), String> {
        let Some(select) = &self.select else {
            return Err("target must specify resources to select".into());
        };
        let selected = Selection::new(select)?;
        let rejected = self.reject.iter().map(Selection::new).collect::<Result<Vec<_>, _>>()?;
        let paths: Vec<(&str, Vec<String>)> = if self.field_paths.is_empty() {
            vec![(DEFAULT_PATH, path::parts(DEFAULT_PATH))]
        } else {
            self.field_paths.iter().map(|path| (path.as_str(), path::parts(path))).collect()
        };
        for resource in resources.iter_mut() {
            let is_target = selected.has_labels(resource)
                && !rejected.iter().any(|rejected| rejected.names_labels && rejected.has_labels(resource))
                && selected.has_id(resource)
                && !rejected.iter().any(|rejected| rejected.names_id && rejected.has_id(resource));
            if is_target {
                self.write_to(resource, &paths, value, budget)?;
            }
        }
        Ok(())
    }

    fn write_to(
        &self,
        resource: &mut Resource,
        paths: &[(&str, Vec<String>)],
        value: &Replacing,
        budget: &Budget,
    ) -> Result<(), String> {
        let size = value.size();
        let create = self.options.as_ref().is_some_and(|options| options.create);
        for (path, parts) in paths {
            let what = if create { "find or create" } else { "find" };
            let fail = |id: &Id<'_>| format!("unable to {what} field {path:?} in replacement target {id}");
            let mut failure = None;
            let (object, plain) = (&mut resource.value, &mut resource.plain);
            let found = path::set_all(object, parts, create, budget, &mut |place| {
                let pointer = place.pointer.to_owned();
                // Where a part of a text is replaced, the rest is written again, too.
                let old = place.value.as_str().map_or(0, str::len);
                budget.write(size.saturating_add(old)).inspect_err(|error| failure = Some(error.clone()))?;
                let text = self.set(place, value).inspect_err(|error| failure = Some(error.clone()))?;
                plain.extend(text.map(|text| (pointer, text)));
                Ok(())
            });
            match (found, failure) {
                (_, Some(failure)) => return Err(format!("{}: {failure}", resource.id())),
                (Err(error), None) => return Err(format!("{}: {error}", fail(&resource.id()))),
                (Ok(0), None) => return Err(fail(&resource.id())),
                (Ok(_), None) => {}
            }
        }
        Ok(())
    }

    /// Sets a field; returns the text if it is one that means what it means unquoted.
    fn set(&self, place: path::Place<'_>, value: &Replacing) -> Result<Option<String>, String> {
        let path::Place { value: field, made, .. } = place;
        let is_scalar = |value: &Value| !value.is_array() && !value.is_object();
        let delimited = self.options.as_ref().filter(|options| !options.delimiter.is_empty());
        let text = match delimited {
            None => None,
            Some(_) if !is_scalar(field) => {
                return Err("delimiter option can only be used with scalar nodes".into());
            }
            Some(options) => {
                let old = if made { "".into() } else { scalar::text(field) };
                Some(options.joined(&old, &value.text()))
            }
        };
        let value_is_scalar = match value {
            Replacing::Value(value) => is_scalar(value),
            Replacing::Written(..) | Replacing::Plain(_) => true,
        };
        if made && (text.is_some() || value_is_scalar) {
            let text = text.unwrap_or_else(|| value.text().into_owned());
            *field = scalar::plain(&text);
            return Ok(Some(text));
        }
        if is_scalar(field) && !made {
            scalar::retext(field, &text.map_or_else(|| value.text(), Into::into))?;
            return Ok(None);
        }
        *field = value.value();
        Ok(match value {
            Replacing::Plain(text) => Some(text.clone()),
            Replacing::Value(_) | Replacing::Written(..) => None,
        })
    }
}

impl FieldOptions {
    /// `old` with `part` at the index: before everything, behind everything, or instead of what was there.
    fn joined(&self, old: &str, part: &str) -> String {
        let mut parts: Vec<&str> = old.split(&self.delimiter).collect();
        match usize::try_from(self.index).map(|index| parts.get_mut(index)) {
            Err(_) => parts.insert(0, part),
            Ok(None) => parts.push(part),
            Ok(Some(place)) => *place = part,
        }
        parts.join(&self.delimiter)
    }
}

/// A selector whose names are names rather than patterns.
struct Selection<'a> {
    parts: [&'a str; 5],
    labels: Labels,
    annotations: Labels,
    names_id: bool,
    names_labels: bool,
}

impl<'a> Selection<'a> {
    fn new(selector: &'a Selector) -> Result<Self, String> {
        let parts = parts(selector);
        Ok(Self {
            parts,
            labels: Labels::parse(&selector.label_selector)?,
            annotations: Labels::parse(&selector.annotation_selector)?,
            names_id: parts.iter().any(|part| !part.is_empty()),
            names_labels: !(selector.label_selector.is_empty() && selector.annotation_selector.is_empty()),
        })
    }

    fn has_id(&self, resource: &Resource) -> bool {
        resource.ids().any(|id| is_selected(&id, self.parts))
    }

    fn has_labels(&self, resource: &Resource) -> bool {
        self.labels.matches(&resource.value["metadata"]["labels"])
            && self.annotations.matches(&resource.value["metadata"]["annotations"])
    }
}
