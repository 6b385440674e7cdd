//! How the inputs of several providers come together.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use crate::{Input, id, normalized};

/// How many permutations there may be.
pub const MAX_PERMUTATIONS: usize = 10_000;

/// Who gives inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provider {
    /// Its API version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it gives.
    pub inputs: Vec<Input>,
}

/// How the inputs of several providers come together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// One after the other.
    #[default]
    Flatten,
    /// Each of one with each of all others, below the names of their providers.
    Permute {
        /// Whether there is nothing at all where one provider gives nothing; otherwise that one is left out.
        include_empty: bool,
    },
}

/// Why inputs do not come together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CombineError {
    /// There would be too many.
    #[error(
        "failed to get inputs from {kind}/{name}: adding provider '{name}' with {inputs} inputs would exceed the maximum allowed \
         permutations. max: {MAX_PERMUTATIONS}, got: {got}"
    )]
    TooMany {
        /// The kind of the provider that is one too many.
        kind: String,
        /// Its name.
        name: String,
        /// How many inputs it gives.
        inputs: usize,
        /// How many permutations there would be.
        got: usize,
    },
    /// A provider has a name of which nothing is left as a key.
    #[error("failed to get inputs from {kind}/{name}: normalized provider name is empty: '{name}'")]
    NoName {
        /// The kind of the provider.
        kind: String,
        /// Its name.
        name: String,
    },
}

/// The inputs of several providers together. Permutations are made one at a time: all of them may have ten thousand times as much
/// as what they are made of.
#[derive(Clone, Debug)]
pub struct Inputs(Made);

#[derive(Clone, Debug)]
enum Made {
    /// One after the other.
    Flat(Vec<Input>),
    /// So many permutations of what is given under these keys.
    Permuted(Vec<(String, Vec<Input>)>, usize),
}

impl From<Vec<Input>> for Inputs {
    fn from(inputs: Vec<Input>) -> Self {
        Self(Made::Flat(inputs))
    }
}

impl Inputs {
    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Made::Flat(inputs) => inputs.len(),
            Made::Permuted(_, count) => *count,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them in their order.
    pub fn iter(&self) -> impl Iterator<Item = Cow<'_, Input>> {
        (0..self.len()).map(|place| match &self.0 {
            Made::Flat(inputs) => Cow::Borrowed(&inputs[place]),
            Made::Permuted(named, _) => Cow::Owned(permutation(named, place)),
        })
    }
}

/// The inputs of all providers together. Each says by `provider` where it comes from.
///
/// # Errors
/// When there would be too many, or one has no name as a key.
pub fn combine(providers: &[Provider], strategy: Strategy) -> Result<Inputs, CombineError> {
    match strategy {
        Strategy::Flatten => Ok(providers.iter().flat_map(marked).collect::<Vec<_>>().into()),
        Strategy::Permute { include_empty } => permuted(providers, include_empty),
    }
}

/// The inputs of a provider, which say so.
fn marked(provider: &Provider) -> impl Iterator<Item = Input> + '_ {
    let Provider { api_version, kind, namespace, name, inputs } = provider;
    let mark = json!({ "apiVersion": api_version, "kind": kind, "name": name, "namespace": namespace });
    inputs.iter().map(move |input| {
        let mut input = input.clone();
        input.insert("provider".to_owned(), mark.clone());
        input
    })
}

fn permuted(providers: &[Provider], include_empty: bool) -> Result<Inputs, CombineError> {
    let mut named: Vec<(String, Vec<Input>)> = Vec::new();
    let mut expected = 1_usize;
    for provider in providers.iter().filter(|provider| include_empty || !provider.inputs.is_empty()) {
        let (kind, name, inputs) = (provider.kind.clone(), provider.name.clone(), provider.inputs.len());
        expected = expected.saturating_mul(inputs);
        if expected > MAX_PERMUTATIONS {
            return Err(CombineError::TooMany { kind, name, inputs, got: expected });
        }
        let key = normalized(&name);
        if key.is_empty() {
            return Err(CombineError::NoName { kind, name });
        }
        named.push((key, marked(provider).collect()));
    }
    let count = if named.is_empty() { 0 } else { expected };
    Ok(Inputs(Made::Permuted(named, count)))
}

/// The permutation at that place, of which the last provider's inputs follow each other most quickly.
fn permutation(named: &[(String, Vec<Input>)], place: usize) -> Input {
    let (mut input, mut rest) = (Map::new(), place);
    let mut chosen = Vec::with_capacity(named.len());
    for (key, inputs) in named.iter().rev() {
        let at = rest % inputs.len();
        rest /= inputs.len();
        chosen.push((key, at, &inputs[at]));
    }
    // Of two providers that have one key the last counts.
    for (key, _, one) in chosen.iter().rev() {
        input.insert((*key).clone(), Value::Object((*one).clone()));
    }
    let parts: Vec<String> = chosen.iter().rev().map(|(key, at, _)| format!("{key}={at}")).collect();
    input.insert("id".to_owned(), Value::String(id(&parts.join("/"))));
    input
}
