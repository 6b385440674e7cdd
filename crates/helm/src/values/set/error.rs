//! Why an expression is refused.

/// What is wrong with an expression, said as Helm says it. Shows keys, but no values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// A key stands at the end, or before a comma.
    #[error("key {key:?} has no value{}", if *.before_comma { " (cannot end with ,)" } else { "" })]
    NoValue {
        /// The key.
        key: String,
        /// Whether a comma follows.
        before_comma: bool,
    },
    /// What stands behind the dot says nothing.
    #[error("key map {0:?} has no value")]
    EmptyMap(String),
    /// A name has too many others before it.
    #[error("value name nested level is greater than maximum supported nested level of {limit}")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// Lists would have more items than are made.
    #[error("the lists would have more than {limit} items")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// What stands between brackets is no number.
    #[error("error parsing index: strconv.Atoi: parsing {0:?}: invalid syntax")]
    Index(String),
    /// An index is negative.
    #[error("negative {0} index not allowed")]
    NegativeIndex(i64),
    /// An index is too large.
    #[error("index of {index} is greater than maximum supported index of {limit}")]
    IndexTooLarge {
        /// The index.
        index: i64,
        /// The limit.
        limit: usize,
    },
    /// Something stands between a closing bracket and what may follow it.
    #[error("unexpected data at end of array index: {}", runes(.0))]
    AfterIndex(String),
    /// A list of values is not closed.
    #[error("list must terminate with '}}'")]
    OpenList,
    /// A key leads into what is neither a mapping nor a list.
    #[error("unable to parse key: interface conversion: interface {{}} is {found}, not {expected}")]
    Conversion {
        /// What stands there, as Go calls it.
        found: &'static str,
        /// What the expression takes it for.
        expected: &'static str,
    },
    /// A value is no JSON.
    #[error("the value of {key:?} is no JSON: {problem} at line {line} column {column}")]
    Json {
        /// The key, or the index in brackets.
        key: String,
        /// What kind of mistake it is.
        problem: &'static str,
        /// The line in the value, counted from 1.
        line: usize,
        /// The column in the value, counted from 1.
        column: usize,
    },
    /// A file could not be read.
    #[error("{path}: {cause}")]
    File {
        /// The path.
        path: String,
        /// The cause.
        cause: String,
    },
}

/// The characters of `text` as Go quotes a list of them.
fn runes(text: &str) -> String {
    let quoted: Vec<String> = text.chars().map(|c| format!("{c:?}")).collect();
    format!("[{}]", quoted.join(" "))
}
