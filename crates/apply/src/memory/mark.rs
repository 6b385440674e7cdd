//! What an object's metadata tells of whose it is and who wrote it.

use std::hash::{DefaultHasher, Hash, Hasher};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;

use crate::owner::{DISABLED, Owner, Ownership, RECONCILE, SSA, SSA_IGNORE};

/// What an object's metadata says of it at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The digest of our entry in `managedFields`; 0 where there is none.
    pub(crate) fields: u64,
    /// The resource version, as a number.
    pub(crate) revision: u64,
    /// Whether the object asks to be left alone.
    pub(crate) excluded: bool,
    /// Whether someone wrote fields by hand, which are taken over.
    pub(crate) intruded: bool,
}

impl Mark {
    pub(crate) fn read(metadata: &ObjectMeta, ownership: &Ownership) -> Self {
        Self {
            fields: digest_fields(metadata, ownership),
            revision: metadata.resource_version.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0),
            excluded: is_excluded(metadata),
            intruded: crate::intruders::any(metadata, ownership),
        }
    }
}

/// Whether an object asks to be neither applied nor deleted.
pub(crate) fn is_excluded(metadata: &ObjectMeta) -> bool {
    has(metadata, RECONCILE, DISABLED) || has(metadata, SSA, SSA_IGNORE)
}

/// Whether a label or annotation has the value, whatever its case.
pub(crate) fn has(metadata: &ObjectMeta, key: &str, value: &str) -> bool {
    [&metadata.labels, &metadata.annotations]
        .into_iter()
        .flatten()
        .any(|map| map.get(key).is_some_and(|text| text.eq_ignore_ascii_case(value)))
}

fn digest_fields(metadata: &ObjectMeta, ownership: &Ownership) -> u64 {
    let entries = metadata.managed_fields.iter().flatten();
    let ours = entries.into_iter().find(|entry| {
        entry.manager.as_deref() == Some(ownership.field_manager)
            && entry.operation.as_deref() == Some("Apply")
            && entry.subresource.as_deref().unwrap_or_default().is_empty()
    });
    let Some(ours) = ours else { return 0 };
    let mut hasher = DefaultHasher::new();
    ours.api_version.hash(&mut hasher);
    ours.time.as_ref().map(|time| time.0.as_second()).hash(&mut hasher);
    ours.fields_v1.as_ref().map(|fields| fields.0.to_string()).hash(&mut hasher);
    // Another owner writes under the same name, maybe within the same second.
    Owner::of(metadata, ownership).hash(&mut hasher);
    hasher.finish().max(1)
}

/// Who wrote an object last, other than we, as its managed fields tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastWrite {
    pub(crate) manager: Option<String>,
    pub(crate) at: Option<Timestamp>,
}

impl LastWrite {
    /// What others wrote last of the object but for its status, which is not ours to describe. Whoever scales it writes
    /// a subresource, too.
    pub(crate) fn read(metadata: &ObjectMeta, field_manager: &str) -> Option<Self> {
        let entries = metadata.managed_fields.iter().flatten();
        let last = entries
            .filter(|entry| entry.manager.as_deref() != Some(field_manager))
            .filter(|entry| entry.subresource.as_deref() != Some("status"))
            .max_by_key(|entry| entry.time.as_ref().map(|time| time.0))?;
        Some(Self { manager: last.manager.clone(), at: last.time.as_ref().map(|time| time.0) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::owner::{OWNER_NAME, OWNER_NAMESPACE};

    #[test]
    fn an_object_that_another_owner_wrote_within_the_same_second_has_another_mark() {
        let of = |owner: &str| {
            let entry = json!({ "manager": "us", "operation": "Apply", "fieldsV1": { "f:data": {} }, "time": "2026-01-01T00:00:00Z" });
            let labels = json!({ OWNER_NAME: owner, OWNER_NAMESPACE: "n" });
            let metadata = json!({ "managedFields": [entry], "labels": labels });
            let ownership = Ownership { field_manager: "us", ..Ownership::default() };
            Mark::read(&serde_json::from_value(metadata).unwrap(), &ownership).fields
        };
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
    }

    #[test]
    fn who_scales_an_object_wrote_it_and_who_writes_its_status_did_not() {
        let entry = |manager: &str, subresource: Option<&str>, second: u8| {
            json!({ "manager": manager, "operation": "Update", "subresource": subresource, "fieldsV1": {},
                "time": format!("2026-01-01T00:00:0{second}Z") })
        };
        let last = |entries: serde_json::Value| {
            let metadata = serde_json::from_value(json!({ "managedFields": entries })).unwrap();
            LastWrite::read(&metadata, "us")
        };
        let entries = json!([
            entry("editor", None, 1),
            entry("scaler", Some("scale"), 2),
            entry("manager", Some("status"), 3),
            entry("us", None, 4),
        ]);
        let scaled = last(entries).unwrap();
        assert_eq!(scaled.manager.as_deref(), Some("scaler"));
        assert_eq!(scaled.at.unwrap().to_string(), "2026-01-01T00:00:02Z");
        assert_eq!(last(json!([entry("us", None, 1), entry("manager", Some("status"), 3)])), None);
    }

    fn read(metadata: serde_json::Value) -> Mark {
        let ownership = Ownership { field_manager: "us", ..Ownership::default() };
        Mark::read(&serde_json::from_value(metadata).unwrap(), &ownership)
    }

    #[test]
    fn the_mark_of_an_object_is_that_of_our_own_entry() {
        let entry = |manager: &str, operation: &str, subresource: &str, field: &str| {
            json!({ "manager": manager, "operation": operation, "subresource": subresource, "apiVersion": "v1",
                "fieldsV1": { field: {} }, "time": "2026-01-01T00:00:00Z" })
        };
        let others = |field: &str| {
            [
                entry("others", "Apply", "", field),
                entry("us", "Update", "", field),
                entry("us", "Apply", "status", field),
            ]
        };
        let fields = |entries: Vec<serde_json::Value>| read(json!({ "managedFields": entries })).fields;
        let ours = entry("us", "Apply", "", "f:a");
        let known = fields(vec![ours.clone()]);
        assert_ne!(known, 0);
        for field in ["f:a", "f:b"] {
            assert_eq!(fields([others(field).to_vec(), vec![ours.clone()]].concat()), known);
            assert_eq!(fields(others(field).to_vec()), 0, "none of them is ours");
        }
        for (field, value) in
            [("apiVersion", json!("v2")), ("time", json!("2026-01-01T00:00:01Z")), ("fieldsV1", json!({ "f:b": {} }))]
        {
            let mut other = ours.clone();
            other[field] = value;
            assert_ne!(fields(vec![other]), known, "{field}");
        }
    }

    #[test]
    fn an_object_asks_to_be_left_alone_by_a_label_or_an_annotation_in_any_case() {
        for field in ["labels", "annotations"] {
            for (key, value, excluded) in [
                (RECONCILE, "disabled", true),
                (RECONCILE, "Disabled", true),
                (RECONCILE, "enabled", false),
                (SSA, "Ignore", true),
                (SSA, "ignore", true),
                (SSA, "Merge", false),
                ("other", "disabled", false),
            ] {
                let mark = read(json!({ "resourceVersion": "7", field: { key: value } }));
                assert_eq!(
                    (mark.excluded, mark.revision, mark.intruded),
                    (excluded, 7, false),
                    "{field} {key}: {value}"
                );
            }
        }
        assert_eq!(read(json!({ "resourceVersion": "opaque" })).revision, 0);
    }

    #[test]
    fn of_several_who_wrote_an_object_the_last_is_told() {
        let entry = |manager: &str, time: &str| json!({ "manager": manager, "operation": "Update", "fieldsV1": {}, "time": time });
        for entries in [
            json!([entry("first", "2026-01-01T00:00:01Z"), entry("last", "2026-01-01T00:00:02Z")]),
            json!([entry("last", "2026-01-01T00:00:02Z"), entry("first", "2026-01-01T00:00:01Z")]),
        ] {
            let metadata = serde_json::from_value(json!({ "managedFields": entries })).unwrap();
            assert_eq!(LastWrite::read(&metadata, "us").unwrap().manager.as_deref(), Some("last"));
        }
        assert_eq!(LastWrite::read(&ObjectMeta::default(), "us"), None);
    }
}
