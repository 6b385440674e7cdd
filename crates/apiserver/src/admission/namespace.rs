//! Namespaces: objects can only be made in one that exists and stays.

use serde_json::{Value, json};

use crate::{
    object::{self, as_map},
    resource::Resource,
    rest,
    server::ApiServer,
    status::{ApiError, ApiResult, Named},
};

/// The namespaces that cannot be deleted.
pub const IMMORTAL: &[&str] = &["default", "kube-system", "kube-public"];

const NAMESPACES: Named<'static> = Named { group: "", name: "namespaces" };

/// Refuses an object whose namespace is not there, or is about to go.
pub async fn must_accept(server: &ApiServer, resource: &Resource, object: &Value) -> ApiResult<()> {
    let name = object::namespace(object);
    let namespaces = server.built_in("", "v1", "namespaces")?;
    let namespace = rest::load(server, &namespaces, &namespaces.key("", name)).await?;
    let namespace = namespace.ok_or_else(|| ApiError::not_found(NAMESPACES, name))?.object;
    if !object::is_terminating(&namespace) {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {name} because it is being terminated");
    let message = format!("namespace {name} is being terminated");
    Err(ApiError::forbidden(resource.named(), object::name(object), why).with_cause(
        "NamespaceTerminating",
        &message,
        Some("metadata.namespace"),
    ))
}

/// Gives a new namespace its finalizer, its phase and the label with its name.
pub fn prepare(object: &mut Value) {
    let name = object::name(object).to_owned();
    let labels = object::metadata_mut(object).entry("labels").or_insert_with(|| json!({}));
    as_map(labels).insert("kubernetes.io/metadata.name".to_owned(), name.into());
    let spec = as_map(as_map(object).entry("spec").or_insert_with(|| json!({})));
    let finalizers = spec.entry("finalizers").or_insert_with(|| json!([]));
    match finalizers {
        Value::Array(list) if list.iter().any(|name| name == "kubernetes") => {}
        Value::Array(list) => list.push("kubernetes".into()),
        other => *other = json!(["kubernetes"]),
    }
}

/// A namespace's own finalizers change through `finalize` alone.
pub fn keep_finalizers(new: &mut Value, old: &Value) {
    let known = object::at(old, &["spec", "finalizers"]).cloned();
    let name = object::name(old).to_owned();
    let spec = as_map(as_map(new).entry("spec").or_insert_with(|| json!({})));
    match known {
        Some(known) => spec.insert("finalizers".to_owned(), known),
        None => spec.remove("finalizers"),
    };
    let labels = as_map(object::metadata_mut(new).entry("labels").or_insert_with(|| json!({})));
    labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
}
