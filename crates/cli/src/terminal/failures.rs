//! What was said of failures, so that each line is said once until it changes.

use std::collections::{HashMap, HashSet};

use super::progress::digest;

/// How many lines are remembered of one Kustomization. Past that, what was said is forgotten.
const MOST: usize = 1_000;

/// What was said of the failures of one Kustomization at one revision. When several objects fail, each try may meet another one
/// first, so that what it says comes in turns.
#[derive(Debug, Default)]
pub struct Failures {
    /// The digest of the revision.
    revision: u64,
    /// What was said last of each subject, as digests: several lines may be about one.
    said: HashMap<u64, HashSet<u64>>,
}

impl Failures {
    /// Whether all lines of a failure were said, whatever it is a failure of.
    pub fn is_told(&self, message: &str) -> bool {
        let lines = message.lines().filter(|line| !line.trim().is_empty());
        let is_said =
            |line: &str| self.said.get(&digest(subject(line))).is_some_and(|said| said.contains(&digest(line)));
        lines.into_iter().all(is_said)
    }

    /// The lines of a failure that are news, in their order. Of another revision all are.
    pub fn news<'a>(&mut self, revision: &str, message: &'a str) -> Vec<&'a str> {
        let revision = digest(revision);
        if self.revision != revision || self.said.len() > MOST {
            (self.revision, self.said) = (revision, HashMap::new());
        }
        let lines = || message.lines().filter(|line| !line.trim().is_empty());
        let mut now: HashMap<u64, HashSet<u64>> = HashMap::new();
        for line in lines() {
            now.entry(digest(subject(line))).or_default().insert(digest(line));
        }
        let is_news = |line: &&str| {
            let said = self.said.get(&digest(subject(line)));
            !said.is_some_and(|said| said.contains(&digest(line)))
        };
        let news = lines().filter(is_news).collect();
        self.said.extend(now);
        news
    }
}

/// What a line is about: all up to the first object in it, such as `Deployment/apps/web`; the whole line where it names none.
fn subject(line: &str) -> &str {
    let is_object = |word: &str| {
        let kind = word.trim_start_matches(['[', '(']).split_once('/').map_or("", |(kind, _)| kind);
        kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    let mut end = 0;
    for word in line.split_inclusive(' ') {
        end += word.len();
        if is_object(word) {
            return line[..end].trim_end_matches([' ', ':', ',', ')', ']']);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_that_come_in_turns_are_news_once_until_they_change() {
        let mut failures = Failures::default();
        let web = "Deployment/apps/web dry-run failed (Invalid): spec.replicas: -1";
        let map = "app/map.yaml:3: ConfigMap/apps/map: namespaces \"apps\" not found";
        assert!(!failures.is_told(web));
        assert_eq!(failures.news("one", web), [web]);
        assert!(failures.is_told(web) && !failures.is_told(map));
        assert_eq!(failures.news("one", map), [map]);
        for again in [web, map, web] {
            assert!(failures.news("one", again).is_empty(), "{again}");
        }
        let (both, changed) = (format!("{web}\n\n{map} any more"), format!("{map} any more"));
        assert_eq!(failures.news("one", &both), [&changed]);
        assert_eq!(failures.news("one", map), [map], "it changed back");
        assert_eq!(failures.news("two", web), [web], "another revision fails anew");
        assert_eq!(failures.news("two", "build failed"), ["build failed"]);
        assert!(failures.news("two", "build failed").is_empty());
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let mut failures = Failures::default();
        for number in 0..10 * MOST {
            failures.news("one", &format!("failure {number}"));
            assert!(failures.said.len() <= MOST + 1);
        }
    }

    #[test]
    fn several_lines_about_one_object_are_news_once_each() {
        let mut failures = Failures::default();
        let (image, port) = ("Deployment/apps/web image: is empty", "Deployment/apps/web port: is taken");
        let both = format!("{image}\n{port}");
        assert_eq!(failures.news("one", &both), [image, port]);
        assert!(failures.news("one", &both).is_empty());
        let changed = format!("{image}\n{port} by another");
        assert_eq!(failures.news("one", &changed), [changed.lines().nth(1).unwrap()]);
        assert_eq!(failures.news("one", image), [""; 0]);
        assert_eq!(failures.news("one", &both), [port], "it is back");
    }

    #[test]
    fn a_line_is_about_the_first_object_in_it() {
        for (line, about) in [
            ("Deployment/apps/web dry-run failed", "Deployment/apps/web"),
            ("app/a.yaml:2: Alpha/default/one: the cluster has no kind", "app/a.yaml:2: Alpha/default/one"),
            (
                "health check failed: failed early due to stalled resources: [Deployment/apps/web status: 'Failed']",
                "health check failed: failed early due to stalled resources: [Deployment/apps/web",
            ),
            ("cannot see what would go (Namespace/apps), for now", "cannot see what would go (Namespace/apps"),
            ("kustomize build failed: app/a.yaml", "kustomize build failed: app/a.yaml"),
            ("", ""),
        ] {
            assert_eq!(subject(line), about);
        }
    }
}
