//! Sources that fail.

use std::collections::{BTreeMap, BTreeSet};

use cowherd_gitops::NamespacedName;

use crate::resource::Resource;

/// What is said before a failure from before the start, where nothing was heard of it since.
pub const UNHEARD: &str = "nothing was heard of it since the start; before: ";

/// A kind, and namespace and name.
type Key = (&'static str, String);

/// Sources that fail, and why.
#[derive(Debug, Default)]
pub struct Sources {
    /// Those of which the agents told that they fail.
    failures: BTreeMap<Key, String>,
    /// Those of which the agents told at any time.
    heard: BTreeSet<Key>,
    /// Those that failed before the start: they may be well by now.
    awaited: BTreeMap<Key, String>,
}

impl Sources {
    /// An object was seen; whether that is news.
    pub fn see(&mut self, source: &Resource) -> bool {
        let key = key(source);
        let ready = source.ready();
        match ready.map(|ready| ready.status) {
            Some("True") => self.recover(&key),
            Some("False") if !self.heard.contains(&key) && !source.suspended() => {
                self.awaited.insert(key, ready.map_or("", |ready| ready.message).to_owned()).is_none()
            }
            _ => false,
        }
    }

    /// An object is gone; whether that is news.
    pub fn forget(&mut self, source: &Resource) -> bool {
        let key = key(source);
        self.heard.remove(&key);
        self.recover(&key)
    }

    /// The agents looked in vain; whether that is news.
    pub fn hear(&mut self, kind: &'static str, name: &NamespacedName, message: &str) -> bool {
        let key = (kind, name.to_string());
        self.awaited.remove(&key);
        self.heard.insert(key.clone());
        self.failures.insert(key, message.to_owned()).as_deref() != Some(message)
    }

    fn recover(&mut self, key: &Key) -> bool {
        let was_awaited = self.awaited.remove(key).is_some();
        self.failures.remove(key).is_some() || was_awaited
    }

    /// Whether it is not known of all that failed before the start how they are.
    pub fn are_awaited(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// All that fail, as far as is known, and why.
    pub fn all(&self) -> impl Iterator<Item = (String, String)> {
        let named = |(_, name): &Key| format!("source {name}");
        let failures = self.failures.iter().map(move |(key, message)| (named(key), message.clone()));
        failures.chain(self.awaited.iter().map(move |(key, message)| (named(key), format!("{UNHEARD}{message}"))))
    }
}

fn key(source: &Resource) -> Key {
    (source.kind.name(), source.id())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::target::Kind;

    fn source(status: &str, message: &str) -> Resource {
        let object = json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
            "metadata": { "name": "fleet", "namespace": "n" }, "spec": {},
            "status": { "conditions": [{ "type": "Ready", "status": status, "reason": "R", "message": message }] },
        });
        Resource { kind: Kind::GitRepository, object: serde_json::from_value(object).unwrap() }
    }

    #[test]
    fn what_failed_before_the_start_is_awaited_and_not_said() {
        let name = NamespacedName::new("n", "fleet");
        let mut sources = Sources::default();
        assert!(sources.see(&source("False", "old advice")) && sources.are_awaited());
        assert_eq!(sources.all().count(), 1);
        assert!(sources.see(&source("True", "stored")) && !sources.are_awaited());
        assert_eq!(sources.all().count(), 0);
        assert!(sources.hear("GitRepository", &name, "gone"), "a failure is news");
        assert!(!sources.hear("GitRepository", &name, "gone"), "and once");
        assert!(!sources.see(&source("False", "gone")) && !sources.are_awaited());
        assert!(sources.hear("GitRepository", &name, "refused"));
        assert_eq!(sources.all().collect::<Vec<_>>(), [("source n/fleet".to_owned(), "refused".to_owned())]);
        assert!(sources.forget(&source("False", "refused")) && sources.all().count() == 0);
    }
}
