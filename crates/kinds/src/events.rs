//! The group events.k8s.io: the newer form of Events, kept in the old.

use serde_json::Value;

use crate::json::Fill;
use crate::kind::{Kind, StoredAs};

const V1: (&str, &str) = ("events.k8s.io", "v1");

pub(crate) const KIND: Kind = Kind {
    short_names: &["ev"],
    stored_as: Some(StoredAs { group: "", version: "v1", plural: "events", into, from }),
    ..Kind::namespaced(V1, "Event", "events", "event", "io.k8s.api.events.v1.Event")
};

/// The fields that the two forms name differently: here, there.
const RENAMED: [(&str, &str); 6] = [
    ("note", "message"),
    ("regarding", "involvedObject"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
];
const CONTROLLER: (&str, &str) = ("reportingController", "reportingComponent");

fn into(mut event: Value) -> Value {
    for (here, there) in RENAMED.into_iter().chain([CONTROLLER]) {
        rename(&mut event, here, there);
    }
    event.put("apiVersion", "v1");
    event
}

fn from(mut event: Value) -> Value {
    for (here, there) in RENAMED.into_iter().chain([CONTROLLER]) {
        rename(&mut event, there, here);
    }
    event.put("apiVersion", "events.k8s.io/v1");
    event
}

fn rename(event: &mut Value, old: &str, new: &str) {
    if let Some(value) = event.take_out(old) {
        event.put(new, value);
    }
}
