//! Conditions, as all kinds of Kubernetes have them.

use cowherd_text::harmless;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{DeploymentCondition, ReplicaSetCondition};
use k8s_openapi::api::batch::v1::JobCondition;
use k8s_openapi::api::core::v1::{NamespaceCondition, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// The most bytes of a condition's or event's message; the API takes no more than 32,768 for a condition.
const LONGEST: usize = 8 * 1024;

/// A condition of some kind of object.
pub trait Condition: PartialEq {
    /// The type, of which a list holds one at most.
    fn kind(&self) -> &str;
    /// `True`, `False` or `Unknown`.
    fn status(&self) -> &str;
    /// What is said of it.
    fn message(&mut self) -> Option<&mut String>;
    /// When the status became what it is.
    fn transition(&self) -> Option<Time>;
    /// Sets that time.
    fn set_transition(&mut self, time: Option<Time>);
    /// Whether it says what another one says, whenever that was written.
    fn says_the_same(&self, other: &Self) -> bool {
        self == other
    }
}

macro_rules! conditions {
    ($($kind:ty $({ $($more:tt)* })?),* $(,)?) => {$(
        impl Condition for $kind {
            fn kind(&self) -> &str {
                &self.type_
            }
            fn status(&self) -> &str {
                &self.status
            }
            fn message(&mut self) -> Option<&mut String> {
                self.message.as_mut()
            }
            fn transition(&self) -> Option<Time> {
                self.last_transition_time.clone()
            }
            fn set_transition(&mut self, time: Option<Time>) {
                self.last_transition_time = time;
            }
            $($($more)*)?
        }
    )*};
}

conditions!(
    DeploymentCondition {
        fn says_the_same(&self, other: &Self) -> bool {
            *self == Self { last_update_time: self.last_update_time.clone(), ..other.clone() }
        }
    },
    JobCondition,
    ReplicaSetCondition,
    NamespaceCondition,
    PodCondition,
);

impl Condition for k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition {
    fn kind(&self) -> &str {
        &self.type_
    }
    fn status(&self) -> &str {
        &self.status
    }
    fn message(&mut self) -> Option<&mut String> {
        Some(&mut self.message)
    }
    fn transition(&self) -> Option<Time> {
        Some(self.last_transition_time.clone())
    }
    fn set_transition(&mut self, time: Option<Time>) {
        self.last_transition_time = time.unwrap_or_else(now);
    }
}

/// Adds or replaces a condition, whose message becomes as it may be told; whether that changed the list. The time of the last transition stays for as long as
/// the status does, and is now where the condition brings none.
pub fn set<C: Condition>(list: &mut Vec<C>, mut condition: C) -> bool {
    if let Some(message) = condition.message() {
        *message = told(message);
    }
    let known = list.iter_mut().find(|known| known.kind() == condition.kind());
    match known {
        Some(known) => {
            if known.status() == condition.status() {
                condition.set_transition(known.transition());
            } else if condition.transition().is_none() {
                condition.set_transition(Some(now()));
            }
            let changed = !condition.says_the_same(known);
            if changed {
                *known = condition;
            }
            changed
        }
        None => {
            if condition.transition().is_none() {
                condition.set_transition(Some(now()));
            }
            list.push(condition);
            true
        }
    }
}

/// The condition of this type.
pub fn find<'a, C: Condition>(list: &'a [C], kind: &str) -> Option<&'a C> {
    list.iter().find(|condition| condition.kind() == kind)
}

/// Whether a condition of this type is `True`.
pub fn holds<C: Condition>(list: &[C], kind: &str) -> bool {
    find(list, kind).is_some_and(|condition| condition.status() == "True")
}

/// The present time in whole seconds, as objects hold it.
pub fn now() -> Time {
    let now = Timestamp::now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

/// `text` as conditions and events have it: not longer than they may be, and harmless, whatever others wrote into it.
pub fn told(text: &str) -> String {
    let text = harmless(text);
    if text.len() <= LONGEST {
        return text.into_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(LONGEST)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(status: &str, reason: &str, second: Option<i64>) -> PodCondition {
        PodCondition {
            type_: "Ready".into(),
            status: status.into(),
            reason: Some(reason.into()),
            last_transition_time: second.map(|second| Time(Timestamp::from_second(second).unwrap())),
            ..Default::default()
        }
    }

    #[test]
    fn the_time_of_a_transition_stays_until_the_status_changes() {
        let mut list = Vec::new();
        assert!(set(&mut list, condition("True", "one", Some(7))));
        assert!(!set(&mut list, condition("True", "one", None)));
        assert!(set(&mut list, condition("True", "two", Some(9))));
        assert_eq!(list, [condition("True", "two", Some(7))]);
        assert!(holds(&list, "Ready"));
        assert!(set(&mut list, condition("False", "three", Some(11))));
        assert_eq!(list, [condition("False", "three", Some(11))]);
    }

    #[test]
    fn what_is_said_again_later_is_no_news() {
        let at = |second| Some(Time(Timestamp::from_second(second).unwrap()));
        let progressing = |message: &str, second| DeploymentCondition {
            type_: "Progressing".into(),
            status: "True".into(),
            message: Some(message.into()),
            last_update_time: at(second),
            ..Default::default()
        };
        let mut list = Vec::new();
        assert!(set(&mut list, progressing("one", 7)));
        assert!(!set(&mut list, progressing("one", 9)));
        assert_eq!(list[0].last_update_time, at(7));
        assert!(set(&mut list, progressing("two", 11)));
        assert_eq!(list[0].last_update_time, at(11));
    }

    #[test]
    fn a_message_is_cut_between_characters() {
        let long = "ä".repeat(LONGEST);
        assert!(told(&long).len() <= LONGEST + 3);
        assert_eq!(told("short"), "short");
        assert_eq!(told("well\rbad"), "well\\rbad");
    }
}
