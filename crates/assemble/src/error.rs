//! Why no artifact comes of rules. Where Flux has words for it, they are these.

use cowherd_tree::{ArchiveError, PathError, TreeError, TreePath};

/// Why a rule does not do what it says.
#[derive(Debug, thiserror::Error)]
#[error("failed to apply copy operation from '{from}' to '{to}': {cause}")]
pub struct AssembleError {
    /// What the rule takes.
    pub from: String,
    /// Where that goes.
    pub to: String,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong with a rule, or with what it finds.
#[derive(Debug, thiserror::Error)]
pub enum Cause {
    /// It does not say what it takes.
    #[error("invalid copy source '{text}': {problem}")]
    From {
        /// What it says.
        text: String,
        /// What is wrong with that.
        problem: &'static str,
    },
    /// It does not say where that goes.
    #[error("invalid copy destination '{text}': destination must start with '@artifact/'")]
    To {
        /// What it says.
        text: String,
    },
    /// It names a source that is not there.
    #[error("source alias '{0}' not found; name one of spec.sources")]
    NoSource(String),
    /// What it leaves out is no pattern.
    #[error("invalid exclude pattern '{0}'")]
    Exclude(String),
    /// There is more to leave out than is compared.
    #[error("it has {count} exclude patterns; at most {limit} of at most {length} bytes are compared")]
    Excludes {
        /// How many there are.
        count: usize,
        /// How many may be.
        limit: usize,
        /// How long each may be.
        length: usize,
    },
    /// What it takes is no pattern.
    #[error("invalid glob pattern '{0}': syntax error in pattern")]
    Glob(String),
    /// A path leads out of the source, or of the artifact.
    #[error("{0}")]
    Path(#[from] PathError),
    /// Nothing stands where it looks.
    #[error("source '{0}' does not exist")]
    Missing(TreePath),
    /// Its pattern fits nothing.
    #[error("no files match pattern '{pattern}' in source '{alias}'")]
    NoMatch {
        /// The pattern.
        pattern: String,
        /// The source.
        alias: String,
    },
    /// All that its pattern fits is left out.
    #[error("all files matching pattern '{pattern}' in source '{alias}' were excluded")]
    AllExcluded {
        /// The pattern.
        pattern: String,
        /// The source.
        alias: String,
    },
    /// A directory is to be unpacked.
    #[error("extract strategy is not supported for directories, got '{0}'")]
    ExtractDirectory(TreePath),
    /// What is to be unpacked is not called as archives are.
    #[error("extract strategy requires tarball file (.tar.gz or .tgz), got '{0}'")]
    NoTarball(TreePath),
    /// An archive cannot be unpacked.
    #[error("failed to extract tarball '{path}': {problem}")]
    Extract {
        /// The archive.
        path: TreePath,
        /// What is wrong with it.
        problem: ArchiveError,
    },
    /// A file cannot be merged into another one.
    #[error("failed to merge '{path}': {problem}")]
    Merge {
        /// The file.
        path: TreePath,
        /// What is wrong with it.
        problem: String,
    },
    /// A file is to stand where a directory stands.
    #[error("'{0}' is a directory of the artifact already; a file needs another destination")]
    IsDirectory(TreePath),
    /// Something is to stand below a file.
    #[error("'{0}' is a file of the artifact already; nothing can be copied below it")]
    IsFile(TreePath),
    /// Directories would be inside each other without end.
    #[error("'{path}' has more than {limit} directories inside each other")]
    Depth {
        /// Where.
        path: String,
        /// How many may be.
        limit: usize,
    },
    /// A source cannot be read.
    #[error("{0}")]
    Tree(#[from] TreeError),
    /// It takes more than is done for anybody.
    #[error("the rules of the generator take more than {limit} {what}; take less, or take directories whole")]
    TooMuch {
        /// How much is allowed.
        limit: u64,
        /// Of what.
        what: &'static str,
    },
    /// Nobody waits for it any more.
    #[error("it was broken off, since nobody waits for it any more")]
    Stopped,
}
