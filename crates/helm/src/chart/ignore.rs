//! `.helmignore`: which files of a directory are no part of the chart.

use cowherd_tree::pattern::{self, BadPattern};

/// The rules of a `.helmignore`, with the one that always holds: files in `templates/` whose name starts with a dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreRules {
    rules: Vec<Rule>,
}

/// Why a `.helmignore` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// A rule has two stars in a row.
    #[error("double-star (**) syntax is not supported")]
    DoubleStar,
    /// A rule is no pattern.
    #[error(transparent)]
    Pattern(#[from] BadPattern),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    pattern: Pattern,
    negated: bool,
    only_directories: bool,
    /// Whether the pattern is for whole paths, not for names.
    whole_path: bool,
}

/// A pattern. Most are so simple that matching takes a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// `name`
    Literal(String),
    /// `*.suffix`
    Suffix(String),
    /// `prefix*`
    Prefix(String),
    /// Any other.
    Any(String),
}

impl IgnoreRules {
    /// The rules that `text` says, one a line.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
        let mut rules = Vec::new();
        for line in lines.chain(["templates/.?*"]) {
            rules.extend(Rule::parse(line.trim())?);
        }
        Ok(Self { rules })
    }

    /// Whether the file or directory at `path` (from the chart's directory on) is left out. Unlike in Git's rules, a
    /// negated rule leaves out whatever it does not match.
    pub fn ignores(&self, path: &str, is_directory: bool) -> bool {
        for rule in &self.rules {
            let applies = is_directory || !rule.only_directories;
            if rule.negated {
                if !applies || !rule.matches(path) {
                    return true;
                }
            } else if applies && rule.matches(path) {
                return true;
            }
        }
        false
    }
}

impl Rule {
    fn parse(line: &str) -> Result<Option<Self>, IgnoreError> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        if line.contains("**") {
            return Err(IgnoreError::DoubleStar);
        }
        pattern::matches(line, "abc")?;
        let (negated, line) = strip(line, |line| line.strip_prefix('!'));
        let (only_directories, line) = strip(line, |line| line.strip_suffix('/'));
        let (rooted, line) = strip(line, |line| line.strip_prefix('/'));
        let whole_path = rooted || line.contains('/');
        Ok(Some(Self { pattern: Pattern::new(line), negated, only_directories, whole_path }))
    }

    fn matches(&self, path: &str) -> bool {
        let subject = if self.whole_path { path } else { path.rsplit('/').next().unwrap_or_default() };
        self.pattern.matches(subject)
    }
}

impl Pattern {
    fn new(text: &str) -> Self {
        let is_literal = |text: &str| !text.contains(['*', '?', '[', '\\']);
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            _ if is_literal(text) => Self::Literal(text.to_owned()),
            (Some(suffix), _) if is_literal(suffix) => Self::Suffix(suffix.to_owned()),
            (_, Some(prefix)) if is_literal(prefix) => Self::Prefix(prefix.to_owned()),
            _ => Self::Any(text.to_owned()),
        }
    }

    /// Whether all of `subject` matches; a star takes no slash.
    fn matches(&self, subject: &str) -> bool {
        match self {
            Self::Literal(text) => subject == text,
            Self::Suffix(suffix) => subject.strip_suffix(suffix.as_str()).is_some_and(|rest| !rest.contains('/')),
            Self::Prefix(prefix) => subject.strip_prefix(prefix.as_str()).is_some_and(|rest| !rest.contains('/')),
            Self::Any(pattern) => pattern::matches(pattern, subject).unwrap_or(false),
        }
    }
}

fn strip<'a>(text: &'a str, strip: impl Fn(&'a str) -> Option<&'a str>) -> (bool, &'a str) {
    strip(text).map_or((false, text), |stripped| (true, stripped))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignores(rules: &str, path: &str, is_directory: bool) -> bool {
        IgnoreRules::parse(rules).unwrap().ignores(path, is_directory)
    }

    #[test]
    fn names_paths_and_directories_are_told_apart() {
        assert!(ignores("*.txt", "docs/a.txt", false));
        assert!(!ignores("/*.txt", "docs/a.txt", false));
        assert!(ignores("/*.txt", "a.txt", false));
        assert!(ignores("docs/*.txt", "docs/a.txt", false));
        assert!(ignores("docs/", "docs", true));
        assert!(!ignores("docs/", "docs", false));
        assert!(ignores("\u{feff}# comment\n\n  a.txt  \n", "a.txt", false));
        assert!(ignores("", "templates/.hidden.yaml", false));
        assert!(!ignores("", "templates/.", false));
    }

    #[test]
    fn a_negated_rule_leaves_out_what_it_does_not_match() {
        assert!(ignores("!*.yaml", "a.txt", false));
        assert!(!ignores("!*.yaml", "a.yaml", false));
        assert!(ignores("!docs/", "docs", false));
    }

    #[test]
    fn simple_patterns_match_as_all_patterns_do() {
        for pattern in ["", "a", "*", "*a", "a*", "*.a", "a/*", "a/b", "*/a", "**", "*a*", "a?", "[", "a[", "\\a"] {
            for subject in ["", "a", "b", "ab", "ba", "x.a", "a/b", "b/a", "a/", "/a", "a.a/b.a"] {
                let expected = pattern::matches(pattern, subject).unwrap_or(false);
                assert_eq!(Pattern::new(pattern).matches(subject), expected, "{pattern} {subject}");
            }
        }
    }

    #[test]
    fn what_helm_does_not_support_is_refused() {
        assert_eq!(IgnoreRules::parse("a/**/b"), Err(IgnoreError::DoubleStar));
        assert_eq!(IgnoreRules::parse("[").unwrap_err().to_string(), "syntax error in pattern");
    }
}
