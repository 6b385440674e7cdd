//! Which controllers run.

use std::collections::BTreeSet;
use std::str::FromStr;

/// Which controllers run, as `--controllers` of kube-controller-manager says it: names, separated by commas; `*` for all,
/// and `-NAME` for one that does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    all: bool,
    named: BTreeSet<String>,
    without: BTreeSet<String>,
}

/// A text that selects no controllers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no controller; there are {known}", known = names().collect::<Vec<_>>().join(", "))]
pub struct SelectionError {
    name: String,
}

/// The names of all controllers.
fn names() -> impl Iterator<Item = &'static str> {
    super::ALL.iter().map(|(name, _)| *name)
}

impl Default for Selection {
    /// All of them.
    fn default() -> Self {
        Self { all: true, named: BTreeSet::new(), without: BTreeSet::new() }
    }
}

impl Selection {
    /// No controller.
    pub fn none() -> Self {
        Self { all: false, ..Self::default() }
    }

    /// Whether the controller runs.
    pub(super) fn takes(&self, name: &str) -> bool {
        !self.without.contains(name) && (self.all || self.named.contains(name))
    }
}

impl FromStr for Selection {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        let mut selection = Self::none();
        for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let (name, list) = match word.strip_prefix('-') {
                Some(name) => (name, &mut selection.without),
                None if word == "*" => {
                    selection.all = true;
                    continue;
                }
                None => (word, &mut selection.named),
            };
            // Kubernetes' programs take the name with this end.
            let known = [name, name.strip_suffix("-controller").unwrap_or(name)];
            let Some(known) = names().find(|one| known.contains(one)) else {
                return Err(SelectionError { name: name.to_owned() });
            };
            list.insert(known.to_owned());
        }
        Ok(selection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Vec<&'static str> {
        let selection: Selection = text.parse().unwrap();
        names().filter(|name| selection.takes(name)).collect()
    }

    #[test]
    fn controllers_are_selected_as_by_kubernetes() {
        assert_eq!(taken("*"), names().collect::<Vec<_>>());
        assert_eq!(taken("deployment, replicaset"), ["deployment", "replicaset"]);
        assert_eq!(taken("*,-deployment").len(), names().count() - 1);
        assert_eq!(taken("deployment-controller,replicaset,-replicaset-controller"), ["deployment"]);
        assert_eq!(taken("deployment,-deployment"), [""; 0]);
        assert_eq!(taken(""), [""; 0]);
        let error = "*,-deploiment".parse::<Selection>().unwrap_err().to_string();
        assert!(error.starts_with("\"deploiment\" is no controller; there are namespace, "), "{error}");
    }
}
