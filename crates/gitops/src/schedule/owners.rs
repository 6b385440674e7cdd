//! Owners come and go: what is known of them, and what others have to know of that.

use std::mem;

use cowherd_runtime::caught;

use super::Schedule;
use super::entry::Entry;
use crate::delivery::sharing::Place;
use crate::delivery::{Concerned, Rank, Task, has_waiting};
use crate::owner::{OwnerKind, OwnerName, Sighting};
use crate::{Occasion, Trigger};

impl Schedule {
    pub(super) fn see(&mut self, seen: Box<dyn Sighting>) {
        let name = seen.name();
        let known = self.entries.get(&name).map(|entry| entry.owner.as_ref());
        let (mut owner, mut status) = seen.read(known);
        let was_known = self.entries.contains_key(&name);
        let is_other = self.entries.get(&name).is_none_or(|entry| entry.owner.uid() != owner.uid());
        let remains = is_other.then(|| self.context.sharing.remains(&name)).flatten();
        let (comes_back, has_written) = (remains.is_some(), status.inventory.is_some() && owner.has_finalizer());
        if let Some(remains) = remains.filter(|_| status.inventory.is_none()) {
            status = remains;
        }
        self.context.policy.complete(&mut owner);
        if let Ok(settings) = &owner.settings {
            self.context.wanted.note(&settings.source);
        }
        if let Some(notice) = self.unnamed.see(&owner) {
            self.context.notify(&owner, "NoServiceAccount", notice);
        }
        let depends = owner.settings.as_ref().is_ok_and(|settings| !settings.depends_on.is_empty());
        let is_news = match self.entries.get_mut(&name) {
            Some(entry) => entry.see(owner, status),
            None => {
                let mut entry = Box::new(Entry::new(owner, status));
                self.leaving.remove(&name).into_iter().for_each(|former| entry.succeed(*former));
                self.entries.insert(name.clone(), entry).is_none()
            }
        };
        if is_news && depends {
            self.acyclic.forget();
        }
        if !was_known || comes_back {
            self.expect(&name, comes_back);
        }
        if let Some(entry) = self.entries.get(&name).filter(|_| has_written) {
            self.context.sharing.has_written(&entry.owner);
        }
        if let (true, Some(story), Some(entry)) = (is_news, name.kind.story, self.entries.get(&name)) {
            let met = story.meet(self.context.clone(), entry.owner.clone());
            let (name, mask) = (name.clone(), entry.hidden.mask());
            // It is asked for again by whoever waits for the source.
            self.errands.spawn(async move {
                match caught(met).await {
                    Ok(Ok(())) => {}
                    Ok(Err(failure)) => {
                        let error = failure.told(&mask);
                        tracing::debug!(owner = %name, error, "what its source is made of is not there yet");
                    }
                    Err(panic) => tracing::error!(owner = %name, panic, "making what its source is made of panicked"),
                }
            });
        }
        if let Some(entry) = self.entries.get(&name) {
            let is_observed = entry.status.observed_generation == entry.owner.generation();
            let concerned = self.context.sharing.meet(&entry.owner, is_news, is_observed);
            self.concern(concerned);
        }
        if is_news && self.entries.get(&name).is_some_and(|entry| entry.is_suspended()) {
            self.context.targets.let_go(&name);
            let concerned = self.context.sharing.rest(&name);
            self.concern(concerned);
        }
        self.consider(&name);
        if is_news {
            self.consider_blocked();
        }
        self.consider_expecting(&name);
    }

    /// What an owner that is met for the first time had, by its status or as a former one has left it behind, is its own until it has
    /// said what it describes.
    pub(super) fn expect(&mut self, name: &OwnerName, comes_back: bool) {
        let Some(entry) = self.entries.get(name) else { return };
        // What was in another cluster is nobody's here, whatever the spec says by now.
        let are_there = entry.owner.kube_config.is_none() && entry.status.cluster.is_some();
        let objects = entry.status.objects().into_iter().filter(|_| !are_there).map(|object| object.id);
        let place = Place::of(&entry.owner, &entry.status);
        let concerned = match comes_back {
            true => self.context.sharing.go_on(&entry.owner, place, objects),
            false => self.context.sharing.expect(&Rank::of(&entry.owner), place, entry.is_suspended(), objects),
        };
        if has_waiting(&entry.status) {
            self.context.sharing.expect_to_wait(name);
        }
        self.concern(concerned);
    }

    pub(super) fn forget(&mut self, name: &OwnerName) {
        if let Some(entry) = self.entries.remove(name) {
            if let Some(running) = &entry.running {
                running.cancel.send_replace(true);
            }
            let concerned = self.context.sharing.disclaim(&entry.owner);
            self.context.sharing.has_gone(name);
            match entry.is_busy() {
                true => drop(self.leaving.insert(name.clone(), entry)),
                false => {
                    self.context.targets.let_go(name);
                    self.await_return(name);
                }
            }
            self.concern(concerned);
            self.context.tell_gone(name);
            self.context.measures.of(name.kind.kind).gone(&name.namespaced());
        }
        self.unblock(name);
        self.answer(name);
    }

    /// Something that was under way for an owner that is gone came to its end.
    pub(super) fn left(&mut self, name: &OwnerName, note: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.leaving.get_mut(name) {
            note(entry);
            if !entry.is_busy() {
                let owner = entry.owner.clone();
                self.leaving.remove(name);
                self.context.targets.let_go(name);
                self.context.measures.of(name.kind.kind).gone(&name.namespaced());
                // It may have said what it describes after it was gone.
                let concerned = self.context.sharing.disclaim(&owner);
                self.concern(concerned);
                self.await_return(name);
            }
        }
    }

    /// An owner is gone for which nothing is under way any more. If it, or a former one of its name, has left something behind,
    /// somebody has to wait for the next one, or delete that.
    fn await_return(&mut self, name: &OwnerName) {
        let Some((owner, status)) = self.context.sharing.has_left_again(name) else { return };
        let mut entry = Box::new(Entry::new(owner.as_ref().clone(), status));
        self.work(name, &mut entry, None, Task::AwaitReturn, Occasion::new(None, Trigger::Deletion));
        self.leaving.insert(name.clone(), entry);
    }

    /// All owners of a kind are known. Only when those of all kinds are it is clear who waits for whom, and whose objects
    /// are whose.
    pub(super) fn begin(&mut self, kind: &'static OwnerKind) {
        self.unlisted.retain(|unlisted| *unlisted != kind);
        if self.unlisted.is_empty() && !mem::replace(&mut self.has_begun, true) {
            let names: Vec<_> = self.entries.keys().cloned().collect();
            names.iter().for_each(|name| self.consider(name));
        }
    }

    pub(super) fn concern(&mut self, Concerned { to_look, to_say }: Concerned) {
        for name in to_look.iter().chain(&to_say) {
            if let Some(entry) = self.entries.get_mut(name) {
                entry.is_concerned = true;
                entry.is_overtaken |= to_look.contains(name);
                self.consider(name);
            }
        }
    }
}
