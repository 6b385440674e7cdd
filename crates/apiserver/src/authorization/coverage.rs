//! Whether rules allow everything that others do.
//!
//! Rules are broken down to the smallest: one verb on one resource of one group, with at most one name, or one verb on
//! one path. Each must be covered by a single rule of those that are held.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Rule,
    rule::{names, resource_is_named, url_covers},
};

/// How many texts are compared at most. A short rule can consist of more of the smallest than there is time for.
const COMPARISONS: usize = 20_000_000;

/// The rules are too many to be compared, or consist of too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

/// What the wanted rules allow and none of those held does, in the smallest rules: the first so many.
pub fn missing(held: &[&Rule], wanted: &[Rule], most: usize) -> Result<Vec<Rule>, TooMany> {
    let (mut left, mut missing) = (COMPARISONS, Vec::new());
    let texts_held: usize = held.iter().map(|rule| 1 + lists(rule).iter().map(|list| list.len()).sum::<usize>()).sum();
    let mut is_held = |wanted: &Rule| {
        let longest = lists(wanted).iter().map(|list| list.len()).max().unwrap_or_default();
        left = left.checked_sub(texts_held.saturating_mul(longest).saturating_add(1)).ok_or(TooMany)?;
        Ok(held.iter().any(|rule| covers(rule, wanted)))
    };
    for rule in wanted {
        if is_held(rule)? {
            continue;
        }
        for part in parts(rule) {
            if !is_held(&part)? {
                missing.push(part);
            }
            if missing.len() >= most {
                return Ok(missing);
            }
        }
    }
    Ok(missing)
}

fn lists(rule: &Rule) -> [&[String]; 5] {
    [&rule.verbs, &rule.api_groups, &rule.resources, &rule.resource_names, &rule.non_resource_urls]
}

/// Rules as people read them: sorted, verbs on the same resource together.
pub fn describe(rules: &[Rule]) -> String {
    let lines: BTreeSet<String> = compact(rules).iter().map(line).collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

/// The smallest rules that a rule consists of, made as they are asked for.
fn parts(rule: &Rule) -> impl Iterator<Item = Rule> {
    let one = |text: &String| vec![text.clone()];
    // Without a name it means all of them.
    let names = 0..rule.resource_names.len().max(1);
    let name = |place: usize| rule.resource_names.get(place).into_iter().cloned().collect();
    rule.verbs.iter().flat_map(move |verb| {
        let names = names.clone();
        let objects = rule.api_groups.iter().flat_map(move |group| {
            let names = names.clone();
            rule.resources.iter().flat_map(move |resource| {
                names.clone().map(move |place| Rule {
                    verbs: one(verb),
                    api_groups: one(group),
                    resources: one(resource),
                    resource_names: name(place),
                    ..Rule::default()
                })
            })
        });
        let paths = rule.non_resource_urls.iter();
        objects.chain(paths.map(move |url| Rule { verbs: one(verb), non_resource_urls: one(url), ..Rule::default() }))
    })
}

/// Whether a rule allows all that another does.
fn covers(rule: &Rule, part: &Rule) -> bool {
    part.verbs.iter().all(|verb| names(&rule.verbs, verb))
        && part.api_groups.iter().all(|group| names(&rule.api_groups, group))
        && part.resources.iter().all(|resource| resource_is_named(&rule.resources, resource))
        && names_cover(&rule.resource_names, &part.resource_names)
        && part.non_resource_urls.iter().all(|url| rule.non_resource_urls.iter().any(|known| url_covers(known, url)))
}

/// Whether these names mean all that the wanted ones do. No name means every object.
fn names_cover(held: &[String], wanted: &[String]) -> bool {
    held.is_empty() || (!wanted.is_empty() && wanted.iter().all(|name| held.contains(name)))
}

/// The same rules with the verbs together of those that differ in nothing else.
fn compact(rules: &[Rule]) -> Vec<Rule> {
    let mut compacted: BTreeMap<Rule, Vec<String>> = BTreeMap::new();
    let mut others = Vec::new();
    for rule in rules {
        if rule.non_resource_urls.is_empty() {
            let object = Rule { verbs: Vec::new(), ..rule.clone() };
            compacted.entry(object).or_default().extend(rule.verbs.iter().cloned());
        } else {
            others.push(rule.clone());
        }
    }
    others.extend(compacted.into_iter().map(|(rule, verbs)| Rule { verbs, ..rule }));
    others
}

fn line(rule: &Rule) -> String {
    let fields = [
        ("APIGroups", &rule.api_groups),
        ("Resources", &rule.resources),
        ("NonResourceURLs", &rule.non_resource_urls),
        ("ResourceNames", &rule.resource_names),
        ("Verbs", &rule.verbs),
    ];
    let fields = fields.into_iter().filter(|(_, list)| !list.is_empty());
    let fields: Vec<String> = fields.map(|(field, list)| format!("{field}:{}", quoted(list))).collect();
    format!("{{{}}}", fields.join(", "))
}

/// A list of texts as Go displays it: `["a" "b"]`.
pub fn quoted(list: &[String]) -> String {
    let texts: Vec<String> = list.iter().map(|text| format!("{text:?}")).collect();
    format!("[{}]", texts.join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rules(value: Value) -> Vec<Rule> {
        Rule::of_role(&json!({"rules": value}))
    }

    fn lacks(held: Value, wanted: Value) -> String {
        let held = rules(json!([held]));
        describe(&missing(&held.iter().collect::<Vec<_>>(), &rules(json!([wanted])), usize::MAX).unwrap())
    }

    fn on(verbs: &[&str], groups: &[&str], resources: &[&str], names: &[&str]) -> Value {
        json!({"verbs": verbs, "apiGroups": groups, "resources": resources, "resourceNames": names})
    }

    #[test]
    fn what_is_held_is_covered_and_what_is_not_is_named() {
        let held = || on(&["get", "list"], &["", "apps"], &["pods", "deployments"], &[]);
        assert_eq!(lacks(held(), on(&["list"], &["apps"], &["deployments", "pods"], &[])), "");
        assert_eq!(lacks(held(), on(&["list"], &["apps"], &["deployments"], &["web"])), "");
        assert_eq!(
            lacks(held(), on(&["get", "delete", "patch"], &[""], &["pods", "secrets"], &[])),
            "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"delete\" \"patch\"]}\n\
             {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\" \"delete\" \"patch\"]}"
        );
        assert_eq!(
            lacks(held(), on(&["get"], &["batch"], &["pods"], &["a"])),
            "{APIGroups:[\"batch\"], Resources:[\"pods\"], ResourceNames:[\"a\"], Verbs:[\"get\"]}"
        );
    }

    #[test]
    fn a_rule_that_consists_of_more_than_can_be_compared_is_looked_at_as_far_as_needed() {
        let many = |what: &str| (0..1_000).map(|number| format!("{what}{number}")).collect::<Vec<_>>();
        let huge = rules(json!([{
            "verbs": many("v"), "apiGroups": many("g"), "resources": many("r"), "resourceNames": many("n"),
        }]));
        let other = rules(json!([on(&["get"], &[""], &["pods"], &[])]));
        let everything = Rule::everything();
        assert_eq!(missing(&everything.iter().collect::<Vec<_>>(), &huge, 100), Ok(Vec::new()));
        assert_eq!(missing(&[&huge[0]], &huge, 100), Ok(Vec::new()));
        assert_eq!(missing(&[&other[0]], &huge, 100).map(|missing| missing.len()), Ok(100));
        // All but the last of the smallest are held.
        let most = Rule { resource_names: many("n")[..999].to_vec(), ..huge[0].clone() };
        assert_eq!(missing(&[&most], &huge, 10_000), Err(TooMany));
        assert_eq!(missing(&[&most], &huge, 1).map(|missing| missing.len()), Ok(1));
    }

    #[test]
    fn only_a_star_covers_a_star() {
        let all = || on(&["*"], &["*"], &["*"], &[]);
        assert_eq!(lacks(all(), all()), "");
        assert_eq!(lacks(all(), on(&["get"], &["apps"], &["pods/log"], &["a"])), "");
        for held in [
            on(&["get", "list"], &["*"], &["*"], &[]),
            on(&["*"], &["", "apps"], &["*"], &[]),
            on(&["*"], &["*"], &["pods", "pods/log"], &[]),
            on(&["*"], &["*"], &["*"], &["a"]),
        ] {
            let missing = lacks(held, all());
            assert_eq!(missing, "{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}");
        }
    }

    #[test]
    fn a_subresource_is_covered_by_itself_or_by_that_of_everything() {
        let held = |resources: &[&str]| on(&["get"], &[""], resources, &[]);
        assert_eq!(lacks(held(&["pods/log"]), held(&["pods/log"])), "");
        assert_eq!(lacks(held(&["*/log"]), held(&["pods/log"])), "");
        assert_ne!(lacks(held(&["pods"]), held(&["pods/log"])), "");
        assert_ne!(lacks(held(&["pods/*"]), held(&["pods/log"])), "");
        assert_ne!(lacks(held(&["*/log"]), held(&["log"])), "");
        assert_ne!(lacks(held(&["pods/log"]), held(&["*/log"])), "");
    }

    #[test]
    fn names_cover_themselves_and_no_name_covers_all() {
        let held = |names: &[&str]| on(&["get"], &[""], &["pods"], names);
        assert_eq!(lacks(held(&["a", "b"]), held(&["b"])), "");
        assert_ne!(lacks(held(&["a"]), held(&["a", "b"])), "");
        assert_ne!(lacks(held(&["a"]), held(&[])), "");
        assert_eq!(lacks(held(&[]), held(&["a"])), "");
    }

    #[test]
    fn paths_cover_what_they_begin() {
        let held = |verbs: &[&str], urls: &[&str]| json!({"verbs": verbs, "nonResourceURLs": urls});
        assert_eq!(lacks(held(&["get"], &["/api/*"]), held(&["get"], &["/api/v1", "/api/*", "/api/v1/*"])), "");
        assert_eq!(lacks(held(&["*"], &["*"]), held(&["get"], &["/api"])), "");
        assert_eq!(
            lacks(held(&["get"], &["/api/v1"]), held(&["get", "post"], &["/api/*"])),
            "{NonResourceURLs:[\"/api/*\"], Verbs:[\"get\"]}\n{NonResourceURLs:[\"/api/*\"], Verbs:[\"post\"]}"
        );
        let all = on(&["*"], &["*"], &["*"], &[]);
        assert_ne!(lacks(all.clone(), held(&["get"], &["/api"])), "");
        assert_ne!(lacks(held(&["*"], &["*"]), all), "");
    }
}
