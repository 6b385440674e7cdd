//! Which objects a patch is for.

use std::collections::HashMap;

use serde_json::Value;

use crate::kustomize::budget::Budget;
use crate::kustomize::objects::resource::Resource;
use crate::kustomize::objects::set::ResourceSet;
use crate::kustomize::pattern::{self, Fault, Pattern};
use crate::overlay::Selector;

/// The indexes of the objects that `selector` selects.
pub(crate) fn select(resources: &ResourceSet, selector: &Selector, budget: &Budget) -> Result<Vec<usize>, String> {
    pattern::look_at(resources.len(), budget)?;
    let pattern = |text: &str| match text {
        "" => Ok(None),
        text => Pattern::whole(text, budget).map(Some).map_err(|fault| match fault {
            Fault::Invalid => format!("{text:?} in the target is no regular expression"),
            Fault::TooMuch(why) => why,
        }),
    };
    let (group, version, kind) = (pattern(&selector.group)?, pattern(&selector.version)?, pattern(&selector.kind)?);
    let (name, namespace) = (pattern(&selector.name)?, pattern(&selector.namespace)?);
    let labels = Labels::parse(&selector.label_selector)?;
    let annotations = Labels::parse(&selector.annotation_selector)?;
    let fits = |pattern: &Option<Pattern>, text: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
    let selects = |resource: &Resource| {
        let (original, current) = (resource.original_id(), resource.id());
        (fits(&namespace, original.namespace) || fits(&namespace, current.namespace))
            && (fits(&name, original.name) || fits(&name, current.name))
            && fits(&group, current.group)
            && fits(&version, current.version)
            && fits(&kind, current.kind)
            && labels.matches(&resource.value["metadata"]["labels"])
            && annotations.matches(&resource.value["metadata"]["annotations"])
    };
    let selected = resources.iter().enumerate().filter(|(_, resource)| selects(resource));
    Ok(selected.map(|(index, _)| index).collect())
}

/// A label selector as Kubernetes writes it: requirements joined by commas.
pub(crate) struct Labels {
    requirements: Vec<(String, Requirement)>,
}

enum Requirement {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    GreaterThan(i64),
    LessThan(i64),
}

impl Labels {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let requirements = split(text)
            .into_iter()
            .map(|part| requirement(part.trim()).ok_or_else(|| format!("{text:?} is no label selector")));
        Ok(Self { requirements: requirements.collect::<Result<_, _>>()? })
    }

    pub(crate) fn matches(&self, labels: &Value) -> bool {
        if self.requirements.is_empty() {
            return true;
        }
        let labels: HashMap<&str, String> = labels
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                (key.as_str(), value)
            })
            .collect();
        self.requirements.iter().all(|(key, requirement)| {
            let value = labels.get(key.as_str());
            let number = || value.and_then(|value| value.parse::<i64>().ok());
            match requirement {
                Requirement::In(values) => value.is_some_and(|value| values.contains(value)),
                Requirement::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
                Requirement::Exists => value.is_some(),
                Requirement::DoesNotExist => value.is_none(),
                Requirement::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
                Requirement::LessThan(bound) => number().is_some_and(|number| number < *bound),
            }
        })
    }
}

/// The parts between commas that stand in no parentheses.
fn split(text: &str) -> Vec<&str> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn requirement(part: &str) -> Option<(String, Requirement)> {
    if let Some(key) = part.strip_prefix('!') {
        return Some((self::key(key)?, Requirement::DoesNotExist));
    }
    for operator in ["!=", "==", "=", ">", "<"] {
        let Some((key, value)) = part.split_once(operator) else { continue };
        let value = value.trim().to_owned();
        let requirement = match operator {
            "!=" => Requirement::NotIn(vec![value]),
            ">" => Requirement::GreaterThan(value.parse().ok()?),
            "<" => Requirement::LessThan(value.parse().ok()?),
            _ => Requirement::In(vec![value]),
        };
        return Some((self::key(key)?, requirement));
    }
    if let Some((left, values)) = part.strip_suffix(')').and_then(|part| part.split_once('(')) {
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let mut words = left.split_whitespace();
        let key = self::key(words.next()?)?;
        return match (words.next()?, words.next()) {
            ("in", None) => Some((key, Requirement::In(values))),
            ("notin", None) => Some((key, Requirement::NotIn(values))),
            _ => None,
        };
    }
    Some((key(part)?, Requirement::Exists))
}

fn key(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    (!text.is_empty() && text.chars().all(fits)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn label_selectors_select() {
        let labels = json!({"app": "web", "tier": "front", "n": "5"});
        let matches = |text: &str| Labels::parse(text).unwrap().matches(&labels);
        for text in ["", "app", "app=web", "app==web,tier!=back", "app in (web, db)", "tier notin (back),!x", "n>4"] {
            assert!(matches(text), "{text}");
        }
        for text in ["x", "app=db", "app!=web", "app in (db)", "!app", "n<5", "app=web,x"] {
            assert!(!matches(text), "{text}");
        }
        for text in ["app in web", "a b", "=x", ",", "n>x"] {
            assert!(Labels::parse(text).is_err(), "{text}");
        }
    }
}
