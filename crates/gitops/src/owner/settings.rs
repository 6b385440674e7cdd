//! What an owner asks for, read and checked.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use cowherd_apply::{Versioned, is_path_segment};

use super::{Expressions, OwnerName};
use crate::conditions::{INVALID_EXPRESSION, UNSUPPORTED};
use crate::producer::Producer;
use crate::source::SourceName;

/// What happens to the objects when their owner is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deletion {
    /// They stay; the field that says so.
    Orphan(&'static str),
    /// They go as what it no longer describes goes: it says nothing of its deletion.
    MirrorPrune,
    /// It says that they go with it.
    Delete,
    /// It says that they go before it.
    DeleteAndWait,
}

/// An owner that must be ready first.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: OwnerName,
    /// At which place of [`Settings::expressions`] stands what decides whether it is, if its conditions and its revision do not.
    pub(crate) ready: Option<usize>,
    /// Whether nothing is told of it to an owner whose account may not see it.
    pub(crate) minds_rights: bool,
}

/// What an owner asks for.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where the content comes from.
    pub(crate) source: SourceName,
    /// How manifests are made of it.
    pub(crate) producer: Arc<dyn Producer>,
    /// Where objects are that name no namespace.
    pub(crate) default_namespace: Option<String>,
    /// The owners that must be ready first.
    pub(crate) depends_on: Vec<Dependency>,
    pub(crate) interval: Duration,
    pub(crate) retry_interval: Duration,
    /// How long applying, and waiting for health, may take.
    pub(crate) timeout: Duration,
    /// Whether objects go that are no longer described.
    pub(crate) prune: bool,
    /// Whether objects are recreated where a field would have to change that cannot.
    pub(crate) force: bool,
    /// Whether all objects have to be healthy.
    pub(crate) wait: bool,
    /// The objects that have to be healthy otherwise.
    pub(crate) health_checks: Vec<Versioned>,
    /// What decides how far the objects of some kinds are, instead of kstatus's rules, and whether some dependencies are ready.
    pub(crate) expressions: Expressions,
    /// Whether it is put right what others change.
    pub(crate) minds_drift: bool,
    /// The account that tenants have to act for who name none, where the agents have to keep them apart for it.
    pub(crate) needs_lockdown: Option<String>,
}

impl Settings {
    /// Whether the health of anything decides whether the owner is ready.
    pub(crate) fn checks_health(&self) -> bool {
        self.wait || !self.health_checks.is_empty()
    }
}

/// A field that cannot be acted on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", place(.field))]
pub(crate) struct SettingsError {
    /// The field of the spec; empty where the problem itself says where it is.
    pub(crate) field: Cow<'static, str>,
    pub(crate) problem: String,
    /// The reason of the conditions.
    pub(crate) reason: &'static str,
}

impl SettingsError {
    /// A field that asks for what cannot be had.
    pub(crate) fn new(field: impl Into<Cow<'static, str>>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into(), reason: UNSUPPORTED }
    }

    /// An expression that is none.
    pub(crate) fn expression(field: impl Into<Cow<'static, str>>, problem: impl Into<String>) -> Self {
        Self { reason: INVALID_EXPRESSION, ..Self::new(field, problem) }
    }
}

/// Where a field is, before what is wrong with it.
fn place(field: &str) -> String {
    if field.is_empty() { String::new() } else { format!("spec.{field} ") }
}

/// Refuses names in a spec, by the fields that they stand in, that would make another request of one about what they name. Whatever
/// is to become a part of a path of the API stands here, or in one of the checks beside it.
pub(crate) fn check_names<'a, F>(names: impl IntoIterator<Item = (F, &'a str)>) -> Result<(), SettingsError>
where
    F: Into<Cow<'static, str>>,
{
    match names.into_iter().find(|(_, name)| !is_path_segment(name)) {
        None => Ok(()),
        Some((field, name)) => {
            let problem = format!("is {name:?}, which no object is called; see Kubernetes' rules for names");
            Err(SettingsError::new(field, problem))
        }
    }
}
