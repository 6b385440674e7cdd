//! Why a bucket could not be fetched.

use crate::{NoRoom, WebProblem};

/// Why a bucket could not be fetched: what was being done, the cause, and what to do.
///
/// No variant holds a credential.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}{problem}", begin(.step, .problem))]
pub struct BucketError {
    /// What was being done.
    pub step: BucketStep,
    /// What happened.
    pub problem: BucketProblem,
}

/// What was being done, where that says more than what happened.
fn begin(step: &BucketStep, problem: &BucketProblem) -> String {
    if matches!(problem, BucketProblem::NoBucket(_)) { String::new() } else { step.to_string() }
}

/// The steps by which a bucket is fetched, in Flux's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketStep {
    /// The credentials are made ready.
    #[error("failed to configure the client of the bucket: ")]
    Credentials,
    /// It is seen whether the bucket is there.
    #[error("failed to confirm existence of '{0}' bucket: ")]
    Bucket(String),
    /// Its patterns of what is left out are read.
    #[error("failed to get Etag for '.sourceignore' object: ")]
    Patterns,
    /// Its objects are listed.
    #[error("indexation of objects from bucket '{0}' failed: ")]
    List(String),
    /// Its objects are fetched.
    #[error("fetch from bucket '{0}' failed: ")]
    Objects(String),
    /// One of its objects is fetched.
    #[error("fetch from bucket '{bucket}' failed: failed to get '{key}' object: ")]
    Object {
        /// The bucket.
        bucket: String,
        /// The key of the object.
        key: String,
    },
}

/// What can keep a bucket from being fetched.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BucketProblem {
    /// There is no connection to the server, or it answers something else than a server of S3.
    #[error(transparent)]
    Web(#[from] WebProblem),
    /// There is no such bucket.
    #[error("bucket '{0}' not found; check spec.bucketName, spec.endpoint and spec.region")]
    NoBucket(String),
    /// There is no such object.
    #[error("the specified key does not exist")]
    NoObject,
    /// The server does not let us.
    #[error("{said}; {remedy}")]
    Refused {
        /// What the server says.
        said: String,
        /// What to do.
        remedy: &'static str,
    },
    /// The server has another region in mind.
    #[error("{said}; set spec.region to what the bucket is in{hint}")]
    Region {
        /// What the server says.
        said: String,
        /// Which one that is, as the server says it.
        hint: String,
    },
    /// The server is asked too much, or fails.
    #[error("{0}")]
    Busy(String),
    /// The server says something else.
    #[error("the server answered {0}")]
    Answered(String),
    /// The list of objects is none.
    #[error("the list of its objects cannot be read: {0}; check that spec.endpoint speaks S3")]
    Listing(String),
    /// An object cannot stand in a tree.
    #[error("the object '{key}' has a key that no file can have: {cause}; rename it, or leave it out by spec.ignore")]
    Key {
        /// The key.
        key: String,
        /// What is wrong with it.
        cause: &'static str,
    },
    /// Two objects stand at one place.
    #[error(
        "the objects '{one}' and '{other}' cannot both be files of one tree; remove one of them, or leave it out by spec.ignore"
    )]
    Both {
        /// A key.
        one: String,
        /// Another.
        other: String,
    },
    /// There are more objects than are taken.
    #[error("{0}; take fewer by spec.prefix or spec.ignore")]
    TooMany(String),
    /// The objects are larger than is fetched.
    #[error(
        "its objects have more than {0} MiB together, which is more than is fetched; take fewer by spec.prefix or spec.ignore"
    )]
    TooLarge(u64),
    /// There is no room on disk for it.
    #[error("it cannot be kept: {0}")]
    NoRoom(#[from] NoRoom),
}

impl BucketError {
    /// Whether it may pass by itself: then trying again can help.
    pub fn may_pass(&self) -> bool {
        match &self.problem {
            BucketProblem::Web(problem) => problem.may_pass(),
            BucketProblem::Busy(_) => true,
            _ => false,
        }
    }
}
