//! Why an archive was not unpacked.

/// Why an archive was not unpacked: what is wrong with it, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// What was given is not packed by gzip.
    #[error("this is no gzip archive; charts are packed by `helm package`")]
    NotGzip,
    /// The archive ends too early, was damaged, or is not made as archives are.
    #[error("the archive is damaged: {0}; pack or fetch it again")]
    Damaged(String),
    /// The archive holds no file.
    #[error("the archive holds no files; pack the directory that holds them")]
    Empty,
    /// The archive is too large.
    #[error("the archive has more than {limit} bytes, which is more than is unpacked")]
    Packed {
        /// The most that is accepted, in bytes.
        limit: u64,
    },
    /// The files are too large together.
    #[error("the files of the archive have {limit} bytes or more together, which is more than is unpacked")]
    Unpacked {
        /// Where it begins to be too much, in bytes.
        limit: u64,
    },
    /// A file is too large.
    #[error("the file {path:?} of the archive has {size} bytes; at most {limit} are unpacked")]
    File {
        /// The file.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// The most that is accepted, in bytes.
        limit: u64,
    },
    /// There are too many entries.
    #[error("the archive has more than {limit} entries, which is more than is unpacked")]
    Entries {
        /// The most that is accepted.
        limit: usize,
    },
    /// What describes an entry is larger than any path.
    #[error("an entry of the archive has more than {limit} bytes of headers; pack it again with shorter names")]
    Headers {
        /// The most that is accepted, in bytes.
        limit: u64,
    },
    /// A path is too long.
    #[error("the archive holds a path of {size} bytes; at most {limit} are accepted: {path:?}…")]
    PathLength {
        /// How the path begins.
        path: String,
        /// Its length in bytes.
        size: usize,
        /// The most that is accepted, in bytes.
        limit: usize,
    },
    /// A path is not UTF-8, or holds a NUL byte.
    #[error("the archive holds a path that is no text: {0:?}; rename the file and pack it again")]
    PathText(String),
    /// A path is absolute below the directory that all files stand in, or names a drive.
    #[error("the archive holds the absolute path {0:?}; pack the directory by its name")]
    Absolute(String),
    /// A path climbs out.
    #[error("the archive holds the path {0:?}, which leads out of it; pack it without \"..\"")]
    Outside(String),
    /// A file stands beside the directory that all files have to stand in.
    #[error(
        "{0:?} stands at the top of the archive, where only a directory may stand; pack the directory, not its content"
    )]
    NoDirectory(String),
    /// Two entries claim one path, or one path is both a file and a directory.
    #[error("the archive holds {0:?} twice; remove one of them and pack it again")]
    Duplicate(String),
    /// A layer is not packed by gzip.
    #[error("this is no gzip archive; artifacts are packed by `flux push artifact`")]
    LayerNotGzip,
    /// An entry is neither a file nor a directory.
    #[error("the archive holds {0:?}, which is a device, a pipe or a socket; pack files alone")]
    Special(String),
    /// An entry is a symbolic link, where there may be none.
    #[error("the archive holds {0:?}, which is a symbolic link; pack what it leads to")]
    Link(String),
    /// Too many directories are inside each other.
    #[error("the archive holds a path of more than {limit} directories inside each other: {path:?}…")]
    Depth {
        /// How the path begins.
        path: String,
        /// The most that is accepted.
        limit: usize,
    },
}
