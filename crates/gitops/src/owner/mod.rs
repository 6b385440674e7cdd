//! Owners: objects of the API that have other objects kept as they say.
//!
//! A kind of owner is an [`OwnerKind`], which says what marks its objects and how its status is written, and a type that
//! implements [`Owning`], which reads an [`Owner`] of an object. Schedule and delivery know no more of it than that.

mod expressions;
mod history;
mod inventory;
mod kind;
mod kube_config;
mod metadata;
mod name;
mod precedence;
mod settings;
pub(crate) mod status;

use std::any::Any;
use std::sync::Arc;

use cowherd_api::flux::annotations::RECONCILE_REQUESTED_AT;
use cowherd_apply::Account;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;

pub(crate) use expressions::{Expressions, Over};
pub use expressions::{WrongExpression, wrong_expressions};
pub(crate) use history::{History, Reconciliation};
pub(crate) use inventory::Inventory;
pub(crate) use kind::{OwnerKind, Owning, Sighting, read};
pub(crate) use kube_config::{KubeConfig, KubeConfigSource};
pub(crate) use metadata::Metadata;
pub(crate) use name::OwnerName;
pub(crate) use precedence::Precedence;
pub(crate) use settings::{Deletion, Dependency, Settings, SettingsError, check_names};
pub(crate) use status::Status;

/// What is to be known of an object to deliver for it, as it was last seen.
#[derive(Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) name: OwnerName,
    pub(crate) metadata: Metadata,
    /// Whether nothing is to be done for it.
    pub(crate) is_suspended: bool,
    /// What it asks for, or why that cannot be acted on.
    pub(crate) settings: Result<Arc<Settings>, SettingsError>,
    /// What becomes of its objects when it is deleted.
    pub(crate) deletion: Deletion,
    /// What says how the cluster is reached that its objects are in, if that is another one. What has their names here is something
    /// else.
    pub(crate) kube_config: Option<KubeConfig>,
    /// On whose behalf it acts; with the rights of the agents where it names nobody.
    pub(crate) account: Option<Account>,
    /// Whether it names nobody, and acts on behalf of whom the agents were started to act for.
    pub(crate) has_default_account: bool,
    /// Its place before others that describe the same objects.
    pub(crate) precedence: Precedence,
    /// What only its kind knows of it.
    pub(crate) own: Option<Arc<dyn Any + Send + Sync>>,
}

/// Who acts for an owner. What one may, another one of the same identity may as well.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// The agents, with their own rights.
    Agents,
    /// An account of the cluster that the owner is in.
    Account(Account),
    /// Who is let into another cluster so, or an account of it.
    There(KubeConfig, Option<Account>),
}

impl Owner {
    /// Who acts for it.
    pub(crate) fn identity(&self) -> Identity {
        match (&self.kube_config, &self.account) {
            (Some(said), account) => Identity::There(said.clone(), account.clone()),
            (None, Some(account)) => Identity::Account(account.clone()),
            (None, None) => Identity::Agents,
        }
    }

    pub(crate) fn uid(&self) -> Option<&str> {
        self.metadata.uid.as_deref()
    }

    pub(crate) fn resource_version(&self) -> Option<&str> {
        self.metadata.resource_version.as_deref()
    }

    pub(crate) fn generation(&self) -> Option<i64> {
        self.metadata.generation
    }

    /// When it was made.
    pub(crate) fn created(&self) -> Timestamp {
        self.metadata.created.unwrap_or_default()
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.metadata.is_deleted
    }

    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// The request for a reconciliation that it carries.
    pub(crate) fn requested_at(&self) -> Option<&str> {
        self.annotation(RECONCILE_REQUESTED_AT)
    }

    pub(crate) fn finalizers(&self) -> &[String] {
        &self.metadata.finalizers
    }

    /// Whether it may not go before we have cleaned up after it.
    pub(crate) fn has_finalizer(&self) -> bool {
        self.finalizers().iter().any(|finalizer| finalizer == self.name.kind.finalizer)
    }

    /// How events name it.
    pub(crate) fn reference(&self) -> ObjectReference {
        let kind = self.name.kind;
        ObjectReference {
            api_version: Some(kind.api_version()),
            kind: Some(kind.kind.to_owned()),
            name: Some(self.name.name.clone()),
            namespace: Some(self.name.namespace.clone()),
            uid: self.metadata.uid.clone(),
            resource_version: self.metadata.resource_version.clone(),
            field_path: None,
        }
    }
}
