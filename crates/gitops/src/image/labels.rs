//! Which objects a selector means, by their labels.

use std::collections::BTreeMap;

use cowherd_api::flux::controlplane::v1::{LabelSelector, LabelSelectorRequirement};

/// Labels of an object.
pub(super) type Labels = BTreeMap<String, String>;

/// What is wrong with a selector.
pub(super) fn mistake(selector: &LabelSelector) -> Option<String> {
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

/// Whether an object with these labels is meant.
pub(super) fn selects(selector: &LabelSelector, labels: &Labels) -> bool {
    let mut exact = selector.match_labels.iter().flatten();
    exact.all(|(key, value)| labels.get(key) == Some(value))
        && selector.match_expressions.iter().all(|requirement| holds(requirement, labels))
}

fn holds(LabelSelectorRequirement { key, operator, values }: &LabelSelectorRequirement, labels: &Labels) -> bool {
    let label = labels.get(key);
    let is_one = label.is_some_and(|label| values.contains(label));
    match operator.as_str() {
        "In" => is_one,
        "NotIn" => !is_one,
        "Exists" => label.is_some(),
        "DoesNotExist" => label.is_none(),
        // It is refused for that.
        _ => false,
    }
}
