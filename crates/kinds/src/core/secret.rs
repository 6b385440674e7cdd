//! Secrets. Their values never appear in errors or tables.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cowherd_schema::{ErrorKind, FieldError, FieldPath};
use serde_json::{Map, Value};

use super::config_map;
use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::names;
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    rules: Rules {
        default,
        validate,
        validate_update,
        columns: &[
            NAME,
            Column::text("Type", "What the Secret is for."),
            Column::number("Data", "How many keys it holds."),
            AGE,
        ],
        cells: |secret, now| {
            let keys = secret.entries("data").count();
            vec![table::name(secret), secret.text("type").into(), keys.into(), table::age(secret, now)]
        },
        fields: |secret| vec![("type", secret.text("type").to_owned())],
        ..Rules::PLAIN
    },
    ..Kind::namespaced(super::V1, "Secret", "secrets", "secret", "io.k8s.api.core.v1.Secret")
};

const ACCOUNT: &str = "kubernetes.io/service-account.name";
const REDACTED: &str = "<secret contents redacted>";

fn default(secret: &mut Value) {
    secret.fill_zero("type", "Opaque");
    // Plain texts are only a way to write; they replace encoded values of the same key.
    let Some(Value::Object(texts)) = secret.take_out("stringData") else { return };
    secret.fill("data", Map::new());
    if let Some(data) = secret.inner("data") {
        for (key, value) in texts {
            data.put(&key, STANDARD.encode(value.as_str().unwrap_or_default()));
        }
    }
}

/// How many bytes a value holds once decoded; `None` when it is not base64.
pub(super) fn decoded_size(value: &Value) -> Option<usize> {
    decode(value).map(|bytes| bytes.len())
}

fn decode(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => Some(Vec::new()),
        // Line breaks are no part of the encoding.
        Value::String(text) => STANDARD.decode(text.replace(['\r', '\n'], "")).ok(),
        _ => None,
    }
}

fn validate(secret: &Value, errors: &mut Errors) {
    let path = FieldPath::new("data");
    let mut size = 0;
    for (key, value) in secret.entries("data") {
        checks::refuse(key, &path.key(key), names::data_key(key), errors);
        match decoded_size(value) {
            Some(bytes) => size += bytes,
            None => errors.push(FieldError::new(ErrorKind::Invalid, &path.key(key), None, "illegal base64 data")),
        }
    }
    if size > config_map::SIZE_LIMIT {
        errors.push(config_map::too_long(&path));
    }
    of_type(secret, &path, errors);
}

/// Checks what a Secret of a known type must hold.
fn of_type(secret: &Value, path: &FieldPath, errors: &mut Errors) {
    let data = &secret["data"];
    let need = |key: &str| (!data.has(key)).then(|| FieldError::required(&path.key(key), ""));
    match secret.text("type") {
        "kubernetes.io/service-account-token" if secret["metadata"]["annotations"].text(ACCOUNT).is_empty() => {
            errors.push(FieldError::required(&FieldPath::new("metadata.annotations").key(ACCOUNT), ""));
        }
        "kubernetes.io/dockercfg" => holds_json(data, ".dockercfg", path, errors),
        "kubernetes.io/dockerconfigjson" => holds_json(data, ".dockerconfigjson", path, errors),
        // One of the two is enough.
        "kubernetes.io/basic-auth" if !data.has("username") && !data.has("password") => {
            errors.extend(need("username"));
            errors.extend(need("password"));
        }
        "kubernetes.io/ssh-auth" if decoded_size(&data["ssh-privatekey"]).unwrap_or_default() == 0 => {
            errors.push(FieldError::required(&path.key("ssh-privatekey"), ""));
        }
        "kubernetes.io/tls" => {
            errors.extend(need("tls.crt"));
            errors.extend(need("tls.key"));
        }
        _ => {}
    }
}

fn holds_json(data: &Value, key: &str, path: &FieldPath, errors: &mut Errors) {
    let field = path.key(key);
    if !data.has(key) {
        errors.push(FieldError::required(&field, ""));
        return;
    }
    let parsed = decode(&data[key]).map(|bytes| serde_json::from_slice::<Map<String, Value>>(&bytes).is_ok());
    if parsed != Some(true) {
        // A parser's message could quote what it stumbled over.
        errors.push(FieldError::invalid(&field, REDACTED, "must be a JSON object"));
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut Errors) {
    checks::immutable(&new["type"], &old["type"], &FieldPath::new("type"), errors);
    config_map::keeps_promise(new, old, &["data"], errors);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::texts;

    #[test]
    fn plain_texts_are_encoded() {
        let mut secret = json!({
            "metadata": {"name": "a", "namespace": "b"}, "data": {"a": "eA==", "b": "eQ=="}, "stringData": {"a": "hunter2"}});
        KIND.default(&mut secret);
        assert_eq!(
            secret,
            json!({
                "metadata": {"name": "a", "namespace": "b"}, "type": "Opaque",
                "data": {"a": "aHVudGVyMg==", "b": "eQ=="}})
        );
        assert!(KIND.validate_create(&secret).is_empty());
    }

    #[test]
    fn no_value_is_ever_in_an_error() {
        let bad = "hunter2-not-base64!";
        for kind in ["Opaque", "kubernetes.io/dockerconfigjson", "kubernetes.io/tls", "kubernetes.io/ssh-auth"] {
            let secret = json!({
                "metadata": {"name": "a", "namespace": "b"}, "type": kind,
                "data": {"x": bad, ".dockerconfigjson": STANDARD.encode(bad)}});
            let errors = KIND.validate_create(&secret);
            assert!(!errors.is_empty());
            assert!(texts(&errors).iter().all(|text| !text.contains("hunter2")), "{errors:?}");
        }
    }

    #[test]
    fn types_have_keys_and_stay() {
        let secret = json!({"metadata": {"name": "a", "namespace": "b"}, "type": "kubernetes.io/tls"});
        assert_eq!(
            texts(&KIND.validate_create(&secret)),
            ["data[tls.crt]: Required value", "data[tls.key]: Required value"]
        );
        let new = json!({"metadata": {"name": "a", "namespace": "b"}, "type": "Opaque"});
        assert_eq!(
            texts(&KIND.validate_update(&new, &secret)),
            ["type: Invalid value: \"Opaque\": field is immutable"]
        );
    }
}
