//! What comes for a chart: it is written to disk as it comes, so that nobody has it in memory for as long as a server likes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use tempfile::SpooledTempFile;

use super::ChartProblem;
use crate::cache::Cache;
use crate::content::Content;
use crate::tenant::{Growing, Tenant};
use crate::{Digest, WebProblem};

/// Tells what comes now from all else that comes.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// What is being written.
pub(super) type Coming<'a> = Growing<'a, &'a mut SpooledTempFile>;

/// Where what comes is written, and for whom.
#[derive(Clone, Copy)]
pub(super) struct Spool<'a> {
    pub(super) cache: &'a Cache,
    /// Whose room it takes; nobody's where it is wanted by the person who runs the program.
    pub(super) tenant: Option<&'a Tenant>,
    /// The most bytes that are taken.
    pub(super) limit: u64,
}

/// What came, or was here.
pub(super) struct Download {
    pub(super) content: Content,
    /// The name and the note with which it is to be put into the cache; nothing where it is not.
    pub(super) keep: Option<(String, String)>,
}

impl Spool<'_> {
    /// What `fill` writes, of which it says the digest.
    pub(super) fn take(
        &self,
        fill: impl FnOnce(&mut Coming<'_>) -> Result<Digest, WebProblem>,
    ) -> Result<Content, ChartProblem> {
        let claim = self.tenant.map(|tenant| tenant.claim(&self.place(), 0)).transpose()?;
        let mut spool = self.cache.spool();
        let mut coming = Growing::new(&mut spool, claim.as_ref());
        let filled = fill(&mut coming);
        let (refused, size) = (coming.refused.take(), coming.written());
        if let Some(refused) = refused {
            return Err(refused.into());
        }
        let digest = filled?;
        Ok(Content::spooled(spool, size, digest, claim))
    }

    /// A place that nothing else has: a file without a name counts, too.
    fn place(&self) -> PathBuf {
        self.cache.directory().join(format!(".coming-{}", NEXT.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Download {
    /// Puts it into the cache. Whoever asked has it anyway: a full disk costs the next download.
    pub(super) fn keep(&mut self, cache: &Cache) {
        let Some((name, note)) = self.keep.take() else { return };
        if let Err(error) = cache.keep(&name, &note, &mut self.content) {
            tracing::warn!(directory = %cache.directory().display(), %error, "a download was not kept");
        }
    }
}
