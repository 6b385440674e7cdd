//! The expressions of an Alert's lists, compiled within limits.

use std::time::Instant;

use cowherd_api::flux::notification::v1beta3::Alert;
use cowherd_pattern::{Limits, Regex, RegexSet};

use crate::kept::Room;
use crate::thinking::TooLong;

/// How many expressions of a list are looked for at most, and how many bytes one may have.
const MOST: usize = 64;
const LONGEST: usize = 1_000;
/// How large all expressions of an Alert may be together when they are compiled, in bytes.
const SIZE: usize = 512 << 10;
/// In how much of that the weight of an expression counts.
const UNIT: usize = 4 << 10;

/// How much is kept of what was compiled, in bytes.
pub(crate) const ROOM: Room = Room { of_namespace: 8 << 20, in_all: 64 << 20 };

/// What is wrong with an expression of an Alert's lists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WrongExpression {
    /// It is none.
    #[error("failed to compile {list} regex: {expression}")]
    Invalid { list: &'static str, expression: String },
    /// It is too long.
    #[error(
        "an expression of spec.{list}List has more than {LONGEST} bytes and does not count; write a shorter one than {expression}…"
    )]
    TooLong { list: &'static str, expression: String },
    /// There are too many.
    #[error("spec.{list}List has more than {MOST} expressions; the first {MOST} of them count")]
    TooMany { list: &'static str },
    /// All of them are too large.
    #[error(
        "the expressions of the Alert have more than {} KiB when they are compiled; those of spec.{list}List from {expression} on do not \
         count: write fewer or simpler ones",
        SIZE >> 10
    )]
    TooLarge { list: &'static str, expression: String },
}

/// The expressions of an Alert.
#[derive(Debug)]
pub(crate) struct Patterns {
    inclusion: Option<RegexSet>,
    exclusion: Option<RegexSet>,
    /// What is wrong with them. What is no expression is found in no message.
    pub(crate) wrong: Vec<WrongExpression>,
    left: usize,
}

impl Patterns {
    /// Whether an Alert has any.
    pub(crate) fn has(alert: &Alert) -> bool {
        !(alert.spec.inclusion_list.is_empty() && alert.spec.exclusion_list.is_empty())
    }

    /// Compiles those of an Alert, until a time. Blocks the thread.
    pub(crate) fn compile(alert: &Alert, until: Instant) -> Result<Self, TooLong> {
        let mut made = Self { inclusion: None, exclusion: None, wrong: Vec::new(), left: SIZE };
        made.inclusion = made.list("inclusion", &alert.spec.inclusion_list, until)?;
        made.exclusion = made.list("exclusion", &alert.spec.exclusion_list, until)?;
        Ok(made)
    }

    /// How much memory they stand for, in bytes, with what is wrong with them.
    pub(crate) fn size(&self) -> usize {
        SIZE - self.left + UNIT * (1 + self.wrong.len() / 4)
    }

    /// Whether the lists leave a message.
    pub(crate) fn admit(&self, message: &str) -> bool {
        let finds = |list: &Option<RegexSet>| list.as_ref().map(|list| list.is_match(message));
        finds(&self.inclusion).unwrap_or(true) && !finds(&self.exclusion).unwrap_or(false)
    }

    /// The expressions of a list, if it has any.
    fn list(&mut self, list: &'static str, all: &[String], until: Instant) -> Result<Option<RegexSet>, TooLong> {
        if all.is_empty() {
            return Ok(None);
        }
        if all.len() > MOST {
            self.wrong.push(WrongExpression::TooMany { list });
        }
        let mut good = Vec::new();
        for expression in all.iter().take(MOST) {
            if Instant::now() >= until {
                return Err(TooLong);
            }
            match self.judge(list, expression) {
                Ok(()) => good.push(expression.as_str()),
                Err(wrong) => {
                    let is_last = matches!(wrong, WrongExpression::TooLarge { .. });
                    self.wrong.push(wrong);
                    if is_last {
                        break;
                    }
                }
            }
        }
        // Each has room by itself; together they take a little more than each by itself.
        let set = RegexSet::new(good, Limits { bytes: 2 * SIZE });
        if set.is_err() {
            let expression = all.first().map(|first| shortened(first)).unwrap_or_default();
            self.wrong.push(WrongExpression::TooLarge { list, expression });
        }
        Ok(Some(set.unwrap_or_default()))
    }

    /// Whether an expression is one, and there is room for it, which it takes.
    fn judge(&mut self, list: &'static str, expression: &str) -> Result<(), WrongExpression> {
        if expression.len() > LONGEST {
            return Err(WrongExpression::TooLong { list, expression: shortened(expression) });
        }
        match Regex::new(expression, Limits { bytes: self.left }) {
            Ok(regex) => {
                self.left = self.left.saturating_sub(regex.weight() * UNIT);
                Ok(())
            }
            Err(error) if error.is_too_large() => {
                Err(WrongExpression::TooLarge { list, expression: shortened(expression) })
            }
            Err(_) => Err(WrongExpression::Invalid { list, expression: shortened(expression) }),
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    fn compiled(spec: Value, time: Duration) -> Result<Patterns, TooLong> {
        let mut whole = json!({ "providerRef": { "name": "p" }, "eventSources": [] });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let alert = json!({ "apiVersion": "notification.toolkit.fluxcd.io/v1beta3", "kind": "Alert",
            "metadata": { "name": "a", "namespace": "apps" }, "spec": whole });
        Patterns::compile(&serde_json::from_value(alert).unwrap(), Instant::now() + time)
    }

    fn admitted(spec: Value) -> (bool, usize) {
        let patterns = compiled(spec, Duration::from_secs(60)).unwrap();
        (patterns.admit("Deployment/apps/web configured"), patterns.wrong.len())
    }

    #[test]
    fn lists_leave_what_is_included_and_not_excluded_and_say_what_is_no_expression() {
        assert_eq!(admitted(json!({})), (true, 0));
        assert_eq!(admitted(json!({ "inclusionList": ["configured$"] })), (true, 0));
        assert_eq!(admitted(json!({ "inclusionList": ["created", "Deploy.*"] })), (true, 0));
        assert_eq!(admitted(json!({ "inclusionList": ["created"] })), (false, 0));
        assert_eq!(admitted(json!({ "exclusionList": ["created", "web"] })), (false, 0));
        assert_eq!(admitted(json!({ "inclusionList": ["web"], "exclusionList": ["apps"] })), (false, 0));
        assert_eq!(admitted(json!({ "inclusionList": ["("] })), (false, 1));
        assert_eq!(admitted(json!({ "exclusionList": ["(", "a{9999}{9999}"] })), (true, 2));
        assert_eq!(admitted(json!({ "exclusionList": vec!["x"; MOST + 1] })), (true, 1));
        assert_eq!(admitted(json!({ "exclusionList": ["x".repeat(LONGEST + 1), "web"] })), (false, 1));
        // They are Go's.
        assert_eq!(admitted(json!({ "inclusionList": [r"^\Qa.", "Deployment/[[:alpha:]]+/"] })), (true, 0));
    }

    #[test]
    fn all_expressions_of_an_alert_have_one_limit_and_one_time() {
        let large: Vec<String> = (0..MOST).map(|number| format!(r"\pL{{20}}\d{{30}}x{number}")).collect();
        let patterns =
            compiled(json!({ "inclusionList": large, "exclusionList": large }), Duration::from_secs(60)).unwrap();
        assert_eq!(patterns.wrong.len(), 2, "{:?}", patterns.wrong);
        assert!(patterns.wrong.iter().all(|wrong| matches!(wrong, WrongExpression::TooLarge { .. })));
        assert!(patterns.wrong[0].to_string().contains("more than 512 KiB when they are compiled"));
        assert!(patterns.size() <= SIZE + UNIT);
        assert_eq!(compiled(json!({ "inclusionList": ["x"] }), Duration::ZERO).err(), Some(TooLong));
    }
}
