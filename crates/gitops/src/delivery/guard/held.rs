//! What is held back, and what is said of it.

use std::collections::HashSet;

use cowherd_apply::{ObjectId, Versioned};
use cowherd_text::listed;

use super::super::awaited::Awaited;
use super::approval::Approved;
use super::content::Content;
use super::had::Had;
use super::{CONTENT, EVERYTHING, MAY_MOVE, ids};

/// How many objects a message names.
pub(super) const NAMED: usize = 10;
/// How many bytes of a message say what waits. What else it says, above all how to approve, is to have room beside it.
const SAID: usize = 6 * 1024;

/// What is held back, and why.
#[derive(Default)]
pub(in crate::delivery) struct Held {
    pub(in crate::delivery) objects: Vec<Versioned>,
    /// What of all that was looked at is not the owner's to delete.
    pub(in crate::delivery) others: HashSet<ObjectId>,
    /// How many of these, the first ones, are held back whatever they are.
    pub(super) everything: usize,
    /// Whether not all is gone that the owner had with them.
    pub(super) is_partly_left: bool,
    /// What would go with some of them.
    pub(super) content: Vec<(ObjectId, Content)>,
    /// Who may describe some of them, and has not said so yet.
    pub(super) awaited: Awaited,
    /// What the owner had when it was last settled.
    pub(super) had: Had,
    /// Whose word it is that nothing is held back.
    pub(super) approved: Option<By>,
}

/// Who approved.
pub(super) enum By {
    /// Whoever started the agents.
    Start,
    /// Whoever was shown what waits.
    Word(Approved),
}

impl Held {
    /// What tells the content of an object from any other.
    pub(super) fn mark_of(&self, id: &ObjectId) -> String {
        self.content.iter().find(|(object, _)| object == id).map(|(_, content)| content.mark()).unwrap_or_default()
    }

    pub(super) fn reason(&self) -> &'static str {
        match () {
            () if self.everything > 0 => EVERYTHING,
            () if self.is_for_others_alone() => MAY_MOVE,
            () => CONTENT,
        }
    }

    /// Whether nothing is held back but what others may describe.
    pub(super) fn is_for_others_alone(&self) -> bool {
        self.everything == 0 && self.content.is_empty()
    }

    /// Whether something waits for a word, and not for others alone.
    pub(super) fn waits(&self) -> bool {
        !self.objects.is_empty() && !self.is_for_others_alone()
    }

    /// Why it is held back, in as many words as there is room for: with fewer names, if need be.
    pub(super) fn why(&self, kind: &str) -> String {
        let fits = |why: &String| why.len() <= SAID;
        if let Some(why) = [NAMED, 3, 1].into_iter().map(|most| self.why_with(kind, most).join("; ")).find(fits) {
            return why;
        }
        let mut why = String::new();
        let mut all = self.why_with(kind, 1).into_iter();
        while let Some(one) = all.next() {
            if why.len() + one.len() > SAID {
                let more = all.len() + 1;
                let cut = &one[..one.floor_char_boundary(if why.is_empty() { SAID } else { 0 })];
                return format!("{why}{cut}… and as much again of {more} more");
            }
            why = why + &one + "; ";
        }
        why
    }

    fn why_with(&self, kind: &str, most: usize) -> Vec<String> {
        let everything = &self.objects[..self.everything];
        let everything = (!everything.is_empty()).then(|| {
            let (count, named) = (count(self.everything), listed(ids(everything), most.max(3)));
            if self.is_partly_left {
                format!("of what it had before it does not describe {count} yet: {named}")
            } else {
                format!("it describes nothing of what it had before, of which {count} would go: {named}")
            }
        });
        let content = self.content.iter().map(|(object, content)| would_go_with(object, kind, content, most));
        let awaited = (!self.awaited.objects.is_empty()).then(|| {
            let named = listed(ids(&self.awaited.objects), most.max(3));
            format!("{named} may be what others describe, who have not said so yet: {}", self.awaited.who(most))
        });
        everything.into_iter().chain(content).chain(awaited).collect()
    }
}

/// What is said of an object with which others would go.
pub(super) fn would_go_with(object: &ObjectId, kind: &str, content: &Content, most: usize) -> String {
    format!("with {object} would go what this {kind} does not prune: {}", content.names(most))
}

pub(super) fn count(objects: usize) -> String {
    if objects == 1 { "1 object".to_owned() } else { format!("{objects} objects") }
}

#[cfg(test)]
mod tests {
    use cowherd_apply::inventory as entries;

    use super::*;

    /// What waits where each of so many definitions has so many instances.
    fn definitions(count: usize, instances: usize) -> Held {
        let mut held = Held::default();
        for number in 0..count {
            let group = format!("{}{number:02}.example.com", "long".repeat(20));
            let named = format!("_gadgets.{group}_apiextensions.k8s.io_CustomResourceDefinition");
            let definition = entries::parse(&named, "v1").unwrap();
            let instance = |i| entries::parse(&format!("prod_{i:03}_{group}_Gadget"), "v1").unwrap().id;
            let content: Vec<ObjectId> = (0..instances).map(instance).collect();
            held.content.push((definition.id.clone(), content.iter().collect()));
            held.objects.push(definition);
        }
        held
    }

    #[test]
    fn however_much_waits_a_message_has_room_for_how_to_approve() {
        for (count, instances) in [(1, 1), (12, 12), (18, 500), (400, 20)] {
            let held = definitions(count, instances);
            let why = held.why("Kustomization");
            assert!(why.len() < SAID + 100 && why.contains("00.example.com"), "{why}");
            assert_eq!(why.contains("and as much again of"), count == 400, "{why}");
        }
        let why = definitions(18, 12).why("Kustomization");
        assert!(why.contains("17.example.com") && why.contains("and 9 more"), "{why}");
    }

    #[test]
    fn what_goes_with_everything_is_said_too() {
        let mut held = definitions(1, 2);
        held.everything = 1;
        let why = held.why("Kustomization");
        assert!(
            why.starts_with("it describes nothing of what it had before, of which 1 object would go: ")
                && why.contains("Gadget/prod/001"),
            "{why}"
        );
    }
}
