//! The identities that a status tells, as Flux makes them.

use cowherd_helm::release::record::{HookRecord, Info, Record};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::go;

/// The identity of values: that of the YAML that says them, with their keys in the order of their bytes; that of nothing where there are none.
pub(super) fn of_values(values: &Map<String, Value>) -> String {
    if values.is_empty() {
        return sha256(&[]);
    }
    sha256(cowherd_yaml::to_bytewise_string(&Value::Object(values.clone())).as_bytes())
}

/// The identity of a part of a spec: that of its JSON.
pub(super) fn of_json(value: &impl Serialize) -> String {
    sha256(format!("{}\n", go::typed(value)).as_bytes())
}

/// The identity of a record, without its tests, which anybody may run at any time.
pub(super) fn of_record(record: &Record, oci_digest: Option<&str>) -> String {
    let is_no_test = |hook: &&HookRecord| !hook.events.iter().any(|event| event == "test");
    let hooks: Vec<_> = record.hooks.iter().filter(is_no_test).collect();
    // Of what a newer Helm writes Flux knows nothing.
    let info = Info { others: Map::new(), ..record.info.clone() };
    let config = record.config.clone().filter(|config| !config.is_empty());
    let text = |value: &str| go::json(&Value::from(value));
    let mut fields = vec![
        ("name", text(&record.name)),
        ("version", record.version.to_string()),
        ("info", go::typed(&info)),
        ("chartMetadata", go::chart(record.chart.get("metadata").unwrap_or(&Value::Null))),
        ("config", go::json(&config.map_or(Value::Null, Value::Object))),
        ("manifest", text(&record.manifest)),
        ("hooks", if hooks.is_empty() { "null".to_owned() } else { go::typed(&hooks) }),
        ("namespace", text(&record.namespace)),
    ];
    fields.extend(oci_digest.filter(|digest| !digest.is_empty()).map(|digest| ("ociDigest", text(digest))));
    sha256(format!("{}\n", go::object(fields)).as_bytes())
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn no_values_have_the_identity_of_nothing() {
        let nothing = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(of_values(&Map::new()), nothing);
        assert_ne!(of_values(&values(json!({ "a": 1 }))), nothing);
    }

    #[test]
    fn the_order_of_keys_makes_no_difference() {
        let one: Value = serde_json::from_str(r#"{"b": {"y": 1, "x": [1, "a"]}, "a": null}"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"a": null, "b": {"x": [1, "a"], "y": 1}}"#).unwrap();
        assert_eq!(of_values(&values(one)), of_values(&values(other)));
    }

    #[test]
    fn keys_are_in_the_order_of_their_bytes() {
        let written = "a10: 1\na2: 2\naB: 3\na_b: 4\n";
        assert_eq!(of_values(&values(json!({ "a2": 2, "a_b": 4, "aB": 3, "a10": 1 }))), sha256(written.as_bytes()));
    }

    #[test]
    fn a_record_has_the_identity_of_what_go_writes_of_it() {
        let metadata = json!({ "name": "web", "version": "1.0.0", "apiVersion": "v2", "appVersion": "3" });
        let mut record = Record { name: "web".into(), version: 1, namespace: "apps".into(), ..Record::default() };
        record.chart = json!({ "metadata": metadata });
        record.config = Some(values(json!({ "b": 2.0, "a": "<x>" })));
        record.manifest = "---\na: 1\n".into();
        record.info.first_deployed = "2026-01-01T00:00:00Z".into();
        record.info.last_deployed = "2026-01-01T00:00:00Z".into();
        record.info.status = "deployed".into();
        let written = r#"{"name":"web","version":1,"info":{"first_deployed":"2026-01-01T00:00:00Z","last_deployed":"2026-01-01T00:00:00Z","status":"deployed"},"chartMetadata":{"name":"web","version":"1.0.0","apiVersion":"v2","appVersion":"3"},"config":{"a":"\u003cx\u003e","b":2},"manifest":"---\na: 1\n","hooks":null,"namespace":"apps"}"#;
        assert_eq!(of_record(&record, None), sha256(format!("{written}\n").as_bytes()));
    }

    #[test]
    fn records_have_the_identities_that_the_real_helm_controller_gave_them() {
        let lines = include_str!("../../tests/recorded/release-digests.jsonl").lines();
        let mut count = 0;
        for line in lines {
            let seen: Value = serde_json::from_str(line).unwrap();
            let record: Record = serde_json::from_value(seen["record"].clone()).unwrap();
            let name = format!("{}/{}.v{}", record.namespace, record.name, record.version);
            assert_eq!(of_values(&record.config.clone().unwrap_or_default()), seen["configDigest"], "{name}");
            assert_eq!(of_record(&record, seen["ociDigest"].as_str()), seen["digest"], "{name}");
            count += 1;
        }
        assert!(count > 50, "{count} were recorded");
    }

    #[test]
    fn a_test_that_was_run_makes_no_other_record() {
        let hook = |event: &str| HookRecord { name: event.into(), events: vec![event.into()], ..HookRecord::default() };
        let mut record = Record { name: "web".into(), version: 1, hooks: vec![hook("test")], ..Record::default() };
        let before = of_record(&record, None);
        record.hooks[0].last_run.phase = "Failed".into();
        assert_eq!(of_record(&record, None), before);
        record.hooks.push(hook("pre-install"));
        assert_ne!(of_record(&record, None), before);
        assert_ne!(of_record(&record, Some("sha256:1")), of_record(&record, None));
    }
}
