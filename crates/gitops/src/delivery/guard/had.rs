//! What an owner had when it was last settled, which is what a revision may leave nothing of.
//!
//! The inventory alone does not tell: what a revision brings is in it before all of that is there, and what waits is in it
//! still. So what the owner had stands first in it, and the status says how much that is, until all that is no longer
//! described is pruned. Without that the revert of a mistake would look like another one, and an apply that was cut off would
//! hide one.

use std::collections::HashSet;

use cowherd_apply::{ObjectId, Versioned, inventory as entries};

use super::EVERYTHING;
use crate::conditions::{PRUNE_PROTECTED, find};
use crate::owner::{Inventory, Status};

/// Writes down how much of its objects an owner had, before it gets more. One that had none has what has come since.
pub(in crate::delivery) fn mark(status: &mut Status) {
    status.settled = known(status).or_else(|| Some(status.objects().len()).filter(|had| *had > 0));
}

/// How much the owner had when it was last settled, unless it never was.
fn known(status: &Status) -> Option<usize> {
    status.settled.filter(|had| *had > 0)
}

/// An apply failed, after which the owner has what is `there`, some of it `written` by that apply. Where some of what the owner
/// had is described still, it has had what was written from then on, however long the rest fails.
pub(in crate::delivery) fn applied_in_part(
    status: &mut Status,
    described: &[Versioned],
    written: &[Versioned],
    there: &[Versioned],
) {
    let had = Had::of(status, &status.objects());
    match had.is_partly_left(described) && status.settled.is_some() {
        true => had.write(status, written, there),
        false => status.inventory = Some(Inventory::of(there)),
    }
}

/// What an owner had when it was last settled, as far as it has it still.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Had {
    objects: Vec<Versioned>,
    /// Whether it was told that it waits until it is approved that it goes.
    waits: bool,
}

impl Had {
    /// What the status says of `old`, the objects that the owner has.
    pub(super) fn of(status: &Status, old: &[Versioned]) -> Self {
        let count = known(status).unwrap_or(old.len()).min(old.len());
        let waits = find(&status.conditions, PRUNE_PROTECTED).is_some_and(|told| told.reason == EVERYTHING);
        Self { objects: old[..count].to_vec(), waits }
    }

    /// Whether it was told that it waits.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// What of `gone` waits, whatever it is: all of it, where nothing is described of what the owner had; of what has waited,
    /// what is not back. `applied` is what is described now; what is neither `gone` nor described is as others have it, which
    /// says nothing of the rest.
    ///
    /// `passes_on` says of an object that goes whether it is an owner, and if so, whether others describe what that has.
    pub(super) fn waiting(
        &self,
        applied: &[Versioned],
        gone: &[Versioned],
        passes_on: impl Fn(&ObjectId) -> Option<bool>,
    ) -> Vec<Versioned> {
        let is_left = self.objects.is_empty() || self.is_partly_left(applied);
        match self.waits {
            false if is_left || self.is_renamed(applied, gone, passes_on) => Vec::new(),
            true if is_left => {
                let generated = generators(applied);
                let is_lost = |object: &Versioned| !is_generated_anew(object, &generated);
                entries::common(gone, &self.objects).into_iter().filter(is_lost).collect()
            }
            _ => gone.to_vec(),
        }
    }

    /// Whether all that goes gets another name, as far as that can be told: something of the same kind comes in its place, and it is
    /// the only object, or an owner that passes on what it has. Of several objects nobody can tell whether those that come are the
    /// same; what was in them is gone with them, whatever comes. How many come is no measure.
    fn is_renamed(
        &self,
        applied: &[Versioned],
        gone: &[Versioned],
        passes_on: impl Fn(&ObjectId) -> Option<bool>,
    ) -> bool {
        fn place(object: &Versioned) -> (&str, &str, &str) {
            (&object.id.group, &object.id.kind, &object.id.namespace)
        }
        let new = entries::gone(applied, &self.objects);
        let places: HashSet<_> = new.iter().map(place).collect();
        let is_only = self.objects.len() == 1;
        let is_replaced =
            |object: &Versioned| places.contains(&place(object)) && passes_on(&object.id).unwrap_or(is_only);
        entries::common(&self.objects, gone).iter().all(is_replaced)
    }

    /// Whether some of it is described, be it with another hash of its content in its name.
    pub(super) fn is_partly_left(&self, applied: &[Versioned]) -> bool {
        let generated = generators(applied);
        !entries::common(&self.objects, applied).is_empty()
            || self.objects.iter().any(|object| is_generated_anew(object, &generated))
    }

    /// Writes down what the owner has while it is not settled: first what of `there` it had when it was, or has had since; all
    /// of it, where that is nothing.
    pub(super) fn write(&self, status: &mut Status, since: &[Versioned], there: &[Versioned]) {
        let still = entries::union(&entries::common(&self.objects, there), since);
        let still = if still.is_empty() { there } else { &still };
        status.settled = Some(still.len());
        status.inventory = Some(Inventory::of(&entries::renewed(still, there)));
    }
}

/// How many characters of a name are the hash that kustomize's generators put behind it.
const HASH: usize = 10;

/// The generator of an object, if its name ends with a hash of the content as kustomize writes it.
fn generator(id: &ObjectId) -> Option<Generator<'_>> {
    let is_generated = id.group.is_empty() && matches!(id.kind.as_str(), "ConfigMap" | "Secret");
    let (name, hash) = id.name.rsplit_once('-').filter(|_| is_generated)?;
    // kustomize writes hexadecimal digits so that no word comes about.
    let is_digit =
        |byte: u8| matches!(byte, b'2' | b'4'..=b'9' | b'b'..=b'd' | b'f' | b'g' | b'h' | b'k' | b'm' | b't');
    (hash.len() == HASH && hash.bytes().all(is_digit)).then_some((&id.kind, &id.namespace, name))
}

/// What makes one object of a kind and namespace again and again: these and a name.
type Generator<'a> = (&'a str, &'a str, &'a str);

/// The generators of these objects.
fn generators(objects: &[Versioned]) -> HashSet<Generator<'_>> {
    objects.iter().filter_map(|object| generator(&object.id)).collect()
}

/// Whether one of these generators has made the object.
fn is_generated_anew(object: &Versioned, generators: &HashSet<Generator<'_>>) -> bool {
    generator(&object.id).is_some_and(|of| generators.contains(&of))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conditions::Conditions;
    use cowherd_api::ConditionStatus::True;

    fn objects(names: &[&str]) -> Vec<Versioned> {
        names.iter().map(|name| entries::parse(name, "v1").unwrap()).collect()
    }

    fn everything(old: &[&str], applied: &[&str]) -> bool {
        let (old, applied) = (objects(old), objects(applied));
        !Had::of(&Status::default(), &old).waiting(&applied, &entries::gone(&old, &applied), |_| None).is_empty()
    }

    #[test]
    fn everything_goes_where_nothing_stays_whatever_comes() {
        let old = ["prod_a__ConfigMap", "prod_b_apps_Deployment"];
        assert!(everything(&old, &[]));
        assert!(everything(&old, &["dev_a__ConfigMap", "dev_b_apps_Deployment"]));
        assert!(everything(&old, &["prod_c__ConfigMap"]));
        assert!(everything(&old, &["prod_c__ConfigMap", "prod_d_apps_Deployment"]));
        assert!(everything(&["prod_a__ConfigMap", "prod_b__ConfigMap"], &["prod_c__ConfigMap"]));
        assert!(!everything(&old, &["prod_a__ConfigMap"]));
    }

    #[test]
    fn the_only_object_under_a_new_name_is_no_loss() {
        assert!(!everything(&["prod_a__ConfigMap"], &["prod_c__ConfigMap"]));
        assert!(everything(&["prod_a__ConfigMap"], &["dev_a__ConfigMap"]));
        assert!(everything(&["prod_a__ConfigMap"], &["prod_a__Secret"]));
    }

    #[test]
    fn what_a_generator_writes_is_the_same_whatever_the_hash_of_its_content() {
        let (old, new) = ("prod_a-5f8t7ghm2k__ConfigMap", "prod_a-bk2mh6t9c4__ConfigMap");
        let other = "prod_x_apps_Deployment";
        assert!(!everything(&[old], &[new]));
        assert!(!everything(&[old, other], &[new]));
        for else_named in ["prod_b-bk2mh6t9c4__ConfigMap", "prod_a-bk2mh6t9c4__Secret", "dev_a-bk2mh6t9c4__ConfigMap"] {
            assert!(everything(&[old, other], &[else_named]), "{else_named}");
        }
        for no_hash in ["prod_a-bk2mh6t9ca__ConfigMap", "prod_a-bk2mh6t9c__ConfigMap", "prod_a_bk2mh6t9c4__ConfigMap"] {
            assert_eq!(entries::parse(no_hash, "v1").ok().as_ref().and_then(|object| generator(&object.id)), None);
        }
        // The hash of what a Deployment is made of is its own.
        assert!(everything(&["prod_a-5f8t7ghm2k_apps_Deployment", other], &["prod_a-bk2mh6t9c4_apps_Deployment"]));
    }

    #[test]
    fn an_owner_is_replaced_by_another_one_where_others_describe_what_it_has() {
        let old = objects(&["n_prod__Kustomization", "n_dev__Kustomization"]);
        let new = objects(&["n_staging__Kustomization"]);
        let waits = |old: &[Versioned], passes_on| {
            !Had::of(&Status::default(), old).waiting(&new, old, |_| Some(passes_on)).is_empty()
        };
        for old in [&old[..], &old[..1]] {
            assert!(waits(old, false) && !waits(old, true));
        }
    }

    #[test]
    fn what_is_generated_anew_is_back() {
        let names = ["n_a-5f8t7ghm2k__ConfigMap", "n_x__Secret"];
        let (old, new) = (objects(&names), objects(&["n_a-bk2mh6t9c4__ConfigMap"]));
        let had = Had { objects: old.clone(), waits: true };
        assert_eq!(had.waiting(&new, &old, |_| None), objects(&names[1..]));
    }

    /// An owner, as its status has it between two revisions.
    #[derive(Default)]
    struct Story(Status);

    impl Story {
        /// A revision describes these, each of another kind, as an apply that is cut off before anything is pruned has it.
        fn cut_off(&mut self, kinds: &str) {
            let old = self.0.objects();
            mark(&mut self.0);
            self.0.inventory = Some(Inventory::of(&entries::union(&old, &each(kinds))));
        }

        /// A revision describes these; how many of the inventory the owner had, and what waits.
        fn next(&mut self, kinds: &str) -> String {
            self.cut_off(kinds);
            let (old, applied) = (self.0.objects(), each(kinds));
            let had = Had::of(&self.0, &old);
            let held = had.waiting(&applied, &entries::gone(&old, &applied), |_| None);
            had.write(&mut self.0, &[], &entries::union(&applied, &held));
            let mut conditions = Conditions { list: &mut self.0.conditions, generation: 1 };
            match held.is_empty() {
                true => conditions.remove(PRUNE_PROTECTED),
                false => conditions.set(PRUNE_PROTECTED, True, EVERYTHING, "waits"),
            }
            self.0.settled = self.0.settled.filter(|_| !held.is_empty());
            let said = self.0.settled.map_or(String::new(), |had| format!("{had} "));
            said + &held.iter().map(|object| object.id.kind.to_lowercase()).collect::<String>()
        }

        fn told(revisions: &[&str]) -> Vec<String> {
            let mut story = Self::default();
            revisions.iter().map(|kinds| story.next(kinds)).collect()
        }
    }

    fn each(kinds: &str) -> Vec<Versioned> {
        let one = |kind: char| entries::parse(&format!("n_x__{}", kind.to_ascii_uppercase()), "v1").unwrap();
        kinds.chars().map(one).collect()
    }

    #[test]
    fn what_a_mistake_brought_goes_with_its_revert_and_nothing_waits_any_more() {
        assert_eq!(Story::told(&["xy", "", "xy", "x"]), ["", "2 xy", "", ""]);
        assert_eq!(Story::told(&["xy", "z", "xy"]), ["", "2 xy", ""]);
        assert_eq!(Story::told(&["xy", "z", "w", "xy"]), ["", "2 xy", "2 xyz", ""], "of several, too");
    }

    #[test]
    fn what_waits_goes_on_waiting_whatever_comes_and_goes_beside_it() {
        assert_eq!(Story::told(&["xy", "mn", "mno", "mo"]), ["", "2 xy", "2 xy", "2 xyn"]);
        assert_eq!(Story::told(&["xy", "mn", "", "q", "qr"])[2..], ["2 xymn", "2 xymn", "2 xymn"]);
        assert_eq!(Story::told(&["xy", "mn", "", "mn"])[3], "2 xy");
    }

    #[test]
    fn what_comes_back_in_part_leaves_the_rest_waiting() {
        assert_eq!(Story::told(&["xy", "z", "x", "xz", "xy"]), ["", "2 xy", "2 y", "2 y", ""]);
        let mut story = Story::default();
        story.next("xy");
        story.next("z");
        let had = Had::of(&story.0, &story.0.objects());
        assert!(!had.is_partly_left(&each("z")) && had.is_partly_left(&each("xz")));
    }

    #[test]
    fn what_others_have_by_now_is_no_loss_and_keeps_nothing_else_from_waiting() {
        let had = Had::of(&Status::default(), &each("xy"));
        assert_eq!(had.waiting(&each("z"), &[], |_| None), []);
        assert_eq!(had.waiting(&[], &each("y"), |_| None), each("y"));
        assert_eq!(had.waiting(&each("z"), &each("y"), |_| None), each("y"));
        assert_eq!(had.waiting(&each("z"), &each("xy"), |_| None), each("xy"));
        let renamed = objects(&["n_new__Y"]);
        assert_eq!(had.waiting(&renamed, &each("y"), |_| None), each("y"), "it is not all that it had");
        assert_eq!(had.waiting(&renamed, &each("xy"), |_| None), each("xy"));
    }

    #[test]
    fn an_apply_that_was_cut_off_hides_nothing_and_what_it_left_behind_is_no_loss() {
        let mut story = Story::default();
        story.next("xy");
        story.cut_off("w");
        assert_eq!(story.next("w"), "2 xy");
        assert_eq!(story.next("xy"), "");
    }

    #[test]
    fn what_was_never_wholly_applied_waits_as_what_was() {
        let mut story = Story::default();
        story.cut_off("xy");
        assert_eq!(story.next(""), "2 xy");
        let mut story = Story::default();
        story.cut_off("xy");
        story.cut_off("xyz");
        assert_eq!((story.0.settled, story.next("xyz").as_str(), story.0.settled), (Some(2), "", None));
        // A status of before that.
        story.0.settled = Some(0);
        assert_eq!(story.next("w"), "3 xyz");
    }

    #[test]
    fn what_was_brought_beside_it_is_what_it_had_although_a_prune_or_an_apply_goes_on_failing() {
        let mut story = Story::default();
        story.next("xg");
        story.cut_off("xmn");
        let had = Had::of(&story.0, &story.0.objects());
        // It could not delete g.
        had.write(&mut story.0, &each("xmn"), &each("xmng"));
        assert_eq!((story.0.settled, story.0.objects()), (Some(4), each("xgmn")));
        assert_eq!(story.next("mn"), "", "not all that it had");

        let mut story = Story::default();
        story.next("xy");
        for (described, written, had) in [("zb", "z", 2), ("xmnb", "xmn", 4)] {
            story.cut_off(described);
            let there = entries::union(&each("xy"), &each(written));
            applied_in_part(&mut story.0, &each(described), &each(written), &there);
            assert_eq!(story.0.settled, Some(had), "{described}");
        }
        assert_eq!(story.0.objects(), each("xymn"));
        assert_eq!(story.next("mn"), "");
    }

    #[test]
    fn where_the_number_is_lost_all_waits_that_is_not_described() {
        let mut story = Story::default();
        story.next("xy");
        story.next("z");
        story.0.settled = None;
        let had = Had::of(&story.0, &story.0.objects());
        assert_eq!(had.waiting(&each("zw"), &each("xy"), |_| None), each("xy"));
        assert_eq!(had.waiting(&each("xyw"), &each("z"), |_| None), each("z"));
    }
}
