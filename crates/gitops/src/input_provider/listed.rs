//! What hosts of repositories answer with, as much of it as becomes inputs: whatever else there is takes no memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// How many are on a page at most, whatever was asked for, and how many labels one has.
const MOST: usize = 1_000;
const MOST_LABELS: usize = 200;

/// A page of a list.
pub(super) type Page = Bounded<Listed, MOST>;

/// A branch, a tag or a request, in the words of any of the hosts.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Listed {
    /// The name of a branch or a tag.
    pub(super) name: Option<String>,
    /// What that is at.
    pub(super) commit: Commit,
    /// The number of a request, and the same to GitLab.
    pub(super) number: Option<u64>,
    pub(super) iid: Option<u64>,
    pub(super) title: Option<String>,
    /// Whose it is, and the same to GitLab.
    pub(super) user: Option<User>,
    pub(super) author: Option<User>,
    pub(super) labels: Option<Bounded<Label, MOST_LABELS>>,
    /// What it would bring.
    pub(super) head: Option<Head>,
    /// The same to GitLab.
    pub(super) source_branch: Option<String>,
    pub(super) sha: Option<String>,
}

/// A commit, whose identity hosts call one or the other.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Commit {
    pub(super) sha: Option<String>,
    pub(super) id: Option<String>,
}

/// Somebody.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct User {
    pub(super) login: Option<String>,
    pub(super) username: Option<String>,
}

/// The head of a branch.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub(super) struct Head {
    #[serde(rename = "ref")]
    pub(super) branch: Option<String>,
    pub(super) sha: Option<String>,
}

/// A label, by its name alone or with more.
#[derive(Debug, serde::Deserialize)]
#[serde(untagged)]
pub(super) enum Label {
    Name(String),
    Described { name: String },
}

impl Label {
    pub(super) fn name(self) -> String {
        match self {
            Self::Name(name) | Self::Described { name } => name,
        }
    }
}

/// A list that may not be longer.
#[derive(Debug)]
pub(super) struct Bounded<T, const N: usize>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Bounded<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Items::<T, N>(PhantomData))
    }
}

/// Reads the items of a list.
struct Items<T, const N: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Items<T, N> {
    type Value = Bounded<T, N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of {N} at most")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element()? {
            if all.len() == N {
                return Err(A::Error::custom("the list is too long"));
            }
            all.push(item);
        }
        Ok(Bounded(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_its_bound() {
        let read = |count: usize| serde_json::from_str::<Page>(&format!("[{}]", vec!["{}"; count].join(","))).ok();
        assert_eq!(read(MOST).unwrap().0.len(), MOST);
        assert!(read(MOST + 1).is_none());
        let labels = |count: usize| format!(r#"[{{"labels":[{}]}}]"#, vec![r#""a""#; count].join(","));
        assert!(serde_json::from_str::<Page>(&labels(MOST_LABELS)).is_ok());
        assert!(serde_json::from_str::<Page>(&labels(MOST_LABELS + 1)).is_err());
    }
}
