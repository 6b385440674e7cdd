//! What stands in the way of a takeover, and what of it somebody accepts by name.

use cowherd_text::listed;
use serde_json::{Value, json};

/// How many are named.
const MOST: usize = 12;

/// What a finding is about. What it is called is how all of its sort are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// An object would be created, changed or deleted.
    Changes,
    /// A kind that nothing here acts upon.
    Unsupported,
    /// Flux's controllers are told what agents cannot be told.
    Flags,
    /// What says to be Flux's controllers is in several namespaces.
    Apart,
    /// It cannot be told what would become of something.
    Untold,
    /// The cluster refuses what is to be done. Nobody can accept that for it.
    Refused,
}

/// The sorts that can be accepted as a whole.
pub const ACCEPTABLE: [Sort; 5] = [Sort::Changes, Sort::Unsupported, Sort::Flags, Sort::Apart, Sort::Untold];

impl Sort {
    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Changes => "changes",
            Self::Unsupported => "unsupported",
            Self::Flags => "flags",
            Self::Apart => "apart",
            Self::Untold => "untold",
            Self::Refused => "refused",
        }
    }
}

/// One thing that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    sort: Sort,
    /// The object, as it is told, or the kind that it is about, if it is about one.
    name: Option<String>,
}

impl Finding {
    /// One about an object, or a kind.
    pub fn about(sort: Sort, name: impl Into<String>) -> Self {
        Self { sort, name: Some(name.into()) }
    }

    /// One that is about the cluster as a whole.
    pub fn of(sort: Sort) -> Self {
        Self { sort, name: None }
    }

    /// By which word it alone is accepted, or all that cannot be told apart from it.
    fn word(&self) -> &str {
        self.name.as_deref().unwrap_or(self.sort.word())
    }

    /// For programs.
    pub fn structured(&self) -> Value {
        json!({ "sort": self.sort.word(), "name": self.name })
    }

    fn is_accepted(&self, accepted: &[String]) -> bool {
        let is_named = accepted.iter().any(|word| word == self.sort.word() || Some(word) == self.name.as_ref());
        self.sort != Sort::Refused && is_named
    }
}

/// Those that nobody accepts.
pub fn open<'a>(found: &'a [Finding], accepted: &[String]) -> Vec<&'a Finding> {
    found.iter().filter(|finding| !finding.is_accepted(accepted)).collect()
}

/// The words that accept all of these, each once; `None` where the cluster itself refuses something.
pub fn words(found: &[&Finding]) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    for finding in found {
        if finding.sort == Sort::Refused {
            return None;
        }
        if !words.iter().any(|word| word == finding.word()) {
            words.push(finding.word().to_owned());
        }
    }
    Some(words)
}

/// What these are, for people.
pub fn named(found: &[&Finding]) -> String {
    let mut names: Vec<&str> = found.iter().map(|finding| finding.word()).collect();
    names.dedup();
    listed(names, MOST)
}

/// The words of a command line that name nothing that was found: they may be mistyped.
pub fn without_meaning<'a>(found: &[Finding], accepted: &'a [String]) -> Vec<&'a str> {
    let is_of_a_sort = |word: &str| ACCEPTABLE.into_iter().any(|sort| sort.word() == word);
    let is_met = |word: &str| found.iter().any(|finding| finding.name.as_deref() == Some(word));
    accepted.iter().map(String::as_str).filter(|word| !is_of_a_sort(word) && !is_met(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Vec<Finding> {
        vec![
            Finding::about(Sort::Changes, "ConfigMap/default/a"),
            Finding::about(Sort::Changes, "ConfigMap/default/b"),
            Finding::about(Sort::Unsupported, "Herd"),
            Finding::of(Sort::Untold),
            Finding::of(Sort::Untold),
        ]
    }

    fn accepted(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn what_is_accepted_is_what_is_named_or_all_of_a_sort() {
        let found = found();
        let left = |words: &[&str]| named(&open(&found, &accepted(words)));
        assert_eq!(left(&[]), "ConfigMap/default/a, ConfigMap/default/b, Herd, untold");
        assert_eq!(left(&["ConfigMap/default/a", "untold"]), "ConfigMap/default/b, Herd");
        assert_eq!(left(&["changes", "unsupported"]), "untold");
        assert_eq!(left(&["changes", "Herd", "untold"]), "");
    }

    #[test]
    fn nobody_accepts_for_the_cluster_what_it_refuses() {
        let found = [Finding::of(Sort::Refused), Finding::of(Sort::Flags)];
        let left = open(&found, &accepted(&["refused", "flags"]));
        assert_eq!((left.len(), words(&left)), (1, None));
    }

    #[test]
    fn the_words_that_accept_it_are_said_each_once() {
        let found = found();
        let words = words(&open(&found, &[])).unwrap();
        assert_eq!(words, ["ConfigMap/default/a", "ConfigMap/default/b", "Herd", "untold"]);
        assert!(open(&found, &words).is_empty());
        assert_eq!(
            without_meaning(&found, &accepted(&["flags", "Herd", "ConfigMap/default/c"])),
            ["ConfigMap/default/c"]
        );
    }
}
