//! Artifacts that somebody publishes on the web: an archive of files at a URL, with the digest that it must have.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use cowherd_tree::Tree;

use super::error::{ArtifactError, ArtifactProblem, ArtifactStep};
use super::kept::Kept;
use super::layer::Layer;
use super::shelf::Shelf;
use super::{Artifacts, Inner};
use crate::connect::Line;
use crate::deadline::Deadline;
use crate::objects::lock;
use crate::tenant::Growing;
use crate::web::location::{shown, without_userinfo};
use crate::web::{Show, Web, WebProblem};
use crate::{Access, Auth, Cancel, DEFAULT_TIMEOUT, Digest, Tenant};

/// An archive on the web, and the terms on which it is fetched.
#[derive(Clone, Debug)]
pub struct Published {
    /// Where it is: an http or https URL without credentials.
    pub url: String,
    /// The digest that it must have.
    pub digest: Digest,
    /// Whose word it is that it is there. What is kept for one is not found for another.
    pub scope: String,
    /// How long fetching may take, from the first connection to the last byte.
    pub timeout: Duration,
    /// What the fetch may use and reach.
    pub access: Access,
    /// Breaks the fetch off.
    pub cancel: Cancel,
    /// Whether a person asked for it: what was refused before is asked for once more.
    pub is_requested: bool,
    /// On whose behalf it is fetched, and kept.
    pub tenant: Option<Tenant>,
}

impl Published {
    /// On the word of `scope`, with the default timeout.
    pub fn new(url: impl Into<String>, digest: Digest, scope: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            digest,
            scope: scope.into(),
            timeout: DEFAULT_TIMEOUT,
            access: Access::default(),
            cancel: Cancel::default(),
            is_requested: false,
            tenant: None,
        }
    }
}

impl Artifacts {
    /// The files of an archive that somebody published. What is here already is not fetched again. Blocks the thread.
    ///
    /// # Errors
    /// When it cannot be fetched, is another one than the digest says, or cannot be unpacked.
    pub fn published(&self, wanted: &Published) -> Result<Arc<dyn Tree>, ArtifactError> {
        let at = |step| move |problem: ArtifactProblem| ArtifactError { step, problem };
        let shelf = self.shelf_of(wanted);
        if let Some(held) = shelf.layer(wanted.digest) {
            return keep(&shelf, wanted, held).map_err(at(ArtifactStep::Layer));
        }
        let place = shelf.place(wanted.digest);
        if let Some(refusal) = lock(&self.0.refused).of(&place, wanted.is_requested) {
            return Err(at(ArtifactStep::Layer)(ArtifactProblem::Archive(refusal)));
        }
        self.download(wanted, &shelf, &place).map_err(at(ArtifactStep::Pull))
    }

    fn download(&self, wanted: &Published, shelf: &Shelf<'_>, place: &str) -> Result<Arc<dyn Tree>, ArtifactProblem> {
        let storage = |cause: io::Error| WebProblem::Storage(cause.to_string());
        let archive = &self.0.options.archive;
        if without_userinfo(&wanted.url).1.is_some() {
            let cause = "it has credentials in it; whoever publishes an artifact has to give it to all".to_owned();
            return Err(WebProblem::Location { url: shown(&wanted.url).to_owned(), cause }.into());
        }
        let auth = Auth::default();
        let line = Line::new(&wanted.access, &wanted.cancel);
        let web = Web::new(&auth, &self.0.authorities, Deadline::after(wanted.timeout), line)?;
        let mut packed = shelf.layers.partial().map_err(storage)?;
        let claim = |path: &std::path::Path| wanted.tenant.as_ref().map(|tenant| tenant.claim(path, 0)).transpose();
        let of_packed = claim(packed.path())?;
        let mut growing = Growing::new(packed.as_file_mut(), of_packed.as_ref());
        let answer = web.get(&wanted.url, &[], Show::Nothing)?.success(&auth)?;
        let found = web.copy(answer, archive.packed, &mut growing);
        if let Some(refused) = growing.refused {
            return Err(refused.into());
        }
        let found = found?;
        if found != wanted.digest {
            return Err(WebProblem::Digest { expected: wanted.digest, actual: found }.into());
        }
        let reopened = packed.reopen().map_err(storage)?;
        let of_layer = claim(&shelf.layers.path(place))?;
        let put = shelf.layers.put(place, &reopened, archive, of_layer.as_ref());
        // What came is what the digest says: it would be the same the next time.
        if let Err(ArtifactProblem::Archive(refusal)) = &put {
            lock(&self.0.refused).note(place, refusal);
        }
        let layer = put?;
        of_layer.iter().for_each(|claim| claim.settle(layer.size()));
        keep(shelf, wanted, layer)
    }

    fn shelf_of<'a>(&'a self, wanted: &'a Published) -> Shelf<'a> {
        let Inner { manifests, layers, .. } = &*self.0;
        Shelf { manifests, layers, scope: &wanted.scope, base: format!("published\n{}", wanted.url) }
    }
}

/// The layer, kept for whoever asks for it as long as its tree is held.
fn keep(shelf: &Shelf<'_>, wanted: &Published, layer: Arc<Layer>) -> Result<Arc<dyn Tree>, ArtifactProblem> {
    let Some(tenant) = &wanted.tenant else { return Ok(layer) };
    let claim = tenant.claim(&shelf.layers.path(&shelf.place(wanted.digest)), layer.size())?;
    Ok(Arc::new(Kept { layer, _claim: claim }))
}
