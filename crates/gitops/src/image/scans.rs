//! What ImageRepositories have, for the ImagePolicies that choose of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cowherd_api::flux::image::v1::ImageRepository;
use tokio::sync::watch;

use crate::NamespacedName;

/// How many bytes the tags of all ImageRepositories of a namespace may have together: they are held for as long as those are there.
const MOST_OF_NAMESPACE: usize = 32 << 20;

/// What ImageRepositories have.
#[derive(Clone, Default)]
pub(super) struct Scans(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    repositories: HashMap<NamespacedName, watch::Sender<Latest>>,
    /// Whether all that were there at the start are known.
    is_listed: bool,
}

/// What an ImageRepository is and has.
#[derive(Clone, Debug, Default)]
pub(super) struct Latest {
    /// The object; nothing where there is none.
    pub(super) object: Option<Arc<ImageRepository>>,
    /// Its tags, where they were looked at since the start.
    pub(super) tags: Option<Arc<Tags>>,
    /// Whether it was looked at in vain since the start.
    pub(super) has_failed: bool,
    /// Whether it is known by now whether there is such an object.
    pub(super) is_known: bool,
}

/// The tags of an image.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tags {
    /// The whole name of the image.
    pub(super) image: String,
    /// The tags, a line each.
    lines: String,
}

/// The tags of a namespace have more bytes together than they may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the tags of all ImageRepositories of the namespace have more than {MOST_OF_NAMESPACE} bytes together; leave out more of them by \
     spec.exclusionList"
)]
pub(super) struct TooMany;

impl Tags {
    /// The tags of an image.
    pub(super) fn new(image: String, tags: &[String]) -> Self {
        Self { image, lines: tags.join("\n") }
    }

    /// Each of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.lines.lines()
    }
}

impl Scans {
    /// There is such an ImageRepository.
    pub(super) fn see(&self, object: &Arc<ImageRepository>) {
        self.change(&NamespacedName::of(object.as_ref()), |latest| {
            let of_another = latest.object.as_ref().is_some_and(|known| known.metadata.uid != object.metadata.uid);
            if of_another {
                (latest.tags, latest.has_failed) = (None, false);
            }
            let is_other = latest.object.as_ref().is_none_or(|known| {
                known.metadata.generation != object.metadata.generation || known.metadata.uid != object.metadata.uid
            });
            latest.object = Some(object.clone());
            latest.is_known = true;
            is_other
        });
    }

    /// It is gone.
    pub(super) fn leave(&self, name: &NamespacedName) {
        self.change(name, |latest| {
            let was_there = latest.object.is_some();
            *latest = Latest { is_known: true, ..Latest::default() };
            was_there
        });
    }

    /// These are all that there are.
    pub(super) fn list(&self, is_there: &dyn Fn(&NamespacedName) -> bool) {
        let gone: Vec<NamespacedName> = {
            let mut known = self.known();
            known.is_listed = true;
            known.repositories.keys().filter(|name| !is_there(name)).cloned().collect()
        };
        gone.iter().for_each(|name| self.leave(name));
    }

    /// These are its tags, where it is still there.
    ///
    /// # Errors
    /// When the namespace has too many.
    pub(super) fn put(&self, name: &NamespacedName, tags: Tags) -> Result<(), TooMany> {
        let of_others = |(other, sender): (&NamespacedName, &watch::Sender<Latest>)| {
            let is_counted = other.namespace == name.namespace && other != name;
            is_counted.then(|| sender.borrow().tags.as_ref().map_or(0, |tags| tags.lines.len()))
        };
        let others: usize = self.known().repositories.iter().filter_map(of_others).sum();
        if others + tags.lines.len() > MOST_OF_NAMESPACE {
            return Err(TooMany);
        }
        self.change(name, |latest| {
            // It went while it was looked at: nobody would take them away again.
            if latest.object.is_none() {
                return false;
            }
            let is_same = latest.tags.as_deref() == Some(&tags) && !latest.has_failed;
            (latest.tags, latest.has_failed) = (Some(Arc::new(tags)), false);
            !is_same
        });
        Ok(())
    }

    /// It was looked at in vain.
    pub(super) fn fail(&self, name: &NamespacedName) {
        self.change(name, |latest| !std::mem::replace(&mut latest.has_failed, true));
    }

    /// What an ImageRepository is and has from now on.
    pub(super) fn follow(&self, name: &NamespacedName) -> watch::Receiver<Latest> {
        let mut known = self.known();
        // Of what is named and does not come, nothing stays once nobody asks for it any more.
        known.repositories.retain(|_, sender| sender.receiver_count() > 0 || sender.borrow().object.is_some());
        known.repositories.entry(name.clone()).or_default().subscribe()
    }

    /// What an ImageRepository is and has. It is not there for certain only once all are known.
    pub(super) fn get(&self, name: &NamespacedName) -> Latest {
        let known = self.known();
        let latest = known.repositories.get(name).map(|sender| sender.borrow().clone()).unwrap_or_default();
        Latest { is_known: latest.is_known || known.is_listed, ..latest }
    }

    fn change(&self, name: &NamespacedName, change: impl FnOnce(&mut Latest) -> bool) {
        let mut known = self.known();
        known.repositories.entry(name.clone()).or_default().send_if_modified(change);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn repository(name: &str, generation: i64) -> Arc<ImageRepository> {
        let metadata = json!({ "name": name, "namespace": "n", "uid": name, "generation": generation });
        let object = json!({ "metadata": metadata, "spec": { "image": "a/b", "interval": "1m" } });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    fn tags(text: &[&str]) -> Tags {
        let text: Vec<String> = text.iter().map(|tag| (*tag).to_owned()).collect();
        Tags::new("ghcr.io/a/b".to_owned(), &text)
    }

    #[test]
    fn a_policy_is_woken_by_what_concerns_it_alone() {
        let scans = Scans::default();
        let name = NamespacedName::new("n", "a");
        let mut latest = scans.follow(&name);
        assert!(!scans.get(&name).is_known, "it may be there");
        scans.see(&repository("a", 1));
        assert!(latest.has_changed().unwrap());
        latest.mark_unchanged();
        scans.see(&repository("a", 1));
        assert!(!latest.has_changed().unwrap(), "its status was written");
        scans.put(&name, tags(&["1", "2"])).unwrap();
        assert!(latest.has_changed().unwrap());
        latest.mark_unchanged();
        scans.put(&name, tags(&["1", "2"])).unwrap();
        assert!(!latest.has_changed().unwrap(), "the same tags");
        scans.list(&|_| false);
        assert!(latest.has_changed().unwrap() && scans.get(&name).object.is_none());
        assert!(scans.get(&NamespacedName::new("n", "b")).is_known, "it is not there");
    }

    #[test]
    fn a_namespace_has_so_many_tags_and_no_more() {
        let scans = Scans::default();
        ["a", "b"].into_iter().for_each(|name| scans.see(&repository(name, 1)));
        let large = "x".repeat(MOST_OF_NAMESPACE / 2 + 1);
        assert_eq!(scans.put(&NamespacedName::new("n", "a"), tags(&[&large])), Ok(()));
        assert_eq!(scans.put(&NamespacedName::new("n", "b"), tags(&[&large])), Err(TooMany));
        assert_eq!(scans.put(&NamespacedName::new("m", "b"), tags(&[&large])), Ok(()));
        assert_eq!(scans.put(&NamespacedName::new("n", "a"), tags(&["1"])), Ok(()), "it takes the place of its own");
    }

    #[test]
    fn of_what_went_while_it_was_looked_at_nothing_stays() {
        let scans = Scans::default();
        let name = NamespacedName::new("n", "a");
        scans.see(&repository("a", 1));
        scans.leave(&name);
        scans.put(&name, tags(&["1"])).unwrap();
        assert!(scans.get(&name).tags.is_none());
    }
}
