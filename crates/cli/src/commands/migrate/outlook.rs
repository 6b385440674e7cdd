//! What the agents would change of what Flux keeps.

use std::collections::BTreeMap;

use anyhow::Result;
use cowherd_apply::ObjectId;
use cowherd_gitops::DefaultAccount;
use cowherd_source::Access;
use kube::Client;
use serde_json::Value;

use crate::commands::diff::{self, Found};
use crate::sops::SopsKeys;
use crate::terminal::text::plain;
use crate::terminal::{Mark, tell};

/// What would change.
pub struct Outlook(Found);

impl Outlook {
    /// What agents would change that may fetch so, and act for this account where nobody names one.
    ///
    /// # Errors
    /// When the cluster gives no answer.
    pub async fn of(client: &Client, access: Access, default_account: DefaultAccount, sops: &SopsKeys) -> Result<Self> {
        Ok(Self(diff::everything(client, access, default_account, sops).await?))
    }

    /// Says it.
    pub fn tell(&self) {
        let owners = self.0.met.len();
        for (owner, remark) in &self.0.remarks {
            tell!("{} {} {}/{}: {}", Mark::Waiting, owner.kind, owner.namespace, owner.name, plain(remark));
        }
        let Some(counts) = self.counts() else {
            if self.0.untold.is_empty() {
                tell!(
                    "{} what it keeps is as its sources have it: no object would be created, changed or deleted (Kustomizations and \
                     HelmReleases looked at: {owners})",
                    Mark::Success
                );
            }
            self.0.untold.tell();
            return;
        };
        diff::print(&self.0.changes);
        tell!("{} what would change: {counts} (Kustomizations and HelmReleases looked at: {owners})", Mark::Failure);
        self.0.untold.tell();
    }

    /// The objects that would.
    pub fn changed(&self) -> impl Iterator<Item = &ObjectId> {
        self.0.changes.iter().map(|change| &change.object.id)
    }

    /// How many objects there are of each change.
    fn counts(&self) -> Option<String> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for change in &self.0.changes {
            *counts.entry(change.action.as_str()).or_default() += 1;
        }
        let words: Vec<String> = counts.iter().map(|(action, count)| format!("{count} {action}")).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// What cannot be told.
    pub fn untold(&self) -> &[String] {
        self.0.untold.texts()
    }

    /// For programs.
    pub fn structured(&self) -> Value {
        self.0.changes.iter().map(diff::structured).collect()
    }
}
