//! What SOPS encrypted, and stays so.

use std::collections::BTreeMap;

use cowherd_api::flux::annotations::DECRYPT;
use cowherd_sops::Format;
use k8s_openapi::ByteString;
use serde_json::Value;

use super::finding::{Finding, Rule};
use super::{Checked, Described};

/// The longest name of a key that is told, in bytes: those of age have 62, and fingerprints of OpenPGP 40.
const LONGEST: usize = 128;
/// The key that the code of a dotenv file leaves in a Secret that is generated of it.
const DOTENV: &str = "sops_mac";

/// Lists what the agents would not decrypt, or not with the keys that were given.
pub(super) fn check(checked: &mut Checked<'_>) {
    without_decryption(checked);
    without_key(checked);
}

/// Lists the Secrets that are encrypted, of Kustomizations that do not say so.
fn without_decryption(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    for unit in cluster.units.values().filter(|unit| unit.kustomization.spec.decryption.is_none()) {
        for id in unit.made().iter().flat_map(|made| &made.encrypted) {
            let place = checked.places.field_of(unit, id, "sops");
            let text = "it is encrypted with SOPS, and its Kustomization fails for it: set spec.decryption there, with provider: \
                        sops and a secretRef that names the private keys";
            checked.findings.push(Finding::error(place, Rule::Unsupported, text).of(id));
        }
    }
}

/// Lists what none of the keys opens, if any were given. The agents may have others, so that it is a warning; it is told once of
/// all that is encrypted for the same.
fn without_key(checked: &mut Checked<'_>) {
    if checked.context.keys.is_empty() {
        return;
    }
    let cluster = checked.cluster;
    let mut alike: BTreeMap<Vec<String>, Vec<Described<'_>>> = BTreeMap::new();
    for unit in cluster.units.values().filter(|unit| unit.kustomization.spec.decryption.is_some()) {
        for object in unit.objects() {
            if let Some(recipients) = recipients(object.object()) {
                alike.entry(recipients).or_default().push((unit, object));
            }
        }
    }
    for (recipients, objects) in alike {
        let Some((unit, first)) = objects.first() else { continue };
        let (place, others) = (checked.places.field(unit, first, "sops"), checked.others(&objects, "sops"));
        let finding = Finding::warning(place, Rule::Reference, no_key(&recipients)).of(first.id());
        checked.findings.push(Finding { others, ..finding });
    }
}

/// That no key opens what is encrypted for these, in words.
fn no_key(recipients: &[String]) -> String {
    /// How many are named.
    const NAMED: usize = 3;
    let whose = match recipients.is_empty() {
        true => String::new(),
        false => format!(" for {}", cowherd_text::listed(recipients, NAMED)),
    };
    format!(
        "it is encrypted with SOPS{whose}, and none of the keys that were given (SOPS_AGE_KEY_FILE, SOPS_AGE_KEY) opens it: it cannot be \
         decrypted, unless the agents have another key; give that one, or have `sops updatekeys` encrypt it for yours"
    )
}

/// Whether an object is encrypted as a whole, and meant to be decrypted.
pub(super) fn is_closed(object: &Value) -> bool {
    object["sops"]["mac"].is_string() && !is_exempt(object)
}

fn is_exempt(object: &Value) -> bool {
    let word = object["metadata"]["annotations"][DECRYPT].as_str();
    word.is_some_and(|word| word.eq_ignore_ascii_case("disabled"))
}

/// For whom an object is encrypted, as a whole or in values that are documents themselves, as far as it says so. `None` where it is not
/// encrypted.
fn recipients(object: &Value) -> Option<Vec<String>> {
    if is_closed(object) {
        return Some(named(&object["sops"]));
    }
    let may_hold_documents = object["kind"] == "Secret" && !is_exempt(object);
    let mut data = object["data"].as_object().filter(|_| may_hold_documents)?.iter();
    data.any(|(key, value)| key == DOTENV || is_document(value)).then(Vec::new)
}

/// Whether a value of a Secret is an encrypted document.
fn is_document(value: &Value) -> bool {
    let decoded = serde_json::from_value::<ByteString>(value.clone());
    decoded.is_ok_and(|ByteString(content)| Format::detect(&content).is_some())
}

/// The public keys that the metadata of SOPS names; what cannot be one is not told.
fn named(metadata: &Value) -> Vec<String> {
    let of = |list: &'static str, field: &'static str| {
        metadata[list].as_array().into_iter().flatten().filter_map(move |one| one[field].as_str())
    };
    let is_name = |name: &&str| name.len() <= LONGEST && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    of("age", "recipient").chain(of("pgp", "fp")).filter(is_name).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_stays_encrypted_is_known_with_its_recipients() {
        let metadata = json!({
            "age": [{ "recipient": "age1abc" }, { "recipient": "age1\u{1b}[2J" }],
            "pgp": [{ "fp": "85D77543B3D624B63CEA9E6DBC17301B491B3F21" }],
            "mac": "ENC[AES256_GCM,data:AA==]",
        });
        let closed = json!({ "kind": "ConfigMap", "data": { "a": "ENC[AES256_GCM,data:AA==]" }, "sops": metadata });
        let names = ["age1abc", "85D77543B3D624B63CEA9E6DBC17301B491B3F21"].map(str::to_owned).to_vec();
        assert_eq!(recipients(&closed), Some(names));
        let exempt = json!({ "metadata": { "annotations": { DECRYPT: "Disabled" } }, "sops": { "mac": "a" } });
        assert_eq!(recipients(&exempt), None);
        // a: 1
        // sops:
        //   mac: ENC[AES256_GCM,data:AA==]
        let document = "YTogMQpzb3BzOgogIG1hYzogRU5DW0FFUzI1Nl9HQ00sZGF0YTpBQT09XQo=";
        let secret = |data: Value| json!({ "kind": "Secret", "data": data });
        assert_eq!(recipients(&secret(json!({ "a": document }))), Some(Vec::new()));
        assert_eq!(recipients(&secret(json!({ "a": "eA==", "sops_mac": "RU5D" }))), Some(Vec::new()));
        assert_eq!(recipients(&secret(json!({ "a": "eA==", "b": 1, "c": "no base64" }))), None);
        assert_eq!(recipients(&json!({ "kind": "ConfigMap", "data": { "a": document } })), None);
    }
}
