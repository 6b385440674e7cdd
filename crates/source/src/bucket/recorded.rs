//! What source-controller, and the client of S3 that it uses, made of buckets, patterns and requests: `tests/recorded` has its answers, and
//! docs/testing.md says how they came about.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::sign::{self, Unsigned};
use super::{BucketKeys, Index, KeyPatterns, Listed, is_taken};

/// What was asked, and what was said.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    kind: String,
    /// Keys and ETags; those of all cases that have none of their own are in one line.
    objects: BTreeMap<String, String>,
    source_ignore: Option<String>,
    ignore: Option<String>,
    prefix: String,
    taken: Vec<String>,
    revision: String,
    url: String,
    key: String,
    query: Vec<(String, String)>,
    region: String,
    date: String,
    authorization: String,
}

fn answers(kind: &str) -> Vec<Answer> {
    let recorded = include_str!("../../tests/recorded/source-controller.jsonl");
    let read = |line: &str| serde_json::from_str::<Answer>(line).unwrap();
    recorded.lines().map(read).filter(|answer| answer.kind == kind).collect()
}

#[test]
fn the_objects_that_are_taken_and_the_revision_are_those_of_source_controller() {
    let objects = answers("objects").remove(0).objects;
    let cases = answers("index");
    assert!(cases.len() > 1000);
    let mut wrong = Vec::new();
    for case in &cases {
        let patterns = [case.source_ignore.as_deref(), case.ignore.as_deref()].map(Option::unwrap_or_default);
        let ignored = KeyPatterns::parse(&patterns);
        let mut index = Index::default();
        for (key, etag) in if case.objects.is_empty() { &objects } else { &case.objects } {
            if key.starts_with(&case.prefix) && is_taken(key) && !ignored.hide(key) {
                index.add(key.clone(), Listed { etag: etag.clone(), size: 0 }).unwrap();
            }
        }
        let mut taken: Vec<&str> = index.iter().map(|(key, _)| key).collect();
        let revision = index.revision().to_string();
        if taken != case.taken || revision != case.revision {
            taken.retain(|key| !case.taken.iter().any(|other| other == key));
            wrong.push(format!("{patterns:?}: {taken:?} too many of {:?}, {revision}", case.taken));
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {:#?}", wrong.len(), cases.len(), &wrong[..wrong.len().min(20)]);
}

#[test]
fn requests_are_signed_as_the_client_of_source_controller_signs_them() {
    let keys = BucketKeys { access_key: "jane".into(), secret_key: "hunter2".into() };
    let cases = answers("signature");
    assert!(cases.len() > 50);
    for Answer { url, key, query, region, date, authorization, .. } in cases {
        let path = format!("/apps/{}", sign::path(&key));
        let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let query = sign::query(&query);
        let host = "minio.example.com:9000";
        let mark = if query.is_empty() { "" } else { "?" };
        assert_eq!(format!("https://{host}{path}{mark}{query}"), url);
        let now = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &date).unwrap();
        let now = now.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
        let (signed, _) = sign::sign(&Unsigned { host, path: &path, query: &query }, &keys, &region, now);
        assert_eq!(signed, authorization, "{url}");
    }
}
