//! Whether objects are what their kinds ask for: as an API would say, of what is in the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use cowherd_api::supported;
use cowherd_kinds::names::NameRule;
use cowherd_kinds::{find_kind, metadata};
use cowherd_schema::{FieldError, FieldPath, Schema, Undecodable, builtin, metadata_decoding_errors};
use serde_json::{Value, json};

use crate::fields::blank;

/// How many bytes of defaults a definition may add to an object.
const MAX_DEFAULTS: usize = 3 << 20;
/// What stands for the identity that an object would get.
const UID: &str = "00000000-0000-0000-0000-000000000000";

/// A version of a kind that a definition brings.
struct Defined {
    /// As the definition has it. Definitions are many, and few of them have objects.
    source: Value,
    schema: OnceLock<Result<Schema, String>>,
    /// As the API names it.
    plural: String,
    namespaced: bool,
    has_status: bool,
}

/// All kinds that are there: those of Kubernetes, of the agents, and those that definitions bring.
pub struct Kinds {
    /// By group, version and kind.
    defined: BTreeMap<(String, String, String), Defined>,
}

/// Something that is wrong with an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The field; empty where it is the whole object.
    pub field: String,
    /// What is wrong with it.
    pub text: String,
}

impl Kinds {
    /// The kinds that `definitions` bring besides those that are always there.
    pub fn new<'a>(definitions: impl Iterator<Item = &'a Value>) -> Self {
        let mut kinds = Self { defined: BTreeMap::new() };
        let own = cowherd_api::crds().into_iter().filter_map(|definition| serde_json::to_value(definition).ok());
        own.for_each(|definition| kinds.define(&definition));
        definitions.for_each(|definition| kinds.define(definition));
        kinds
    }

    fn define(&mut self, definition: &Value) {
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for version in spec["versions"].as_array().into_iter().flatten().filter(|version| version["served"] == true) {
            let key = (text(&spec["group"]), text(&version["name"]), text(&spec["names"]["kind"]));
            let defined = Defined {
                source: version["schema"]["openAPIV3Schema"].clone(),
                schema: OnceLock::new(),
                plural: text(&spec["names"]["plural"]),
                namespaced: spec["scope"] != "Cluster",
                has_status: !version["subresources"]["status"].is_null(),
            };
            self.defined.insert(key, defined);
        }
    }

    /// Whether anything serves the kind of `object`.
    pub fn serves(&self, object: &Value) -> bool {
        let (group, version, kind) = group_version_kind(object);
        find_kind(group, version, kind).is_some() || self.find(group, version, kind).is_some()
    }

    /// The API version in which a kind is served, if it is not in the one that was written: another one of its group or, of
    /// Kubernetes' own kinds, one of the group where the kind is by now.
    pub fn served_as(&self, group: &str, kind: &str) -> Option<String> {
        if let Some(known) = supported::find(group, kind).and_then(supported::Kind::api_version) {
            return Some(known);
        }
        let is_of_kubernetes = supported::is_of_kubernetes(group);
        let mut built_in = cowherd_kinds::of_name(group, kind).filter(|one| is_of_kubernetes || one.group == group);
        if let Some(found) = built_in.next() {
            return Some(api_version(found.group, found.version));
        }
        let defined = self.defined.keys().filter(|(of, _, name)| of == group && name == kind);
        let newest = defined.map(|(_, version, _)| version).max_by_key(|version| (is_stable(version), *version));
        newest.map(|version| api_version(group, version))
    }

    /// The API versions in which Kubernetes 1.35 has a kind of its own that cowherd does not serve: some are served by every
    /// cluster, some where its administrator says so. None where the group has no such kind.
    pub fn in_kubernetes(group: &str, kind: &str) -> Vec<String> {
        if !supported::is_of_kubernetes(group) {
            return Vec::new();
        }
        // The packages of its API are called as their groups, up to the first dot.
        let package = match group {
            "" => "core",
            "internal.apiserver.k8s.io" => "apiserverinternal",
            _ => group.split('.').next().unwrap_or_default(),
        };
        // What can be listed can be described: the descriptions of fields, and reviews, have no lists.
        let list = format!("{kind}List");
        let version = |name: &'static str| {
            let mut parts = name.rsplit('.');
            (parts.next()? == list).then_some(())?;
            let version = parts.next()?;
            (parts.next()? == package).then(|| api_version(group, version))
        };
        builtin::names().filter_map(version).collect()
    }

    /// Whether the definition of the kind of `object` gives it a status.
    pub fn has_status(&self, object: &Value) -> bool {
        let (group, version, kind) = group_version_kind(object);
        self.find(group, version, kind).is_some_and(|defined| defined.has_status)
    }

    /// The API versions that definitions bring, and their kinds, as templates of charts ask for them.
    pub fn api_versions(&self) -> Vec<String> {
        let kinds = self.defined.keys().map(|(group, version, kind)| format!("{group}/{version}/{kind}"));
        let versions = self.defined.keys().map(|(group, version, _)| format!("{group}/{version}"));
        kinds.chain(versions.collect::<BTreeSet<_>>()).collect()
    }

    /// What the API calls objects of a kind; nothing where that is not known.
    pub fn plural(&self, group: &str, version: &str, kind: &str) -> Option<&str> {
        let built_in = find_kind(group, version, kind).map(|kind| kind.plural);
        built_in.or_else(|| self.find(group, version, kind).map(|defined| defined.plural.as_str()))
    }

    fn find(&self, group: &str, version: &str, kind: &str) -> Option<&Defined> {
        self.defined.get(&(group.to_owned(), version.to_owned(), kind.to_owned()))
    }

    /// What is wrong with `object`; nothing where its kind is not known. What is not known of it, where a variable may yet get
    /// a value (`is_open`), is taken to be right; so is, of the rest, what has the wrong type: that is told, and hides nothing
    /// else.
    pub fn mistakes(&self, object: &Value, is_open: bool) -> Vec<Mistake> {
        let (group, version, kind) = group_version_kind(object);
        let mut unknown = Vec::new();
        let mut object = object.clone();
        if is_open {
            forget(&mut object, &FieldPath::root(), &mut unknown);
        }
        let (built_in, defined) = (find_kind(group, version, kind), self.find(group, version, kind));
        let undecodable = match (built_in, defined) {
            (Some(kind), _) => {
                let schema = builtin::definition(kind.definition);
                schema.map(|schema| schema.decoding_errors(kind.kind, &object)).unwrap_or_default()
            }
            (None, Some(_)) => metadata_decoding_errors(&object),
            (None, None) => return Vec::new(),
        };
        for Undecodable { field, .. } in &undecodable {
            blank(&mut object, field.as_str());
            unknown.push(plain(field.as_str()));
        }
        let more = match (built_in, defined) {
            (Some(kind), _) => of_built_in(kind, &object),
            (None, defined) => defined.map(|defined| defined.mistakes(&object)).unwrap_or_default(),
        };
        let is_known = |mistake: &Mistake| !unknown.iter().any(|path| concerns(&mistake.field, path));
        let undecodable = undecodable.into_iter().map(Mistake::from);
        undecodable.chain(more.into_iter().filter(is_known)).collect()
    }
}

impl Defined {
    fn mistakes(&self, object: &Value) -> Vec<Mistake> {
        // One that cannot be read is the definition's own mistake.
        let Ok(schema) = self.schema.get_or_init(|| readable(&self.source)) else { return Vec::new() };
        let mut object = object.clone();
        let mut mistakes = unknown_fields(schema, &mut object);
        metadata::settle(&mut object);
        if schema.apply_defaults(&mut object, MAX_DEFAULTS).is_err() {
            mistakes.push(Mistake { field: String::new(), text: "its defaults are too large".to_owned() });
            return mistakes;
        }
        if let (true, Some(map)) = (self.has_status, object.as_object_mut()) {
            map.remove("status");
        }
        let errors = metadata::validate(&object, self.namespaced, NameRule::Subdomain);
        mistakes.extend(errors.into_iter().chain(schema.validate(&object)).map(|error| mistake(&error)));
        of_lists(schema, &object, &mut mistakes);
        mistakes
    }
}

fn of_built_in(kind: &cowherd_kinds::Kind, given: &Value) -> Vec<Mistake> {
    let Some(schema) = builtin::definition(kind.definition) else { return Vec::new() };
    let mut object = given.clone();
    let mut mistakes = unknown_fields(schema, &mut object);
    kind.default(&mut object);
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.insert("uid".to_owned(), UID.into());
    }
    kind.prepare_create(&mut object);
    mistakes.extend(kind.validate_create(&object).iter().map(mistake));
    // Its label has the name, too.
    if kind.kind == "Namespace" && given["metadata"]["labels"].is_null() {
        mistakes.retain(|mistake| mistake.field != "metadata.labels");
    }
    of_lists(schema, given, &mut mistakes);
    if kind.kind == "CustomResourceDefinition" {
        mistakes.extend(of_definition(&object));
    }
    mistakes
}

/// Items of lists that have the same key, so that the object cannot be applied on the server. What a kind says itself of such
/// items is enough.
fn of_lists(schema: &Schema, object: &Value, mistakes: &mut Vec<Mistake>) {
    let is_told = |field: &str, mistakes: &[Mistake]| {
        mistakes.iter().any(|one| one.field.starts_with(field) && one.text.contains("Duplicate value"))
    };
    for (field, key) in cowherd_patch::managed::repeated(object, schema) {
        if !is_told(&field, mistakes) {
            let text = format!("{field}: another item of the list has the key {key}, so that it cannot be applied");
            mistakes.push(Mistake { field, text });
        }
    }
}

/// What keeps the schemas of a definition from being used.
fn of_definition(definition: &Value) -> Vec<Mistake> {
    let versions = definition["spec"]["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut mistakes = Vec::new();
    for (index, version) in versions.iter().enumerate() {
        let source = &version["schema"]["openAPIV3Schema"];
        let path = FieldPath::new(format!("spec.versions[{index}].schema.openAPIV3Schema"));
        let errors = Schema::structural_errors(source, &path);
        match (errors.is_empty(), readable(source)) {
            (true, Err(text)) if !source.is_null() => mistakes.push(Mistake { field: path.to_string(), text }),
            _ => mistakes.extend(errors.iter().map(mistake)),
        }
    }
    mistakes
}

/// Names the fields that the kind does not have, and drops them.
fn unknown_fields(schema: &Schema, object: &mut Value) -> Vec<Mistake> {
    let unknown = schema.prune_unknown_fields(object);
    unknown
        .into_iter()
        .map(|field| Mistake { field: field.to_string(), text: format!("unknown field \"{field}\"") })
        .collect()
}

fn mistake(error: &FieldError) -> Mistake {
    Mistake { field: error.field.as_str().to_owned(), text: error.to_string() }
}

/// The schema of a definition, with the fields that every object has.
fn readable(source: &Value) -> Result<Schema, String> {
    let mut source = source.clone();
    if source.is_object() {
        if !source["properties"].is_object() {
            source["properties"] = json!({});
        }
        let properties = &mut source["properties"];
        properties["apiVersion"] = json!({ "type": "string" });
        properties["kind"] = json!({ "type": "string" });
        properties["metadata"] =
            json!({ "$ref": "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" });
    }
    Schema::from_openapi(&source).map_err(|error| error.to_string())
}

impl From<Undecodable> for Mistake {
    fn from(error: Undecodable) -> Self {
        Self { field: error.field.as_str().to_owned(), text: error.text }
    }
}

/// As objects name a group and a version.
fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// Whether a version is none of those that are tried out: `v1`, not `v1beta1`.
fn is_stable(version: &str) -> bool {
    version.strip_prefix('v').is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Group, version and kind of an object.
pub fn group_version_kind(object: &Value) -> (&str, &str, &str) {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    (group, version, object["kind"].as_str().unwrap_or_default())
}

/// Whether `text` holds a variable that has no value.
fn has_variable(text: &str) -> bool {
    text.contains("${")
}

/// Takes away the values that are not known, and notes where they stood.
fn forget(value: &mut Value, path: &FieldPath, unknown: &mut Vec<String>) {
    match value {
        Value::String(text) if has_variable(text) => {
            unknown.push(plain(path.as_str()));
            *value = Value::Null;
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                forget(item, &path.index(index), unknown);
            }
        }
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                forget(value, &path.child(key), unknown);
            }
        }
        _ => {}
    }
}

/// A path with nothing but dots between its steps.
fn plain(path: &str) -> String {
    path.replace('[', ".").replace(']', "")
}

/// Whether a mistake may come of what is not known at `unknown`.
fn concerns(field: &str, unknown: &str) -> bool {
    let field = plain(field);
    let is_below =
        |one: &str, other: &str| one == other || one.strip_prefix(other).is_some_and(|rest| rest.starts_with('.'));
    is_below(&field, unknown) || is_below(unknown, &field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_kubernetes_are_known_that_are_not_served() {
        let resource = ["v1", "v1beta1", "v1beta2"].map(|version| format!("resource.k8s.io/{version}"));
        assert_eq!(Kinds::in_kubernetes("resource.k8s.io", "ResourceClaimTemplate"), resource);
        let admission = ["v1alpha1", "v1beta1"].map(|version| format!("admissionregistration.k8s.io/{version}"));
        assert_eq!(Kinds::in_kubernetes("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"), admission);
        let internal = Kinds::in_kubernetes("internal.apiserver.k8s.io", "StorageVersion");
        assert_eq!(internal, ["internal.apiserver.k8s.io/v1alpha1"]);
        // Mistyped names, parts of kinds, and what is asked for and never kept, are none.
        for (group, kind) in [
            ("resource.k8s.io", "ResourceClaimTemplat"),
            ("resource.k8s.io", "ResourceClaimSpec"),
            ("resource.k8s.io", "MutatingAdmissionPolicy"),
            ("authentication.k8s.io", "TokenReview"),
            ("resource.example.com", "ResourceClaim"),
            ("resource.k8s.io", ""),
        ] {
            assert!(Kinds::in_kubernetes(group, kind).is_empty(), "{kind} of {group}");
        }
    }

    fn deployment(spec: Value) -> Value {
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "apps" }, "spec": spec })
    }

    fn spec(image: &str) -> Value {
        let labels = json!({ "app": "a" });
        json!({ "selector": { "matchLabels": labels }, "template": { "metadata": { "labels": labels },
            "spec": { "containers": [{ "name": "a", "image": image }] } } })
    }

    fn texts(object: &Value) -> Vec<String> {
        Kinds::new(std::iter::empty()).mistakes(object, true).into_iter().map(|mistake| mistake.text).collect()
    }

    #[test]
    fn built_in_kinds_are_checked_as_the_api_checks_them() {
        assert_eq!(texts(&deployment(spec("nginx"))), [""; 0]);
        let mut wrong = deployment(spec("nginx"));
        wrong["spec"]["replicsa"] = 3.into();
        wrong["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{ "containerPort": 70000 }]);
        let found = Kinds::new(std::iter::empty()).mistakes(&wrong, false);
        let fields: Vec<&str> = found.iter().map(|mistake| mistake.field.as_str()).collect();
        assert_eq!(fields, ["spec.replicsa", "spec.template.spec.containers[0].ports[0].containerPort"]);
        let mut wrong = deployment(spec("nginx"));
        wrong["spec"]["replicas"] = "three".into();
        let found = Kinds::new(std::iter::empty()).mistakes(&wrong, false);
        assert_eq!(found[0].field, "spec.replicas", "{found:?}");
    }

    #[test]
    fn no_mistake_hides_another() {
        let mut wrong = deployment(spec("nginx"));
        wrong["metadata"]["labels"] = json!({ "a": 1 });
        wrong["spec"]["replicas"] = "two".into();
        wrong["spec"]["minReadySeconds"] = "x".into();
        wrong["spec"]["selectr"] = json!({});
        wrong["spec"]["template"]["spec"]["containers"][0] = json!({ "name": "a", "imag": "nginx", "stdin": "no" });
        let found = Kinds::new(std::iter::empty()).mistakes(&wrong, false);
        let fields: Vec<&str> = found.iter().map(|mistake| mistake.field.as_str()).collect();
        let container = |field: &str| format!("spec.template.spec.containers[0].{field}");
        assert_eq!(
            fields,
            [
                "metadata.labels[a]",
                "spec.minReadySeconds",
                "spec.replicas",
                &container("stdin"),
                "spec.selectr",
                &container("imag"),
                &container("image"),
            ]
        );
    }

    #[test]
    fn what_is_not_known_is_taken_to_be_right() {
        let mut object = deployment(spec("${image}"));
        object["spec"]["replicas"] = "${replicas:=3}".into();
        assert_eq!(texts(&object), [""; 0]);
        object["spec"]["replicsa"] = "${x}".into();
        assert_eq!(texts(&object), [""; 0], "a field that is not known with a value that is not known");
        let found = Kinds::new(std::iter::empty()).mistakes(&object, false);
        let fields: Vec<&str> = found.iter().map(|mistake| mistake.field.as_str()).collect();
        assert_eq!(fields, ["spec.replicas", "spec.replicsa"], "where nothing is replaced all of it is known");
    }

    #[test]
    fn it_is_known_in_which_version_a_kind_is_served() {
        let kinds = Kinds::new(std::iter::empty());
        for (group, kind, served) in [
            ("batch", "CronJob", Some("batch/v1")),
            ("", "Deployment", Some("apps/v1")),
            ("extensions", "Ingress", Some("networking.k8s.io/v1")),
            ("autoscaling", "HorizontalPodAutoscaler", Some("autoscaling/v2")),
            ("source.toolkit.fluxcd.io", "HelmRepository", Some("source.toolkit.fluxcd.io/v1")),
            ("notification.toolkit.fluxcd.io", "Alert", Some("notification.toolkit.fluxcd.io/v1beta3")),
            ("argoproj.io", "Application", None),
            // A kind of another project, though one of Kubernetes has the same name.
            ("serving.knative.dev", "Service", None),
            ("apps", "Deploymnet", None),
        ] {
            assert_eq!(kinds.served_as(group, kind).as_deref(), served, "{group} {kind}");
        }
    }

    #[test]
    fn definitions_bring_kinds_and_are_checked_themselves() {
        let mut definition = json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": "widgets.example.com" },
            "spec": { "group": "example.com", "scope": "Namespaced", "names": { "plural": "widgets", "kind": "Widget" },
                "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": {
                    "type": "object", "properties": { "spec": { "type": "object", "required": ["size"],
                        "properties": { "size": { "type": "integer", "maximum": 5 } } } } } } }] } });
        assert_eq!(texts(&definition), [""; 0]);
        let kinds = Kinds::new(std::iter::once(&definition));
        let widget = |spec: Value| {
            json!({ "apiVersion": "example.com/v1", "kind": "Widget",
            "metadata": { "name": "a", "namespace": "b" }, "spec": spec })
        };
        let texts_of = |spec: Value| {
            kinds.mistakes(&widget(spec), false).into_iter().map(|mistake| mistake.text).collect::<Vec<_>>()
        };
        assert!(kinds.serves(&widget(json!({}))));
        assert_eq!(kinds.served_as("example.com", "Widget").as_deref(), Some("example.com/v1"));
        assert_eq!(texts_of(json!({ "size": 1 })), [""; 0]);
        assert!(texts_of(json!({ "size": 9 }))[0].starts_with("spec.size: Invalid value"));
        assert!(texts_of(json!({}))[0].starts_with("spec.size: Required value"));
        assert_eq!(texts_of(json!({ "size": 1, "colour": "red" })), ["unknown field \"spec.colour\""]);
        definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["type"] = "strnig".into();
        assert!(!texts(&definition).is_empty());
    }
}
