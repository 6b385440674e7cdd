//! CustomResourceDefinitions: what is left out is filled in, what cannot be served is refused.

use serde_json::{Value, json};

use crate::{
    crd,
    object::{self, as_map},
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
    default(definition);
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

/// Fills in what follows from the rest.
pub fn default(definition: &mut Value) {
    let names = crd::Names::read(definition);
    let Some(spec) = definition.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let conversion = as_map(spec.entry("conversion").or_insert_with(|| json!({})));
    conversion.entry("strategy").or_insert_with(|| "None".into());
    let known = as_map(spec.entry("names").or_insert_with(|| json!({})));
    known.entry("singular").or_insert(names.singular.into());
    known.entry("listKind").or_insert(names.list_kind.into());
}
