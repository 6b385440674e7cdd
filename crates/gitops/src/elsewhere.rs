//! What a render needs from elsewhere: fetches it and renders again, until nothing is missing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cowherd_render::{Cause, Helm, Remote, RemoteSource, Remotes, RenderError, Surroundings};
use cowherd_source::{
    ChartError, ChartRepository, ChartSource, ChartUrlError, Charts, FetchError, Mirrors, Reference, RepositoryUrl,
    UrlError,
};
use cowherd_tree::{EntryKind, MAX_FILE_SIZE, MemoryTree, PathError, Tree, TreeError, TreePath};

/// How often a render may find that more is missing. What is fetched may name more.
const MAX_ROUNDS: usize = 32;

/// How long what was fetched counts as what is there. Kustomizations that are rendered for one commit share it.
const FRESH: Duration = Duration::from_secs(15);

/// How long fetching a repository may take at most, whatever its address says.
const MAX_TIMEOUT: Duration = Duration::from_secs(3600);

/// How long fetching a single file may take.
const FILE_TIMEOUT: Duration = Duration::from_secs(30);

/// How a chart of a repository is asked for that may be a pre-release, in Helm's words.
const WITH_PRERELEASES: &str = ">0.0.0-0";

/// Repositories, files and charts elsewhere, as renders name them.
pub struct Elsewhere {
    /// Without them, nothing is elsewhere.
    fetchers: Option<(Mirrors, Charts)>,
    known: Mutex<HashMap<RemoteSource, (Remote, Instant)>>,
}

/// Why something elsewhere is not here.
#[derive(Debug, thiserror::Error)]
pub enum ElsewhereError {
    /// Nothing elsewhere may be used.
    #[error("{0}: remote bases are not allowed here; vendor it into this repository")]
    NotAllowed(RemoteSource),
    /// The address of a repository is none.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// The address of a chart repository is none.
    #[error(transparent)]
    ChartUrl(#[from] ChartUrlError),
    /// A repository could not be fetched.
    #[error("{0}{advice}", advice = advice(.0))]
    Git(FetchError),
    /// A chart or file could not be fetched.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// What was fetched cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// What was fetched has a name that is none.
    #[error(transparent)]
    Path(#[from] PathError),
    /// What was fetched names more and more.
    #[error("more is missing after {MAX_ROUNDS} rounds of fetching: does a remote base name itself?")]
    Endless,
}

/// Why a render came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Unrendered {
    /// Something that is wrong in the tree.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Something elsewhere that is not here.
    #[error("{place}{error}")]
    Elsewhere {
        /// Which file names it, and where in it; nothing where several may.
        place: String,
        /// Why it is not here.
        error: ElsewhereError,
    },
}

impl Elsewhere {
    /// Fetches repositories through `mirrors`, and charts and files through `charts`.
    pub fn new(mirrors: Mirrors, charts: Charts) -> Self {
        Self { fetchers: Some((mirrors, charts)), known: Mutex::default() }
    }

    /// Refuses whatever is elsewhere.
    pub fn nothing() -> Self {
        Self { fetchers: None, known: Mutex::default() }
    }

    /// Renders by `attempt`, fetching what it finds missing in between. Blocks the thread.
    ///
    /// # Errors
    /// When the render fails for another reason, or something cannot be fetched.
    pub fn render<T>(
        &self,
        helm: &Helm,
        mut attempt: impl FnMut(&Surroundings<'_>) -> Result<T, RenderError>,
    ) -> Result<T, Unrendered> {
        for _ in 0..MAX_ROUNDS {
            let error = match attempt(&Surroundings { remotes: self, charts: helm }) {
                Ok(rendered) => return Ok(rendered),
                Err(error) => error,
            };
            let Cause::MissingRemotes(missing) = &*error.cause else { return Err(error.into()) };
            for source in missing {
                // The place is that of the first.
                let place = if missing.len() == 1 { error.place() } else { String::new() };
                self.fetch(source).map_err(|error| Unrendered::Elsewhere { place, error })?;
            }
        }
        Err(Unrendered::Elsewhere { place: String::new(), error: ElsewhereError::Endless })
    }

    /// Whether all of this is still what it was. What cannot be reached at the moment is taken to be.
    pub(crate) fn are_unchanged(&self, remotes: &BTreeMap<RemoteSource, String>) -> bool {
        remotes.iter().all(|(source, revision)| match self.fetch(source) {
            Ok(remote) => remote.revision == *revision,
            Err(error) => {
                tracing::warn!(%source, %error, "cannot be looked at; what was fetched before still counts");
                true
            }
        })
    }

    fn fetch(&self, source: &RemoteSource) -> Result<Remote, ElsewhereError> {
        let Some((mirrors, charts)) = &self.fetchers else {
            return Err(ElsewhereError::NotAllowed(source.clone()));
        };
        if let Some(remote) = self.fresh(source) {
            return Ok(remote);
        }
        let remote = match source {
            RemoteSource::Git { url, reference, timeout } => repository(mirrors, url, reference.as_deref(), *timeout)?,
            RemoteSource::File { url } => file(charts, url)?,
            RemoteSource::Chart { repository, name, version, prereleases } => {
                let version = version.clone().or_else(|| prereleases.then(|| WITH_PRERELEASES.to_owned()));
                chart(charts, repository, name, version)?
            }
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // What nobody asked for lately need not be held.
        known.retain(|_, (_, since)| since.elapsed() < FRESH * 4);
        known.insert(source.clone(), (remote.clone(), Instant::now()));
        Ok(remote)
    }

    fn fresh(&self, source: &RemoteSource) -> Option<Remote> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(source).filter(|(_, since)| since.elapsed() < FRESH).map(|(remote, _)| remote.clone())
    }
}

/// What to do about a repository that could not be fetched for a kustomization, which has its address and no more.
fn advice(error: &FetchError) -> &'static str {
    match error {
        FetchError::Tls { .. } => " (for what a kustomization names: in the file that SSL_CERT_FILE names)",
        FetchError::Refused { url, .. } if url.is_http() => {
            " (for what a kustomization names: https://user:password@HOST/PATH, or use ssh and its keys)"
        }
        FetchError::HostKey { .. } => " (for what a kustomization names: the one of the user who runs cowherd)",
        FetchError::Timeout { .. } => " (for what a kustomization names: timeout=120s behind the ? of its address)",
        _ => "",
    }
}

fn repository(
    mirrors: &Mirrors,
    url: &str,
    reference: Option<&str>,
    timeout: Option<Duration>,
) -> Result<Remote, ElsewhereError> {
    let mut remote = cowherd_source::Remote::new(RepositoryUrl::parse(url)?);
    if let Some(timeout) = timeout {
        remote.timeout = timeout.min(MAX_TIMEOUT);
    }
    let reference = reference.map_or(Reference::Head, |name| Reference::Any(name.to_owned()));
    let snapshot = mirrors.fetch(&remote, &reference).map_err(ElsewhereError::Git)?;
    Ok(Remote { revision: snapshot.commit.tree.clone(), tree: snapshot.tree })
}

fn file(charts: &Charts, url: &str) -> Result<Remote, ElsewhereError> {
    let content = charts.file(url, MAX_FILE_SIZE, FILE_TIMEOUT)?;
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("file");
    remote(MemoryTree::new([(name, content)])?, &TreePath::root())
}

fn chart(charts: &Charts, repository: &str, name: &str, version: Option<String>) -> Result<Remote, ElsewhereError> {
    let source = ChartSource::new(ChartRepository::parse(repository)?, name).with_version(version.unwrap_or_default());
    let package = charts.fetch(&source)?;
    let tree = package.tree.as_ref();
    // The chart is the only directory of its archive.
    let directory = match tree.read_dir(&TreePath::root())?.as_slice() {
        [(name, entry)] if entry.kind == EntryKind::Directory => TreePath::root().join(name)?,
        _ => TreePath::root(),
    };
    let mut remote = remote(tree.clone(), &directory)?;
    remote.tree = Arc::new(cowherd_tree::Subtree::new(remote.tree, directory));
    Ok(remote)
}

/// A tree with the identity of what is in it.
fn remote(tree: MemoryTree, directory: &TreePath) -> Result<Remote, ElsewhereError> {
    let entry = tree.entry(directory)?;
    let revision = entry.map(|entry| entry.id.to_string()).unwrap_or_default();
    Ok(Remote { tree: Arc::new(tree), revision })
}

impl Remotes for Elsewhere {
    /// What was fetched lately, and still is what it was then.
    fn find(&self, source: &RemoteSource) -> Option<Remote> {
        self.fresh(source)
    }
}
