//! Helm charts as trees: from repositories, registries and directories.
//!
//! The client of registries is our own. `oci-client` can be built without aws-lc, but only over a TLS provider that is
//! installed for the whole process, with a second HTTP client and some fifty more crates, asynchronous, and with
//! its own idea of where credentials go; what a chart takes of the protocol is three kinds of `GET`.

mod directory;
mod error;
mod http;
mod index;
mod options;
mod registry;
mod repository;
mod request;
mod spool;
mod turn;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cowherd_tree::unpack;

use crate::cache::Cache;
use crate::connect::{Authorities, Line};
use crate::content::Content;
use crate::deadline::Deadline;
use crate::web::{Web, location};
use crate::{Auth, Digest, MirrorsError, WebProblem};
pub use error::{ChartError, ChartProblem};
use index::Entry;
pub use options::ChartOptions;
use registry::Pulled;
use repository::Place;
pub use repository::{ChartRepository, ChartUrlError};
pub use request::{ChartSource, FileSource, Package, RepositoryIndex};
use spool::{Download, Spool};
use turn::Terms;

/// The most bytes of an index that are read as a whole, where a chart cannot be cut out of it.
const MAX_WHOLE_INDEX: usize = 32 << 20;

/// Fetches charts, and keeps what was downloaded.
///
/// Clones share everything. Calls block the thread.
#[derive(Clone)]
pub struct Charts(Arc<Inner>);

struct Inner {
    cache: Cache,
    options: ChartOptions,
    authorities: Authorities,
}

impl Charts {
    /// Keeps what is downloaded in `directory`, which is made where it is missing. Several processes may share it.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, MirrorsError> {
        Self::open_with(directory, ChartOptions::default())
    }

    /// The same with other options than the default ones.
    pub fn open_with(directory: impl Into<PathBuf>, options: ChartOptions) -> Result<Self, MirrorsError> {
        let directory = directory.into();
        let cache = Cache::open(directory.clone(), options.max_cache);
        let cache = cache.map_err(|cause| MirrorsError::Unusable { path: directory, cause })?;
        Ok(Self(Arc::new(Inner { cache, options, authorities: Authorities::default() })))
    }

    /// The chart that `source` names.
    ///
    /// The server is asked which versions there are, with the credentials of `source`, also when the chart is already
    /// here. An index that did not change is not transferred again, and neither is an archive whose digest is known.
    pub fn fetch(&self, source: &ChartSource) -> Result<Package, ChartError> {
        let auth = source.credentials();
        let deadline = Deadline::after(source.timeout);
        let fetched = self.package(source, &auth, deadline);
        fetched.map_err(|problem| ChartError { chart: source.to_string(), problem })
    }

    /// What tells the index of a repository on a server from others, as it is now. One that did not change is not transferred
    /// again. What of `source` speaks of a chart is of no use.
    ///
    /// # Errors
    /// When the server does not give it, or it is no index.
    pub fn index(&self, source: &ChartSource) -> Result<RepositoryIndex, ChartError> {
        let read = || {
            let Inner { cache, options, authorities } = &*self.0;
            let Place::Web(base) = &source.repository.place else {
                return Err(ChartProblem::Index("only a repository on a server of the web has one".to_owned()));
            };
            let auth = source.credentials();
            let terms = Terms { source, auth: &auth, deadline: Deadline::after(source.timeout) };
            let mut web = Web::new(&auth, authorities, terms.deadline, terms.line())?;
            web.trust(base);
            let mut index = http::index(&web, &self.spool(source, options.max_index as u64), base)?;
            let text = terms.hold(cache, &mut index)?;
            index::check(&text, MAX_WHOLE_INDEX.min(options.max_index))?;
            Ok(RepositoryIndex { digest: digest(&mut index.content)?, size: index.content.size() })
        };
        read().map_err(|problem| ChartError { chart: format!("index of {}", source.repository), problem })
    }

    /// The content of a single file of the web: a resource that a kustomization names by its URL.
    pub fn file(&self, source: &FileSource) -> Result<Vec<u8>, ChartError> {
        let (url, userinfo) = location::without_userinfo(&source.url);
        let mut auth = Auth::default();
        if let Some((user, password)) = userinfo.map(repository::credentials) {
            (auth.username, auth.password) = (Some(user), Some(password));
        }
        let read = || {
            let line = Line::new(&source.access, &source.cancel);
            let mut web = Web::new(&auth, &self.0.authorities, Deadline::after(source.timeout), line)?;
            web.trust(&url);
            let spool = Spool { cache: &self.0.cache, tenant: source.tenant.as_ref(), limit: source.limit };
            let mut content = http::archive(&web, &spool, &url)?;
            // Whoever asked has it in memory from now on: there is nothing to wait for.
            Ok(turn::read(&mut content)?)
        };
        read().map_err(|problem: ChartProblem| ChartError { chart: format!("file {}", location::shown(&url)), problem })
    }

    fn package(&self, source: &ChartSource, auth: &Auth, deadline: Deadline) -> Result<Package, ChartProblem> {
        let Inner { cache, options, authorities } = &*self.0;
        let terms = Terms { source, auth, deadline };
        let pulled = match &source.repository.place {
            Place::Directory(directory) => self.read_directory(directory, &terms)?,
            Place::Web(base) => {
                let mut web = Web::new(auth, authorities, deadline, terms.line())?;
                web.trust(base);
                let index = http::index(&web, &self.spool(source, options.max_index as u64), base)?;
                let (entry, url) = self.choose(index, &terms)?;
                self.download(web, entry, (base, &location::resolve(base, &url)), &terms)?
            }
            Place::Registry { host, path } => {
                let path = [path.as_str(), &source.name].into_iter().filter(|part| !part.is_empty());
                let path = path.collect::<Vec<_>>().join("/");
                let web = Web::new(auth, authorities, deadline, terms.line())?;
                self.pull(web, (host, &path), &source.version, source)?
            }
        };
        let Pulled { mut archive, name, version, digest, cached } = pulled;
        let _turn = terms.turn(cache, &mut archive)?;
        let packed = archive.content.reader().map_err(unreadable)?;
        let tree = unpack(packed, &options.archive).map_err(Arc::new)?;
        Ok(Package { tree: Arc::new(tree), name, version, digest, cached })
    }

    /// The chart that the index in a directory names: a file of the directory, or one on a server.
    fn read_directory(&self, directory: &Path, terms: &Terms<'_>) -> Result<Pulled, ChartProblem> {
        let Inner { options, authorities, .. } = &*self.0;
        if !terms.source.access.local.allows(directory) {
            return Err(ChartProblem::NotAllowed(directory.to_owned()));
        }
        let index = directory::index(directory, options.max_index as u64)?;
        let (entry, url) = self.choose(Download { content: index, keep: None }, terms)?;
        if matches!(location::scheme(&url), Some("http" | "https" | "oci")) {
            let web = Web::new(terms.auth, authorities, terms.deadline, terms.line())?;
            return self.download(web, entry, (&terms.source.repository.to_string(), &url), terms);
        }
        let mut content = directory::archive(directory, &url, options.archive.packed)?;
        let digest = checked(digest(&mut content)?, entry.digest()?)?;
        let archive = Download { content, keep: None };
        Ok(Pulled { archive, name: entry.name, version: entry.version, digest, cached: false })
    }

    /// The chart of the entry of the index at `base`, at an absolute URL, from the cache if it is there for this index.
    fn download(
        &self,
        mut web: Web<'_>,
        entry: Entry,
        (base, url): (&str, &str),
        terms: &Terms<'_>,
    ) -> Result<Pulled, ChartProblem> {
        let Inner { cache, options, authorities } = &*self.0;
        let Terms { source, auth, deadline } = *terms;
        let announced = entry.digest()?;
        if let Some((host, path)) = url.strip_prefix("oci://").and_then(|rest| rest.split_once('/')) {
            let nobody = Auth { ca: auth.ca.clone(), ..Auth::default() };
            let auth = if source.pass_credentials { auth } else { &nobody };
            let web = Web::new(auth, authorities, deadline, terms.line())?;
            let pulled = self.pull(web, (host, path), "", source)?;
            checked(pulled.digest, announced)?;
            return Ok(Pulled { name: entry.name, version: entry.version, ..pulled });
        }
        if source.pass_credentials {
            web.trust(url);
        }
        // Whoever wrote the index may name any URL, and nobody there is asked who has the chart already.
        let place = format!("{base}\n{url}");
        let Entry { name, version, .. } = entry;
        if let Some((digest, content)) =
            announced.and_then(|digest| Some((digest, held(cache, &archive_file(&place, &digest), digest)?)))
        {
            let archive = Download { content, keep: None };
            return Ok(Pulled { archive, name, version, digest, cached: true });
        }
        let mut content = http::archive(&web, &self.spool(source, options.archive.packed), url)?;
        let digest = checked(digest(&mut content)?, announced)?;
        let archive = Download { content, keep: Some((archive_file(&place, &digest), String::new())) };
        Ok(Pulled { archive, name, version, digest, cached: false })
    }

    fn pull(
        &self,
        web: Web<'_>,
        place: (&str, &str),
        wanted: &str,
        source: &ChartSource,
    ) -> Result<Pulled, ChartProblem> {
        registry::pull(web, &self.spool(source, self.0.options.archive.packed), place, wanted, source.plain_http)
    }

    /// Where what comes for this is written.
    fn spool<'a>(&'a self, source: &'a ChartSource, limit: u64) -> Spool<'a> {
        Spool { cache: &self.0.cache, tenant: source.tenant.as_ref(), limit }
    }

    /// The version of the chart that is asked for, and where it is. The index is in memory for no longer than that takes.
    fn choose(&self, mut index: Download, terms: &Terms<'_>) -> Result<(Entry, String), ChartProblem> {
        let Inner { cache, options, .. } = &*self.0;
        let source = terms.source;
        let text = terms.hold(cache, &mut index)?;
        let versions = index::versions(&text, &source.name, MAX_WHOLE_INDEX.min(options.max_index))?;
        let mut entry = index::choose(&versions, &source.version)?.clone();
        let url = entry.url.take().ok_or_else(|| {
            ChartProblem::Index(format!("the version {} of {:?} has no URL", entry.version, source.name))
        })?;
        Ok((entry, url))
    }
}

impl std::fmt::Debug for Charts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Charts").field("directory", &self.0.cache.directory()).finish_non_exhaustive()
    }
}

/// The name of an archive in the cache.
///
/// It follows from where the archive is, too: whoever names the digest of a chart in an index of their own may have no leave to
/// read that chart.
fn archive_file(place: &str, digest: &Digest) -> String {
    format!("{}.tgz", Digest::of(format!("{place}\n{digest}").as_bytes()).hex())
}

/// What the cache has under this name, if it is what has this digest.
fn held(cache: &Cache, name: &str, digest: Digest) -> Option<Content> {
    let mut content = cache.get(name)?.content;
    (content.digest().ok()? == digest).then_some(content)
}

fn digest(content: &mut Content) -> Result<Digest, WebProblem> {
    content.digest().map_err(unreadable)
}

fn unreadable(error: io::Error) -> WebProblem {
    WebProblem::Storage(error.to_string())
}

/// The digest of an archive, which has to be the one that was announced.
fn checked(actual: Digest, expected: Option<Digest>) -> Result<Digest, WebProblem> {
    match expected {
        Some(expected) if expected != actual => Err(WebProblem::Digest { expected, actual }),
        _ => Ok(actual),
    }
}

#[cfg(test)]
mod tests;
