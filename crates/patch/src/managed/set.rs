//! Sets of fields.

use std::cmp::Ordering;

use super::element::{FieldsPath, PathElement};

/// A set of fields of an object.
///
/// A field and what lies below it are separate members: owning `.spec.replicas` does not mean owning `.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet {
    /// Sorted by element, each with something in it.
    nodes: Vec<Node>,
}

/// What a set holds at one element and below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) element: PathElement,
    /// Whether the element itself is in the set.
    pub(super) member: bool,
    pub(super) below: FieldSet,
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }
}

/// What becomes of a node that is in only one of the two sets.
#[derive(Clone, Copy)]
enum Alone {
    Keep,
    Drop,
}

impl FieldSet {
    /// A set of nothing.
    pub const fn new() -> Self {
        Self { nodes: Vec::new() }
    }

    /// A set of fields that are reached by names alone, such as `["metadata", "name"]`.
    pub fn of_fields(paths: &[&[&str]]) -> Self {
        let mut set = Self::new();
        for path in paths {
            set.insert(path.iter().map(|name| PathElement::field(name)));
        }
        set
    }

    /// Adds the field at `path`; the empty path means nothing.
    pub fn insert(&mut self, path: impl IntoIterator<Item = PathElement>) {
        let mut path = path.into_iter().peekable();
        let mut set = self;
        while let Some(element) = path.next() {
            let node = set.node_mut(element);
            if path.peek().is_none() {
                node.member = true;
                return;
            }
            set = &mut node.below;
        }
    }

    fn node_mut(&mut self, element: PathElement) -> &mut Node {
        let place = match self.nodes.binary_search_by(|node| node.element.cmp(&element)) {
            Ok(place) => place,
            Err(place) => {
                self.nodes.insert(place, Node { element, member: false, below: Self::new() });
                place
            }
        };
        &mut self.nodes[place]
    }

    /// Adds what is known of one element. Cheap when elements come in order.
    pub(super) fn add(&mut self, element: PathElement, member: bool, below: Self) {
        if !member && below.is_empty() {
            return;
        }
        if self.nodes.last().is_none_or(|last| last.element < element) {
            self.nodes.push(Node { element, member, below });
            return;
        }
        let node = self.node_mut(element);
        node.member |= member;
        if node.below.is_empty() {
            node.below = below;
        } else {
            node.below = node.below.union(&below);
        }
    }

    /// Changes each node of this level, and drops those that end up empty.
    pub(super) fn revise(&mut self, change: impl Fn(&mut Node)) {
        self.nodes.retain_mut(|node| {
            change(node);
            !node.is_empty()
        });
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many fields are in the set.
    pub fn len(&self) -> usize {
        self.nodes.iter().map(|node| usize::from(node.member) + node.below.len()).sum()
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn get(&self, element: &PathElement) -> Option<&Node> {
        let place = self.nodes.binary_search_by(|node| node.element.cmp(element)).ok()?;
        self.nodes.get(place)
    }

    /// What is known of the field `name`, without making an element of it.
    pub(super) fn get_field(&self, name: &str) -> Option<&Node> {
        let place = self.nodes.binary_search_by(|node| match &node.element {
            PathElement::Field(field) => (**field).cmp(name),
            _ => Ordering::Greater,
        });
        self.nodes.get(place.ok()?)
    }

    /// Whether the field at `path` is in the set.
    pub fn has(&self, path: &[PathElement]) -> bool {
        match path {
            [] => false,
            [last] => self.get(last).is_some_and(|node| node.member),
            [first, rest @ ..] => self.get(first).is_some_and(|node| node.below.has(rest)),
        }
    }

    /// What is in either set.
    pub fn union(&self, other: &Self) -> Self {
        self.combine(other, Alone::Keep, Alone::Keep, |left, right| Node {
            element: left.element.clone(),
            member: left.member || right.member,
            below: left.below.union(&right.below),
        })
    }

    /// What is in both sets.
    pub fn intersection(&self, other: &Self) -> Self {
        self.combine(other, Alone::Drop, Alone::Drop, |left, right| Node {
            element: left.element.clone(),
            member: left.member && right.member,
            below: left.below.intersection(&right.below),
        })
    }

    /// What is in this set and not in `other`. What lies below a field of `other` stays.
    pub fn difference(&self, other: &Self) -> Self {
        self.combine(other, Alone::Keep, Alone::Drop, |left, right| Node {
            element: left.element.clone(),
            member: left.member && !right.member,
            below: left.below.difference(&right.below),
        })
    }

    /// What is in this set and neither in `other` nor below a field of it.
    pub fn recursive_difference(&self, other: &Self) -> Self {
        self.combine(other, Alone::Keep, Alone::Drop, |left, right| Node {
            element: left.element.clone(),
            member: left.member && !right.member,
            below: if right.member { Self::new() } else { left.below.recursive_difference(&right.below) },
        })
    }

    /// Whether all of this set is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.nodes.iter().all(|node| match other.get(&node.element) {
            Some(theirs) => (theirs.member || !node.member) && node.below.is_subset(&theirs.below),
            None => false,
        })
    }

    /// The paths of the members: those of a level before those below it, each level in order.
    pub fn paths(&self) -> Vec<FieldsPath> {
        let mut found = Vec::new();
        self.collect_paths(&mut Vec::new(), &mut found);
        found
    }

    fn collect_paths(&self, prefix: &mut Vec<PathElement>, found: &mut Vec<FieldsPath>) {
        for node in self.nodes.iter().filter(|node| node.member) {
            prefix.push(node.element.clone());
            found.push(FieldsPath(prefix.clone()));
            prefix.pop();
        }
        for node in &self.nodes {
            prefix.push(node.element.clone());
            node.below.collect_paths(prefix, found);
            prefix.pop();
        }
    }

    /// Walks both sets in order; nodes that end up empty are left out.
    fn combine(&self, other: &Self, mine: Alone, theirs: Alone, both: impl Fn(&Node, &Node) -> Node) -> Self {
        let mut nodes = Vec::new();
        let (mut left, mut right) = (self.nodes.iter().peekable(), other.nodes.iter().peekable());
        let keep = |nodes: &mut Vec<Node>, node: Option<&Node>, alone| {
            if let (Some(node), Alone::Keep) = (node, alone) {
                nodes.push(node.clone());
            }
        };
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(left), Some(right)) => left.element.cmp(&right.element),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Self { nodes },
            };
            match order {
                Ordering::Less => keep(&mut nodes, left.next(), mine),
                Ordering::Greater => keep(&mut nodes, right.next(), theirs),
                Ordering::Equal => {
                    if let (Some(left), Some(right)) = (left.next(), right.next()) {
                        let node = both(left, right);
                        if !node.is_empty() {
                            nodes.push(node);
                        }
                    }
                }
            }
        }
    }
}
