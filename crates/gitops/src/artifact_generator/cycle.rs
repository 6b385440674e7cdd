//! Which generators make which artifacts, and of which others: none may be made of itself, by however many others in between.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::NamespacedName;

/// How many generators may stand one behind the other. Each may put directories inside others.
const MAX_CHAIN: usize = 16;

/// What is known of all generators.
#[derive(Clone, Debug, Default)]
pub(crate) struct Generators(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The ExternalArtifacts that each generator is made of.
    uses: HashMap<NamespacedName, BTreeSet<NamespacedName>>,
    /// Those that each makes.
    makes: HashMap<NamespacedName, BTreeSet<NamespacedName>>,
    /// Who makes each of them.
    makers: HashMap<NamespacedName, NamespacedName>,
}

/// Why a generator may not be made of what it names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Endless {
    /// It would be made of itself.
    #[error("it is made of what it makes itself: {0}; take one of them out of its sources")]
    Cycle(String),
    /// Too many stand one behind the other.
    #[error(
        "more than {MAX_CHAIN} ArtifactGenerators are made of each other's artifacts, up to '{0}'; take parts of their sources"
    )]
    Chain(NamespacedName),
}

impl Generators {
    /// A generator uses these ExternalArtifacts, and makes those.
    ///
    /// # Errors
    /// When it would be made of itself.
    pub(crate) fn note(
        &self,
        generator: &NamespacedName,
        uses: BTreeSet<NamespacedName>,
        makes: BTreeSet<NamespacedName>,
    ) -> Result<(), Endless> {
        let mut state = self.state();
        state.forget(generator);
        for artifact in &makes {
            state.makers.entry(artifact.clone()).or_insert_with(|| generator.clone());
        }
        state.uses.insert(generator.clone(), uses);
        state.makes.insert(generator.clone(), makes);
        state.check(generator)
    }

    /// A generator is gone.
    pub(crate) fn forget(&self, generator: &NamespacedName) {
        self.state().forget(generator);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, generator: &NamespacedName) {
        self.uses.remove(generator);
        for artifact in self.makes.remove(generator).unwrap_or_default() {
            if self.makers.get(&artifact) == Some(generator) {
                self.makers.remove(&artifact);
            }
        }
    }

    /// Follows what a generator is made of, as far as that leads to others. Each is met once.
    fn check(&self, generator: &NamespacedName) -> Result<(), Endless> {
        let mut came_from: HashMap<&NamespacedName, &NamespacedName> = HashMap::new();
        let mut rest = vec![(generator, 0)];
        while let Some((at, depth)) = rest.pop() {
            let used = self.uses.get(at).into_iter().flatten();
            for maker in used.filter_map(|artifact| self.makers.get(artifact)) {
                if maker == generator {
                    let mut way = vec![generator.to_string()];
                    let mut step = at;
                    while step != generator {
                        way.push(step.to_string());
                        step = came_from[step];
                    }
                    way.push(generator.to_string());
                    way.reverse();
                    return Err(Endless::Cycle(way.join(" -> ")));
                }
                if !came_from.contains_key(maker) {
                    came_from.insert(maker, at);
                    if depth + 1 >= MAX_CHAIN {
                        return Err(Endless::Chain(maker.clone()));
                    }
                    rest.push((maker, depth + 1));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> NamespacedName {
        NamespacedName::new("n", name)
    }

    fn note(generators: &Generators, generator: &str, uses: &[&str], makes: &[&str]) -> Result<(), String> {
        let names = |names: &[&str]| names.iter().map(|one| name(one)).collect();
        generators.note(&name(generator), names(uses), names(makes)).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_made_of_itself_by_however_many_others() {
        let generators = Generators::default();
        assert!(note(&generators, "own", &["x"], &["x"]).unwrap_err().contains("n/own -> n/own"));
        assert_eq!(note(&generators, "a", &["of-c"], &["of-a"]), Ok(()));
        assert_eq!(note(&generators, "b", &["of-a"], &["of-b"]), Ok(()));
        let said = note(&generators, "c", &["of-b"], &["of-c"]).unwrap_err();
        assert!(said.contains("n/c -> n/b -> n/a -> n/c"), "{said}");
        generators.forget(&name("b"));
        assert_eq!(note(&generators, "c", &["of-b"], &["of-c"]), Ok(()));
    }

    #[test]
    fn a_chain_has_an_end() {
        let generators = Generators::default();
        for link in 0..MAX_CHAIN {
            let (uses, makes) = (link.to_string(), (link + 1).to_string());
            assert_eq!(note(&generators, &format!("g{link}"), &[&uses], &[&makes]), Ok(()), "{link}");
        }
        let said = note(&generators, "last", &[&MAX_CHAIN.to_string()], &["end"]).unwrap_err();
        assert!(said.starts_with("more than 16 ArtifactGenerators"), "{said}");
    }
}
