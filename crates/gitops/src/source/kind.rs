//! What is different between the kinds of sources.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

use cowherd_apply::Unmasked;
use cowherd_apply::mask::Mask;
use cowherd_source::LocalWatch;
use kube::Resource;
use kube::core::NamespaceResourceScope;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::status::Status;
use super::{Artifact, Shared, SourceKind, SourceName};
use crate::conditions::SUCCEEDED;
use crate::metrics::Described;

/// An object of the API that brings content.
pub(crate) trait Source:
    Resource<DynamicType = (), Scope = NamespaceResourceScope>
    + Described
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// Its kind.
    const KIND: SourceKind;

    /// The fields that its status can have. Those that are not written are removed.
    const STATUS_FIELDS: &'static [&'static str];

    /// What of its revision its conditions say that it was stored for.
    const STORED_FOR: &'static str = "revision";

    /// Whether it is said in its status what comes of it. Where it is not, whoever makes it says that.
    const IS_REPORTED: bool = true;

    /// How often it is to be looked at.
    fn interval(&self) -> &cowherd_api::Duration;

    /// Whether it is not to be looked at.
    fn is_suspended(&self) -> bool;

    /// Whether it only says where something is, for others to look: nothing is ever to be said in its status.
    fn is_static(&self) -> bool {
        false
    }

    /// The sources that it is made of: it is looked at when one of them has something else.
    fn made_of(&self) -> Vec<SourceName> {
        Vec::new()
    }

    /// What others say beside its spec that is to be looked at again when they say something else.
    fn told(&self) -> Option<String> {
        None
    }

    /// Its status as it was found.
    fn status(&self) -> Status;

    /// Looks what there is, and fetches what is not here yet. What it reads that must not be shown is put into what `shared`
    /// hides.
    fn fetch(&self, shared: &Shared) -> impl Future<Output = Result<Found, Problem>> + Send;

    /// What was fetched for this object before the start and is still here: the cluster is kept as it says until it is
    /// looked at.
    fn held(&self, shared: &Shared) -> impl Future<Output = Option<Arc<Artifact>>> + Send;

    /// A watch of what it names, where that is on this machine: it is looked at when that changes.
    fn watch(&self, _shared: &Shared) -> Option<LocalWatch> {
        None
    }
}

/// What a source has.
pub(crate) struct Found {
    pub(crate) artifact: Arc<Artifact>,
    /// Where it came from, as the status says it.
    pub(crate) url: String,
    /// How its storage is named in the status.
    pub(crate) path: String,
    /// What an event says of it when it is new.
    pub(crate) news: String,
    /// What its conditions say of it, where the kind has words of its own.
    pub(crate) stored: Option<Stored>,
    /// What it says of itself, which goes into the status.
    pub(crate) metadata: BTreeMap<String, String>,
    /// What is said of its signature, where it had to have one.
    pub(crate) verified: Option<String>,
    /// What of the spec it was made with, and what else only this kind writes into its status.
    pub(crate) observed: Map<String, Value>,
}

/// What conditions say of what a source has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// The reason in one word, as Flux gives it.
    pub(crate) reason: &'static str,
    /// The reason in a sentence.
    pub(crate) message: String,
}

impl Stored {
    /// The reason of the event that tells of it when it is new.
    pub(super) fn event(&self) -> &'static str {
        if self.reason == SUCCEEDED { "NewArtifact" } else { self.reason }
    }
}

/// Why a source has nothing. It is told through a mask alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The reason in one word, as Flux gives it.
    pub(crate) reason: &'static str,
    /// What failed, and what to do about it.
    pub(crate) message: Unmasked,
    /// Whether only a change of the object can help.
    pub(crate) is_final: bool,
    /// Whether it may pass by itself: no answer, or one that says to come back.
    pub(crate) may_pass: bool,
    /// Whether it is there, and not signed as it has to be.
    pub(crate) is_unverified: bool,
    /// Whether a panic kept it from being looked at.
    pub(crate) is_bug: bool,
}

impl Problem {
    /// What is said of an error; also that it is tried again, where that may be all that it takes.
    pub(crate) fn said(error: &impl std::fmt::Display, may_pass: bool) -> Unmasked {
        if may_pass { Unmasked::of(&format_args!("{error}; it is tried again")) } else { Unmasked::of(error) }
    }

    /// What people are told.
    pub(crate) fn told(&self, mask: &Mask) -> String {
        self.message.told(mask)
    }

    /// The same without what `mask` hides.
    pub(crate) fn masked(&self, mask: &Mask) -> Self {
        Self { message: Unmasked::of(&self.told(mask)), ..*self }
    }
}

cowherd_apply::cannot_be_displayed!(Problem);
