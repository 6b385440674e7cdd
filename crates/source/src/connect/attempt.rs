//! One try to fetch from a remote: its limits, and the first thing that went wrong.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::TlsFault;
use crate::access::Forbidden;
use crate::connect::ProxyServer;
use crate::deadline::Deadline;
use crate::objects::lock;
use crate::{Access, Auth, Cancel, FetchError, Remote, RepositoryUrl, Tenant};

/// One try to fetch from a remote.
///
/// Transports note here what went wrong: on its way through the protocol a cause loses its meaning.
pub(crate) struct Attempt {
    url: RepositoryUrl,
    auth: Auth,
    deadline: Deadline,
    access: Access,
    proxy: Option<ProxyServer>,
    cancel: Cancel,
    max_size: u64,
    max_unpacked: usize,
    tenant: Option<Tenant>,
    received: AtomicU64,
    is_whole: AtomicBool,
    failure: Mutex<Option<FetchError>>,
}

impl Attempt {
    /// A try that begins now.
    pub(crate) fn new(remote: &Remote) -> Self {
        Self {
            url: remote.url.clone(),
            auth: remote.credentials(),
            deadline: Deadline::after(remote.timeout),
            access: remote.access.clone(),
            proxy: remote.proxy.clone(),
            cancel: remote.cancel.clone(),
            max_size: remote.max_size,
            max_unpacked: remote.max_unpacked,
            tenant: remote.tenant.clone(),
            received: AtomicU64::new(0),
            is_whole: AtomicBool::new(false),
            failure: Mutex::default(),
        }
    }

    pub(crate) fn url(&self) -> &RepositoryUrl {
        &self.url
    }

    pub(crate) fn auth(&self) -> &Auth {
        &self.auth
    }

    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// The proxy through which the server is asked.
    pub(crate) fn proxy(&self) -> Option<&ProxyServer> {
        self.proxy.as_ref()
    }

    pub(crate) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Whether nobody waits for it any more, or no time is left.
    pub(crate) fn is_over(&self) -> bool {
        self.cancel.is_cancelled() || self.deadline.passed()
    }

    /// Notes what went wrong. What was noted first stays: the rest follows from it.
    pub(crate) fn fail(&self, error: FetchError) {
        lock(&self.failure).get_or_insert(error);
    }

    /// What went wrong first, or that nobody waits any more or time ran out.
    pub(crate) fn failure(&self) -> Option<FetchError> {
        // What goes wrong after that follows from it.
        let cancelled = self.cancel.is_cancelled().then(|| self.ended());
        let noted = || lock(&self.failure).clone();
        cancelled.or_else(noted).or_else(|| self.is_over().then(|| self.ended()))
    }

    /// On whose behalf it is fetched.
    pub(crate) fn tenant(&self) -> Option<&Tenant> {
        self.tenant.as_ref()
    }

    /// How many bytes an object may have.
    pub(crate) fn max_unpacked(&self) -> usize {
        self.max_unpacked
    }

    /// How many bytes may be received.
    pub(crate) fn max_size(&self) -> u64 {
        self.max_size
    }

    /// How many bytes were received.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Notes that what was received came as the server wrote it.
    pub(crate) fn came_whole(&self) {
        self.is_whole.store(true, Ordering::Relaxed);
    }

    /// Whether what was received came as the server wrote it. No mishap on the way makes it more than is accepted.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole.load(Ordering::Relaxed) || self.received.load(Ordering::Relaxed) > self.max_size
    }

    /// Counts bytes that were received; an error when they become too many.
    pub(crate) fn count(&self, bytes: usize) -> io::Result<()> {
        let bytes = bytes as u64;
        let received = self.received.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if received <= self.max_size {
            return Ok(());
        }
        self.fail(FetchError::TooLarge { url: self.url.clone(), limit: self.max_size });
        Err(io::Error::other("too many bytes were received"))
    }

    /// That it was broken off, or that time ran out.
    pub(crate) fn ended(&self) -> FetchError {
        if self.cancel.is_cancelled() { FetchError::Cancelled(self.url.clone()) } else { self.timeout() }
    }

    /// That an address must not be connected to: of the host of the URL, or of another one that it leads to.
    pub(crate) fn forbidden(&self, forbidden: Forbidden, leads_to: Option<String>) -> FetchError {
        FetchError::Forbidden { url: self.url.clone(), leads_to, address: forbidden.0 }
    }

    pub(crate) fn timeout(&self) -> FetchError {
        FetchError::Timeout { url: self.url.clone(), timeout: self.deadline.timeout() }
    }

    pub(crate) fn unreachable(&self, cause: &str) -> FetchError {
        FetchError::Unreachable { url: self.url.clone(), cause: self.auth.scrub(cause) }
    }

    pub(crate) fn refused(&self, cause: &str) -> FetchError {
        FetchError::Refused { url: self.url.clone(), cause: self.auth.scrub(cause) }
    }

    pub(crate) fn tls(&self, fault: TlsFault) -> FetchError {
        FetchError::Tls { url: self.url.clone(), fault: fault.scrubbed(&self.auth) }
    }

    pub(crate) fn credentials(&self, cause: &str) -> FetchError {
        FetchError::Credentials { url: self.url.clone(), cause: self.auth.scrub(cause) }
    }

    pub(crate) fn host_key(&self, cause: &str) -> FetchError {
        FetchError::HostKey { url: self.url.clone(), cause: self.auth.scrub(cause) }
    }

    pub(crate) fn not_found(&self, cause: &str) -> FetchError {
        FetchError::RepositoryNotFound { url: self.url.clone(), cause: self.auth.scrub(cause) }
    }

    pub(crate) fn protocol(&self, cause: &str) -> FetchError {
        FetchError::Protocol { url: self.url.clone(), cause: self.auth.scrub(cause) }
    }

    pub(crate) fn unsupported(&self, what: &str) -> FetchError {
        FetchError::Unsupported { url: self.url.clone(), what: what.to_owned() }
    }
}

/// A reader that counts what it reads against the limit of an attempt.
pub(crate) struct Counted<R> {
    pub(crate) attempt: std::sync::Arc<Attempt>,
    pub(crate) inner: R,
}

impl<R: io::Read> io::Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.attempt.count(read)?;
        Ok(read)
    }
}
