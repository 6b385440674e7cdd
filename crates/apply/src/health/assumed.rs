//! What counts as ready as soon as it is applied, because somebody says so: who runs the agents, by kinds, or who wrote the
//! object, by an annotation. It is said of it that it is assumed.

use std::fmt;
use std::str::FromStr;

use cowherd_api::flux::annotations::{ASSUME_READY, ENABLED, UNATTENDED};

use crate::object::{Manifest, ObjectId};

/// The longest name of a kind with its group that is read.
const LONGEST: usize = 253;

/// What counts as ready as soon as it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assumption {
    /// Objects of a kind, whatever becomes of them.
    Kind {
        /// The kind, in any case.
        kind: String,
        /// Its API group; any, if there is none.
        group: Option<String>,
    },
    /// What nothing here acts on, and what waits for Pods where no node runs any.
    Unattended,
}

/// A text is no [`Assumption`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a kind, such as CronJob or Ingress.networking.k8s.io, nor the word {UNATTENDED:?}")]
pub struct AssumptionError(String);

impl FromStr for Assumption {
    type Err = AssumptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.eq_ignore_ascii_case(UNATTENDED) {
            return Ok(Self::Unattended);
        }
        let (kind, group) = text.split_once('.').map_or((text, None), |(kind, group)| (kind, Some(group)));
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_name = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        };
        if text.len() > LONGEST || !is_word(kind) || !group.is_none_or(is_name) {
            return Err(AssumptionError(text.chars().take(LONGEST).collect()));
        }
        Ok(Self::Kind { kind: kind.to_owned(), group: group.map(str::to_owned) })
    }
}

impl Assumption {
    /// That this kind of objects counts as ready.
    pub fn of_kind(id: &ObjectId) -> Self {
        let group = Some(id.group.clone()).filter(|group| !group.is_empty());
        Self::Kind { kind: id.kind.clone(), group }
    }
}

impl fmt::Display for Assumption {
    /// Writes what is read as the same.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind { kind, group: None } => f.write_str(kind),
            Self::Kind { kind, group: Some(group) } => write!(f, "{kind}.{group}"),
            Self::Unattended => f.write_str(UNATTENDED),
        }
    }
}

/// Whether an object counts as ready without being so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assumed {
    /// It does not.
    Never,
    /// As long as nothing acts on it, or it waits for Pods that no node runs.
    Unattended,
    /// As soon as it is applied.
    Always,
}

impl Assumed {
    /// What is assumed of an object, of which the manifest is at hand if it is applied.
    pub fn of(assumptions: &[Assumption], id: &ObjectId, manifest: Option<&Manifest>) -> Self {
        let by_annotation = manifest.map_or(Self::Never, Self::annotated);
        let by_kind = assumptions.iter().map(|assumption| match assumption {
            Assumption::Unattended => Self::Unattended,
            Assumption::Kind { kind, group }
                if kind.eq_ignore_ascii_case(&id.kind)
                    && group.as_ref().is_none_or(|group| group.eq_ignore_ascii_case(&id.group)) =>
            {
                Self::Always
            }
            Assumption::Kind { .. } => Self::Never,
        });
        by_kind.max().unwrap_or(Self::Never).max(by_annotation)
    }

    fn annotated(manifest: &Manifest) -> Self {
        if manifest.has(ASSUME_READY, ENABLED) {
            Self::Always
        } else if manifest.has(ASSUME_READY, UNATTENDED) {
            Self::Unattended
        } else {
            Self::Never
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(texts: &[&str]) -> Vec<Assumption> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn ingress() -> ObjectId {
        ObjectId {
            namespace: "a".into(),
            name: "web".into(),
            group: "networking.k8s.io".into(),
            kind: "Ingress".into(),
        }
    }

    #[test]
    fn a_kind_is_named_with_or_without_its_group_in_any_case() {
        for named in ["Ingress", "ingress", "Ingress.networking.k8s.io"] {
            assert_eq!(Assumed::of(&read(&["CronJob", named]), &ingress(), None), Assumed::Always, "{named}");
        }
        for named in ["Ingress.example.com", "Ingres", "CronJob"] {
            assert_eq!(Assumed::of(&read(&[named]), &ingress(), None), Assumed::Never, "{named}");
        }
        assert_eq!(Assumed::of(&read(&["unattended"]), &ingress(), None), Assumed::Unattended);
        assert_eq!(Assumed::of(&read(&["unattended", "ingress"]), &ingress(), None), Assumed::Always);
        assert_eq!(Assumed::of(&[], &ingress(), None), Assumed::Never);
    }

    #[test]
    fn what_is_written_of_a_kind_is_read_as_it() {
        let named = Assumption::of_kind(&ingress());
        assert_eq!(named.to_string(), "Ingress.networking.k8s.io");
        assert_eq!(read(&[&named.to_string()]), [named]);
        assert_eq!(Assumption::of_kind(&ObjectId { kind: "Pod".into(), ..ObjectId::default() }).to_string(), "Pod");
    }

    #[test]
    fn an_annotation_says_it_of_one_object() {
        let manifest = |value: &str| {
            let metadata = json!({ "name": "web", "annotations": { "cowherd.dev/assume-ready": value } });
            Manifest::new(json!({ "apiVersion": "v1", "kind": "Pod", "metadata": metadata })).unwrap()
        };
        for (value, assumed) in [
            ("enabled", Assumed::Always),
            ("Unattended", Assumed::Unattended),
            ("disabled", Assumed::Never),
            ("", Assumed::Never),
        ] {
            let manifest = manifest(value);
            assert_eq!(Assumed::of(&[], manifest.id(), Some(&manifest)), assumed, "{value}");
        }
    }

    #[test]
    fn what_is_no_kind_is_refused() {
        for text in ["", ".apps", "Cron Job", "Ingress.", "Ingress.a/b", "*", &"a".repeat(300)] {
            let error = text.parse::<Assumption>().unwrap_err().to_string();
            assert!(error.contains("Ingress.networking.k8s.io") && error.contains("unattended"), "{error}");
        }
    }

    #[test]
    fn a_kind_with_its_group_has_253_bytes_at_most() {
        for (length, fits) in [(1, true), (253, true), (254, false)] {
            assert_eq!("a".repeat(length).parse::<Assumption>().is_ok(), fits, "{length}");
        }
        for text in ["Ingress.net-working.k8s.io", " Pod ", "UNATTENDED"] {
            assert!(text.parse::<Assumption>().is_ok(), "{text}");
        }
        assert_eq!(read(&["Unattended"])[0].to_string(), "unattended");
    }
}
