//! One line at fault that is part of several objects, as that of a component or of a base.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::finding::{Finding, Other, Place, Rule, Severity};
use crate::discovery::Discovered;

/// What is the same of findings about one line.
type Key = (Place, Severity, Rule, String);

/// Tells what is wrong on one line once, with how many Kustomizations it is in.
pub(super) fn together(findings: BTreeSet<Finding>, clusters: &[Discovered]) -> Vec<Finding> {
    let mut alike: BTreeMap<Key, Vec<Finding>> = BTreeMap::new();
    let mut told = Vec::new();
    for finding in findings {
        // Of what has no line nothing is known to be one.
        if finding.place.line.is_some() && finding.object.is_some() && finding.others.is_empty() {
            let key = (finding.place.clone(), finding.severity, finding.rule, finding.text.clone());
            alike.entry(key).or_default().push(finding);
        } else {
            told.push(finding);
        }
    }
    let mut made = None;
    for mut findings in alike.into_values() {
        let mut first = findings.remove(0);
        if !findings.is_empty() {
            let made = made.get_or_insert_with(|| makers(clusters));
            let objects = findings.iter().chain([&first]).filter_map(|finding| finding.object.as_deref());
            let count = objects.filter_map(|object| made.get(object)).flatten().collect::<HashSet<_>>().len();
            if count > 1 {
                first.text.push_str(&format!("; it is part of {count} Kustomizations"));
            }
            first.others = findings.into_iter().filter_map(other).collect();
        }
        told.push(first);
    }
    told.sort();
    told
}

fn other(finding: Finding) -> Option<Other> {
    Some(Other { place: finding.place, object: finding.object? })
}

/// Which Kustomizations of which clusters make an object, by its name in findings.
fn makers(clusters: &[Discovered]) -> HashMap<String, Vec<(&str, &crate::gitops::NamespacedName)>> {
    let mut makers: HashMap<String, Vec<_>> = HashMap::new();
    for cluster in clusters.iter().map(|one| &one.cluster) {
        for (name, unit) in &cluster.units {
            for object in unit.objects() {
                makers.entry(object.id().to_string()).or_default().push((cluster.path.as_str(), name));
            }
        }
    }
    makers
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowherd_tree::TreePath;

    fn finding(line: Option<usize>, object: &str, text: &str) -> Finding {
        let place = Place { file: TreePath::parse("base/a.yaml").unwrap(), line };
        Finding::error(place, Rule::Schema, text).of(object)
    }

    #[test]
    fn what_is_wrong_on_one_line_is_told_once() {
        let all = [
            finding(Some(3), "a", "wrong"),
            finding(Some(3), "b", "wrong"),
            finding(Some(3), "b", "odd"),
            finding(Some(4), "c", "wrong"),
            finding(None, "a", "lost"),
            finding(None, "b", "lost"),
        ];
        let told = together(BTreeSet::from(all), &[]);
        let lines: Vec<String> = told.iter().map(|one| format!("{}: {}", one.place, one.text)).collect();
        let expected = [
            "base/a.yaml: lost",
            "base/a.yaml: lost",
            "base/a.yaml:3: wrong",
            "base/a.yaml:3: odd",
            "base/a.yaml:4: wrong",
        ];
        assert_eq!(lines, expected);
        let wrong = told.iter().find(|one| one.place.line == Some(3) && one.text == "wrong").unwrap();
        assert_eq!(wrong.at_each_place().len(), 2, "each is named where all of them are wanted");
    }
}
