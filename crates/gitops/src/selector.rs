//! Which objects a selector means, by their labels.

use std::collections::{BTreeMap, HashSet};

use cowherd_api::flux::controlplane::v1::{LabelSelector, LabelSelectorRequirement};

/// Labels of an object.
pub(crate) type Labels = BTreeMap<String, String>;

/// A selector that is ready to be held against many objects: whoever writes one may name as many values as an object can hold, and
/// it is looked at all objects of a namespace while nobody else may.
pub(crate) struct Selector<'s> {
    exact: Option<&'s Labels>,
    requirements: Vec<Requirement<'s>>,
}

struct Requirement<'s> {
    key: &'s str,
    operator: &'s str,
    values: HashSet<&'s str>,
}

impl<'s> From<&'s LabelSelector> for Selector<'s> {
    fn from(selector: &'s LabelSelector) -> Self {
        let requirements = selector.match_expressions.iter().map(Requirement::from).collect();
        Self { exact: selector.match_labels.as_ref(), requirements }
    }
}

impl<'s> From<&'s LabelSelectorRequirement> for Requirement<'s> {
    fn from(LabelSelectorRequirement { key, operator, values }: &'s LabelSelectorRequirement) -> Self {
        Self { key, operator, values: values.iter().map(String::as_str).collect() }
    }
}

impl Selector<'_> {
    /// Whether an object with these labels is meant.
    pub(crate) fn selects(&self, labels: &Labels) -> bool {
        let mut exact = self.exact.into_iter().flatten();
        exact.all(|(key, value)| labels.get(key) == Some(value))
            && self.requirements.iter().all(|requirement| requirement.holds(labels))
    }
}

impl Requirement<'_> {
    fn holds(&self, labels: &Labels) -> bool {
        let label = labels.get(self.key);
        let is_one = label.is_some_and(|label| self.values.contains(label.as_str()));
        match self.operator {
            "In" => is_one,
            "NotIn" => !is_one,
            "Exists" => label.is_some(),
            "DoesNotExist" => label.is_none(),
            // It is refused for that.
            _ => false,
        }
    }
}

/// What is wrong with a selector, in Kubernetes' words.
pub(crate) fn mistake(selector: &LabelSelector) -> Option<String> {
    selector.match_expressions.iter().find_map(|LabelSelectorRequirement { key, operator, values }| {
        match operator.as_str() {
            "In" | "NotIn" if values.is_empty() => {
                Some(format!("for 'in', 'notin' operators, values set can't be empty (of the key {key:?})"))
            }
            "Exists" | "DoesNotExist" if !values.is_empty() => {
                Some(format!("values set must be empty for exists and does not exist (of the key {key:?})"))
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => None,
            other => Some(format!("{other:?} is not a valid label selector operator")),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_selector_means_what_it_means_to_the_api() {
        let labels = Labels::from([("a".to_owned(), "b".to_owned()), ("e".to_owned(), "dev".to_owned())]);
        let of = |selector: Value| {
            let selector: LabelSelector = serde_json::from_value(selector).unwrap();
            Selector::from(&selector).selects(&labels)
        };
        let expression = |key: &str, operator: &str, values: &[&str]| {
            of(json!({ "matchExpressions": [{ "key": key, "operator": operator, "values": values }] }))
        };
        assert!(of(json!({})) && of(json!({ "matchLabels": { "a": "b" } })));
        assert!(!of(json!({ "matchLabels": { "a": "b", "c": "d" } })));
        assert!(expression("e", "In", &["dev", "test"]) && !expression("e", "In", &["x"]));
        assert!(expression("e", "NotIn", &["x"]) && expression("f", "NotIn", &["x"]));
        assert!(!expression("e", "NotIn", &["dev"]) && !expression("f", "In", &["dev"]));
        assert!(expression("a", "Exists", &[]) && !expression("f", "Exists", &[]));
        assert!(expression("f", "DoesNotExist", &[]) && !expression("a", "DoesNotExist", &[]));
    }

    #[test]
    fn many_objects_are_held_against_many_values_in_time() {
        let values = (0..50_000).map(|value| value.to_string()).collect();
        let requirement = LabelSelectorRequirement { key: "a".to_owned(), operator: "NotIn".to_owned(), values };
        let selector = LabelSelector { match_expressions: vec![requirement], ..LabelSelector::default() };
        let labels = Labels::from([("a".to_owned(), "x".to_owned())]);
        let (selector, began) = (Selector::from(&selector), Instant::now());
        assert!((0..50_000).all(|_| selector.selects(&labels)));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}
