//! Takes over fields that someone wrote by hand, and writes again what somebody else wrote at the same moment.

use std::time::Duration;

use super::apply::metadata;
use super::prepare::Work;
use super::{Applier, Desired};
use crate::cluster::{Kind, Patched, is_conflict};
use crate::error::ApplyError;
use crate::intruders;

/// How often a write is tried that meets another one, as client-go does.
pub(super) const ATTEMPTS: usize = 5;
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(10);

/// Whether a write that failed so is to be tried once more; then the pause is over, and the try is counted.
pub(super) async fn again(error: &kube::Error, attempt: &mut usize) -> bool {
    if !is_conflict(error) || *attempt >= ATTEMPTS {
        return false;
    }
    *attempt += 1;
    tokio::time::sleep(PAUSE).await;
    true
}

impl Applier {
    /// Takes over what someone wrote by hand, and applies the object again without it. Whoever else writes the object at the
    /// same moment, as its controller may, does not keep it from that.
    pub(super) async fn take_over(
        &self,
        desired: &Desired,
        kind: &Kind,
        work: &Work,
        patched: &Patched,
    ) -> Result<Option<Patched>, ApplyError> {
        let cluster = &self.inner.cluster;
        let ownership = cluster.ownership();
        let step = |error| ApplyError::answer(work.id(), "takeover of fields failed", error, work.manifest.object());
        let account = desired.account.as_ref();
        let Some(mut patch) = intruders::takeover(&metadata(&patched.object), ownership) else { return Ok(None) };
        let mut attempt = 1;
        while let Err(error) = cluster.merge(kind, work.id(), &patch, account).await {
            if !again(&error, &mut attempt).await {
                return Err(step(error));
            }
            let seen = cluster.metadata(kind, work.id(), account).await.map_err(step)?;
            match seen.and_then(|seen| intruders::takeover(&seen, ownership)) {
                Some(newer) => patch = newer,
                None => break,
            }
        }
        self.send(desired, kind, work, false).await.map(Some).map_err(step)
    }
}
