//! Objects and what is known of each, by what they are named.
//!
//! There are many: kinds, groups and namespaces are kept once for all that have them, and a list of one kind looks at no
//! other.

use std::collections::HashMap;

use super::known::Known;
use crate::object::ObjectId;

/// What is known of objects.
#[derive(Default)]
pub(super) struct Objects {
    kinds: HashMap<Box<str>, Groups>,
    count: usize,
}

type Groups = HashMap<Box<str>, Namespaces>;
type Namespaces = HashMap<Box<str>, Names>;
/// Boxed, since a table has room for up to twice as many.
type Names = HashMap<Box<str>, Box<Known>>;

impl Objects {
    /// What is known of the object.
    pub(super) fn get(&self, id: &ObjectId) -> Option<&Known> {
        let names = self.kinds.get(&*id.kind)?.get(&*id.group)?.get(&*id.namespace)?;
        names.get(&*id.name).map(AsRef::as_ref)
    }

    /// The same, to note more.
    pub(super) fn get_mut(&mut self, id: &ObjectId) -> Option<&mut Known> {
        let names = self.kinds.get_mut(&*id.kind)?.get_mut(&*id.group)?.get_mut(&*id.namespace)?;
        names.get_mut(&*id.name).map(AsMut::as_mut)
    }

    /// What is known of the object from now on; that is nothing, of one that nothing is known of.
    pub(super) fn note(&mut self, id: &ObjectId) -> &mut Known {
        let groups = self.kinds.entry(id.kind.as_str().into()).or_default();
        let namespaces = groups.entry(id.group.as_str().into()).or_default();
        let names = namespaces.entry(id.namespace.as_str().into()).or_default();
        self.count += usize::from(!names.contains_key(&*id.name));
        names.entry(id.name.as_str().into()).or_default()
    }

    /// Nothing is to be known of the object any more.
    pub(super) fn remove(&mut self, id: &ObjectId) {
        let Some(groups) = self.kinds.get_mut(&*id.kind) else { return };
        let Some(namespaces) = groups.get_mut(&*id.group) else { return };
        let Some(names) = namespaces.get_mut(&*id.namespace) else { return };
        self.count -= usize::from(names.remove(&*id.name).is_some());
        drop_empty(namespaces, &id.namespace, HashMap::is_empty);
        drop_empty(groups, &id.group, HashMap::is_empty);
        drop_empty(&mut self.kinds, &id.kind, HashMap::is_empty);
    }

    /// Keeps of the objects of a kind those of which that is to be.
    pub(super) fn retain(&mut self, group: &str, kind: &str, mut keeps: impl FnMut(&ObjectId, &mut Known) -> bool) {
        let Some(groups) = self.kinds.get_mut(kind) else { return };
        let Some(namespaces) = groups.get_mut(group) else { return };
        let mut id = ObjectId { group: group.to_owned(), kind: kind.to_owned(), ..ObjectId::default() };
        for (namespace, names) in namespaces.iter_mut() {
            namespace.as_ref().clone_into(&mut id.namespace);
            let before = names.len();
            names.retain(|name, known| {
                name.as_ref().clone_into(&mut id.name);
                keeps(&id, known)
            });
            self.count -= before - names.len();
        }
        namespaces.retain(|_, names| !names.is_empty());
        drop_empty(groups, group, HashMap::is_empty);
        drop_empty(&mut self.kinds, kind, HashMap::is_empty);
    }

    /// Of how many objects something is known.
    pub(super) fn len(&self) -> usize {
        self.count
    }
}

/// Takes out of a map what is empty under a key.
fn drop_empty<V>(map: &mut HashMap<Box<str>, V>, key: &str, is_empty: impl Fn(&V) -> bool) {
    if map.get(key).is_some_and(is_empty) {
        map.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(kind: &str, namespace: &str, name: &str) -> ObjectId {
        let [kind, namespace, name] = [kind, namespace, name].map(str::to_owned);
        ObjectId { kind, namespace, name, group: "g".to_owned() }
    }

    #[test]
    fn objects_are_found_counted_and_forgotten_by_all_that_names_them() {
        let mut objects = Objects::default();
        let ids = [id("A", "n", "x"), id("A", "n", "y"), id("A", "", "x"), id("B", "n", "x")];
        for (number, id) in ids.iter().enumerate() {
            assert!(objects.get(id).is_none());
            objects.note(id).under_way = u32::try_from(number).unwrap();
            objects.note(id);
            assert_eq!(objects.len(), number + 1);
        }
        for (number, id) in ids.iter().enumerate() {
            assert_eq!(objects.get(id).unwrap().under_way, u32::try_from(number).unwrap());
            assert!(objects.get(&ObjectId { group: String::new(), ..id.clone() }).is_none());
        }
        objects.remove(&ids[0]);
        objects.remove(&ids[0]);
        assert!(objects.get_mut(&ids[0]).is_none() && objects.get_mut(&ids[1]).is_some());
        assert_eq!(objects.len(), 3);
    }

    #[test]
    fn of_a_kind_those_stay_that_are_to_and_no_other_kind_is_looked_at() {
        let mut objects = Objects::default();
        let ids = [id("A", "n", "x"), id("A", "n", "y"), id("A", "m", "x"), id("B", "n", "x")];
        ids.iter().for_each(|id| _ = objects.note(id));
        let mut seen = Vec::new();
        objects.retain("g", "A", |id, _| {
            seen.push(id.clone());
            id.name == "y"
        });
        seen.sort();
        let mut of_kind = ids[..3].to_vec();
        of_kind.sort();
        assert_eq!(seen, of_kind);
        assert_eq!(ids.iter().map(|id| objects.get(id).is_some()).collect::<Vec<_>>(), [false, true, false, true]);
        assert_eq!(objects.len(), 2);
        objects.retain("", "B", |_, _| false);
        assert_eq!(objects.len(), 2);
    }

    #[test]
    fn nothing_stays_of_what_is_gone() {
        let mut objects = Objects::default();
        let ids = [id("A", "n", "x"), id("A", "m", "y"), id("B", "n", "x")];
        ids.iter().for_each(|id| _ = objects.note(id));
        objects.remove(&ids[2]);
        objects.retain("g", "A", |_, _| false);
        assert!(objects.kinds.is_empty() && objects.len() == 0);
    }

    #[test]
    fn what_is_known_of_an_object_takes_little() {
        // Tens of thousands of them are kept for as long as the process lives: see docs/benchmarks.md.
        assert!(size_of::<Known>() <= 168, "{} bytes", size_of::<Known>());
    }
}
