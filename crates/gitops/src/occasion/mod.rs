//! What is brought to the cluster, who wrote it, and why that is done now.
//!
//! The schedule knows why it starts a delivery ([`Trigger`]), the source who wrote what it brought ([`Authorship`]). Both go
//! with the job to all that is told of it: events, log lines, the terminal.

mod authorship;
mod trigger;

use std::collections::BTreeMap;
use std::fmt;

use cowherd_api::flux::annotations::{AUTHOR, CAUSE, SUBJECT};
use cowherd_apply::mask::Mask;

pub use authorship::Authorship;
pub(crate) use authorship::line;
pub use trigger::{Drifted, Trigger};

use crate::source::Artifact;

/// How much of a trigger an annotation says, in bytes.
const LONGEST: usize = 1024;

/// Which revision is brought to the cluster, who wrote it, and why that is done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// The revision; empty where nothing is brought.
    pub revision: String,
    /// The revision that it was made from, where it says so: an artifact that somebody pushed to a registry.
    pub origin: Option<String>,
    /// Who wrote it, where that is known.
    pub authorship: Option<Authorship>,
    /// Why it is brought now.
    pub trigger: Trigger,
}

impl Occasion {
    /// The artifact is brought for this reason; where there is none, nothing is.
    pub(crate) fn new(artifact: Option<&Artifact>, trigger: Trigger) -> Self {
        let revision = artifact.map(|artifact| artifact.revision.clone()).unwrap_or_default();
        let origin = artifact.and_then(Artifact::origin_revision).map(str::to_owned);
        Self { revision, origin, authorship: artifact.and_then(|artifact| artifact.authorship.clone()), trigger }
    }

    /// The same without what must not be shown.
    pub(crate) fn masked(&self, mask: &Mask) -> Self {
        Self {
            revision: mask.text(&self.revision),
            origin: self.origin.as_ref().map(|origin| mask.text(origin)),
            authorship: self.authorship.as_ref().map(|authorship| authorship.masked(mask)),
            trigger: self.trigger.masked(mask),
        }
    }

    /// What is brought, with the commit as short as Git shows it: `main@sha1:d43c3f6a "Scale up" by Ada`.
    pub fn what(&self) -> String {
        let revision = short_revision(&self.revision);
        match &self.authorship {
            Some(authorship) => format!("{revision} {authorship}"),
            None => revision,
        }
    }

    /// What an event has of it for programs. The revision is under the name that Flux's controllers have for it.
    pub(crate) fn annotations(&self, group: &str) -> BTreeMap<String, String> {
        let mut annotations = BTreeMap::from([(CAUSE.to_owned(), cut(self.trigger.to_string()))]);
        if !self.revision.is_empty() {
            annotations.insert(format!("{group}/revision"), self.revision.clone());
        }
        let origin = self.origin.iter().map(|origin| (format!("{group}/originRevision"), origin.clone()));
        annotations.extend(origin);
        annotations.extend(self.authorship.iter().flat_map(Authorship::annotations));
        annotations
    }
}

impl Authorship {
    /// What programs are told of it, on events and in histories.
    pub(crate) fn annotations(&self) -> [(String, String); 2] {
        [(AUTHOR.to_owned(), self.author.clone()), (SUBJECT.to_owned(), self.subject.clone())]
    }

    /// What it was, by what programs were told of it.
    pub(crate) fn take(annotations: &mut BTreeMap<String, String>) -> Option<Self> {
        let (author, subject) = (annotations.remove(AUTHOR), annotations.remove(SUBJECT));
        Some(Self { author: author?, subject: subject? })
    }
}

impl fmt::Display for Occasion {
    /// What is brought and why: `main@sha1:d43c3f6a "Scale up" by Ada, because its interval is over`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.what(), &self.trigger) {
            (what, Trigger::Revision) => f.write_str(&what),
            (what, trigger) if what.is_empty() => write!(f, "because {trigger}"),
            (what, trigger) => write!(f, "{what}, because {trigger}"),
        }
    }
}

/// A revision with its commit shortened to eight digits, as Flux shows it: `main@sha1:d43c3f6a`.
pub fn short_revision(revision: &str) -> String {
    match revision.rsplit_once(':') {
        Some((name, digest)) if digest.len() > 8 && digest.is_ascii() => format!("{name}:{}", &digest[..8]),
        _ => revision.to_owned(),
    }
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn occasion(trigger: Trigger) -> Occasion {
        let authorship = Some(Authorship::new("Ada Lovelace", "ada@example.org", "Rotate hunter2"));
        let revision = "main@sha1:d43c3f6abf9f1d1e1d5e9a3c5a8e2b7c7f3e9a11".to_owned();
        Occasion { revision, origin: None, authorship, trigger }
    }

    #[test]
    fn a_revision_is_a_cause_of_its_own_and_others_are_added() {
        let what = "main@sha1:d43c3f6a \"Rotate hunter2\" by Ada Lovelace";
        assert_eq!(occasion(Trigger::Revision).to_string(), what);
        assert_eq!(occasion(Trigger::Interval).to_string(), format!("{what}, because its interval is over"));
        let nothing = Occasion { revision: String::new(), origin: None, authorship: None, trigger: Trigger::Deletion };
        assert_eq!(nothing.to_string(), "because it was deleted");
    }

    #[test]
    fn a_revision_shows_eight_digits_of_the_commit() {
        let sha = "d43c3f6abf9f1d1e1d5e9a3c5a8e2b7c7f3e9a11";
        assert_eq!(short_revision(&format!("main@sha1:{sha}")), "main@sha1:d43c3f6a");
        assert_eq!(short_revision(&format!("sha1:{sha}")), "sha1:d43c3f6a");
        assert_eq!(short_revision(""), "");
    }

    #[test]
    fn annotations_are_named_as_flux_names_them_where_it_has_a_name() {
        let annotations = occasion(Trigger::Retry).annotations("kustomize.toolkit.fluxcd.io");
        let expected = json!({
            "kustomize.toolkit.fluxcd.io/revision": "main@sha1:d43c3f6abf9f1d1e1d5e9a3c5a8e2b7c7f3e9a11",
            "cowherd.dev/author": "Ada Lovelace",
            "cowherd.dev/subject": "Rotate hunter2",
            "cowherd.dev/cause": "it failed before",
        });
        assert_eq!(json!(annotations), expected);
    }

    #[test]
    fn what_must_not_be_shown_is_not() {
        let mask = Mask::of(&json!({ "kind": "Secret", "apiVersion": "v1", "stringData": { "a": "hunter2" } }));
        let drifted = Drifted {
            object: cowherd_apply::ObjectId {
                kind: "ConfigMap".into(),
                name: "of-hunter2".into(),
                ..Default::default()
            },
            cause: cowherd_apply::Cause::Changed { by: Some("hunter2".into()) },
            at: jiff::Timestamp::UNIX_EPOCH,
        };
        for trigger in [
            Trigger::Drift { objects: vec![drifted], more: 0 },
            Trigger::Dependency("n/hunter2".into()),
            Trigger::Request("hunter2".into()),
            Trigger::Approval("hunter2".into()),
        ] {
            let told = occasion(trigger).masked(&mask);
            let text = format!("{told} {:?}", told.annotations("g"));
            assert!(!text.contains("hunter2") && text.contains("*****"), "{text}");
        }
    }
}
