//! Constraints on versions: `>=1.2 <2 || ~3.1`, `^1.0.0`, `1.x`, `1.2 - 1.4`.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::Version;
use crate::number::compare_pre;
use crate::written::{self, Written};

/// A constraint: one of its groups must hold, each of which is a list of comparisons that must all hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    groups: Vec<Vec<Comparison>>,
}

/// The text is no constraint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("improper constraint: {0:?}")]
pub struct ConstraintError(pub String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

/// How many numbers a version of a constraint says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    /// None: `*`.
    Nothing,
    /// `1`, `1.x`.
    Major,
    /// `1.2`, `1.2.x`.
    Minor,
    /// `1.2.3`.
    Patch,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparison {
    operator: Operator,
    version: Version,
    precision: Precision,
}

/// A version in a constraint: the numbers, of which any may be `x`, and what follows them.
const VERSION: &str = r"v?([0-9|xX*]+)(\.[0-9|xX*]+)?(\.[0-9|xX*]+)?(-[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?(?:\+[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*)?";
const SPACE: &str = r"[\t\n\f\r ]";

/// A range. Only compiled where a text has a dash between spaces: to compile it costs more than rendering many a chart.
/// What does not compile matches nothing, which the tests would show.
static RANGE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!("{SPACE}*(?P<from>{VERSION}){SPACE}+-{SPACE}+(?P<to>{VERSION}){SPACE}*")).ok()
});

impl Constraint {
    /// The constraint that `text` says.
    pub fn parse(text: &str) -> Result<Self, ConstraintError> {
        let text = with_comparisons(text);
        let groups = text.split("||").map(parse_group).collect::<Result<_, _>>()?;
        Ok(Self { groups })
    }

    /// Whether `version` is allowed. A pre-release is only allowed by a group that names one.
    pub fn allows(&self, version: &Version) -> bool {
        self.groups.iter().any(|group| {
            let names_pre_release = group.iter().any(|comparison| !comparison.version.pre.is_empty());
            (version.pre.is_empty() || names_pre_release) && group.iter().all(|comparison| comparison.allows(version))
        })
    }
}

/// `text` with comparisons for its ranges: `1 - 2` is `>= 1, <= 2`.
fn with_comparisons(text: &str) -> Cow<'_, str> {
    let may_have_range = text.as_bytes().windows(3).any(|three| match three {
        [before, b'-', after] => written::is_space(*before) && written::is_space(*after),
        _ => false,
    });
    let range = if may_have_range { RANGE.as_ref() } else { None };
    range.map_or(text.into(), |range| range.replace_all(text, ">= $from, <= $to "))
}

fn parse_group(text: &str) -> Result<Vec<Comparison>, ConstraintError> {
    let written = written::comparisons(text).ok_or_else(|| ConstraintError(text.to_owned()))?;
    written.iter().map(Comparison::new).collect()
}

impl Comparison {
    fn new(written: &Written<'_>) -> Result<Self, ConstraintError> {
        let operator = match written.operator {
            "" | "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            ">=" | "=>" => Operator::GreaterOrEqual,
            "<=" | "=<" => Operator::LessOrEqual,
            "^" => Operator::Caret,
            _ => Operator::Tilde,
        };
        let (numbers, precision) = numbers(written.numbers);
        let version = Version::parse(&format!("{numbers}{}", written.pre));
        let version = version.map_err(|_| ConstraintError(written.whole.to_owned()))?;
        Ok(Self { operator, version, precision })
    }

    fn allows(&self, version: &Version) -> bool {
        let wanted = &self.version;
        let order = version.compare(wanted);
        match self.operator {
            Operator::Equal if self.precision != Precision::Patch => self.allows_tilde(version),
            Operator::Equal => order.is_eq(),
            Operator::NotEqual => self.allows_not_equal(version),
            Operator::Greater => match self.precision {
                Precision::Patch => order.is_gt(),
                Precision::Major => version.major > wanted.major,
                Precision::Minor => (version.major, version.minor) > (wanted.major, wanted.minor),
                Precision::Nothing => version.major > wanted.major || (version.major == wanted.major && order.is_gt()),
            },
            Operator::Less => order.is_lt(),
            Operator::GreaterOrEqual => order.is_ge(),
            Operator::LessOrEqual => match self.precision {
                Precision::Patch => order.is_le(),
                Precision::Major => version.major <= wanted.major,
                _ => (version.major, version.minor) <= (wanted.major, wanted.minor),
            },
            Operator::Tilde => self.allows_tilde(version),
            Operator::Caret => self.allows_caret(version),
        }
    }

    fn allows_tilde(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if version.compare(wanted).is_lt() {
            return false;
        }
        let is_zero = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0);
        if is_zero && matches!(self.precision, Precision::Nothing | Precision::Patch) {
            return true;
        }
        version.major == wanted.major && (version.minor == wanted.minor || self.precision == Precision::Major)
    }

    fn allows_not_equal(&self, version: &Version) -> bool {
        let wanted = &self.version;
        match self.precision {
            Precision::Patch | Precision::Nothing if version.major == wanted.major => !version.compare(wanted).is_eq(),
            Precision::Patch | Precision::Nothing => true,
            Precision::Major => version.major != wanted.major,
            Precision::Minor => {
                let differs = (version.major, version.minor) != (wanted.major, wanted.minor);
                let has_pre = !version.pre.is_empty() || !wanted.pre.is_empty();
                differs || (has_pre && compare_pre(&version.pre, &wanted.pre).is_ne())
            }
        }
    }

    fn allows_caret(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if version.compare(wanted).is_lt() {
            return false;
        }
        if wanted.major > 0 || self.precision == Precision::Major {
            return version.major == wanted.major;
        }
        if version.major > 0 {
            return false;
        }
        if wanted.minor > 0 || self.precision == Precision::Minor {
            return version.minor == wanted.minor;
        }
        version.minor == 0 && version.patch == wanted.patch
    }
}

/// The numbers of a version in a constraint with zeros for what is left open.
fn numbers(written: [Option<&str>; 3]) -> (String, Precision) {
    let [major, minor, patch] = written;
    match (major, minor, patch) {
        (None, ..) => ("0.0.0".to_owned(), Precision::Nothing),
        (Some(major), None, _) => (format!("{major}.0.0"), Precision::Major),
        (Some(major), Some(minor), None) => (format!("{major}.{minor}.0"), Precision::Minor),
        (Some(major), Some(minor), Some(patch)) => (format!("{major}.{minor}.{patch}"), Precision::Patch),
    }
}

#[cfg(test)]
mod tests {
    use crate::is_compatible;

    #[test]
    fn constraints_allow_what_helm_says_they_allow() {
        let cases: &[(&str, &[&str], &[&str])] = &[
            ("1.2.3", &["1.2.3", "v1.2.3+build"], &["1.2.4", "1.2.3-rc.1"]),
            ("1.2", &["1.2.0", "1.2.9"], &["1.3.0", "1.1.9"]),
            ("1.x", &["1.0.0", "1.9.0"], &["2.0.0"]),
            ("*", &["0.0.1", "7.1.2"], &["1.0.0-rc.1"]),
            ("", &[], &["1.0.0"]),
            ("~1.2.3", &["1.2.3", "1.2.9"], &["1.3.0", "1.2.2"]),
            ("~>1", &["1.0.0", "1.9.9"], &["2.0.0"]),
            ("^1.2", &["1.2.0", "1.9.0"], &["2.0.0", "1.1.0"]),
            ("^0.2.3", &["0.2.3", "0.2.9"], &["0.3.0", "0.2.2"]),
            ("^0.0.3", &["0.0.3"], &["0.0.4"]),
            ("^0", &["0.0.0", "0.9.9"], &["1.0.0"]),
            (">=1.19.0-0", &["1.19.0", "1.30.0-rc.1", "1.30.2-gke.1"], &["1.18.9"]),
            (">= 1.2, < 2 || >3.1", &["1.2.0", "1.9.9", "3.2.0"], &["2.0.0", "3.1.5"]),
            ("1.2 - 1.4", &["1.2.0", "1.4.9"], &["1.5.0", "1.1.0"]),
            ("!=1.2", &["1.3.0"], &["1.2.7"]),
            ("<=11.1", &["11.1.9", "10.5.0"], &["11.2.0"]),
            (">11", &["12.0.0"], &["11.9.9"]),
            ("=>1.0 =<2.0", &["1.5.0", "2.0.5"], &["2.1.0"]),
            ("~0.0.0", &["5.0.0"], &[]),
            ("abc", &[], &["1.0.0"]),
            (">=1.0.0 foo", &[], &["1.0.0"]),
        ];
        for (constraint, allowed, refused) in cases {
            for version in *allowed {
                assert!(is_compatible(constraint, version), "{constraint} {version}");
            }
            for version in *refused {
                assert!(!is_compatible(constraint, version), "{constraint} {version}");
            }
        }
    }
}
