//! Who waits for whom, told together: of many that wait for the same one each would say the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

/// How many of those that wait for the same one are named.
const NAMED: usize = 5;

/// Who waits, and for whom.
#[derive(Debug, Default)]
pub struct Waits {
    of: BTreeMap<String, String>,
    /// Those of which it is still to be said.
    unsaid: BTreeSet<String>,
}

/// Those that wait for the same one, maybe by way of others that wait for it.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    /// What they wait for.
    pub on: String,
    /// Who waits, by name.
    pub names: Vec<String>,
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.names[..] {
            [name] => write!(f, "{name} waits for {}", self.on),
            names => {
                let named = cowherd_text::listed(names, NAMED);
                write!(f, "{} wait for {}: {named}", names.len(), self.on)
            }
        }
    }
}

impl Waits {
    /// Notes for whom `name` waits now, or that it does not.
    pub fn note(&mut self, name: &str, on: Option<&str>) {
        let before = match on {
            Some(on) => self.of.insert(name.to_owned(), on.to_owned()),
            None => self.of.remove(name),
        };
        if before.as_deref() == on {
            return;
        }
        if on.is_some() {
            self.unsaid.insert(name.to_owned())
        } else {
            self.unsaid.remove(name)
        };
    }

    /// Whether something is to be said that was not.
    pub fn has_news(&self) -> bool {
        !self.unsaid.is_empty()
    }

    /// What was not said before, which now counts as said.
    pub fn news(&mut self) -> Vec<Group> {
        let unsaid = std::mem::take(&mut self.unsaid);
        self.grouped(unsaid.iter())
    }

    /// All that wait, the largest group first.
    pub fn groups(&self) -> Vec<Group> {
        self.grouped(self.of.keys())
    }

    fn grouped<'a>(&'a self, names: impl Iterator<Item = &'a String>) -> Vec<Group> {
        let mut ends: HashMap<&str, &str> = HashMap::new();
        let mut groups: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for name in names {
            groups.entry(self.end(name, &mut ends)).or_default().push(name.clone());
        }
        let mut groups: Vec<Group> = groups.into_iter().map(|(on, names)| Group { on: on.to_owned(), names }).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.names.len()));
        groups
    }

    /// For whom it waits in the end, who waits for nobody. What is known of others is remembered in `ends`.
    fn end<'a>(&'a self, name: &'a str, ends: &mut HashMap<&'a str, &'a str>) -> &'a str {
        let mut way = vec![name];
        let end = loop {
            let Some(last) = way.last() else { break name };
            if let Some(end) = ends.get(last) {
                break end;
            }
            match self.of.get(*last) {
                // In a circle all wait for all.
                Some(next) if way.len() <= self.of.len() => way.push(next),
                _ => break last,
            }
        };
        ends.extend(way.iter().map(|name| (*name, end)));
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(groups: &[Group]) -> Vec<String> {
        groups.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn those_that_wait_for_the_same_in_the_end_are_told_together_and_once() {
        let mut waits = Waits::default();
        for (name, on) in [("b", "a"), ("c", "b"), ("d", "c"), ("y", "x")] {
            waits.note(name, Some(on));
        }
        assert_eq!(said(&waits.groups()), ["3 wait for a: b, c, d", "y waits for x"]);
        assert!(waits.has_news());
        assert_eq!(said(&waits.news()), ["3 wait for a: b, c, d", "y waits for x"]);
        waits.note("d", Some("c"));
        assert!(!waits.has_news() && waits.news().is_empty());
        waits.note("e", Some("d"));
        assert_eq!(said(&waits.news()), ["e waits for a"]);
        waits.note("b", None);
        assert_eq!(said(&waits.groups()), ["3 wait for b: c, d, e", "y waits for x"]);
        waits.note("b", Some("a"));
        assert_eq!(said(&waits.news()), ["b waits for a"], "it waits again");
        waits.note("b", Some("z"));
        waits.note("b", None);
        assert!(!waits.has_news(), "it is over before it was said");
    }

    #[test]
    fn a_circle_has_an_end_and_a_long_way_is_gone_once() {
        let mut waits = Waits::default();
        for (name, on) in [("a", "b"), ("b", "a")] {
            waits.note(name, Some(on));
        }
        assert_eq!(waits.groups().iter().map(|group| group.names.len()).sum::<usize>(), 2);
        let mut waits = Waits::default();
        (0..20_000).for_each(|number| waits.note(&format!("{:05}", number + 1), Some(&format!("{number:05}"))));
        assert_eq!(said(&waits.groups()), ["20000 wait for 00000: 00001, 00002, 00003, 00004, 00005, and 19995 more"]);
    }
}
