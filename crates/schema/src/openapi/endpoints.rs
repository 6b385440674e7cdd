//! The URLs of a resource and what can be done there.

use serde_json::{Value, json};

use super::parameters::{self, Parameter};
use super::{Resource, ResourceSchema, Subresource};

const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
pub(super) const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
pub(super) const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";

/// A URL.
pub(super) struct Endpoint {
    pub path: String,
    pub in_namespace: bool,
    /// For the URL of one object: what its name is the name of.
    pub name_of: Option<String>,
    pub operations: Vec<Operation>,
}

/// A method on a URL.
pub(super) struct Operation {
    pub method: &'static str,
    /// `x-kubernetes-action`
    pub action: &'static str,
    pub id: String,
    pub tag: String,
    pub description: String,
    pub parameters: &'static [Parameter],
    pub body: Body,
    /// The definition of the answer; text without.
    pub answer: Option<String>,
    pub answers: &'static [(&'static str, &'static str)],
    /// `x-kubernetes-group-version-kind`
    pub group_version_kind: Value,
}

/// What a request holds.
pub(super) enum Body {
    None,
    /// An object of this definition.
    Object(String),
    /// Options that may be left out.
    DeleteOptions,
    /// A patch in one of these media types.
    Patch(&'static [&'static str]),
}

const OK: (&str, &str) = ("200", "OK");
const CREATED: (&str, &str) = ("201", "Created");
const ACCEPTED: (&str, &str) = ("202", "Accepted");

const BUILT_IN_PATCHES: &[&str] = &[
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
];
const CUSTOM_PATCHES: &[&str] =
    &["application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json"];

/// The URLs of a resource, in order.
pub(super) fn endpoints(resource: &Resource<'_>) -> Vec<Endpoint> {
    let root = match resource.group {
        "" => format!("/api/{}", resource.version),
        group => format!("/apis/{group}/{}", resource.version),
    };
    let everywhere = format!("{root}/{}", resource.plural);
    let collection = match resource.namespaced {
        true => format!("{root}/namespaces/{{namespace}}/{}", resource.plural),
        false => everywhere.clone(),
    };
    let object = format!("{collection}/{{name}}");
    let name_of = Some(resource.kind.to_owned());
    let has = |verb: &str| resource.verbs.contains(&verb);
    let verbs = |verbs: &[&'static str]| verbs.iter().filter(|verb| has(verb)).copied().collect::<Vec<_>>();
    let mut endpoints = Vec::new();
    let mut add = |path: &str, in_namespace: bool, name_of: Option<String>, operations: Vec<Operation>| {
        if !operations.is_empty() {
            endpoints.push(Endpoint { path: path.to_owned(), in_namespace, name_of, operations });
        }
    };
    if resource.namespaced {
        add(&everywhere, false, None, operations(resource, &verbs(&["list"]), None, true));
    }
    let on_collection = verbs(&["deletecollection", "list", "create"]);
    add(&collection, resource.namespaced, None, operations(resource, &on_collection, None, false));
    let on_object = verbs(&["delete", "get", "patch", "update"]);
    add(&object, resource.namespaced, name_of.clone(), operations(resource, &on_object, None, false));
    for sub in &resource.subresources {
        let path = format!("{object}/{}", sub.name);
        add(&path, resource.namespaced, name_of.clone(), operations(resource, &sub.verbs, Some(sub), false));
    }
    endpoints
}

fn operations(
    resource: &Resource<'_>,
    verbs: &[&str],
    sub: Option<&Subresource<'_>>,
    for_all_namespaces: bool,
) -> Vec<Operation> {
    verbs.iter().filter_map(|verb| operation(resource, verb, sub, for_all_namespaces)).collect()
}

fn operation(
    resource: &Resource<'_>,
    verb: &str,
    sub: Option<&Subresource<'_>>,
    for_all_namespaces: bool,
) -> Option<Operation> {
    let own = resource.definition();
    let definition = sub.and_then(|sub| sub.definition).map_or_else(|| own, str::to_owned);
    let object = || Body::Object(definition.clone());
    let patches = match resource.schema {
        ResourceSchema::Definition(_) => BUILT_IN_PATCHES,
        ResourceSchema::Custom(_) => CUSTOM_PATCHES,
    };
    type Answers = &'static [(&'static str, &'static str)];
    let (method, action, word, parameters, body, answers): (_, _, _, &'static [Parameter], _, Answers) = match verb {
        "list" => ("get", "list", "list", parameters::LIST, Body::None, &[OK]),
        "get" => ("get", "get", "read", &[], Body::None, &[OK]),
        "create" => ("post", "post", "create", parameters::WRITE, object(), &[OK, CREATED, ACCEPTED]),
        "update" => ("put", "put", "replace", parameters::WRITE, object(), &[OK, CREATED]),
        "patch" => ("patch", "patch", "patch", parameters::PATCH, Body::Patch(patches), &[OK, CREATED]),
        "delete" => ("delete", "delete", "delete", parameters::DELETE, Body::DeleteOptions, &[OK, ACCEPTED]),
        "deletecollection" => {
            let (action, parameters) = ("deletecollection", parameters::DELETE_COLLECTION);
            ("delete", action, "deleteCollection", parameters, Body::DeleteOptions, &[OK])
        }
        _ => return None,
    };
    let answer = match verb {
        "list" => resource.list_definition(),
        "delete" | "deletecollection" => STATUS.to_owned(),
        _ => definition,
    };
    let (group, version, kind) =
        sub.map_or((resource.group, resource.version, resource.kind), |sub| (sub.group, sub.version, sub.kind));
    let group_words = group_words(resource.group);
    let below = sub.map(|sub| capitalized(sub.name)).unwrap_or_default();
    let id = format!(
        "{word}{group_words}{}{}{}{below}{}",
        capitalized(resource.version),
        if resource.namespaced && !for_all_namespaces { "Namespaced" } else { "" },
        resource.kind,
        if for_all_namespaces { "ForAllNamespaces" } else { "" },
    );
    let of = sub.map(|sub| format!(" {} of", sub.name)).unwrap_or_default();
    let first = group_words.get(..1).unwrap_or_default().to_lowercase();
    Some(Operation {
        method,
        action,
        id,
        tag: format!("{first}{}_{}", group_words.get(1..).unwrap_or_default(), resource.version),
        description: format!("{verb}{of} {}", resource.kind),
        parameters,
        body,
        answer: Some(answer),
        answers,
        group_version_kind: json!({ "group": group, "kind": kind, "version": version }),
    })
}

/// `apps` → `Apps`, `rbac.authorization.k8s.io` → `RbacAuthorization`, the core group → `Core`.
fn group_words(group: &str) -> String {
    let group = group.strip_suffix(".k8s.io").unwrap_or(group);
    if group.is_empty() {
        return "Core".to_owned();
    }
    group.split(['.', '-']).map(capitalized).collect()
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_ascii_uppercase().to_string() + characters.as_str()).unwrap_or_default()
}
