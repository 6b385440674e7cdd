//! Goes from one owner to the next, and collects what would change.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::Result;
use cowherd_apply::{Action, ObjectId, Versioned};
use cowherd_gitops::{Deed, Foresight, NamespacedName, Preview, PreviewError, Subject};

use super::awaited::Awaited;
use super::changes::{Change, Found, told};
use super::live::{Live, id, kustomization};
use super::trees::{self, Trees};
use super::untold::Untold;
use crate::target::Target;
use crate::terminal::Mark;

/// Goes from one owner to the next.
pub struct Walk<'a> {
    live: &'a Live,
    foresight: &'a Foresight,
    /// What takes the place of repositories; without it everything is fetched as the agents fetch it.
    trees: Option<Trees>,
    /// Whether somebody said that a source is the repository that they stand in.
    is_own: &'a (dyn Fn(&(String, String)) -> bool + Sync),
    changes: Vec<Change>,
    notes: BTreeMap<ObjectId, Vec<String>>,
    remarks: Vec<(ObjectId, String)>,
    described: BTreeSet<ObjectId>,
    met: BTreeMap<ObjectId, (Subject, bool)>,
    untold: Untold,
    awaited: Awaited,
    /// Those of which others have to be known first: what they describe follows from all that is there by then.
    later: VecDeque<Subject>,
}

impl<'a> Walk<'a> {
    pub fn new(
        live: &'a Live,
        foresight: &'a Foresight,
        trees: Option<Trees>,
        is_own: &'a (dyn Fn(&(String, String)) -> bool + Sync),
    ) -> Self {
        let (changes, notes, remarks, described, met, untold, awaited, later) = Default::default();
        Self { live, foresight, trees, is_own, changes, notes, remarks, described, met, untold, awaited, later }
    }

    /// Looks at these and, where that is `recursive`, at all that they lead to.
    pub async fn all(&mut self, start: Vec<Subject>, recursive: bool) -> Result<()> {
        self.described_by(start, recursive).await?;
        while let Some(subject) = self.later.pop_front() {
            // What the revision does not concern stays as it is, and is not fetched to say so.
            if self.concerns(&subject).await? == Some(true) {
                let children = self.look(subject).await?;
                self.described_by(children, recursive).await?;
            }
        }
        Ok(())
    }

    /// Looks at those that nothing has led to: whose owners go round in a circle, or are not looked at.
    pub async fn rest(&mut self) -> Result<()> {
        let rest: Vec<Subject> = self.live.all().filter(|one| !self.met.contains_key(&one.id())).cloned().collect();
        self.all(rest, true).await
    }

    /// Looks at those whose objects follow from content alone, and at what they lead to; the others wait.
    async fn described_by(&mut self, start: Vec<Subject>, recursive: bool) -> Result<()> {
        let mut queue = VecDeque::from(start);
        while let Some(subject) = queue.pop_front() {
            if subject.has_a_story() {
                self.later.push_back(subject);
                continue;
            }
            let children = self.look(subject).await?;
            if recursive {
                queue.extend(children);
            }
        }
        Ok(())
    }

    /// Looks at the named ones of a kind as the revision describes them: with all that comes before, of which nothing is told.
    pub async fn releases(&mut self, target: &Target, namespace: &str, recursive: bool) -> Result<()> {
        self.described_by(self.live.everywhere().cloned().collect(), true).await?;
        let before = std::mem::take(&mut self.changes);
        let (untold, described) = (std::mem::take(&mut self.untold), std::mem::take(&mut self.later));
        self.remarks.clear();
        self.met.clear();
        let named: Vec<ObjectId> = match target.names.is_empty() {
            true => described.iter().map(Subject::id).filter(|id| id.namespace == namespace).collect(),
            false => target.names.iter().map(|name| id(target.kind, namespace, name)).collect(),
        };
        for id in named {
            self.changes.extend(before.iter().filter(|change| change.object.id == id).cloned());
            // The last that described it.
            let found = described.iter().rev().find(|one| one.id() == id);
            let is_gone = self.changes.iter().any(|change| change.object.id == id && change.action == "deleted");
            let subject = match (found, self.live.get(&id)) {
                (Some(found), _) => found,
                (None, Some(_)) if is_gone => continue,
                (None, Some(live)) if untold.is_empty() || !self.live.is_made(live) => live,
                (None, live) => {
                    self.untold.join(&untold);
                    match live {
                        Some(_) => continue,
                        None => return Err(self.live.absent(target.kind, namespace, &id.name)),
                    }
                }
            };
            let children = self.look(subject.clone()).await?;
            if recursive {
                self.all(children, true).await?;
            }
        }
        Ok(())
    }

    /// All that was found.
    pub fn end(mut self) -> Found {
        self.awaited.fail_now(self.live.kustomizations().iter());
        self.note(self.awaited.notes());
        let changes = told(self.changes, self.notes, &self.described);
        Found { changes, remarks: self.remarks, met: self.met, untold: self.untold }
    }

    /// Whether the revision may change anything for the owner; nothing where that cannot be told.
    async fn concerns(&mut self, subject: &Subject) -> Result<Option<bool>> {
        if !self.supply(subject).await? {
            return Ok(None);
        }
        if self.trees.is_none() {
            return Ok(Some(true));
        }
        match self.foresight.concerns(subject).await {
            Ok(concerns) => Ok(Some(concerns)),
            Err(error) => {
                self.untold.add(&error);
                Ok(None)
            }
        }
    }

    /// Looks at one, unless that was done: the owners that it describes.
    async fn look(&mut self, subject: Subject) -> Result<Vec<Subject>> {
        let owner = subject.id();
        if self.met.contains_key(&owner) {
            return Ok(Vec::new());
        }
        self.met.insert(owner.clone(), (subject.clone(), self.live.get(&owner).is_some()));
        if subject.is_suspended() {
            // What it made goes on by itself.
            self.remarks
                .push((owner.clone(), "it is suspended, and nothing of it changes until it is resumed".to_owned()));
            return Ok(self.live.made_by(&owner));
        }
        if !self.supply(&subject).await? {
            return Ok(Vec::new());
        }
        let kustomization = kustomization(&subject);
        // One that is broken hides no other.
        let preview = match self.foresight.preview(&subject).await {
            Ok(preview) => preview,
            Err(error) => {
                self.untold.add(&error);
                if let (PreviewError::Build(..), Some(kustomization)) = (&error, kustomization) {
                    self.awaited.unbuilt(kustomization);
                }
                return Ok(Vec::new());
            }
        };
        if let Some(kustomization) = &kustomization {
            self.awaited.built(kustomization, &preview.diffs);
        }
        Ok(self.take(&owner, preview))
    }

    /// Takes in what would change for an owner: the owners that it describes.
    fn take(&mut self, owner: &ObjectId, preview: Preview) -> Vec<Subject> {
        let Preview { diffs, notes, deeds, remarks, is_by_chance, described, children } = preview;
        if is_by_chance {
            tell_chance(owner);
        }
        let mut deeds: BTreeMap<ObjectId, Deed> = deeds.into_iter().collect();
        if let Some(deed) = deeds.remove(owner) {
            self.changes.push(Change::done(owner, versioned(self.met.get(owner), owner), deed));
        }
        for diff in diffs {
            // What is done for an owner that goes is told behind that.
            let deed = deeds.remove(&diff.object.id).filter(|_| diff.action == Action::Deleted);
            let about = diff.object.clone();
            self.changes.extend(Change::of(owner, diff));
            self.changes.extend(deed.map(|deed| Change::done(owner, about, deed)));
        }
        self.described.extend(described);
        self.remarks.extend(remarks.into_iter().map(|remark| (owner.clone(), remark)));
        self.note(notes);
        children
    }

    fn note(&mut self, notes: Vec<(ObjectId, String)>) {
        notes.into_iter().for_each(|(object, note)| self.notes.entry(object).or_default().push(note));
    }

    /// Gives the content of repositories that somebody stands in. Whether the owner can be looked at.
    async fn supply(&mut self, subject: &Subject) -> Result<bool> {
        let Some(trees) = &mut self.trees else { return Ok(true) };
        let follows_content = !subject.has_a_story();
        let refused = match follows_content {
            true => trees::unfit(subject),
            false => None,
        };
        let repositories = match (refused, self.foresight.repositories(subject).await) {
            (Some(why), _) => return Ok(self.leave_out(subject, &why)),
            (None, Err(error)) => {
                self.untold.add(&error);
                return Ok(false);
            }
            (None, Ok(repositories)) => repositories,
        };
        if repositories.is_empty() && follows_content {
            let why = format!("its source GitRepository {} is not there", trees::source(subject));
            return Ok(self.leave_out(subject, &why));
        }
        for repository in repositories {
            let name = NamespacedName::of(&repository);
            if !(self.is_own)(&(name.namespace.clone(), name.name.clone())) {
                match trees::another(&repository.spec.url) {
                    Some(why) if follows_content => return Ok(self.leave_out(subject, &why)),
                    // It is fetched as the agents do.
                    Some(_) => continue,
                    None if !follows_content && trees::is_nowhere(&repository.spec.url) => continue,
                    None => {}
                }
            }
            let (tree, revision) = trees.read(&repository).await?;
            self.foresight.give(&name, tree, &revision);
        }
        Ok(true)
    }

    fn leave_out(&mut self, subject: &Subject, why: &str) -> bool {
        self.untold.leave_out(&subject.id(), why);
        false
    }
}

/// An owner as an object with its version.
fn versioned(known: Option<&(Subject, bool)>, id: &ObjectId) -> Versioned {
    let api_version = known.and_then(|(subject, _)| subject.object()["apiVersion"].as_str());
    let version = api_version.and_then(|version| version.rsplit('/').next()).unwrap_or_default();
    Versioned { id: id.clone(), version: version.to_owned() }
}

/// Says that what charts make up is another here than in the cluster.
fn tell_chance(owner: &ObjectId) {
    crate::terminal::tell!(
        "{} {}/{}: what its charts make up by chance is not what the agents make up: their data directory, which has the \
         seed of it, is not here (--data-dir)",
        Mark::Waiting,
        owner.namespace,
        owner.name
    );
}
