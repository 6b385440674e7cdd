//! What is asked for.

use std::fmt;
use std::time::Duration;

use cowherd_sigstore::Trust;
use regex::bytes::Regex;

use crate::connect::ProxyServer;
use crate::registry::{Logins, Name, is_tag};
use crate::{Access, Auth, Cancel, DEFAULT_TIMEOUT, Digest, Range, Tenant, WebProblem};

/// A repository of a registry: `oci://HOST/PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactRepository {
    pub(super) name: Name,
}

impl ArtifactRepository {
    /// Reads a URL without tag and digest.
    pub fn parse(url: &str) -> Result<Self, WebProblem> {
        Name::of_repository(url).map(|name| Self { name })
    }

    /// The server that it is on, with its port if one is given.
    pub fn host(&self) -> &str {
        &self.name.host
    }

    /// Who we are to it.
    pub fn login(&self, logins: &Logins) -> Auth {
        logins.find(&self.name.host, &self.name.repository)
    }
}

impl fmt::Display for ArtifactRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.name.host, self.name.repository)
    }
}

/// Which artifact of a repository.
#[derive(Clone, Debug)]
pub enum ArtifactReference {
    /// The one with this tag.
    Tag(String),
    /// That of the tag with the highest version in the range, of the tags that the filter fits. Tags are ASCII: bytes are
    /// enough for a filter.
    SemVer(Range, Option<Regex>),
    /// The manifest with this digest.
    Digest(Digest),
}

impl ArtifactReference {
    /// The artifact with a tag, if it is one.
    pub fn tag(tag: String) -> Result<Self, TagError> {
        if is_tag(&tag) { Ok(Self::Tag(tag)) } else { Err(TagError(tag)) }
    }
}

/// Why a text is no tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no tag; tags have letters, digits, _ . - and at most 128 of them")]
pub struct TagError(String);

impl Default for ArtifactReference {
    fn default() -> Self {
        Self::Tag("latest".to_owned())
    }
}

/// An artifact and the terms on which it is fetched.
#[derive(Clone, Debug)]
pub struct ArtifactSource {
    /// The repository.
    pub repository: ArtifactRepository,
    /// Which of its artifacts.
    pub reference: ArtifactReference,
    /// The media type of the layer; without one, the first is taken.
    pub media_type: Option<String>,
    /// Those who may sign it; without any, nobody has to.
    pub trust: Option<Trust>,
    /// Who we are to the registry.
    pub auth: Auth,
    /// The server through which the registry is asked.
    pub proxy: Option<ProxyServer>,
    /// Who chose by whom questions for the registry are answered: whose proxy or certificate authority it is. What is kept in
    /// one scope is not found in another, since such servers may say anything.
    pub scope: Option<String>,
    /// Whether the registry is asked without TLS. One on this machine is in any case.
    pub insecure: bool,
    /// How long fetching may take, from the first connection to the last byte.
    pub timeout: Duration,
    /// What the fetch may use and reach.
    pub access: Access,
    /// Breaks the fetch off.
    pub cancel: Cancel,
    /// Whether a person asked for it: a layer that was refused before is asked for once more.
    pub is_requested: bool,
    /// On whose behalf it is fetched, and kept; without one on that of the person who runs the program, who may keep what they like.
    pub tenant: Option<Tenant>,
}

impl ArtifactSource {
    /// The artifact with the tag `latest`, on the word of a manifest, without credentials, with the default timeout.
    pub fn new(repository: ArtifactRepository) -> Self {
        Self {
            repository,
            reference: ArtifactReference::default(),
            media_type: None,
            trust: None,
            auth: Auth::default(),
            proxy: None,
            scope: None,
            insecure: false,
            timeout: DEFAULT_TIMEOUT,
            access: Access::default(),
            cancel: Cancel::default(),
            is_requested: false,
            tenant: None,
        }
    }

    /// Whether the registry is asked without TLS.
    pub(super) fn is_plain(&self) -> bool {
        // One with its own certificate authority has TLS.
        self.insecure || (self.repository.name.is_local() && self.auth.ca.is_none())
    }
}
