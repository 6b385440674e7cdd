//! Why a text could not be read.

/// What is wrong with a text, and where. Shows keys, but never a value: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct YamlError {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What can be wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is no YAML.
    #[error("{0}")]
    Syntax(String),
    /// The text is what Git leaves of a merge that it could not finish.
    #[error("a merge conflict that is not resolved; keep one of the two sides, and remove the lines that mark them")]
    Conflict,
    /// The text is encoded in neither UTF-8 nor UTF-16.
    #[error("the text is not UTF-8; save the file in that encoding")]
    Encoding,
    /// A text in UTF-16 has several documents, of which kustomize reads one.
    #[error("kubectl leaves out what follows the first document of a text in UTF-16; save the file as UTF-8")]
    SeveralInUtf16,
    /// A document begins where kustomize does not look for one.
    #[error("kubectl leaves out what begins here; put a line --- before it, or remove it")]
    LeftOut,
    /// A key stands twice in one mapping.
    #[error("the key {key:?} is already defined in this mapping; remove one of the two")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A mapping has a mapping or a list as its key.
    #[error("a mapping's key must be a plain value, not a mapping or a list")]
    ComplexKey,
    /// A mapping has null, or nothing at all, as a key.
    #[error("a mapping's key must not be null; quote it if it is meant as text")]
    NullKey,
    /// A block is indented with a tab.
    #[error("found a tab where only spaces may indent; replace it by spaces")]
    Tab,
    /// An alias names an anchor that holds the alias itself.
    #[error("the alias refers to the value that it is part of")]
    RecursiveAlias,
    /// A merge key (`<<`) has a value that is no mapping.
    #[error("the merge key << needs a mapping or a list of mappings")]
    Merge,
    /// A value does not fit its tag.
    #[error("the value is not what its tag !!{tag} says")]
    Tag {
        /// The tag.
        tag: String,
    },
    /// A number that JSON, and so Kubernetes, does not have.
    #[error("JSON has no infinite numbers and none that is not a number; quote the value if it is meant as text")]
    NotJson,
    /// The text is longer than the limit.
    #[error("the text has {size} bytes; at most {limit} are read")]
    TooLarge {
        /// The size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Collections stand inside each other too deeply.
    #[error("mappings and lists are nested more than {limit} deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The text holds too many documents.
    #[error("more than {limit} documents in one file; split it")]
    TooManyDocuments {
        /// The limit.
        limit: usize,
    },
    /// What the text stands for takes too much memory.
    #[error("what the text holds would take more than {} MiB of memory", limit / 1024 / 1024)]
    TooHeavy {
        /// The limit in bytes.
        limit: usize,
    },
    /// Aliases copy more than the limit: an alias bomb, or a file that should be written out.
    #[error("aliases expand to more than {limit} nodes and bytes; write the values out instead")]
    Expansion {
        /// The limit.
        limit: usize,
    },
}
