//! Which of what there is become inputs.

use std::collections::BTreeSet;

use cowherd_api::flux::controlplane::v1::InputFilter;
use cowherd_pattern::{Limits, Regex};
use cowherd_version::{Constraint, Version};

use super::found::Found;

/// How many inputs there are, where nothing is said of that, and how many there may be.
const LIMIT: usize = 100;
const MOST: usize = 10_000;

/// The most bytes of memory that an expression may take.
const LARGEST: usize = 64 << 10;

/// What a filter says.
#[derive(Debug, Default)]
pub(super) struct Filter {
    include: Option<Regex>,
    exclude: Option<Regex>,
    /// Each once: nothing has more of them than a host may give to one.
    labels: BTreeSet<String>,
    semver: Option<Constraint>,
    limit: usize,
}

/// A filter that cannot decide.
#[derive(Debug, thiserror::Error)]
#[error("spec.filter.{field} {problem}")]
pub(super) struct WrongFilter {
    field: &'static str,
    problem: String,
}

impl Filter {
    /// What stands in the spec.
    pub(super) fn read(said: Option<&InputFilter>) -> Result<Self, WrongFilter> {
        let Some(said) = said else { return Ok(Self { limit: LIMIT, ..Self::default() }) };
        let expression = |of: &[(&'static str, &Option<String>)]| {
            let mut given =
                of.iter().filter_map(|(field, text)| Some((*field, text.as_ref().filter(|text| !text.is_empty())?)));
            let read = |(field, text): (&'static str, &String)| {
                let expression = Regex::new(text, Limits { bytes: LARGEST });
                expression.map_err(|error| WrongFilter { field, problem: format!("is no regular expression: {error}") })
            };
            // Of several the last counts, as with the Flux Operator.
            given.next_back().map(read).transpose()
        };
        let semver = said.semver.as_ref().filter(|text| !text.is_empty());
        let semver = semver.map(|text| Constraint::parse(text)).transpose();
        let semver =
            semver.map_err(|error| WrongFilter { field: "semver", problem: format!("means no versions: {error}") })?;
        Ok(Self {
            include: expression(&[
                ("includeBranch", &said.include_branch),
                ("includeTag", &said.include_tag),
                ("includeEnvironment", &said.include_environment),
            ])?,
            exclude: expression(&[
                ("excludeBranch", &said.exclude_branch),
                ("excludeTag", &said.exclude_tag),
                ("excludeEnvironment", &said.exclude_environment),
            ])?,
            labels: said.labels.iter().cloned().collect(),
            semver,
            limit: said
                .limit
                .and_then(|limit| usize::try_from(limit).ok())
                .filter(|limit| *limit > 0)
                .unwrap_or(LIMIT)
                .min(MOST),
        })
    }

    /// How many inputs there are at most.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether a branch or a request is one of those that are meant, whatever their number.
    pub(super) fn takes(&self, found: &Found) -> bool {
        self.fits(found.branch.as_deref().unwrap_or_default())
            && self.labels.iter().all(|label| found.labels.contains(label))
    }

    /// Whether a name is one of those that are meant.
    pub(super) fn fits(&self, name: &str) -> bool {
        let fits = |expression: &Regex| expression.is_match(name);
        self.include.as_ref().is_none_or(fits) && !self.exclude.as_ref().is_some_and(fits)
    }

    /// The tags that are meant, by their versions or else by their texts, the last first; tags of one version as they came. What
    /// is chosen of some is chosen again of these and others.
    pub(super) fn choose<T>(&self, tags: Vec<T>, name: impl Fn(&T) -> &str) -> Vec<T> {
        let mut tags: Vec<T> = tags.into_iter().filter(|tag| self.fits(name(tag))).collect();
        if let Some(semver) = &self.semver {
            let versioned = |tag: T| {
                let version = version(name(&tag)).filter(|version| semver.allows(version))?;
                Some((version, tag))
            };
            let mut versions: Vec<(Version, T)> = tags.into_iter().filter_map(versioned).collect();
            versions.sort_by(|(one, _), (other, _)| other.compare(one));
            tags = versions.into_iter().map(|(_, tag)| tag).collect();
        } else {
            tags.sort_by(|one, other| name(other).cmp(name(one)));
        }
        tags.truncate(self.limit);
        tags
    }
}

/// The version that a tag names, which has three numbers, as Flux has it: `v2025.02.03-rc.1` is one.
fn version(tag: &str) -> Option<Version> {
    Version::parse(tag).ok().filter(|_| tag.splitn(3, '.').count() == 3)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn filter(said: Value) -> Result<Filter, String> {
        Filter::read(Some(&serde_json::from_value(said).unwrap())).map_err(|error| error.to_string())
    }

    fn tags(said: Value, names: &[&str]) -> Vec<String> {
        let tags = names.iter().map(|name| Found::tag(name, "sha")).collect();
        filter(said).unwrap().choose(tags, Found::name).into_iter().map(|tag| tag.name().to_owned()).collect()
    }

    #[test]
    fn tags_are_chosen_and_sorted_by_version_or_by_text() {
        let all = ["v1.2.0", "v1.10.0", "latest", "v2.0.0-rc.1", "v2.0.0", "1.9.9"];
        assert_eq!(tags(json!({ "semver": ">=1.9.0" }), &all), ["v2.0.0", "v1.10.0", "1.9.9"]);
        assert_eq!(tags(json!({ "semver": "*", "limit": 1 }), &all), ["v2.0.0"]);
        assert_eq!(tags(json!({ "includeTag": "^v", "excludeTag": "rc" }), &all), ["v2.0.0", "v1.2.0", "v1.10.0"]);
        assert_eq!(tags(json!({}), &all[..3]), ["v1.2.0", "v1.10.0", "latest"]);
    }

    #[test]
    fn requests_are_chosen_by_their_branch_and_all_of_the_labels() {
        let found = |branch: &str, labels: &[&str]| Found {
            branch: Some(branch.to_owned()),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            ..Found::default()
        };
        let filter = filter(json!({ "includeBranch": "^feat/", "labels": ["a", "b"] })).unwrap();
        assert!(filter.takes(&found("feat/x", &["a", "b", "c"])));
        assert!(!filter.takes(&found("feat/x", &["a"])) && !filter.takes(&found("fix/x", &["a", "b"])));
        assert_eq!(filter.limit(), 100);
        let again = self::filter(json!({ "labels": ["a", "a", "a"] })).unwrap();
        assert_eq!(again.labels.len(), 1, "one that is written again costs nothing");
    }

    #[test]
    fn what_cannot_decide_is_told_by_its_field() {
        assert!(filter(json!({ "includeTag": "(" })).unwrap_err().starts_with("spec.filter.includeTag is no regular"));
        assert!(filter(json!({ "semver": "x.y" })).unwrap_err().starts_with("spec.filter.semver means no versions"));
    }
}
