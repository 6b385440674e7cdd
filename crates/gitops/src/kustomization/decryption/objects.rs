//! Objects, and values of Secrets, that are encrypted.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use cowherd_api::flux::annotations::DECRYPT;
use cowherd_apply::Manifest;
use cowherd_sops::{Decrypted, Format, SopsError};
use serde_json::Value;

use super::files::format_of;
use super::{DecryptionError, Opener};

/// `object` with all that is encrypted in it decrypted.
pub(in super::super) fn opened(mut object: Value, opener: &mut Opener<'_>) -> Result<Value, DecryptionError> {
    if is_exempt(&object) {
        return Ok(object);
    }
    let name = named(&object);
    let fail = |field: String, error| DecryptionError::Object { object: name.clone(), field, error };
    if object["sops"]["mac"].as_str().is_some_and(|mac| !mac.is_empty()) {
        let data = serde_json::to_vec(&object).unwrap_or_default();
        // kustomize has put labels into it and keys in another order, which is why nobody can tell by its code whether it was changed.
        let Some(Decrypted { bytes, .. }) =
            opener.open(&data, Format::Json, Format::Json).map_err(|error| fail(String::new(), error))?
        else {
            return Ok(object);
        };
        let misfit =
            |_| fail(String::new(), SopsError::Unreadable { format: Format::Json, problem: "it is none".to_owned() });
        return serde_json::from_slice(&bytes).map_err(misfit);
    }
    if object["kind"] != "Secret" {
        return Ok(object);
    }
    for (key, value) in object.get_mut("data").and_then(Value::as_object_mut).into_iter().flatten() {
        // What is no base64 is told where the object is applied.
        let Some(data) = value.as_str().and_then(|text| BASE64_STANDARD.decode(text).ok()) else { continue };
        let Some(format) = Format::detect(&data) else { continue };
        let found =
            opener.open(&data, format, format_of(key)).map_err(|error| fail(format!("field '{key}': "), error))?;
        if let Some(Decrypted { bytes, .. }) = found {
            *value = BASE64_STANDARD.encode(bytes).into();
        }
    }
    Ok(object)
}

/// Whether it is a Secret that is encrypted as a whole, and meant to be decrypted: SOPS leaves a field of its own beside the data.
pub(in super::super) fn is_encrypted(manifest: &Manifest) -> bool {
    let object = manifest.object();
    object["kind"] == "Secret" && object["apiVersion"] == "v1" && object.get("sops").is_some() && !is_exempt(object)
}

/// Whether it is encrypted as a whole, of whatever kind it is.
pub(in super::super) fn is_closed(object: &Value) -> bool {
    object["sops"]["mac"].is_string() && !is_exempt(object)
}

fn is_exempt(object: &Value) -> bool {
    let word = object["metadata"]["annotations"][DECRYPT].as_str();
    word.is_some_and(|word| word.eq_ignore_ascii_case("disabled"))
}

fn named(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    let namespace = text(&metadata["namespace"]);
    let separator = if namespace.is_empty() { "" } else { "/" };
    format!("{}/{namespace}{separator}{}", text(&object["kind"]), text(&metadata["name"]))
}
