//! Buckets as trees: the objects are the files.
//!
//! A bucket is listed each time, with the keys of who asks. What tells the contents of its objects apart is remembered: those that are
//! as they were are taken from what is here, and the others are fetched. All of it becomes one file, from which the tree is read.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use cowherd_tree::{MAX_FILE_SIZE, MemoryTree, Tree, TreePath};
use serde::{Deserialize, Serialize};
use ureq::http::header::ETAG;

use super::kept::Kept;
use super::layer::{Contents, Layer, unread};
use super::shelf::Shelf;
use super::{Artifacts, Inner};
use crate::bucket::{
    BucketError, BucketProblem, BucketSource, BucketStep, Client, Index, KeyPatterns, Listed, is_taken, pages, places,
    shown, unquoted,
};
use crate::connect::Line;
use crate::deadline::Deadline;
use crate::ignore::{IGNORE_FILE, MAX_FILE};
use crate::objects::lock;
use crate::tenant::Growing;
use crate::web::{Web, WebProblem};
use crate::{Auth, Digest, NoRoom};

/// How many objects are fetched at a time.
const AT_ONCE: usize = 8;

/// Objects up to this size are held in memory until they are written where they belong; larger ones are on disk meanwhile.
const IN_MEMORY: usize = 256 << 10;

/// A bucket that was fetched. What its files mean is nobody's business here.
#[derive(Clone)]
pub struct FetchedBucket {
    /// The digest of the keys of its objects and of what tells their contents apart, as Flux has it.
    pub revision: Digest,
    /// How many objects are taken.
    pub objects: usize,
    /// The files.
    pub tree: Arc<dyn Tree>,
    /// Whether nothing had to be fetched.
    pub unchanged: bool,
}

/// What is remembered of a bucket: of what was fetched last, and what told the contents of its objects apart.
#[derive(Default, Serialize, Deserialize)]
struct Remembered {
    revision: String,
    etags: BTreeMap<String, String>,
}

impl Artifacts {
    /// The objects of a bucket. Blocks the thread.
    ///
    /// # Errors
    /// When it cannot be fetched whole, or cannot be a tree.
    pub fn bucket(&self, source: &BucketSource) -> Result<FetchedBucket, BucketError> {
        let shelf = self.shelf_of_bucket(source);
        let auth = auth(source);
        let fetch = Fetch { artifacts: &self.0, source, shelf: &shelf, auth: &auth };
        let listing = fetch.list()?;
        let revision = listing.index.revision();
        if let Some(layer) = shelf.layer(revision) {
            let objects = listing.index.len();
            return fetch.kept(revision, layer, objects, true);
        }
        fetch.objects(listing)
    }

    /// What was fetched of the bucket before, at this revision, and is still here, without asking anybody.
    pub fn held_bucket(&self, source: &BucketSource, revision: Digest) -> Option<FetchedBucket> {
        let shelf = self.shelf_of_bucket(source);
        let auth = Auth::default();
        let fetch = Fetch { artifacts: &self.0, source, shelf: &shelf, auth: &auth };
        fetch.kept(revision, shelf.layer(revision)?, 0, true).ok()
    }

    /// What is kept of the bucket for who names it.
    fn shelf_of_bucket<'a>(&'a self, source: &'a BucketSource) -> Shelf<'a> {
        let Inner { manifests, layers, .. } = &*self.0;
        let base = format!("bucket\n{}\n{}", source.place, source.prefix);
        Shelf { manifests, layers, scope: &source.scope, base }
    }
}

/// Who we are to the server: errors hide that. It is shown by signatures alone.
fn auth(source: &BucketSource) -> Auth {
    let keys = source.keys.as_ref();
    Auth {
        username: keys.map(|keys| keys.access_key.clone()),
        password: keys.map(|keys| keys.secret_key.clone()),
        ..source.certificates.clone()
    }
}

/// What a bucket has.
struct Listing {
    index: Index,
    /// The text of its own patterns, which is a file of it.
    patterns: Option<Vec<u8>>,
    /// The region that it is in.
    region: String,
}

/// A fetch of a bucket.
struct Fetch<'a> {
    artifacts: &'a Inner,
    source: &'a BucketSource,
    shelf: &'a Shelf<'a>,
    auth: &'a Auth,
}

impl Fetch<'_> {
    fn client(&self, deadline: Deadline, region: Option<&str>) -> Result<Client<'_>, BucketError> {
        let line = Line::new(&self.source.access, &self.source.cancel).through(self.source.proxy.as_ref());
        let web = Web::new(self.auth, &self.artifacts.authorities, deadline, line);
        let web = web.map_err(|problem| BucketError { step: BucketStep::Credentials, problem: problem.into() })?;
        Ok(Client::new(web, self.source, region))
    }

    fn name(&self) -> String {
        self.source.place.name().to_owned()
    }

    /// Which objects are taken.
    fn list(&self) -> Result<Listing, BucketError> {
        let client = self.client(Deadline::after(self.source.timeout), None)?;
        let patterns = patterns(&client).map_err(|(is_there, problem)| {
            let step = if is_there { BucketStep::Patterns } else { BucketStep::Bucket(self.name()) };
            BucketError { step, problem }
        })?;
        let own = patterns.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let ignored = KeyPatterns::parse(&[&own, self.source.ignore.as_deref().unwrap_or_default()]);
        let mut index = Index::default();
        let listed = pages(&client, &self.source.prefix, |entry| {
            // Comparing with many patterns takes its time.
            client.web().go_on()?;
            if is_taken(&entry.key) && !ignored.hide(&entry.key) {
                index.add(entry.key, Listed { etag: entry.etag, size: entry.size })?;
            }
            Ok(())
        });
        listed.map_err(|problem| BucketError { step: BucketStep::List(self.name()), problem })?;
        Ok(Listing { index, patterns, region: client.region() })
    }

    /// Makes a tree of the objects: of what is here of them, and of what is fetched.
    fn objects(&self, listing: Listing) -> Result<FetchedBucket, BucketError> {
        let Listing { mut index, patterns, region } = listing;
        let failed = |problem: BucketProblem| BucketError { step: BucketStep::Objects(self.name()), problem };
        let storage = |cause: io::Error| failed(WebProblem::Storage(cause.to_string()).into());
        let limit = self.artifacts.options.archive.unpacked;
        let mut file = self.shelf.layers.partial().map_err(storage)?;
        // Nothing but this grows by what is written, until it has its own name.
        let claim = self.source.tenant.as_ref().map(|tenant| tenant.claim(file.path(), 0)).transpose();
        let claim = claim.map_err(|cause: NoRoom| failed(cause.into()))?;
        let mut growing = Growing::new(file.as_file_mut(), claim.as_ref());
        let mut making = Making { contents: Contents::new(&mut growing), names: MemoryTree::default(), failed: None };
        if let Some(text) = &patterns {
            making.add(&TreePath::parse(IGNORE_FILE).unwrap_or_default(), text.len() as u64, &mut text.as_slice());
        }
        let placed = places(&index).map_err(failed)?;
        let size = placed.values().filter(|(_, listed)| listed.size <= MAX_FILE_SIZE).map(|(_, listed)| listed.size);
        if size.fold(0, u64::saturating_add) > limit {
            return Err(failed(BucketProblem::TooLarge(limit >> 20)));
        }
        let remembered = self.remembered();
        let before = remembered.revision.parse().ok().and_then(|revision| self.shelf.layer(revision));
        let mut wanted = Vec::new();
        for (path, (key, listed)) in placed {
            let is_same = remembered.etags.get(key) == Some(&listed.etag);
            let here = before.as_ref().filter(|_| is_same).and_then(|before| before.read_file(&path).ok());
            match here {
                _ if listed.size > MAX_FILE_SIZE => making.unread(&path, listed),
                Some(content) => making.add(&path, content.len() as u64, &mut content.as_ref()),
                None => wanted.push(Wanted { path, key: key.to_owned(), listed: listed.clone() }),
            }
        }
        let unchanged = wanted.is_empty();
        let making = Mutex::new(making);
        let changes = Getting::new(self, &making, wanted, limit).all(&region)?;
        for (key, change) in changes {
            match change {
                Some(listed) => index.add(key, listed).map_err(failed)?,
                None => index.remove(&key),
            }
        }
        let revision = index.revision();
        let place = self.shelf.place(revision);
        let Making { contents, names, failed: broken } =
            making.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        let finished = contents.finish(names, self.shelf.layers.path(&place));
        if let Some(refused) = growing.refused {
            return Err(failed(refused.into()));
        }
        let (layer, length) = broken.map_or(finished, Err).map_err(storage)?;
        let layer = self.shelf.layers.keep(&place, file, layer, length).map_err(storage)?;
        self.remember(&index, revision);
        // It counts under its own name from now on.
        drop(claim);
        self.kept(revision, layer, index.len(), unchanged)
    }

    /// The tree, kept for whoever asks for it as long as it is held.
    fn kept(
        &self,
        revision: Digest,
        layer: Arc<Layer>,
        objects: usize,
        unchanged: bool,
    ) -> Result<FetchedBucket, BucketError> {
        let path = self.shelf.layers.path(&self.shelf.place(revision));
        let claim = self.source.tenant.as_ref().map(|tenant| tenant.claim(&path, layer.size())).transpose();
        let claim =
            claim.map_err(|cause| BucketError { step: BucketStep::Objects(self.name()), problem: cause.into() })?;
        let tree: Arc<dyn Tree> = match claim {
            Some(claim) => Arc::new(Kept { layer, _claim: claim }),
            None => layer,
        };
        Ok(FetchedBucket { revision, objects, tree, unchanged })
    }

    /// What is remembered of the bucket; nothing where it is gone, or cannot be read.
    fn remembered(&self) -> Remembered {
        let text = self.shelf.manifests.get(&self.place_of_remembered());
        text.and_then(|mut text| serde_json::from_slice(&text.content.bytes().ok()?).ok()).unwrap_or_default()
    }

    /// Without it all objects are fetched the next time.
    fn remember(&self, index: &Index, revision: Digest) {
        let etags = index.iter().map(|(key, listed)| (key.to_owned(), listed.etag.clone())).collect();
        let remembered = Remembered { revision: revision.to_string(), etags };
        let put = serde_json::to_vec(&remembered)
            .map_err(io::Error::other)
            .and_then(|text| self.shelf.manifests.put(&self.place_of_remembered(), "", &text));
        if let Err(error) = put {
            tracing::warn!(bucket = %self.source.place, %error, "what a bucket has was not remembered");
        }
    }

    fn place_of_remembered(&self) -> String {
        Digest::of(format!("{}\n{}", self.shelf.scope, self.shelf.base).as_bytes()).hex()
    }
}

/// The patterns of what is left out that are in the bucket itself. An error says whether the bucket is known to be there.
fn patterns(client: &Client<'_>) -> Result<Option<Vec<u8>>, (bool, BucketProblem)> {
    let answer = match client.get(IGNORE_FILE, &[]) {
        Err(BucketProblem::NoObject) => return Ok(None),
        answer => answer.map_err(|problem| (false, problem))?,
    };
    let mut content = Vec::new();
    client.web().copy_as_sent(answer, MAX_FILE, &mut content).map_err(|problem| (true, problem.into()))?;
    Ok(Some(content))
}

/// A tree that is being made.
struct Making<'a, W> {
    contents: Contents<'a, W>,
    names: MemoryTree,
    /// Why something could not be written.
    failed: Option<io::Error>,
}

impl<W: io::Write + Seek> Making<'_, W> {
    fn add(&mut self, path: &TreePath, size: u64, content: &mut dyn Read) {
        match self.contents.keep(size, content) {
            Ok(stub) => self.put(path, stub),
            Err(error) => self.failed = Some(self.failed.take().unwrap_or(error)),
        }
    }

    /// An object that is larger than anybody reads is told from others by what the server says.
    fn unread(&mut self, path: &TreePath, listed: &Listed) {
        let identity = Digest::of(format!("object\n{}\n{}", listed.size, listed.etag).as_bytes());
        self.put(path, unread(listed.size, identity));
    }

    fn put(&mut self, path: &TreePath, stub: Bytes) {
        if let Err(error) = self.names.insert(path.as_str(), stub) {
            self.failed = Some(io::Error::other(error));
        }
    }
}

/// An object that is fetched.
struct Wanted {
    path: TreePath,
    key: String,
    listed: Listed,
}

/// What came of objects that are not as they were listed: what they are, or that they are gone.
type Changes = Vec<(String, Option<Listed>)>;

/// Objects that are being fetched, several at a time.
struct Getting<'a, 'b, W> {
    fetch: &'a Fetch<'a>,
    making: &'a Mutex<Making<'b, W>>,
    wanted: Vec<Wanted>,
    /// The first that nobody has taken yet.
    next: AtomicUsize,
    /// How many bytes came.
    size: AtomicU64,
    /// How many there may be.
    limit: u64,
    is_over: AtomicBool,
    changes: Mutex<Changes>,
}

impl<'a, 'b, W: io::Write + Seek + Send> Getting<'a, 'b, W> {
    fn new(fetch: &'a Fetch<'a>, making: &'a Mutex<Making<'b, W>>, wanted: Vec<Wanted>, limit: u64) -> Self {
        let (next, size, is_over, changes) = Default::default();
        Self { fetch, making, wanted, next, size, limit, is_over, changes }
    }

    /// Fetches them all, or as many as it takes to see that one cannot be had.
    fn all(self, region: &str) -> Result<Changes, BucketError> {
        let deadline = Deadline::after(self.fetch.source.timeout);
        let workers = AT_ONCE.min(self.wanted.len());
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(|| self.some(deadline, region))).collect();
            let ended = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            // All are waited for, whatever came of one.
            ended.collect::<Vec<_>>().into_iter().collect::<Result<(), _>>()
        })?;
        Ok(self.changes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Fetches one after the other of those that nobody else has taken.
    fn some(&self, deadline: Deadline, region: &str) -> Result<(), BucketError> {
        let client = self.fetch.client(deadline, Some(region))?;
        while !self.is_over.load(Ordering::Relaxed) {
            let Some(wanted) = self.wanted.get(self.next.fetch_add(1, Ordering::Relaxed)) else { break };
            if let Err(problem) = self.one(&client, wanted) {
                self.is_over.store(true, Ordering::Relaxed);
                let (bucket, key) = (self.fetch.name(), shown(&wanted.key));
                return Err(BucketError { step: BucketStep::Object { bucket, key }, problem });
            }
        }
        Ok(())
    }

    fn one(&self, client: &Client<'_>, wanted: &Wanted) -> Result<(), BucketProblem> {
        let storage = |cause: io::Error| WebProblem::Storage(cause.to_string());
        let answer = match client.get(&wanted.key, &[]) {
            Err(BucketProblem::NoObject) => {
                tracing::info!(object = %shown(&wanted.key), bucket = %self.fetch.source.place, "an object disappeared since it was listed");
                lock(&self.changes).push((wanted.key.clone(), None));
                return Ok(());
            }
            answer => answer?,
        };
        let etag = answer.header(ETAG).map_or_else(|| wanted.listed.etag.clone(), |etag| unquoted(etag).to_owned());
        let mut content = self.fetch.shelf.layers.spool(IN_MEMORY);
        let size = client.web().copy_as_sent(answer, MAX_FILE_SIZE, &mut content)?;
        if self.size.fetch_add(size, Ordering::Relaxed).saturating_add(size) > self.limit {
            return Err(BucketProblem::TooLarge(self.limit >> 20));
        }
        content.seek(SeekFrom::Start(0)).map_err(storage)?;
        let mut making = lock(self.making);
        making.add(&wanted.path, size, &mut content);
        if making.failed.is_some() {
            // Whoever makes the tree knows why.
            self.is_over.store(true, Ordering::Relaxed);
        }
        drop(making);
        if etag != wanted.listed.etag {
            lock(&self.changes).push((wanted.key.clone(), Some(Listed { etag, size })));
        }
        Ok(())
    }
}

impl std::fmt::Debug for FetchedBucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FetchedBucket").field("revision", &self.revision).finish_non_exhaustive()
    }
}
