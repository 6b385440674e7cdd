//! What differs between two versions of an object.

use std::collections::BTreeMap;

use cowherd_schema::Schema;
use serde_json::{Map, Value};

use super::element::PathElement;
use super::scalar::same;
use super::set::FieldSet;
use super::shape::Place;
use super::stripped::strip;

/// The fields that a change touches. No field is in more than one of the sets.
#[derive(Default)]
pub(super) struct Comparison {
    pub(super) removed: FieldSet,
    pub(super) modified: FieldSet,
    pub(super) added: FieldSet,
}

/// What a change does to a field itself, apart from what lies below it.
#[derive(Clone, Copy, PartialEq)]
enum Change {
    None,
    Removed,
    Modified,
    Added,
}

impl Comparison {
    /// Compares two versions of an object, leaving out the fields that nobody owns, those of `ignored` and all below
    /// them.
    pub(super) fn of(old: &Value, new: &Value, schema: &Schema, ignored: &FieldSet) -> Self {
        let found = compare(Place::root(schema), Some(old), Some(new)).1;
        let tracked = |set| {
            let set: FieldSet = strip(set);
            if ignored.is_empty() { set } else { set.recursive_difference(ignored) }
        };
        Self { removed: tracked(found.removed), modified: tracked(found.modified), added: tracked(found.added) }
    }

    /// The fields that have another value than before.
    pub(super) fn changed(&self) -> FieldSet {
        self.modified.union(&self.added)
    }

    fn add(&mut self, element: PathElement, change: Change, below: Self) {
        let (removed, modified, added) =
            (change == Change::Removed, change == Change::Modified, change == Change::Added);
        if removed || !below.removed.is_empty() {
            self.removed.add(element.clone(), removed, below.removed);
        }
        if modified || !below.modified.is_empty() {
            self.modified.add(element.clone(), modified, below.modified);
        }
        if added || !below.added.is_empty() {
            self.added.add(element, added, below.added);
        }
    }
}

fn compare(place: Place<'_>, old: Option<&Value>, new: Option<&Value>) -> (Change, Comparison) {
    let own = match (old, new) {
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
        _ => Change::None,
    };
    if let Some((old, new)) = maps(place, old, new) {
        return (own, compare_maps(place, old, new));
    }
    if let Some((old, new)) = lists(place, old, new)
        && let (Some(old_keys), Some(new_keys)) = (place.elements(old), place.elements(new))
    {
        return (own, compare_lists(place, (old_keys, old), (new_keys, new)));
    }
    match (old, new) {
        // What was in a map that is none any more is gone, and all is new in one that was none.
        (Some(old), Some(new)) if !same(old, new) => {
            let (gone, come) = (compare(place, Some(old), None).1, compare(place, None, Some(new)).1);
            (Change::Modified, Comparison { removed: gone.removed, added: come.added, ..Comparison::default() })
        }
        _ => (own, Comparison::default()),
    }
}

/// A side of a comparison that is a map; `None` stands for null and for nothing.
type Fields<'v> = Option<&'v Map<String, Value>>;

/// Both sides as maps that merge by field. Null and nothing go along with a map; two empty ones are leaves, so that
/// a change from one to the other is seen.
fn maps<'v>(place: Place<'_>, old: Option<&'v Value>, new: Option<&'v Value>) -> Option<(Fields<'v>, Fields<'v>)> {
    let map = |side: Option<&'v Value>| match side {
        None | Some(Value::Null) => Some(None),
        Some(Value::Object(map)) => Some(Some(map)),
        Some(_) => None,
    };
    let (old, new) = (map(old)?, map(new)?);
    let empty = |side: Fields<'_>| side.is_none_or(Map::is_empty);
    (place.merges_maps() && !(empty(old) && empty(new))).then_some((old, new))
}

/// Both sides as lists that merge by item, in the same way.
fn lists<'v>(place: Place<'_>, old: Option<&'v Value>, new: Option<&'v Value>) -> Option<(&'v [Value], &'v [Value])> {
    let list = |side: Option<&'v Value>| match side {
        None | Some(Value::Null) => Some(&[] as &[Value]),
        Some(Value::Array(items)) => Some(items.as_slice()),
        Some(_) => None,
    };
    let (old, new) = (list(old)?, list(new)?);
    let both_empty = old.is_empty() && new.is_empty();
    (place.merges_lists() && !both_empty).then_some((old, new))
}

fn compare_maps(place: Place<'_>, old: Fields<'_>, new: Fields<'_>) -> Comparison {
    let mut found = Comparison::default();
    let given = |name: &String| new.is_some_and(|new| new.contains_key(name));
    let gone =
        old.into_iter().flatten().filter(|(name, _)| !given(name)).map(|(name, value)| (name, Some(value), None));
    let kept = new.into_iter().flatten().map(|(name, value)| (name, old.and_then(|old| old.get(name)), Some(value)));
    for (name, old, new) in kept.chain(gone) {
        let (change, below) = compare(place.field(name), old, new);
        if change != Change::None || !below.is_empty() {
            found.add(PathElement::field(name), change, below);
        }
    }
    found
}

impl Comparison {
    /// Whether nothing differs.
    pub(super) fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }
}

type Keyed<'v> = (Vec<PathElement>, &'v [Value]);

/// Items that stand for the same thing are compared as one: several of them on a side are known only as a whole.
fn compare_lists(place: Place<'_>, old: Keyed<'_>, new: Keyed<'_>) -> Comparison {
    let mut sides: BTreeMap<PathElement, (Vec<&Value>, Vec<&Value>)> = BTreeMap::new();
    for (element, value) in old.0.into_iter().zip(old.1) {
        sides.entry(element).or_default().0.push(value);
    }
    for (element, value) in new.0.into_iter().zip(new.1) {
        sides.entry(element).or_default().1.push(value);
    }
    let mut found = Comparison::default();
    for (element, (old, new)) in sides {
        let (change, below) = match (old.as_slice(), new.as_slice()) {
            ([] | [_], [] | [_]) => compare(place.item(), old.first().copied(), new.first().copied()),
            ([_, _, ..], [_, _, ..]) => {
                let equal = old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| same(old, new));
                (if equal { Change::None } else { Change::Modified }, Comparison::default())
            }
            ([_, _, ..], []) => (Change::Removed, Comparison::default()),
            ([_, _, ..], [new]) => (Change::Modified, compare(place.item(), None, Some(new)).1),
            (rest, _) => {
                let below = rest.first().map(|old| compare(place.item(), Some(old), None).1);
                (Change::Added, below.unwrap_or_default())
            }
        };
        found.add(element, change, below);
    }
    found
}
