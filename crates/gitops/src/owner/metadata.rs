//! What is kept of an owner's metadata.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// What is to be known of an owner's metadata. It is kept of each of thousands, and all that an object has there would take
/// several times as much.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) uid: Option<String>,
    pub(crate) resource_version: Option<String>,
    pub(crate) generation: Option<i64>,
    pub(crate) created: Option<Timestamp>,
    pub(crate) is_deleted: bool,
    pub(crate) finalizers: Box<[String]>,
    /// In the order of their keys.
    annotations: Box<[(Box<str>, Box<str>)]>,
}

impl From<ObjectMeta> for Metadata {
    fn from(of: ObjectMeta) -> Self {
        let annotations = of.annotations.into_iter().flatten();
        Self {
            uid: of.uid,
            resource_version: of.resource_version,
            generation: of.generation,
            created: of.creation_timestamp.map(|time| time.0),
            is_deleted: of.deletion_timestamp.is_some(),
            finalizers: of.finalizers.unwrap_or_default().into(),
            annotations: annotations.map(|(key, value)| (key.into(), value.into())).collect(),
        }
    }
}

impl Metadata {
    /// Whether the object still says the same, by its metadata.
    pub(crate) fn still_says(&self, now: &ObjectMeta) -> bool {
        let annotations = now.annotations.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
        let is_same = self.uid == now.uid && self.generation == now.generation;
        is_same && self.annotations().eq(annotations) && self.generation.is_some()
    }

    pub(crate) fn annotations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.annotations.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }
}
