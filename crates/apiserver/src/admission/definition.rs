//! CustomResourceDefinitions: they go once their objects are gone, and what cannot be served is refused.

use std::collections::BTreeSet;

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::{
    crd, object,
    resource::Resource,
    status::{ApiError, ApiResult},
};

/// Prepares a new definition.
pub fn create(definition: &mut Value) {
    let mut finalizers: Vec<String> = object::finalizers(definition).into_iter().map(str::to_owned).collect();
    if !finalizers.iter().any(|name| name == crd::CLEANUP_FINALIZER) {
        finalizers.push(crd::CLEANUP_FINALIZER.to_owned());
    }
    object::set_finalizers(definition, finalizers);
}

/// Refuses what passed validation and still cannot be served.
pub fn must_be_usable(resource: &Resource, definition: &Value) -> ApiResult<()> {
    let mut errors = crd::storage_schema_errors(definition);
    errors.extend(crd::Names::read(definition).check_built_in().err());
    if errors.is_empty() || object::is_terminating(definition) {
        return Ok(());
    }
    Err(ApiError::invalid(resource.named_kind(), object::name(definition), &errors))
}

/// Refuses to end what is served of a definition that the control plane needs: that would be to delete it.
///
/// It is invalid, whoever asks, and not forbidden to somebody: a repository that brings Flux's own definitions, of a release that
/// serves less, may do so in vain.
pub fn must_stay_served(resource: &Resource, new: &Value, old: &Value) -> ApiResult<()> {
    let served = |definition: &Value| -> BTreeSet<String> {
        let versions = object::at(definition, &["spec", "versions"]).and_then(Value::as_array);
        let served = versions.into_iter().flatten().filter(|version| version.get("served") == Some(&Value::Bool(true)));
        served.map(|version| object::text_at(version, &["name"]).to_owned()).collect()
    };
    match served(old).difference(&served(new)).next() {
        None => Ok(()),
        Some(version) => {
            let why = format!("this control plane needs it; version {version} may not cease to be served");
            let error = FieldError::forbidden(&FieldPath::new("spec.versions"), why);
            Err(ApiError::invalid(resource.named_kind(), object::name(old), &[error]))
        }
    }
}
