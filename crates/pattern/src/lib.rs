//! Regular expressions in Go's syntax, which Kubernetes and Flux speak, compiled and matched by Rust's `regex`: both
//! take time in proportion to the text, whatever the expression.

mod expand;
mod set;
mod syntax;

pub use set::RegexSet;

use regex::RegexBuilder;

/// How deep an expression may be nested.
const DEEPEST: u32 = 250;

/// The stack on which an expression is compiled: what compiles it calls itself.
const STACK: usize = 2 << 20;

/// How much a compiled expression may be.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Its size in bytes.
    pub bytes: usize,
}

/// An expression that is compiled.
#[derive(Clone, Debug)]
pub struct Regex {
    source: Box<str>,
    compiled: regex::Regex,
    weight: usize,
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    message: String,
    is_too_large: bool,
}

impl PatternError {
    fn new(message: String) -> Self {
        Self { message, is_too_large: false }
    }

    /// Whether it is larger than it may be, and may be an expression otherwise.
    pub fn is_too_large(&self) -> bool {
        self.is_too_large
    }
}

/// The smallest size that is told apart.
const SMALLEST: usize = 4 << 10;

impl Regex {
    /// Compiles an expression.
    ///
    /// # Errors
    /// When it is none, or larger than it may be.
    pub fn new(source: &str, limits: Limits) -> Result<Self, PatternError> {
        let translated = syntax::translate(source)?;
        let build = |bytes| {
            let mut builder = RegexBuilder::new(&translated);
            builder.size_limit(bytes).dfa_size_limit(remembered(bytes)).nest_limit(DEEPEST);
            stacker::maybe_grow(STACK, 2 * STACK, || builder.build())
        };
        let mut bytes = SMALLEST.min(limits.bytes);
        loop {
            match build(bytes) {
                Err(regex::Error::CompiledTooBig(_)) if bytes < limits.bytes => bytes = (4 * bytes).min(limits.bytes),
                built => {
                    let compiled = built.map_err(refused)?;
                    return Ok(Self { source: source.into(), compiled, weight: bytes.div_ceil(SMALLEST) });
                }
            }
        }
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether a text has a match.
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }

    /// What `template` becomes for the first match in a text, as Go's `Expand` has it: `$1`, `$name` and `${name}` stand for what
    /// groups matched, `$$` for a dollar. `None` where there is no match.
    pub fn expand(&self, text: &str, template: &str) -> Option<String> {
        Some(expand::expand(template, &self.compiled.captures(text)?))
    }

    /// How large it is, from 1: looking for it takes at most so much longer than for the smallest ones.
    pub fn weight(&self) -> usize {
        self.weight
    }
}

fn refused(error: regex::Error) -> PatternError {
    let is_too_large = matches!(error, regex::Error::CompiledTooBig(_));
    let message = match error {
        // The error draws the expression over several lines; its last says what is wrong.
        regex::Error::Syntax(text) => text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        other => other.to_string(),
    };
    PatternError { message, is_too_large }
}

/// How much may be remembered of what was found out while one of so many bytes was looked for: it stays as long as the expression
/// does, and small ones are many.
fn remembered(bytes: usize) -> usize {
    bytes.saturating_mul(32).clamp(128 << 10, 1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compile(pattern: &str) -> Result<Regex, PatternError> {
        Regex::new(pattern, Limits { bytes: 1 << 20 })
    }

    fn matches(pattern: &str, text: &str) -> bool {
        compile(pattern).unwrap().is_match(text)
    }

    #[test]
    fn classes_mean_ascii_as_in_go() {
        assert!(matches(r"^\d+$", "42"));
        assert!(!matches(r"^\d+$", "٤٢"));
        assert!(!matches(r"^[\w.]+$", "é"));
        assert!(matches(r"^[\D]$", "x"));
        assert!(!matches(r"^[^\s]$", " "));
        assert!(matches(r"\bfoo\b", "a foo b"));
    }

    #[test]
    fn brackets_braces_and_ampersands_mean_themselves_where_go_says_so() {
        assert!(matches(r"^[[]$", "["));
        assert!(matches(r"^[]a]$", "]"));
        assert!(matches(r"^[a&&b]+$", "a&b"));
        assert!(matches(r"^{{.*}}$", "{{ x }}"));
        assert!(matches(r"^a{2}$", "aa"));
        assert!(matches(r"^[[:alpha:]_]+$", "ab_"));
        assert!(matches(r"^\<a\>\/\-\_$", "<a>/-_"));
    }

    #[test]
    fn what_is_wrong_with_a_pattern_is_said_in_a_line() {
        let error = compile("a(").unwrap_err().to_string();
        assert!(!error.contains('\n') && error.contains("unclosed group"), "{error}");
    }

    #[test]
    fn what_is_quoted_means_itself_and_classes_have_names() {
        assert!(matches(r"^\Qa+b(\E$", "a+b("));
        assert!(matches(r"^\Qa\\E$", r"a\"));
        assert!(matches(r"^\p{Greek}\pL\P{Lu}$", "αbc"));
        assert!(matches(r"^\x{e9}$", "é"));
    }

    #[test]
    fn nothing_is_repeated_more_often_than_in_go_and_nothing_is_too_large() {
        assert!(matches("^a{1000}$", &"a".repeat(1000)));
        assert_eq!(compile("a{1001}").unwrap_err().to_string(), "invalid repeat count: `{1001}`");
        assert!(compile("((a{100}){100}){100}").is_err_and(|error| error.is_too_large()));
        assert!(compile("a(").is_err_and(|error| !error.is_too_large()));
        let weights = ["a", "a{300}", "(a{300}){9}"].map(|pattern| compile(pattern).unwrap().weight());
        assert!(weights.is_sorted() && weights[0] == 1 && weights[2] > weights[1], "{weights:?}");
    }
}
