//! Artifacts of OCI registries as trees: what `flux push artifact` puts there.
//!
//! A tag, a range of versions or a digest names a manifest; one of its layers is an archive of files. A layer is downloaded once,
//! compared with its digest, and unpacked into one file from which its tree is read ([`layers`]). The registry is asked each
//! time, with the credentials of who asks: what is here already is no way around them. Buckets are kept in the same way ([`bucket`]).

mod bucket;
mod error;
mod kept;
mod layer;
mod layers;
mod listed;
mod options;
mod published;
mod refused;
mod select;
mod shelf;
mod signature;
mod source;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use cowherd_tree::Tree;

use crate::cache::Cache;
use crate::connect::{Authorities, Line};
use crate::deadline::Deadline;
use crate::objects::lock;
use crate::registry::{Manifest, Registry};
use crate::tenant::{Claim, Growing};
use crate::web::{Web, WebProblem};
use crate::{Digest, MirrorsError};
pub use bucket::FetchedBucket;
pub use error::{ArtifactError, ArtifactProblem, ArtifactStep};
use kept::Kept;
use layer::Layer;
use layers::Layers;
pub use options::ArtifactOptions;
pub use published::Published;
use refused::Refused;
use shelf::Shelf;
pub use source::{ArtifactReference, ArtifactRepository, ArtifactSource, TagError};

/// Fetches artifacts from registries, and keeps what was downloaded.
///
/// Clones share everything. Calls block the thread.
#[derive(Clone)]
pub struct Artifacts(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    manifests: Cache,
    layers: Layers,
    refused: Mutex<Refused>,
    options: ArtifactOptions,
    authorities: Authorities,
}

/// An artifact that was fetched. What its files mean is nobody's business here.
#[derive(Clone)]
pub struct Fetched {
    /// The tag under which it was found, where it was not asked for by its digest.
    pub tag: Option<String>,
    /// The digest of the manifest, or of the index, that was found.
    pub digest: Digest,
    /// What the manifest says of itself.
    pub annotations: BTreeMap<String, String>,
    /// The digest of the layer.
    pub layer: Digest,
    /// The files of the layer.
    pub tree: Arc<dyn Tree>,
    /// Whether the layer was here already: no content was downloaded.
    pub unchanged: bool,
}

impl Fetched {
    /// What was found, as Flux writes it: `latest@sha256:…`, or the digest alone.
    pub fn revision(&self) -> String {
        match &self.tag {
            Some(tag) => format!("{tag}@{}", self.digest),
            None => self.digest.to_string(),
        }
    }
}

impl Artifacts {
    /// Keeps what is downloaded in `directory`, which is made where it is missing.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, MirrorsError> {
        Self::open_with(directory, ArtifactOptions::default())
    }

    /// The same with other options than the default ones.
    pub fn open_with(directory: impl Into<PathBuf>, options: ArtifactOptions) -> Result<Self, MirrorsError> {
        let directory = directory.into();
        let opened = || -> io::Result<_> {
            let manifests = Cache::open(directory.join("manifests"), options.max_manifests)?;
            Ok((manifests, Layers::open(directory.join("layers"), &options)?))
        };
        let (manifests, layers) =
            opened().map_err(|cause| MirrorsError::Unusable { path: directory.clone(), cause })?;
        let authorities = Authorities::default();
        let refused = Mutex::default();
        Ok(Self(Arc::new(Inner { directory, manifests, layers, refused, options, authorities })))
    }

    /// The artifact that `source` names.
    pub fn fetch(&self, source: &ArtifactSource) -> Result<Fetched, ArtifactError> {
        let at = |step| move |problem: ArtifactProblem| ArtifactError { step, problem };
        let authorities = &self.0.authorities;
        let name = &source.repository.name;
        let line = Line::new(&source.access, &source.cancel).through(source.proxy.as_ref());
        let web = Web::new(&source.auth, authorities, Deadline::after(source.timeout), line);
        let web = web.map_err(|problem| at(ArtifactStep::Credentials)(problem.into()))?;
        let registry = Registry::new(web, name, source.is_plain());
        let shelf = self.shelf(source);
        let tag = select::tag(&registry, source).map_err(at(ArtifactStep::Tag))?;
        let wanted = match &source.reference {
            ArtifactReference::Digest(digest) => Some(*digest),
            _ => None,
        };
        let reference = wanted.map(|digest| digest.to_string()).or(tag.clone()).unwrap_or_default();
        let (manifest, digest) =
            find(&registry, &shelf, &reference, wanted).map_err(|problem| at(ArtifactStep::Digest)(problem.into()))?;
        if let Some(trust) = &source.trust {
            signature::verify(&registry, &shelf, source, digest, trust).map_err(at(ArtifactStep::Verify))?;
        }
        let manifest = image(&registry, &shelf, manifest).map_err(at(ArtifactStep::Pull))?;
        let fetched = self.layer(&registry, &shelf, &manifest, source).map_err(at(ArtifactStep::Layer))?;
        let (layer, tree, unchanged) = fetched;
        let annotations = manifest.annotations().map(|(name, text)| (name.clone(), text.clone())).collect();
        Ok(Fetched { tag, digest, annotations, layer, tree, unchanged })
    }

    /// What was fetched of the repository before, the manifest with this digest, and is still here, without asking the registry.
    pub fn held(&self, source: &ArtifactSource, digest: Digest) -> Option<Fetched> {
        let shelf = self.shelf(source);
        let base = &shelf.base;
        let read = |digest| Manifest::parse(&shelf.text(digest)?, base).ok();
        let mut manifest = read(digest)?;
        if manifest.is_index() {
            manifest = read(select::image(&manifest).ok()?.digest(base).ok()?)?;
        }
        let layer = select::layer(&manifest, source.media_type.as_deref()).ok()?.digest(base).ok()?;
        let tree = kept(&shelf, layer, shelf.layer(layer)?, source).ok()?;
        let annotations = manifest.annotations().map(|(name, text)| (name.clone(), text.clone())).collect();
        Some(Fetched { tag: None, digest, annotations, layer, tree, unchanged: true })
    }

    /// The layer that is asked for, and whether it was here.
    fn layer(
        &self,
        registry: &Registry<'_>,
        shelf: &Shelf<'_>,
        manifest: &Manifest,
        source: &ArtifactSource,
    ) -> Result<(Digest, Arc<dyn Tree>, bool), ArtifactProblem> {
        let storage = |cause: io::Error| WebProblem::Storage(cause.to_string());
        let archive = &self.0.options.archive;
        let descriptor = select::layer(manifest, source.media_type.as_deref())?;
        let digest = descriptor.digest(registry.base())?;
        if let Some(held) = shelf.layer(digest) {
            return Ok((digest, kept(shelf, digest, held, source)?, true));
        }
        let place = shelf.place(digest);
        if let Some(refusal) = lock(&self.0.refused).of(&place, source.is_requested) {
            return Err(ArtifactProblem::Archive(refusal));
        }
        let mut packed = shelf.layers.partial().map_err(storage)?;
        let of_packed = claim(source, packed.path())?;
        let mut growing = Growing::new(packed.as_file_mut(), of_packed.as_ref());
        let downloaded = registry.blob(descriptor, archive.packed, &mut growing);
        if let Some(refused) = growing.refused {
            return Err(refused.into());
        }
        downloaded?;
        let reopened = packed.reopen().map_err(storage)?;
        let of_layer = claim(source, &shelf.layers.path(&place))?;
        let put = shelf.layers.put(&place, &reopened, archive, of_layer.as_ref());
        // What came is what the digest says: it would be the same the next time.
        if let Err(ArtifactProblem::Archive(refusal)) = &put {
            lock(&self.0.refused).note(&place, refusal);
        }
        let layer = put?;
        of_layer.iter().for_each(|claim| claim.settle(layer.size()));
        Ok((digest, kept(shelf, digest, layer, source)?, false))
    }

    /// What is kept of the repository.
    fn shelf<'a>(&'a self, source: &'a ArtifactSource) -> Shelf<'a> {
        let Inner { manifests, layers, .. } = &*self.0;
        let scope = source.scope.as_deref().unwrap_or_default();
        Shelf { manifests, layers, scope, base: source.repository.name.base(source.is_plain()) }
    }
}

/// The manifest that is asked for, and its digest. One that is here is not sent again.
fn find(
    registry: &Registry<'_>,
    shelf: &Shelf<'_>,
    reference: &str,
    wanted: Option<Digest>,
) -> Result<(Vec<u8>, Digest), WebProblem> {
    let said = registry.digest(reference)?.filter(|said| wanted.is_none_or(|wanted| wanted == *said));
    if let Some((digest, held)) = said.and_then(|said| Some((said, shelf.text(said)?))) {
        return Ok((held, digest));
    }
    let (content, digest) = registry.manifest(reference, wanted)?;
    shelf.keep(digest, &content);
    Ok((content, digest))
}

/// The image that the manifest is, or of an index the one for Linux on amd64, as Flux takes it.
fn image(registry: &Registry<'_>, shelf: &Shelf<'_>, manifest: Vec<u8>) -> Result<Manifest, ArtifactProblem> {
    let parsed = Manifest::parse(&manifest, registry.base())?;
    if !parsed.is_index() {
        return Ok(parsed);
    }
    let digest = select::image(&parsed)?.digest(registry.base())?;
    let content = match shelf.text(digest) {
        Some(held) => held,
        None => {
            let (content, _) = registry.manifest(&digest.to_string(), Some(digest))?;
            shelf.keep(digest, &content);
            content
        }
    };
    Ok(Manifest::parse(&content, registry.base())?)
}

/// Claims what is going to be at `path` for whoever asks for the artifact.
fn claim(source: &ArtifactSource, path: &Path) -> Result<Option<Claim>, ArtifactProblem> {
    Ok(source.tenant.as_ref().map(|tenant| tenant.claim(path, 0)).transpose()?)
}

/// The layer, kept for whoever asks for it as long as its tree is held.
fn kept(
    shelf: &Shelf<'_>,
    digest: Digest,
    layer: Arc<Layer>,
    source: &ArtifactSource,
) -> Result<Arc<dyn Tree>, ArtifactProblem> {
    let Some(tenant) = &source.tenant else { return Ok(layer) };
    let claim = tenant.claim(&shelf.layers.path(&shelf.place(digest)), layer.size())?;
    Ok(Arc::new(Kept { layer, _claim: claim }))
}

impl std::fmt::Debug for Fetched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetched").field("revision", &self.revision()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Artifacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Artifacts").field("directory", &self.0.directory).finish_non_exhaustive()
    }
}
