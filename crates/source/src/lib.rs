//! Brings desired state here: Git repositories and Helm charts as trees of content ids.
//!
//! [`Mirrors`] fetches a [`Reference`] of a [`Remote`] and gives a [`Snapshot`]: which commit it is, and its files
//! as a [`GitTree`], read from Git's object database when asked for and never checked out. A remote repository
//! is kept as one bare, shallow mirror that everything using its URL shares; a local one is read where it is.
//! [`local`] finds the repository that a path stands in and tells when it changes. [`Ignore`] hides files as
//! Flux's `.sourceignore` does.
//!
//! Who signed a commit or a tag is what a [`Snapshot`] tells to whom gives it the keys of those who may ([`Signers`]).
//!
//! [`Charts`] fetches a version of a chart from a repository over HTTP, an OCI registry or a directory, and gives a
//! [`Package`]: its files, unpacked in memory.
//!
//! [`Artifacts`] fetches an artifact from an OCI registry, and gives its files as a tree that is read from disk ([`Fetched`]).
//!
//! They fetch buckets of object storage that speaks S3, too ([`FetchedBucket`]).
//!
//! [`Images`] says which tags an image has. A [`Draft`] is a commit that [`Mirrors::push`] sends to a server, and a [`KeyPair`] a key
//! that a server can be told.
//!
//! What a fetch may use and reach is its [`Access`]: by default, nothing of this machine and of the person who runs the
//! program. [`Cancel`] breaks it off.
//!
//! Nothing here interprets content, and no credential reaches an error or a log.

mod access;
mod address;
mod artifact;
mod auth;
mod bucket;
mod cache;
mod cancel;
mod chart;
mod commit;
mod connect;
mod content;
mod deadline;
mod digest;
mod error;
mod extent;
mod github_app;
mod ignore;
mod image;
mod key_pair;
pub mod local;
mod mirror;
mod objects;
mod push;
mod recent;
mod reference;
mod registry;
mod remote;
mod signature;
mod snapshot;
mod submodule;
mod tenant;
mod tree;
mod unpack;
mod version;
mod web;

pub use access::{Access, Block, BlockError, Forbidden, LocalAccess, Network, Setup};
pub use address::{Location, RepositoryUrl, Scheme, UrlError};
pub use artifact::{
    ArtifactError, ArtifactOptions, ArtifactProblem, ArtifactReference, ArtifactRepository, ArtifactSource,
    ArtifactStep, Artifacts, Fetched, FetchedBucket, Published, TagError,
};
pub use auth::{Auth, Secret};
pub use bucket::{BucketError, BucketKeys, BucketPlace, BucketPlaceError, BucketProblem, BucketSource, BucketStep};
pub use cancel::Cancel;
pub use chart::{
    ChartError, ChartOptions, ChartProblem, ChartRepository, ChartSource, ChartUrlError, Charts, FileSource, Package,
    RepositoryIndex,
};
pub use commit::{Commit, CommitId, Signature};
pub use connect::{ProxyError, ProxyServer, TlsFault, TlsRemedies, tls_fault};
pub use cowherd_sigstore as sigstore;
pub use digest::Digest;
pub use error::FetchError;
pub use extent::MAX_ENTRIES;
pub use github_app::{GitHubApp, GitHubAppError, GitHubToken};
pub use ignore::{IGNORE_FILE, Ignore};
pub use image::{ImageName, ImageNameError, ImageSource, Images};
pub use key_pair::{KeyAlgorithm, KeyPair, KeyPairError};
pub use local::{LocalWatch, LocalWatches, WatchError};
pub use mirror::{MirrorOptions, Mirrors, MirrorsError};
pub use push::{CommitSigner, Draft, DraftError, Identity, Push, PushError, RefUpdate, SigningError, Words};
pub use reference::{Reference, Revision};
pub use registry::{Logins, LoginsError};
pub use remote::{DEFAULT_MAX_SIZE, DEFAULT_MAX_UNPACKED, DEFAULT_TIMEOUT, Remote};
pub use signature::{SignatureProblem, Signers};
pub use snapshot::{Snapshot, Tag};
pub use submodule::Submodule;
pub use tenant::{NoRoom, StorageLimits, Tenant, Tenants};
pub use tree::GitTree;
pub use unpack::Excess;
pub use version::{Range, RangeError};
pub use web::{Call, CallMethod, CallTerms, Caller, Reply, WebProblem, shown_url};
