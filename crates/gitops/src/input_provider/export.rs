//! What a ResourceSetInputProvider gives.

use cowherd_api::flux::controlplane::v1::{Input, ResourceSetInputProvider};
use cowherd_api::supported;
use cowherd_resourceset::id;
use kube::ResourceExt;
use serde_json::Value;

use crate::conditions::UNSUPPORTED;

/// Why nothing is given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct ExportError {
    /// The reason in one word, as the Flux Operator gives it.
    pub(super) reason: &'static str,
    /// What is wrong, and what to do about it.
    pub(super) message: String,
    /// Whether only a change of the object can help.
    pub(super) is_final: bool,
}

/// The inputs that the provider gives.
pub(super) fn export(object: &ResourceSetInputProvider) -> Result<Vec<Input>, ExportError> {
    let written = serde_json::to_value(&object.spec).unwrap_or_default();
    if let Some(refused) = supported::refused(supported::INPUT_PROVIDER, &written).next() {
        return Err(ExportError { reason: UNSUPPORTED, message: refused.to_string(), is_final: true });
    }
    let mut input = Input::from([("id".to_owned(), Value::String(id(&object.uid().unwrap_or_default())))]);
    with_defaults(&mut input, &object.spec.default_values);
    Ok(vec![input])
}

/// Adds what the input does not say itself.
fn with_defaults(input: &mut Input, defaults: &Input) {
    for (key, value) in defaults {
        input.entry(key.clone()).or_insert_with(|| value.clone());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn provider(spec: Value) -> ResourceSetInputProvider {
        let metadata = json!({ "name": "p", "namespace": "n", "uid": "7a8b4c50-0000-4000-8000-000000000001" });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
    }

    #[test]
    fn a_static_one_gives_its_defaults_with_an_identity_that_is_its_own() {
        let given = export(&provider(json!({ "type": "Static", "defaultValues": { "id": "mine", "a": { "b": 1 } } })));
        let expected = json!([{ "id": id("7a8b4c50-0000-4000-8000-000000000001"), "a": { "b": 1 } }]);
        assert_eq!(serde_json::to_value(given.unwrap()).unwrap(), expected);
    }

    #[test]
    fn what_is_not_done_is_refused_by_name() {
        let error = export(&provider(json!({ "type": "GitHubTag", "url": "https://github.com/a/b" }))).unwrap_err();
        assert!(error.message.starts_with("spec.type \"GitHubTag\" is not supported yet; "), "{error}");
        assert!(error.is_final);
    }
}
