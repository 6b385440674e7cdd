//! Who signs commits: a key of the namespace of the automation.

use cowherd_api::flux::image::v1::GitSpec;
use cowherd_source::CommitSigner;

use crate::source::Shared;
use crate::source::secrets::{Namespace, Unread};

const FIELD: &str = "spec.git.commit.signingKey.secretRef";

/// Under which name a Secret has a key of SSH.
const IDENTITY: &str = "identity";

/// The key that signs, if there has to be one. One of OpenPGP is refused before.
pub(super) async fn signer(shared: &Shared, namespace: &str, git: &GitSpec) -> Result<Option<CommitSigner>, Unread> {
    let Some(key) = &git.commit.signing_key else { return Ok(None) };
    let name = &key.secret_ref.name;
    let namespace =
        Namespace { client: &shared.client, name: namespace, kind: "ImageUpdateAutomation", hidden: &shared.hidden };
    let data = namespace.secret(name, FIELD).await?;
    let missing = || Unread::unusable(name, FIELD, format_args!("it does not contain an '{IDENTITY}' key"));
    let identity = data.get(IDENTITY).ok_or_else(missing)?;
    CommitSigner::ssh(identity).map(Some).map_err(|cause| Unread::unusable(name, FIELD, cause))
}
