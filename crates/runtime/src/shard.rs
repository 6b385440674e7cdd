//! A part of all objects, told by their labels: several agents share a cluster by having a part each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use kube::core::{Expression, Selector, SelectorExt};

/// The objects that a label selector leaves, as `--watch-label-selector` of Flux's controllers names them:
/// `sharding.fluxcd.io/key=shard1`, or `!sharding.fluxcd.io/key` for those that are in no shard.
#[derive(Clone, Debug, Default)]
pub struct Shard {
    text: String,
    selector: Selector,
}

/// Why a text selects nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no label selector such as key=value, key!=value, key in (a,b), key notin (a,b), key or !key")]
pub struct ShardError(String);

impl Shard {
    /// Whether it is all objects.
    pub fn is_all(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether an object with these labels is in it.
    pub fn has(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        self.selector.matches(labels.unwrap_or(&NONE))
    }

    /// A name for what there is one of in each shard, such as the Lease of its leader: the same wherever the selector is
    /// written the same.
    pub fn name(&self, base: &str) -> String {
        if self.is_all() {
            return base.to_owned();
        }
        // 64 bits of FNV-1a, which says the same in every build; whoever writes selectors means no harm to themselves.
        let hash = self
            .text
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        format!("{base}-{hash:016x}")
    }
}

/// As the API takes it.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let requirements = requirements(text);
        let expressions = requirements.iter().map(|requirement| expression(requirement));
        let expressions: Option<Vec<_>> = expressions.collect();
        let expressions = expressions.ok_or_else(|| ShardError(text.to_owned()))?;
        let text = requirements.join(",");
        Ok(Self { text, selector: expressions.into_iter().collect() })
    }
}

/// The parts between commas that are in no parentheses.
fn requirements(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in text.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    let parts = parts.iter().map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let parts: Vec<String> = parts.collect();
    if parts == [""] { Vec::new() } else { parts }
}

fn expression(requirement: &str) -> Option<Expression> {
    let valid = |key: &str| is_key(key).then(|| key.to_owned());
    if let Some((key, values)) = requirement.split_once(" notin ").or_else(|| requirement.split_once(" notin(")) {
        return Some(Expression::NotIn(valid(key.trim())?, set(values)?));
    }
    if let Some((key, values)) = requirement.split_once(" in ").or_else(|| requirement.split_once(" in(")) {
        return Some(Expression::In(valid(key.trim())?, set(values)?));
    }
    if let Some((key, value)) = requirement.split_once("!=") {
        return Some(Expression::NotEqual(valid(key.trim())?, label(value)?));
    }
    if let Some((key, value)) = requirement.split_once("==").or_else(|| requirement.split_once('=')) {
        return Some(Expression::Equal(valid(key.trim())?, label(value)?));
    }
    match requirement.strip_prefix('!') {
        Some(key) => Some(Expression::DoesNotExist(valid(key.trim())?)),
        None => Some(Expression::Exists(valid(requirement)?)),
    }
}

/// `(a, b)`, of which the first parenthesis may have been taken already.
fn set(text: &str) -> Option<BTreeSet<String>> {
    let text = text.trim().strip_suffix(')')?;
    text.strip_prefix('(').unwrap_or(text).split(',').map(label).collect()
}

fn label(text: &str) -> Option<String> {
    let text = text.trim();
    (text.is_empty() || is_word(text)).then(|| text.to_owned())
}

fn is_key(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    is_word(name) && prefix.is_none_or(|prefix| prefix.len() <= 253 && prefix.split('.').all(is_word))
}

/// What labels and their keys are made of.
fn is_word(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let bytes = text.as_bytes();
    bytes.len() <= 63 && edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        selector.parse::<Shard>().unwrap().has(Some(&labels))
    }

    #[test]
    fn objects_are_selected_as_by_kubernetes() {
        let key = "sharding.fluxcd.io/key";
        let one: &[(&str, &str)] = &[(key, "shard1")];
        assert!(has("", &[]) && has("", one));
        for (selector, of_one, of_none) in [
            ("sharding.fluxcd.io/key=shard1", true, false),
            ("sharding.fluxcd.io/key == shard1", true, false),
            ("sharding.fluxcd.io/key!=shard1", false, true),
            ("sharding.fluxcd.io/key", true, false),
            ("!sharding.fluxcd.io/key", false, true),
            ("sharding.fluxcd.io/key in (shard1, shard2)", true, false),
            ("sharding.fluxcd.io/key in(shard2)", false, false),
            ("sharding.fluxcd.io/key notin (shard1,shard2)", false, true),
            ("sharding.fluxcd.io/key,sharding.fluxcd.io/key notin (shard2)", true, false),
        ] {
            assert_eq!((has(selector, one), has(selector, &[])), (of_one, of_none), "{selector}");
        }
    }

    #[test]
    fn what_selects_nothing_is_refused() {
        for wrong in ["a b", "a=b=c", ",", "a,", "=a", "a in b", "a in (b", "a=(b)", "!", "a/b/c", "-a", "a=b c"] {
            assert_eq!(wrong.parse::<Shard>().unwrap_err(), ShardError(wrong.to_owned()));
        }
    }

    #[test]
    fn each_shard_has_names_of_its_own() {
        let name = |text: &str| text.parse::<Shard>().unwrap().name("agent");
        assert_eq!(name(""), "agent");
        assert_eq!(name("key=a"), name(" key=a "));
        assert_ne!(name("key=a"), name("key=b"));
        assert_eq!(name("key=a"), "agent-714a0af296213926");
    }
}
