//! Sources that fail, and those that were not looked at yet.

use std::collections::{BTreeMap, BTreeSet};

use cowherd_gitops::NamespacedName;

use crate::resource::Resource;
use crate::target::Kind;

/// What is said before a failure from before the start, where nothing was heard of it since.
pub const UNHEARD: &str = "nothing was heard of it since the start; before: ";

/// A kind, and namespace and name.
type Key = (&'static str, String);

/// Sources that fail, and why. What counts is what the agents tell of each look: a status follows later, and may be one from
/// before the start.
#[derive(Debug, Default)]
pub struct Sources {
    /// Those whose last look was in vain.
    failures: BTreeMap<Key, String>,
    /// Those of them whose failure may pass by itself.
    passing: BTreeSet<Key>,
    /// Those of which the agents told at any time.
    heard: BTreeSet<Key>,
    /// Those that are to be looked at for the first time, with what they failed with before the start: what was fetched
    /// before is there at once, and may not be the latest.
    awaited: BTreeMap<Key, String>,
    /// The generation of each that was seen last.
    generations: BTreeMap<Key, Option<i64>>,
    /// Those that are suspended.
    suspended: BTreeSet<Key>,
    /// Those of the awaited that were given another spec since the start. Their look may be over before that is seen, so of
    /// these the status tells too, once it is of that spec.
    changed: BTreeSet<Key>,
}

impl Sources {
    /// An object was seen; whether it is suspended and was not, or was and is not any more.
    pub fn turns(&mut self, source: &Resource) -> bool {
        let key = key(source);
        if source.suspended() { self.suspended.insert(key) } else { self.suspended.remove(&key) }
    }

    /// An object was seen; whether that is news.
    pub fn see(&mut self, source: &Resource) -> bool {
        if source.suspended() || !source.is_looked_at() || source.object.metadata.deletion_timestamp.is_some() {
            // Nobody looks at it.
            return self.overlook(&key(source));
        }
        let key = key(source);
        let failed = source.ready().filter(|ready| ready.status == "False");
        let generation = source.object.metadata.generation;
        if self.generations.insert(key.clone(), generation).is_some_and(|before| before != generation) {
            self.heard.remove(&key);
            self.changed.insert(key.clone());
        }
        if self.changed.contains(&key) && source.is_ready_of_now() {
            self.heard.insert(key.clone());
            return self.settle(&key, failed.map(|ready| ready.message));
        }
        if self.heard.contains(&key) {
            return false;
        }
        self.awaited.insert(key, failed.map_or("", |ready| ready.message).to_owned()).is_none()
    }

    /// An object is gone; whether that is news.
    pub fn forget(&mut self, source: &Resource) -> bool {
        let key = key(source);
        self.suspended.remove(&key);
        self.overlook(&key)
    }

    fn overlook(&mut self, key: &Key) -> bool {
        self.heard.remove(key);
        self.generations.remove(key);
        self.settle(key, None)
    }

    /// The agents looked, in vain if there is a failure, which `may_pass` by itself; whether that is news.
    pub fn hear(&mut self, kind: &'static str, name: &NamespacedName, failure: Option<&str>, may_pass: bool) -> bool {
        let key = (kind, name.to_string());
        self.heard.insert(key.clone());
        let is_news = self.settle(&key, failure);
        if failure.is_some() && may_pass {
            self.passing.insert(key);
        }
        is_news
    }

    /// Whether the last look that is known of was in vain.
    pub fn fails(&self, kind: &'static str, name: &NamespacedName) -> bool {
        self.failures.contains_key(&(kind, name.to_string()))
    }

    /// Whether some fail in a way that may pass by itself.
    pub fn may_recover(&self) -> bool {
        !self.passing.is_empty()
    }

    fn settle(&mut self, key: &Key, failure: Option<&str>) -> bool {
        let was_awaited = self.awaited.remove(key).is_some();
        self.changed.remove(key);
        self.passing.remove(key);
        let before = match failure {
            Some(failure) => self.failures.insert(key.clone(), failure.to_owned()),
            None => self.failures.remove(key),
        };
        was_awaited || before.as_deref() != failure
    }

    /// Whether some are still to be looked at for the first time.
    pub fn are_awaited(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// All that fail, as far as is known, and why.
    pub fn all(&self) -> impl Iterator<Item = (String, String)> {
        let named = |(kind, name): &Key| called(kind, name);
        let failures = self.failures.iter().map(move |(key, message)| (named(key), message.clone()));
        let awaited = self.awaited.iter().map(move |(key, before)| {
            let message = match before.as_str() {
                "" => "it was not looked at yet".to_owned(),
                before => format!("{UNHEARD}{before}"),
            };
            (named(key), message)
        });
        failures.chain(awaited)
    }
}

/// How a source is called where it is told of: all are sources, but for what makes some, which may have the name of one.
pub fn called(kind: &str, name: &str) -> String {
    match [Kind::ArtifactGenerator, Kind::ResourceSetInputProvider].iter().any(|maker| kind == maker.name()) {
        true => format!("{} {name}", kind.to_ascii_lowercase()),
        false => format!("source {name}"),
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

    const KIND: &str = "GitRepository";

    fn name() -> NamespacedName {
        NamespacedName::new("n", "fleet")
    }

    fn all(sources: &Sources) -> Vec<(String, String)> {
        sources.all().collect()
    }

    fn failing(message: &str) -> [(String, String); 1] {
        [("source n/fleet".to_owned(), message.to_owned())]
    }

    #[test]
    fn one_is_awaited_until_its_first_look_has_ended_however_it_was_before() {
        for status in ["True", "False"] {
            for (failure, then) in [(None, vec![]), (Some("gone"), failing("gone").to_vec())] {
                let mut sources = Sources::default();
                assert!(sources.see(&source(status, "as before")) && sources.are_awaited());
                assert_eq!(sources.all().count(), 1, "nobody knows how it is");
                assert!(!sources.see(&source(status, "as before")) && sources.are_awaited());
                assert!(sources.hear(KIND, &name(), failure, false) && !sources.are_awaited());
                assert_eq!(all(&sources), then);
            }
        }
    }

    #[test]
    fn a_failure_is_news_once_and_outlasts_a_status_from_before_it() {
        let mut sources = Sources::default();
        assert!(sources.hear(KIND, &name(), Some("refused"), false));
        assert!(!sources.hear(KIND, &name(), Some("refused"), false));
        // The first that is seen of it may be as it was when all was well.
        for (status, message) in [("True", "stored artifact"), ("False", "refused")] {
            assert!(!sources.see(&source(status, message)) && !sources.are_awaited());
            assert_eq!(all(&sources), failing("refused"));
        }
        assert!(sources.hear(KIND, &name(), None, false) && all(&sources).is_empty());
        assert!(!sources.hear(KIND, &name(), None, false), "all is well as before");
    }

    #[test]
    fn one_that_is_given_another_spec_is_awaited_again_until_a_look_or_a_status_of_that_spec() {
        let of = |generation: i64, observed: i64, status: &str| {
            let mut source = source(status, "told");
            source.object.metadata.generation = Some(generation);
            source.object.data["status"]["conditions"][0]["observedGeneration"] = json!(observed);
            source
        };
        let mut sources = Sources::default();
        sources.see(&of(1, 1, "True"));
        sources.hear(KIND, &name(), None, false);
        assert!(sources.see(&of(2, 1, "True")) && sources.are_awaited(), "it was fetched as it was before");
        assert!(sources.hear(KIND, &name(), None, false) && !sources.are_awaited());
        // Here the look is over before the change is seen.
        sources.see(&of(3, 2, "True"));
        assert!(sources.see(&of(3, 3, "False")) && !sources.are_awaited());
        assert_eq!(all(&sources), failing("told"));
        assert!(!sources.see(&of(3, 3, "False")));
    }

    #[test]
    fn what_may_pass_is_waited_for_until_it_has_passed_or_turns_out_to_be_for_good() {
        let mut sources = Sources::default();
        sources.hear(KIND, &name(), Some("no answer"), true);
        assert!(sources.may_recover() && sources.fails(KIND, &name()));
        sources.hear(KIND, &name(), Some("refused"), false);
        assert!(!sources.may_recover() && sources.fails(KIND, &name()));
        sources.hear(KIND, &name(), Some("no answer"), true);
        sources.hear(KIND, &name(), None, false);
        assert!(!sources.may_recover() && !sources.fails(KIND, &name()));
        sources.hear(KIND, &name(), Some("no answer"), true);
        sources.forget(&source("False", "no answer"));
        assert!(!sources.may_recover());
    }

    #[test]
    fn what_is_suspended_or_gone_is_neither_awaited_nor_fails() {
        let suspended = {
            let mut source = source("False", "refused");
            source.object.data["spec"]["suspend"] = json!(true);
            source
        };
        let mut sources = Sources::default();
        assert!(!sources.turns(&source("False", "refused")));
        assert!(sources.turns(&suspended) && !sources.turns(&suspended), "it is said once");
        assert!(!sources.see(&suspended) && !sources.are_awaited());
        assert!(!sources.turns(&suspended));
        sources.hear(KIND, &name(), Some("refused"), false);
        assert!(sources.see(&suspended) && all(&sources).is_empty());
        assert!(sources.turns(&source("False", "refused")) && !sources.turns(&source("False", "refused")));
        assert!(sources.see(&source("False", "refused")) && sources.are_awaited(), "it was resumed");
        assert!(sources.forget(&source("False", "refused")) && all(&sources).is_empty());
    }
}
