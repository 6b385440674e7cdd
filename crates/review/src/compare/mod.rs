//! What tells two versions of a cluster apart.

mod consequences;
mod refusals;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cowherd_apply::mask::Mask;
use cowherd_apply::{FieldChange, Manifest, ObjectId, Versioned};
use cowherd_tree::{Tree, TreeError, TreePath};
use serde_json::Value;

use crate::check::dependencies;
use crate::cluster::{Cluster, Context, Side, State, Unit};
use crate::discovery::{By, Discovery, LeftOut, discover};
use crate::gitops::NamespacedName;

/// What a change of a repository changes, in all its clusters.
pub struct Review {
    /// What it is compared with.
    pub base: (String, Option<String>),
    /// What is reviewed.
    pub head: (String, Option<String>),
    /// Whether the two have no common history, so that what the base alone has counts as taken away.
    pub is_unrelated: bool,
    /// All Kustomizations of either side, also where nothing changes.
    pub known: BTreeSet<NamespacedName>,
    /// The clusters, by path.
    pub clusters: Vec<ClusterReview>,
    /// All paths that were looked at, and what spoke for each.
    pub looked_at: Vec<(String, By)>,
    /// What beside them means manifests and was not looked at.
    pub left_out: Vec<LeftOut>,
}

/// What changes in one cluster.
pub struct ClusterReview {
    /// The path that it grows from.
    pub path: String,
    /// The Kustomizations about which there is something to say.
    pub units: Vec<UnitReview>,
    /// All Kustomizations of either side.
    pub known: BTreeSet<NamespacedName>,
    /// How many Kustomizations there are besides, with nothing changed.
    pub unchanged: usize,
    /// Kustomizations that are not looked at, with the reason.
    pub elsewhere: Vec<(NamespacedName, String)>,
    /// What is wrong between Kustomizations.
    pub errors: Vec<String>,
}

/// What changes of one Kustomization.
pub struct UnitReview {
    /// Its name.
    pub name: NamespacedName,
    /// The directory.
    pub path: String,
    /// Whether it is new, or gone.
    pub status: Status,
    /// What changes, in the order of the objects.
    pub changes: Vec<Change>,
    /// What keeps it from being applied as it is reviewed.
    pub errors: Vec<String>,
    /// What only a cluster could tell, and whatever else a person should know.
    pub notes: Vec<String>,
}

/// Whether a Kustomization is new, or gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is new.
    Added,
    /// It was there, and is.
    Kept,
    /// It is gone.
    Removed,
}

/// What becomes of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It is new.
    Created,
    /// It changes.
    Configured,
    /// It is no longer described, and is deleted.
    Deleted,
    /// It is no longer described, and stays.
    Left,
    /// Another Kustomization describes it now.
    MovedTo(NamespacedName),
    /// Another Kustomization described it before.
    MovedFrom(NamespacedName),
    /// Its release is installed.
    Installed,
    /// Its release is upgraded.
    Upgraded,
    /// Its release is uninstalled.
    Uninstalled,
}

impl Kind {
    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Deleted => "deleted",
            Self::Left => "left",
            Self::MovedTo(_) | Self::MovedFrom(_) => "moved",
            Self::Installed => "installed",
            Self::Upgraded => "upgraded",
            Self::Uninstalled => "uninstalled",
        }
    }
}

/// What becomes of one object.
pub struct Change {
    /// The object.
    pub object: Versioned,
    /// What becomes of it.
    pub kind: Kind,
    /// The fields that change. Values that come from Secrets are masked.
    pub fields: Vec<FieldChange>,
    /// What follows from it.
    pub notes: Vec<String>,
}

/// The paths that are reviewed.
pub enum Wanted<'a> {
    /// These.
    Paths(&'a [String]),
    /// Those that are found, but in these directories.
    Found {
        /// The directories.
        excluded: &'a [TreePath],
    },
}

/// Reviews `head` against `base`.
///
/// # Errors
/// When a tree cannot be read.
pub fn review(base: &Side, head: &Side, wanted: &Wanted<'_>, context: &Context) -> Result<Review, TreeError> {
    let id = |side: &Side| -> Result<_, TreeError> {
        Ok(side.tree.entry(&cowherd_tree::TreePath::root())?.map(|entry| entry.id))
    };
    let is_same = id(base)? == id(head)? && base.commit.is_some() && head.commit.is_some();
    let name = |side: &Side| (side.name.clone(), side.commit.clone());
    let mut review = Review {
        base: name(base),
        head: name(head),
        is_unrelated: false,
        known: BTreeSet::new(),
        clusters: Vec::new(),
        looked_at: Vec::new(),
        left_out: Vec::new(),
    };
    match wanted {
        Wanted::Paths(paths) => {
            for path in *paths {
                let pair = Pair { path, by: By::Person, before: None, after: None };
                match is_same {
                    true => {
                        review.looked_at.push((path.clone(), By::Person));
                        review.known.extend(Cluster::read(head, path, context, None)?.units.into_keys());
                    }
                    false => review.add(base, head, pair, context)?,
                }
            }
        }
        Wanted::Found { excluded } => {
            let after = discover(head, context, excluded, None)?;
            let before = if is_same { Discovery::default() } else { discover(base, context, excluded, Some(&after))? };
            review.add_found(base, head, (before, after), is_same, context)?;
        }
    }
    Ok(review)
}

/// The two sides of a path, as far as they are read.
struct Pair<'a> {
    path: &'a str,
    by: By,
    before: Option<Cluster>,
    after: Option<Cluster>,
}

impl Review {
    /// Reviews what was found. What was found on one side alone is the same path on the other: no more may speak for it there.
    fn add_found(
        &mut self,
        base: &Side,
        head: &Side,
        (before, after): (Discovery, Discovery),
        is_same: bool,
        context: &Context,
    ) -> Result<(), TreeError> {
        let covered = after.covered;
        let left_out: BTreeSet<LeftOut> = after.left_out.into_iter().chain(before.left_out).collect();
        self.left_out = left_out.into_iter().collect();
        let mut pairs: BTreeMap<String, (By, Option<Cluster>, Option<Cluster>)> = BTreeMap::new();
        for one in after.clusters {
            self.known.extend(one.cluster.units.keys().cloned());
            pairs.insert(one.cluster.path.clone(), (one.by, None, Some(one.cluster)));
        }
        for one in before.clusters {
            let path = one.cluster.path.clone();
            // What is part of another one now is told there.
            if !pairs.contains_key(&path) && covered.has_whole(&path) {
                continue;
            }
            pairs.entry(path).or_insert((one.by, None, None)).1 = Some(one.cluster);
        }
        if pairs.is_empty() {
            // What is wrong with it is told where it is rendered.
            pairs.insert("./".to_owned(), (By::Manifests, None, None));
        }
        for (path, (by, before, after)) in pairs {
            match is_same {
                true => self.looked_at.push((path, by)),
                false => self.add(base, head, Pair { path: &path, by, before, after }, context)?,
            }
        }
        Ok(())
    }

    fn add(&mut self, base: &Side, head: &Side, pair: Pair<'_>, context: &Context) -> Result<(), TreeError> {
        let Pair { path, by, before, after } = pair;
        self.looked_at.push((path.to_owned(), by));
        let is_new = !exists(base.tree.as_ref(), path)?;
        let is_gone = !exists(head.tree.as_ref(), path)?;
        let after = match after {
            Some(after) => after,
            None => Cluster::read(head, path, context, before.as_ref())?,
        };
        let before = match before {
            Some(before) => before,
            None => Cluster::read(base, path, context, Some(&after))?,
        };
        let cluster = compare((!is_new).then_some(&before), (!is_gone).then_some(&after));
        self.known.extend(cluster.known.iter().cloned());
        self.clusters.push(cluster);
        Ok(())
    }
}

fn exists(tree: &dyn Tree, path: &str) -> Result<bool, TreeError> {
    match cowherd_tree::TreePath::parse(path) {
        Ok(path) => Ok(tree.stat(&path)?.is_some()),
        // The Kustomization says what is wrong with it.
        Err(_) => Ok(true),
    }
}

/// What tells two versions of a cluster apart; one of them may not be there.
pub fn compare(before: Option<&Cluster>, after: Option<&Cluster>) -> ClusterReview {
    let units = |cluster: Option<&Cluster>| cluster.map(|cluster| cluster.units.clone()).unwrap_or_default();
    let (all_before, all_after) = (units(before), units(after));
    let comparison = Comparison::new(&all_before, &all_after);
    let names: BTreeSet<&NamespacedName> = comparison.before.keys().chain(comparison.after.keys()).collect();
    let path = after.or(before).map(|cluster| cluster.path.clone()).unwrap_or_default();
    let known = names.iter().map(|name| (*name).clone()).collect();
    let mut review =
        ClusterReview { path, units: Vec::new(), known, unchanged: 0, elsewhere: Vec::new(), errors: Vec::new() };
    review.errors.extend(after.into_iter().flat_map(dependencies::cycles).map(|cycle| cycle.to_string()));
    review.errors.extend(after.into_iter().flat_map(dependencies::deadlocks).map(|deadlock| deadlock.to_string()));
    for name in names {
        match comparison.unit(name) {
            Compared::Told(unit) => review.units.push(unit),
            Compared::Unchanged => review.unchanged += 1,
            Compared::Elsewhere(why) => review.elsewhere.push((name.clone(), why)),
        }
    }
    review
}

type Units = BTreeMap<NamespacedName, Arc<Unit>>;
/// Objects with the cluster that they are in, where it is not the one at hand.
type Places<'a> = BTreeMap<(Option<String>, &'a ObjectId), (&'a NamespacedName, &'a Manifest)>;

struct Comparison<'a> {
    before: &'a Units,
    after: &'a Units,
    was_in: Places<'a>,
    is_in: Places<'a>,
}

enum Compared {
    Told(UnitReview),
    Unchanged,
    Elsewhere(String),
}

impl<'a> Comparison<'a> {
    fn new(before: &'a Units, after: &'a Units) -> Self {
        Self { before, after, was_in: places(before), is_in: places(after) }
    }

    fn unit(&self, name: &NamespacedName) -> Compared {
        let (before, after) = (self.before.get(name), self.after.get(name));
        let Some(shown) = after.or(before) else { return Compared::Unchanged };
        if let (Some(a), Some(b)) = (before.and_then(|unit| unit.made()), after.and_then(|unit| unit.made()))
            && Arc::ptr_eq(a, b)
            && b.problems.is_empty()
            && before.zip(after).is_some_and(|(before, after)| before.sets.are_like(&after.sets))
        {
            return Compared::Unchanged;
        }
        if let State::Elsewhere(why) = &shown.state
            && before.is_none_or(|before| matches!(before.state, State::Elsewhere(_)))
        {
            return Compared::Elsewhere(why.clone());
        }
        let status = match (before, after) {
            (None, _) => Status::Added,
            (_, None) => Status::Removed,
            _ => Status::Kept,
        };
        let mask = mask(before.into_iter().chain(after));
        let mut review = UnitReview {
            name: name.clone(),
            path: shown.path.clone(),
            status,
            changes: Vec::new(),
            errors: Vec::new(),
            notes: Vec::new(),
        };
        self.troubles(before, after, &mut review);
        if review.errors.is_empty() || after.is_some_and(|after| after.made().is_some()) {
            review.changes = self.changes(before, after);
        }
        review.notes.extend(shown.notes.iter().cloned());
        consequences::of_all(before, after, &mut review);
        for text in review.errors.iter_mut().chain(&mut review.notes) {
            *text = mask.text(text);
        }
        review.changes.iter_mut().for_each(|change| masked(change, &mask));
        if review.changes.is_empty() && review.errors.is_empty() && status == Status::Kept && !self.mended(name) {
            return Compared::Unchanged;
        }
        Compared::Told(review)
    }

    /// Whether nothing came of it before, and now something does.
    fn mended(&self, name: &NamespacedName) -> bool {
        let state = |units: &Units| units.get(name).map(|unit| matches!(unit.state, State::Failed(_)));
        state(self.before) == Some(true) && state(self.after) == Some(false)
    }

    fn troubles(&self, before: Option<&Arc<Unit>>, after: Option<&Arc<Unit>>, review: &mut UnitReview) {
        match after.map(|unit| &unit.state) {
            Some(State::Failed(problem)) => {
                let was = before.is_some_and(|before| matches!(before.state, State::Failed(_)));
                let since = if was { " (as before the change)" } else { "" };
                review.errors.push(format!("{}{since}", problem.text));
            }
            Some(State::Made(made)) => review.errors.extend(made.problems.iter().map(|problem| problem.text.clone())),
            Some(State::Elsewhere(why)) => review.notes.push(format!("not looked at any more: {why}")),
            None => {}
        }
        if let Some(sets) = after.map(|after| &after.sets) {
            review.errors.extend(sets.problems.iter().map(|(set, why)| format!("{set}: {why}")));
            let unforeseen = sets.unforeseen.iter();
            review.notes.extend(unforeseen.map(|(set, why)| format!("what {set} makes is not foreseen: {why}")));
            let suspended = sets.suspended.iter();
            review.notes.extend(suspended.map(|set| format!("{set} rests: nothing of it happens until it is resumed")));
        }
        match before.map(|unit| &unit.state) {
            Some(State::Failed(problem)) if review.errors.is_empty() => {
                let text = "nothing came of it before the change, so all of it is told as created";
                review.notes.push(format!("{text}: {}", problem.text));
            }
            Some(State::Elsewhere(why)) => review.notes.push(format!("not looked at before the change: {why}")),
            _ => {}
        }
    }

    fn changes(&self, before: Option<&Arc<Unit>>, after: Option<&Arc<Unit>>) -> Vec<Change> {
        fn objects(unit: Option<&Arc<Unit>>) -> BTreeMap<&ObjectId, &Manifest> {
            let all = unit.map(|unit| unit.objects()).unwrap_or_default();
            all.iter().map(|object| (object.id(), object)).collect()
        }
        let (old, new) = (objects(before), objects(after));
        let target = |unit: Option<&Arc<Unit>>| unit.and_then(|unit| unit.target());
        let (before_target, after_target) = (target(before), target(after));
        let mut changes = Vec::new();
        for (id, object) in &new {
            let origin = self.was_in.get(&(after_target.clone(), *id)).filter(|_| !old.contains_key(id));
            let (kind, from) = match (origin, old.get(id)) {
                (Some((name, object)), _) => (Kind::MovedFrom((*name).clone()), Some(*object)),
                (_, Some(object)) => (Kind::Configured, Some(*object)),
                (_, None) => (Kind::Created, None),
            };
            changes.extend(change(kind, from, Some(object)));
        }
        for (id, object) in old.iter().filter(|(id, _)| !new.contains_key(*id)) {
            let kind = match self.is_in.get(&(before_target.clone(), *id)) {
                Some((name, _)) => Kind::MovedTo((*name).clone()),
                None if consequences::stays(object, before, after) => Kind::Left,
                None => Kind::Deleted,
            };
            changes.extend(change(kind, Some(object), None));
        }
        changes.sort_by(|a, b| cowherd_apply::order::compare(&a.object.id, &b.object.id));
        changes
    }
}

/// What becomes of an object, unless it stays as it is.
fn change(kind: Kind, before: Option<&Manifest>, after: Option<&Manifest>) -> Option<Change> {
    let shown = after.or(before)?;
    let fields = match kind {
        Kind::Deleted | Kind::Left | Kind::MovedTo(_) => Vec::new(),
        _ => cowherd_apply::compare(before.map(Manifest::object), after.map(Manifest::object)),
    };
    if kind == Kind::Configured && fields.is_empty() {
        return None;
    }
    let mut notes = consequences::of(&kind, shown.object());
    if let (Some(before), Some(after)) = (before, after) {
        notes.extend(refusals::of(before, after));
    }
    Some(Change { object: shown.versioned().clone(), kind, fields, notes })
}

fn places(units: &Units) -> Places<'_> {
    let of = |(name, unit)| {
        let unit: &Arc<Unit> = unit;
        let target = unit.target();
        unit.objects().iter().map(move |object| ((target.clone(), object.id()), (name, object)))
    };
    units.iter().flat_map(of).collect()
}

/// Hides what came from Secrets on either side.
fn mask<'a>(units: impl Iterator<Item = &'a Arc<Unit>>) -> Mask {
    let mut mask = Mask::default();
    units.flat_map(|unit| &unit.secrets).for_each(|secret| mask.add_text(secret));
    mask
}

fn masked(change: &mut Change, mask: &Mask) {
    change.notes.iter_mut().for_each(|note| *note = mask.text(note));
    for field in &mut change.fields {
        field.path = mask.text(&field.path);
        let before = field.before.as_ref().map(|value| masked_value(value, mask));
        let after = field.after.as_ref().map(|value| masked_value(value, mask));
        // What is hidden can still be seen to differ.
        let is_hidden = before == after && field.before != field.after;
        let marked = |value: Option<Value>, word: &str| match value {
            Some(Value::String(text)) if is_hidden => Some(Value::String(format!("{text} ({word})"))),
            value => value,
        };
        (field.before, field.after) = (marked(before, "before"), marked(after, "after"));
    }
}

fn masked_value(value: &Value, mask: &Mask) -> Value {
    match value {
        Value::String(text) => Value::String(mask.text(text)),
        Value::Array(items) => Value::Array(items.iter().map(|item| masked_value(item, mask)).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (mask.text(key), masked_value(value, mask))).collect())
        }
        Value::Number(number) => {
            let (text, shown) = (number.to_string(), mask.text(&number.to_string()));
            if text == shown { value.clone() } else { Value::String(shown) }
        }
        Value::Null | Value::Bool(_) => value.clone(),
    }
}
