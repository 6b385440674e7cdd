//! Events, as Flux's controllers send them to its notification-controller.

use std::collections::BTreeMap;

use cowherd_api::flux::annotations::EVENT_PREFIX;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use serde::{Serialize, Serializer};

/// What an object's own group says of a revision, and what a Git revision is told by.
pub(crate) const REVISION: &str = "revision";
const ORIGIN_REVISION: &str = "originRevision";
const CHECKSUM: &str = "checksum";
const DIGEST: &str = "digest";
const TOKEN: &str = "token";
const COMMIT: &str = "commit";
/// What says that an event is for the statuses of commits alone, behind the object's group.
pub const COMMIT_STATUS: &str = "commit_status";
/// What it says.
pub const UPDATE: &str = "update";
/// The reason of what is under way.
pub(crate) const PROGRESSING: &str = "Progressing";

/// Something that happened to an object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What it happened to.
    pub involved_object: ObjectReference,
    /// Whether it is as it should be.
    pub severity: Severity,
    /// When it happened.
    #[serde(serialize_with = "in_seconds")]
    pub timestamp: Timestamp,
    /// What happened, for people.
    pub message: String,
    /// What happened, in one word.
    pub reason: String,
    /// What programs are told besides. Names begin with a group: that of the object, or `event.toolkit.fluxcd.io`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Who says it, such as `kustomize-controller`.
    pub reporting_controller: String,
    /// On which machine.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reporting_instance: String,
}

/// Whether something is as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It is.
    Info,
    /// It is not.
    Error,
}

impl Severity {
    /// As Flux writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Error => "error",
        }
    }
}

/// Kubernetes writes times without fractions of seconds.
fn in_seconds<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

impl Event {
    pub(crate) fn kind(&self) -> &str {
        self.involved_object.kind.as_deref().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        self.involved_object.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn namespace(&self) -> &str {
        self.involved_object.namespace.as_deref().unwrap_or_default()
    }

    pub(crate) fn uid(&self) -> &str {
        self.involved_object.uid.as_deref().unwrap_or_default()
    }

    /// The API group of the object.
    pub(crate) fn group(&self) -> &str {
        let version = self.involved_object.api_version.as_deref().unwrap_or_default();
        version.split_once('/').map_or("", |(group, _)| group)
    }

    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    pub(crate) fn is_progress(&self) -> bool {
        self.reason == PROGRESSING
    }

    /// `Kustomization/apps/web`.
    pub(crate) fn object(&self) -> String {
        format!("{}/{}/{}", self.kind(), self.namespace(), self.name())
    }

    /// `kustomization/web.apps`, as most messages begin.
    pub(crate) fn title(&self) -> String {
        format!("{}/{}.{}", self.kind().to_lowercase(), self.name(), self.namespace())
    }

    /// What the object's own group says under a name.
    fn own(&self, name: &str) -> Option<&str> {
        self.metadata.get(&format!("{}/{name}", self.group())).map(String::as_str)
    }

    /// Whether it is for the statuses of commits alone.
    pub(crate) fn is_commit_status(&self) -> bool {
        self.own(COMMIT_STATUS) == Some(UPDATE)
    }

    /// Whether the object itself names a commit.
    pub(crate) fn names_commit(&self) -> bool {
        self.metadata.get(&format!("{EVENT_PREFIX}{COMMIT}")).is_some_and(|commit| !commit.is_empty())
    }

    /// The revision of what was brought, once the groups are gone from the metadata.
    pub(crate) fn revision(&self) -> Option<&str> {
        [COMMIT, ORIGIN_REVISION, REVISION].iter().find_map(|name| self.metadata.get(*name)).map(String::as_str)
    }

    /// The same without metadata that is of no use to anybody who is told.
    pub(crate) fn tidied(mut self) -> Self {
        let own = format!("{}/", self.group());
        self.metadata.retain(|key, _| {
            let name = key.strip_prefix(&own);
            let is_known = name.is_some() || key.starts_with(EVENT_PREFIX);
            let is_internal =
                name.is_some_and(|name| name.eq_ignore_ascii_case(CHECKSUM) || name.eq_ignore_ascii_case(DIGEST));
            is_known && !is_internal
        });
        self
    }

    /// By what it is the same event as an earlier one.
    pub(crate) fn identity(&self) -> String {
        let parts = [
            ("name", self.name()),
            ("namespace", self.namespace()),
            ("kind", self.kind()),
            ("message", self.message.as_str()),
        ];
        let of_group = [("originRevision", ORIGIN_REVISION), ("revision", REVISION), ("token", TOKEN)];
        let of_group = of_group.into_iter().filter_map(|(name, key)| Some((name, self.own(key)?)));
        parts.into_iter().chain(of_group).fold("event".to_owned(), |key, (name, value)| key + "/" + name + "=" + value)
    }

    /// The same without what only tells it from others.
    pub(crate) fn without_token(mut self) -> Self {
        let token = format!("{}/{TOKEN}", self.group());
        self.metadata.remove(&token);
        self
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// An event of a Kustomization, with metadata.
    pub(crate) fn event(metadata: &[(&str, &str)]) -> Event {
        Event {
            involved_object: ObjectReference {
                api_version: Some("kustomize.toolkit.fluxcd.io/v1".into()),
                kind: Some("Kustomization".into()),
                name: Some("web".into()),
                namespace: Some("apps".into()),
                ..ObjectReference::default()
            },
            severity: Severity::Info,
            timestamp: "2026-03-01T12:30:15.5Z".parse().unwrap(),
            message: "Deployment/apps/web configured".into(),
            reason: "Progressing".into(),
            metadata: metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            reporting_controller: "kustomize-controller".into(),
            reporting_instance: String::new(),
        }
    }

    #[test]
    fn an_event_is_written_as_flux_writes_it() {
        let expected = json!({
            "involvedObject": { "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "name": "web",
                "namespace": "apps" },
            "severity": "info", "timestamp": "2026-03-01T12:30:15Z", "message": "Deployment/apps/web configured",
            "reason": "Progressing", "reportingController": "kustomize-controller",
        });
        assert_eq!(json!(event(&[])), expected);
    }

    #[test]
    fn only_metadata_of_the_object_and_of_events_is_told() {
        let tidied = event(&[
            ("kustomize.toolkit.fluxcd.io/revision", "r"),
            ("kustomize.toolkit.fluxcd.io/Digest", "d"),
            ("kustomize.toolkit.fluxcd.io/checksum", "c"),
            ("event.toolkit.fluxcd.io/env", "e"),
            ("event.toolkit.fluxcd.io/digest", "e"),
            ("cowherd.dev/author", "a"),
        ])
        .tidied();
        let kept: Vec<&str> = tidied.metadata.keys().map(String::as_str).collect();
        let expected =
            ["event.toolkit.fluxcd.io/digest", "event.toolkit.fluxcd.io/env", "kustomize.toolkit.fluxcd.io/revision"];
        assert_eq!(kept, expected);
    }

    #[test]
    fn the_same_event_is_one_of_the_same_object_text_and_revision() {
        let revision = "kustomize.toolkit.fluxcd.io/revision";
        let one = event(&[(revision, "a"), ("event.toolkit.fluxcd.io/env", "x")]);
        assert_eq!(one.identity(), event(&[(revision, "a")]).identity());
        assert_ne!(one.identity(), event(&[(revision, "b")]).identity());
        assert_ne!(one.identity(), Event { message: "other".into(), ..one.clone() }.identity());
        assert_eq!(one.identity(), Event { reason: "other".into(), ..one.clone() }.identity());
        let token = event(&[("kustomize.toolkit.fluxcd.io/token", "t")]);
        assert_ne!(token.identity(), event(&[]).identity());
        assert_eq!(token.without_token().metadata.len(), 0);
    }
}
