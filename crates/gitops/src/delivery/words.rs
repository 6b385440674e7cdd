//! Who has not said yet what it describes in what is known to concern it.
//!
//! What all deletions rest on: **an object that the known content of some owner describes is never deleted because it left
//! another one's.** An owner counts as describing it from the moment at which a revision, or another spec of the owner, is
//! known that may concern it, until it has said what it describes there. It says so when its manifests are made, before it
//! applies them. Until then it is silent, whatever keeps it: the job for what came before, a slow chart, a mistake in a file,
//! a dependency, a suspension.
//!
//! What is left out on purpose, since to wait would be worse:
//! - who is refused (a field that is not supported, a reference that is not allowed) applies nothing for as long as it is so,
//!   and a repository that was written for others has many of those;
//! - who is being deleted, or is about to be since nobody describes it any more, describes nothing. Without that two that
//!   are about to take away each other's would wait for ever, and a Kustomization whose directory moved for itself;
//! - whose directory is not in the revision, once all who describe it themselves are at that revision, describes nothing;
//! - of a source that has brought nothing yet no revision is known: it is waited for as long as for a healthy owner, no longer.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cowherd_apply::ObjectId;
use tokio::time::Instant;

use crate::owner::{Owner, OwnerName, Settings};
use crate::source::SourceName;

/// Why an owner is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Silence {
    /// It is about to be applied, as far as anybody knows.
    AtWork,
    /// It waits for what it depends on, or for what is missing in the cluster that it is made with.
    Blocked,
    /// It is suspended.
    Suspended,
    /// It was tried, and ended before that was known.
    Failing,
    /// Its source has brought nothing yet.
    NoContent,
    /// It describes the one that deletes otherwise than that is, and could not bring it.
    Unbrought,
    /// It is refused, and applies nothing.
    Refused,
    /// The place that it is made of is not there, so it describes nothing.
    Nowhere,
}

impl Silence {
    /// Whether a deletion is held back by it for as long as it lasts.
    pub(super) fn holds(self) -> bool {
        !matches!(self, Self::NoContent | Self::Refused | Self::Nowhere)
    }

    /// Why it is not known what the owner describes, as people are told.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::AtWork => "is not ready to be applied yet",
            Self::Blocked => "waits for what it depends on, or is made with",
            Self::Suspended => "is suspended",
            Self::Failing => "failed before that was known",
            Self::NoContent => "has no content yet",
            Self::Unbrought => "describes this one otherwise than it is, and failed before it could bring that",
            Self::Refused => "is refused",
            Self::Nowhere => "is made of a directory that is not there",
        }
    }
}

/// The objects that an owner would describe, if it said something.
pub(super) type Foreseen = Arc<HashSet<ObjectId>>;

/// What an owner has said.
struct Word {
    owner: Arc<Owner>,
    /// Counts what came to be known that may concern it.
    news: u64,
    /// Whether its source has brought something newer than what its last job was begun for.
    is_news: bool,
    /// Whether its spec is newer than that.
    is_changed: bool,
    /// Whether nothing was said yet of its spec as it was at that job, or is now.
    is_other_spec: bool,
    /// Which job was begun last, and whether that has said what the owner describes.
    job: u64,
    has_said: bool,
    silence: Silence,
    /// Since when it is silent about its news.
    since: Instant,
    foreseen: Option<Foreseen>,
}

impl Word {
    fn is_silent(&self) -> bool {
        self.is_news || self.is_changed || !self.has_said
    }
}

/// An owner that has not said yet what it describes.
#[derive(Clone, Debug)]
pub(crate) struct Silent {
    pub(super) owner: Arc<Owner>,
    /// What it is silent about.
    pub(super) news: u64,
    pub(super) silence: Silence,
    pub(super) since: Instant,
    pub(super) foreseen: Option<Foreseen>,
}

impl Silent {
    /// Whether the silence may end by itself soon. A source gets this long for what it brings first.
    pub(super) fn is_short(&self, patience: Duration) -> bool {
        match self.silence {
            Silence::AtWork => true,
            Silence::NoContent => self.since.elapsed() < patience,
            _ => false,
        }
    }

    pub(super) fn name(&self) -> &OwnerName {
        &self.owner.name
    }

    pub(super) fn settings(&self) -> Option<&Arc<Settings>> {
        self.owner.settings.as_ref().ok()
    }
}

/// What owners have said, and who waits for that.
#[derive(Default)]
pub(super) struct Words {
    of: HashMap<OwnerName, Word>,
    /// Those that are silent. As a rule there are few.
    silent: BTreeSet<OwnerName>,
    /// By those that are silent: who holds deletions back for that.
    awaited: HashMap<OwnerName, BTreeSet<OwnerName>>,
    /// By source, those of which a job has begun that did not apply yet: what they say is not done.
    before_apply: HashMap<SourceName, HashSet<OwnerName>>,
    /// Those that are about to be gone, by their uids: they say nothing any more, however often they are still seen.
    going: HashMap<OwnerName, Option<String>>,
    count: u64,
}

/// Those that held deletions back for an owner's word.
pub(super) type Waiters = BTreeSet<OwnerName>;

impl Words {
    /// The owner is there. `is_changed`: it is another one than before, or has another spec; `is_observed`: its status says that
    /// something was said of that spec.
    pub(super) fn meet(&mut self, owner: &Arc<Owner>, is_changed: bool, is_observed: bool) -> Waiters {
        if let Some(going) = self.going.get(&owner.name) {
            if going.as_deref() == owner.uid() {
                return Waiters::new();
            }
            self.going.remove(&owner.name);
        }
        let word = self.of.entry(owner.name.clone()).or_insert_with(|| Word {
            owner: owner.clone(),
            news: 0,
            is_news: false,
            is_changed: true,
            is_other_spec: true,
            job: 0,
            has_said: false,
            silence: Silence::AtWork,
            since: Instant::now(),
            foreseen: None,
        });
        word.owner = owner.clone();
        // Until it is decided what becomes of the objects of one that is deleted, it may come back and describe them.
        let is_changed = is_changed && !owner.is_deleted();
        if is_changed || word.news == 0 {
            self.count += 1;
            (word.news, word.is_changed, word.is_other_spec) = (self.count, true, !is_observed);
            (word.silence, word.since, word.foreseen) = (Silence::AtWork, Instant::now(), None);
        }
        self.note(&owner.name)
    }

    /// The source has brought something that may concern all who use it; whoever waits for one that will not say it by itself
    /// has to ask again.
    pub(super) fn news(&mut self, source: &SourceName) -> Waiters {
        let mut concerned = Waiters::new();
        self.count += 1;
        let uses = |word: &Word| word.owner.settings.as_ref().is_ok_and(|settings| settings.source == *source);
        for (name, word) in self.of.iter_mut().filter(|(_, word)| uses(word)) {
            (word.news, word.is_news, word.since, word.foreseen) = (self.count, true, Instant::now(), None);
            word.silence = if word.owner.is_suspended { Silence::Suspended } else { Silence::AtWork };
            if word.owner.is_suspended {
                concerned.extend(self.awaited.remove(name).unwrap_or_default());
            }
            self.silent.insert(name.clone());
        }
        concerned
    }

    /// What the source has brought does not concern the owner.
    pub(super) fn is_unconcerned(&mut self, name: &OwnerName) -> Waiters {
        if let Some(word) = self.of.get_mut(name) {
            word.is_news = false;
        }
        self.note(name)
    }

    /// A job begins, which is to apply something of the source. It has this number.
    pub(super) fn enter(&mut self, source: &SourceName, name: &OwnerName) -> u64 {
        self.before_apply.entry(source.clone()).or_default().insert(name.clone());
        self.begin(name)
    }

    /// The job of the owner has applied, or will not.
    pub(super) fn leave(&mut self, source: &SourceName, name: &OwnerName) {
        let Some(names) = self.before_apply.get_mut(source) else { return };
        names.remove(name);
        if names.is_empty() {
            self.before_apply.remove(source);
        }
    }

    /// Those that are about to apply something of the source.
    pub(super) fn before_apply(&self, source: &SourceName) -> impl Iterator<Item = &OwnerName> {
        self.before_apply.get(source).into_iter().flatten()
    }

    /// A job begins, which is to say what the owner describes in all that is known by now. It has this number.
    pub(super) fn begin(&mut self, name: &OwnerName) -> u64 {
        self.count += 1;
        if let Some(word) = self.of.get_mut(name) {
            // Of what is tried again without news it is known already.
            let is_nowhere = word.silence == Silence::Nowhere && !word.is_news && !word.is_changed;
            (word.is_news, word.is_changed) = (false, false);
            (word.job, word.has_said) = (self.count, false);
            word.silence = if is_nowhere { Silence::Nowhere } else { Silence::AtWork };
            self.silent.insert(name.clone());
        }
        self.count
    }

    /// The job of this number has said what the owner describes.
    pub(super) fn say(&mut self, name: &OwnerName, job: u64) -> Waiters {
        if let Some(word) = self.of.get_mut(name).filter(|word| word.job == job) {
            (word.has_said, word.is_other_spec) = (true, word.is_changed);
        }
        self.note(name)
    }

    /// It was found out for the owner what it describes in what is known since these news.
    pub(super) fn say_for(&mut self, name: &OwnerName, news: u64) -> Waiters {
        if let Some(word) = self.of.get_mut(name).filter(|word| word.news == news) {
            (word.is_news, word.is_changed, word.is_other_spec, word.has_said) = (false, false, false, true);
        }
        self.note(name)
    }

    /// It was found out what the owner would describe in what is known since these news, if it said something.
    pub(super) fn foresee(&mut self, name: &OwnerName, news: u64, foreseen: Foreseen) {
        if let Some(word) = self.of.get_mut(name).filter(|word| word.news == news) {
            word.foreseen = Some(foreseen);
        }
    }

    /// Whether it is known that the owner would not describe the object, if it said something.
    pub(super) fn drops(&self, name: &OwnerName, object: &ObjectId) -> bool {
        let foreseen = self.of.get(name).filter(|word| word.is_silent()).and_then(|word| word.foreseen.as_ref());
        foreseen.is_some_and(|foreseen| !foreseen.contains(object))
    }

    /// Why the owner says nothing.
    pub(super) fn fall_silent(&mut self, name: &OwnerName, silence: Silence) -> Waiters {
        let Some(word) = self.of.get_mut(name) else { return Waiters::new() };
        if matches!((word.silence, silence), (Silence::Nowhere | Silence::Blocked, Silence::Failing)) {
            // It fails for that alone.
            return Waiters::new();
        }
        word.silence = silence;
        match silence {
            Silence::Refused | Silence::Nowhere => self.awaited.remove(name).unwrap_or_default(),
            _ => Waiters::new(),
        }
    }

    /// It is decided that the owner goes: it describes nothing any more.
    pub(super) fn go(&mut self, owner: &Owner) -> Waiters {
        self.going.insert(owner.name.clone(), owner.uid().map(str::to_owned));
        self.forget(&owner.name)
    }

    /// Nothing of this name is there any more.
    pub(super) fn has_gone(&mut self, name: &OwnerName) {
        self.going.remove(name);
    }

    /// The owner describes nothing any more.
    pub(super) fn forget(&mut self, name: &OwnerName) -> Waiters {
        self.of.remove(name);
        self.silent.remove(name);
        self.awaited.remove(name).unwrap_or_default()
    }

    /// `waiter` holds deletions back until these owners say something. It need not wait where one has by now.
    pub(super) fn wait_for<'a>(&mut self, waiter: &OwnerName, names: impl Iterator<Item = &'a OwnerName>) -> Waiters {
        let mut concerned = Waiters::new();
        for name in names {
            match self.silent.contains(name) {
                true => drop(self.awaited.entry(name.clone()).or_default().insert(waiter.clone())),
                false => drop(concerned.insert(waiter.clone())),
            }
        }
        concerned
    }

    /// Those that hold deletions back until `name` says something.
    pub(super) fn waiting_for(&self, name: &OwnerName) -> Waiters {
        self.awaited.get(name).cloned().unwrap_or_default()
    }

    /// How many are silent for this reason and made of this source.
    #[cfg(test)]
    pub(super) fn count(&self, source: &SourceName, silence: Silence) -> usize {
        let is_one = |silent: &Silent| {
            silent.silence == silence && silent.settings().is_some_and(|settings| settings.source == *source)
        };
        self.silent().filter(is_one).count()
    }

    /// Those that are silent, but for those that never say anything.
    pub(super) fn silent(&self) -> impl Iterator<Item = Silent> {
        let words = self.silent.iter().filter_map(|name| self.of.get(name));
        let says_nothing = |word: &Word| matches!(word.silence, Silence::Refused | Silence::Nowhere);
        let words = words.filter(move |word| !says_nothing(word) && word.owner.settings.is_ok());
        words.map(|word| Silent {
            owner: word.owner.clone(),
            news: word.news,
            silence: word.silence,
            since: word.since,
            foreseen: word.foreseen.clone(),
        })
    }

    /// The owner of this name.
    pub(super) fn owner(&self, name: &OwnerName) -> Option<Arc<Owner>> {
        self.of.get(name).map(|word| word.owner.clone())
    }

    /// Whether the silence of the owner is about another spec, or about the owner itself, which is new.
    pub(super) fn is_of_other_spec(&self, name: &OwnerName) -> bool {
        self.of.get(name).is_some_and(|word| word.is_other_spec)
    }

    /// Takes note of whether the owner is silent; who waited for its word, if it is not any more.
    fn note(&mut self, name: &OwnerName) -> Waiters {
        if self.of.get(name).is_some_and(Word::is_silent) {
            self.silent.insert(name.clone());
            return Waiters::new();
        }
        self.silent.remove(name);
        self.awaited.remove(name).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use cowherd_api::flux::kustomize::v1::Kustomization;
    use serde_json::{Value, json};

    use super::*;
    use crate::owner::Owning;
    use crate::source::git;

    fn owner(name: &str, spec: Value) -> Arc<Owner> {
        let mut full =
            json!({ "interval": "1m", "prune": true, "sourceRef": { "kind": "GitRepository", "name": "s" } });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let object = json!({ "metadata": { "name": name, "namespace": "n" }, "spec": full });
        Arc::new(serde_json::from_value::<Kustomization>(object).unwrap().read(None).0)
    }

    fn source() -> SourceName {
        SourceName::new(git::KIND, "n", "s")
    }

    fn silent(words: &Words) -> Vec<(String, Silence)> {
        words.silent().map(|silent| (silent.name().name.clone(), silent.silence)).collect()
    }

    /// Somebody who has said something.
    fn spoken() -> (Words, OwnerName) {
        let (mut words, owner) = (Words::default(), owner("a", json!({})));
        words.meet(&owner, true, false);
        let job = words.begin(&owner.name);
        words.say(&owner.name, job);
        assert_eq!(silent(&words), []);
        (words, owner.name.clone())
    }

    fn waiter() -> OwnerName {
        owner("waiter", json!({})).name.clone()
    }

    #[test]
    fn who_is_met_is_silent_until_its_job_has_said_something() {
        let (mut words, owner) = (Words::default(), owner("a", json!({})));
        words.meet(&owner, true, false);
        assert_eq!(silent(&words), [("a".to_owned(), Silence::AtWork)]);
        let (former, job) = (words.begin(&owner.name), words.begin(&owner.name));
        words.say(&owner.name, former);
        assert_eq!(silent(&words).len(), 1, "what an earlier job says counts no more");
        words.say(&owner.name, job);
        assert_eq!(silent(&words), []);
    }

    #[test]
    fn what_a_job_says_that_was_begun_before_the_news_is_no_word_on_them() {
        let (mut words, name) = spoken();
        let job = words.begin(&name);
        words.news(&source());
        words.say(&name, job);
        assert_eq!(silent(&words).len(), 1);
        words.is_unconcerned(&name);
        assert_eq!(silent(&words), [], "they do not concern it");
        words.news(&source());
        words.meet(&owner("a", json!({ "path": "./other" })), true, false);
        words.is_unconcerned(&name);
        assert_eq!(silent(&words).len(), 1, "its spec is another one by now");
    }

    #[test]
    fn what_is_found_out_for_somebody_counts_for_the_news_for_which_it_was() {
        let (mut words, name) = spoken();
        words.news(&source());
        let news = words.silent().next().unwrap().news;
        words.news(&source());
        words.say_for(&name, news);
        words.foresee(&name, news, Foreseen::default());
        let after = words.silent().next().unwrap();
        assert!(after.foreseen.is_none());
        words.say_for(&name, after.news);
        assert_eq!(silent(&words), []);
    }

    #[test]
    fn who_waits_is_told_when_somebody_speaks_goes_or_is_refused() {
        let ends: [fn(&mut Words, &OwnerName) -> Waiters; 5] = [
            |words, name| {
                let job = words.begin(name);
                words.say(name, job)
            },
            |words, name| words.forget(name),
            |words, name| words.fall_silent(name, Silence::Refused),
            |words, name| words.fall_silent(name, Silence::Nowhere),
            |words, name| words.is_unconcerned(name),
        ];
        for end in ends {
            let (mut words, name) = spoken();
            assert_eq!(words.wait_for(&waiter(), [&name].into_iter()), Waiters::from([waiter()]), "it has spoken");
            words.news(&source());
            assert!(words.wait_for(&waiter(), [&name].into_iter()).is_empty());
            assert!(words.fall_silent(&name, Silence::Failing).is_empty());
            assert_eq!(end(&mut words, &name), Waiters::from([waiter()]));
            assert_eq!(silent(&words), []);
        }
    }

    #[test]
    fn who_is_made_of_nothing_is_so_until_there_are_news_however_often_it_is_tried() {
        let (mut words, name) = spoken();
        words.news(&source());
        words.begin(&name);
        words.fall_silent(&name, Silence::Failing);
        assert_eq!(silent(&words), [("a".to_owned(), Silence::Failing)]);
        words.fall_silent(&name, Silence::Nowhere);
        words.begin(&name);
        words.fall_silent(&name, Silence::Failing);
        assert_eq!(silent(&words), []);
        words.news(&source());
        words.begin(&name);
        assert_eq!(silent(&words), [("a".to_owned(), Silence::AtWork)]);
        // So is who waits for something, which can be asked meanwhile what it will describe.
        words.fall_silent(&name, Silence::Blocked);
        words.fall_silent(&name, Silence::Failing);
        assert_eq!(silent(&words), [("a".to_owned(), Silence::Blocked)]);
        words.begin(&name);
        words.fall_silent(&name, Silence::Failing);
        assert_eq!(silent(&words), [("a".to_owned(), Silence::Failing)]);
    }

    #[test]
    fn of_who_is_suspended_it_is_asked_again_when_there_are_news() {
        let mut words = Words::default();
        let owner = owner("a", json!({ "suspend": true }));
        words.meet(&owner, true, false);
        words.fall_silent(&owner.name, Silence::Suspended);
        words.wait_for(&waiter(), [&owner.name].into_iter());
        assert_eq!(words.news(&source()), Waiters::from([waiter()]));
        assert_eq!(silent(&words), [("a".to_owned(), Silence::Suspended)]);
    }
}
