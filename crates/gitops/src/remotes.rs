//! What a render needs from elsewhere: it is fetched, and then it is rendered again, until nothing is missing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cowherd_render::{Cause, Helm, Remote, RemoteSource, Remotes, RenderError, Surroundings};
use cowherd_source::{
    Access, Cancel, ChartError, ChartProblem, ChartRepository, ChartSource, ChartUrlError, Charts, FetchError,
    FileSource, Mirrors, Reference, RepositoryUrl, Scheme, Tenant, TlsRemedies, UrlError, WebProblem,
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
    /// Whether renders may name any of it.
    may_be_named: bool,
    /// By what may be fetched, too: what one may see is not for everyone.
    known: Mutex<HashMap<(Access, RemoteSource), (Remote, Instant)>>,
}

/// Why something elsewhere is not here.
#[derive(Clone, Debug, thiserror::Error)]
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
    Chart(ChartError),
    /// What was fetched cannot be read.
    #[error(transparent)]
    Tree(#[from] Arc<TreeError>),
    /// What was fetched has a name that is none.
    #[error(transparent)]
    Path(#[from] PathError),
    /// A bug.
    #[error("{0}: the fetch broke off; this is a bug in cowherd")]
    Broken(RemoteSource),
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
        Self { fetchers: Some((mirrors, charts)), may_be_named: true, known: Mutex::default() }
    }

    /// Fetches charts, where anything is fetched.
    pub(crate) fn charts(&self) -> Option<Charts> {
        self.fetchers.as_ref().map(|(_, charts)| charts.clone())
    }

    /// Fetches repositories, where anything is fetched.
    pub(crate) fn mirrors(&self) -> Option<Mirrors> {
        self.fetchers.as_ref().map(|(mirrors, _)| mirrors.clone())
    }

    /// Refuses whatever is elsewhere.
    pub fn nothing() -> Self {
        Self { fetchers: None, may_be_named: false, known: Mutex::default() }
    }

    /// The same for sources alone, such as HelmRepositories: whatever renders name is refused.
    pub fn for_sources_alone(&self) -> Self {
        Self { fetchers: self.fetchers.clone(), may_be_named: false, known: Mutex::default() }
    }

    /// Renders by `attempt`, fetching what it finds missing in between. Blocks the thread.
    ///
    /// # Errors
    /// When the render fails for another reason, or something cannot be fetched.
    pub fn render<T>(
        &self,
        access: &Access,
        helm: &Helm,
        mut attempt: impl FnMut(&Surroundings<'_>) -> Result<T, RenderError>,
    ) -> Result<T, Unrendered> {
        let mut brought = Brought::default();
        loop {
            let error = match attempt(&Surroundings { remotes: &brought, charts: helm }) {
                Ok(rendered) => return Ok(rendered),
                Err(error) => error,
            };
            let missing = brought.explain(error)?;
            self.bring(&missing, access, &mut brought);
        }
    }

    /// Fetches all of this, one after the other. Blocks the thread.
    pub(crate) fn bring(&self, missing: &[RemoteSource], access: &Access, brought: &mut Brought) {
        for source in missing {
            let found = self.fetch(source, access, &Cancel::default(), None);
            brought.put(source.clone(), found);
        }
    }

    /// Fetches what `source` names, unless it was fetched lately by the same access. Blocks the thread.
    pub(crate) fn fetch(
        &self,
        source: &RemoteSource,
        access: &Access,
        cancel: &Cancel,
        tenant: Option<Tenant>,
    ) -> Result<Remote, ElsewhereError> {
        if let Some(remote) = self.fresh(source, access) {
            return Ok(remote);
        }
        let Some((mirrors, charts)) = self.fetchers.as_ref().filter(|_| self.may_be_named) else {
            return Err(ElsewhereError::NotAllowed(source.clone()));
        };
        let terms = Terms { access, cancel, tenant };
        let remote = match source {
            RemoteSource::Git { url, reference, timeout } => {
                repository(mirrors, url, reference.as_deref(), *timeout, &terms)?
            }
            RemoteSource::File { url } => file(charts, url, &terms)?,
            RemoteSource::Chart { repository, name, version, prereleases } => {
                let version = version.clone().or_else(|| prereleases.then(|| WITH_PRERELEASES.to_owned()));
                chart(charts, repository, name, version, &terms)?
            }
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // What nobody asked for lately need not be held.
        known.retain(|_, (_, since)| since.elapsed() < FRESH * 4);
        known.insert((access.clone(), source.clone()), (remote.clone(), Instant::now()));
        Ok(remote)
    }

    /// What was fetched lately by the same access.
    pub(crate) fn fresh(&self, source: &RemoteSource, access: &Access) -> Option<Remote> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(&(access.clone(), source.clone()));
        found.filter(|(_, since)| since.elapsed() < FRESH).map(|(remote, _)| remote.clone())
    }
}

/// What one render got from elsewhere so far.
#[derive(Default)]
pub(crate) struct Brought {
    found: BTreeMap<RemoteSource, Result<Remote, ElsewhereError>>,
    rounds: usize,
}

impl Brought {
    /// Takes what came of fetching `source`.
    pub(crate) fn put(&mut self, source: RemoteSource, found: Result<Remote, ElsewhereError>) {
        self.found.insert(source, found);
    }

    /// What `error` means: what has yet to be fetched, or why nothing can be rendered.
    pub(crate) fn explain(&mut self, error: RenderError) -> Result<Vec<RemoteSource>, Unrendered> {
        let Cause::MissingRemotes(missing) = &*error.cause else { return Err(error.into()) };
        let failed = missing.iter().find_map(|source| self.found.get(source)?.as_ref().err());
        if let Some(failed) = failed {
            // The place is that of the first.
            let place = if missing.len() == 1 { error.place() } else { String::new() };
            return Err(Unrendered::Elsewhere { place, error: failed.clone() });
        }
        self.rounds += 1;
        if self.rounds > MAX_ROUNDS {
            return Err(Unrendered::Elsewhere { place: String::new(), error: ElsewhereError::Endless });
        }
        Ok(missing.clone())
    }

    /// Which of these were not looked at yet.
    pub(crate) fn unseen(&self, remotes: &BTreeMap<RemoteSource, String>) -> Vec<RemoteSource> {
        remotes.keys().filter(|source| !self.found.contains_key(source)).cloned().collect()
    }

    /// Whether all of this is still what it was. What cannot be reached at the moment is taken to be.
    pub(crate) fn are_unchanged(&self, remotes: &BTreeMap<RemoteSource, String>) -> bool {
        remotes.iter().all(|(source, revision)| match self.found.get(source) {
            Some(Ok(remote)) => remote.revision == *revision,
            Some(Err(error)) if error.is_refusal() => false,
            Some(Err(error)) => {
                tracing::warn!(%source, %error, "cannot be looked at; what was fetched before still counts");
                true
            }
            None => false,
        })
    }
}

impl Remotes for Brought {
    fn find(&self, source: &RemoteSource) -> Option<Remote> {
        self.found.get(source)?.as_ref().ok().cloned()
    }
}

impl ElsewhereError {
    /// Whether it is not ours to fetch: trying again does not help.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::NotAllowed(_) => true,
            Self::Git(error) => matches!(error, FetchError::NotAllowed(_) | FetchError::Forbidden { .. }),
            Self::Chart(error) => {
                matches!(error.problem, ChartProblem::NotAllowed(_) | ChartProblem::Web(WebProblem::Forbidden { .. }))
            }
            _ => false,
        }
    }
}

/// The server that `source` is fetched from.
pub(crate) fn host(source: &RemoteSource) -> String {
    match source {
        RemoteSource::Git { url, .. } => RepositoryUrl::parse(url).map(|url| url.host()).unwrap_or_default(),
        RemoteSource::File { url } | RemoteSource::Chart { repository: url, .. } => {
            let rest = url.split_once("://").map_or("", |(_, rest)| rest);
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_ascii_lowercase()
        }
    }
}

/// On which terms something is fetched.
struct Terms<'a> {
    access: &'a Access,
    cancel: &'a Cancel,
    tenant: Option<Tenant>,
}

/// What can be done about the certificate of a server that a kustomization names: no Secret and no flag has an authority for it.
const OF_KUSTOMIZATIONS: TlsRemedies = TlsRemedies {
    authority: "if that is right, have this machine trust it, or start cowherd with SSL_CERT_FILE, a file with all authorities that \
                count: for what a kustomization names, no flag and no Secret has another",
    name: "use a name that it has, or give the server a certificate for this one",
    own: "for what a kustomization names none is shown: have a GitRepository, an OCIRepository or a HelmRepository bring it",
};

impl From<FetchError> for ElsewhereError {
    fn from(error: FetchError) -> Self {
        Self::Git(error.with_remedies(&OF_KUSTOMIZATIONS))
    }
}

impl From<ChartError> for ElsewhereError {
    fn from(error: ChartError) -> Self {
        Self::Chart(error.with_remedies(&OF_KUSTOMIZATIONS))
    }
}

/// What to do about a repository that could not be fetched for a kustomization, which has its address and no more.
fn advice(error: &FetchError) -> &'static str {
    match error {
        FetchError::Refused { url, .. } if url.is_http() => {
            " (for what a kustomization names: https://user:password@HOST/PATH, or use ssh and its keys)"
        }
        FetchError::HostKey { .. } => " (for what a kustomization names: the one of the user who runs cowherd)",
        FetchError::Credentials { url, .. } if url.scheme() == Scheme::Ssh => {
            " (for what a kustomization names: https with a token, or a GitRepository of its own)"
        }
        FetchError::Timeout { .. } => " (for what a kustomization names: timeout=120s behind the ? of its address)",
        _ => "",
    }
}

fn repository(
    mirrors: &Mirrors,
    url: &str,
    reference: Option<&str>,
    timeout: Option<Duration>,
    terms: &Terms<'_>,
) -> Result<Remote, ElsewhereError> {
    let mut remote = cowherd_source::Remote::new(RepositoryUrl::parse(url)?).with_access(terms.access.clone());
    remote.cancel = terms.cancel.clone();
    remote.tenant = terms.tenant.clone();
    if let Some(timeout) = timeout {
        remote.timeout = timeout.min(MAX_TIMEOUT);
    }
    let reference = reference.map_or(Reference::Head, |name| Reference::Any(name.to_owned()));
    let snapshot = mirrors.fetch(&remote, &reference)?;
    Ok(Remote { revision: snapshot.commit.tree.clone(), tree: snapshot.tree })
}

fn file(charts: &Charts, url: &str, terms: &Terms<'_>) -> Result<Remote, ElsewhereError> {
    let source = FileSource {
        url: url.to_owned(),
        limit: MAX_FILE_SIZE,
        timeout: FILE_TIMEOUT,
        access: terms.access.clone(),
        tenant: terms.tenant.clone(),
        cancel: terms.cancel.clone(),
    };
    let content = charts.file(&source)?;
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').find(|part| !part.is_empty()).unwrap_or("file");
    remote(MemoryTree::new([(name, content)])?, &TreePath::root())
}

fn chart(
    charts: &Charts,
    repository: &str,
    name: &str,
    version: Option<String>,
    terms: &Terms<'_>,
) -> Result<Remote, ElsewhereError> {
    let mut source = ChartSource::new(ChartRepository::parse(repository)?, name)
        .with_version(version.unwrap_or_default())
        .with_access(terms.access.clone());
    (source.cancel, source.tenant) = (terms.cancel.clone(), terms.tenant.clone());
    let package = charts.fetch(&source)?;
    let directory = only_directory(package.tree.as_ref()).map_err(Arc::new)?;
    let mut remote = remote((*package.tree).clone(), &directory)?;
    remote.tree = Arc::new(cowherd_tree::Subtree::new(remote.tree, directory));
    Ok(remote)
}

/// Where the chart is in its archive: it is the only directory there.
pub(crate) fn only_directory(tree: &dyn Tree) -> Result<TreePath, TreeError> {
    let entries = tree.read_dir(&TreePath::root())?;
    match entries.as_slice() {
        [(name, entry)] if entry.kind == EntryKind::Directory => {
            Ok(TreePath::root().join(name).unwrap_or_else(|_| TreePath::root()))
        }
        _ => Ok(TreePath::root()),
    }
}

/// A tree with the identity of what is in it.
fn remote(tree: MemoryTree, directory: &TreePath) -> Result<Remote, ElsewhereError> {
    let entry = tree.entry(directory).map_err(Arc::new)?;
    let revision = entry.map(|entry| entry.id.to_string()).unwrap_or_default();
    Ok(Remote { tree: Arc::new(tree), revision })
}
