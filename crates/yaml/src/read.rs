//! Reads the documents of a text.

use std::borrow::Cow;

use granit_parser::{Event, Marker, Parser, ScanError, StrInput};
use serde_json::Value;

use crate::older::{self, TabbedLines};
use crate::reader::{Reader, at};
use crate::resolve::Dialect;
use crate::{Limits, Problem, YamlError, block, encoding};

/// How many bytes are read again at most where the parser wants a space that Go does not.
const MAX_READ_AGAIN: usize = 64 * 1024 * 1024;
/// How often that is at most.
const MAX_MENDED: usize = 1000;

/// One document of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// What the document says.
    pub value: Value,
    /// The line on which its content starts, counted from 1.
    pub line: usize,
}

/// The documents of `text` as kustomize reads them; empty ones are left out.
pub fn parse_documents(text: &[u8], limits: &Limits) -> Result<Vec<Document>, YamlError> {
    parse_documents_as(text, Dialect::Kustomize, limits)
}

/// As [`parse_documents`], but scalars of the mapping at `path` are texts as they were written, `1.10` and `null`
/// included: kustomize takes annotations so. Each part of the path is any of several names.
pub fn parse_documents_with_texts(text: &[u8], path: &[&[&str]], limits: &Limits) -> Result<Vec<Document>, YamlError> {
    read(text, Dialect::Kustomize, path, limits)
}

/// The documents of `text`, plain scalars read as `dialect` has it; empty ones are left out.
pub fn parse_documents_as(text: &[u8], dialect: Dialect, limits: &Limits) -> Result<Vec<Document>, YamlError> {
    read(text, dialect, &[], limits)
}

/// The first document of `text`, as programs read it that expect one: whatever follows it may be anything. `None` where
/// it is empty, even if others follow.
pub fn parse_first_document(text: &[u8], dialect: Dialect, limits: &Limits) -> Result<Option<Document>, YamlError> {
    let text = checked(text, limits)?;
    if let Some(first) = block::read_first(&text, dialect, limits) {
        return Ok(first);
    }
    Ok(parse(&text, dialect, &[], limits, true).map_err(|error| conflict(&text, error))?.pop())
}

fn read(text: &[u8], dialect: Dialect, texts: &[&[&str]], limits: &Limits) -> Result<Vec<Document>, YamlError> {
    let decoded = checked(text, limits)?;
    let documents =
        block::read(&decoded, dialect, texts, limits).map_or_else(|| parse_all(&decoded, dialect, texts, limits), Ok);
    let documents = documents.map_err(|error| conflict(&decoded, error));
    if dialect != Dialect::Kustomize || !encoding::is_utf16(text) {
        return documents;
    }
    // Of such a text kustomize reads the first document, whatever follows it.
    let second = match &documents {
        Ok(documents) => documents.get(1).map(|document| document.line),
        Err(error) => decoded
            .lines()
            .skip(1)
            .position(|line| line.starts_with("---"))
            .map(|line| line + 2)
            .filter(|line| *line < error.line),
    };
    match second {
        Some(line) => Err(at(Marker::new(0, line, 0), Problem::SeveralInUtf16)),
        None => documents,
    }
}

/// The error of a text that is no YAML: where Git marked a conflict in it, that is what is wrong.
fn conflict(text: &str, error: YamlError) -> YamlError {
    let is_mark = |line: &str| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ");
    let mark = text.lines().position(is_mark).filter(|_| matches!(error.problem, Problem::Syntax(_)));
    mark.map_or(error, |above| YamlError { line: above + 1, column: 1, problem: Problem::Conflict })
}

/// `text` without byte order marks, if it is within the limits.
fn checked<'t>(text: &'t [u8], limits: &Limits) -> Result<Cow<'t, str>, YamlError> {
    if text.len() > limits.bytes {
        return Err(at(Marker::new(0, 1, 0), Problem::TooLarge { size: text.len(), limit: limits.bytes }));
    }
    encoding::decoded(text)
}

/// As [`read`], with a parser for all of YAML.
pub(crate) fn parse_all(
    text: &str,
    dialect: Dialect,
    texts: &[&[&str]],
    limits: &Limits,
) -> Result<Vec<Document>, YamlError> {
    parse(text, dialect, texts, limits, false)
}

fn parse(
    text: &str,
    dialect: Dialect,
    texts: &[&[&str]],
    limits: &Limits,
    only_first: bool,
) -> Result<Vec<Document>, YamlError> {
    let tabbed = TabbedLines::of(text);
    let mut parsed = parse_strictly(text, dialect, texts, limits, only_first, &tabbed);
    let mut mended = Cow::Borrowed(text);
    let (mut read_again, mut times) = (0, 0);
    while let Err(error) = &parsed
        && let Some(next) = older::mended(&mended, error)
        && read_again <= MAX_READ_AGAIN
        && times < MAX_MENDED
    {
        times += 1;
        read_again += next.len();
        parsed = parse_strictly(&next, dialect, texts, limits, only_first, &tabbed);
        mended = Cow::Owned(next);
    }
    parsed.map_err(older::worded)
}

fn parse_strictly(
    text: &str,
    dialect: Dialect,
    texts: &[&[&str]],
    limits: &Limits,
    only_first: bool,
    tabbed: &TabbedLines,
) -> Result<Vec<Document>, YamlError> {
    let options = granit_parser::options! { emit_comments: false };
    let mut reader = Reader::new(text, dialect, texts, limits, tabbed);
    let mut documents = Vec::new();
    let mut count = 0;
    for event in Parser::<StrInput>::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(syntax)?;
        let ends = matches!(event, Event::DocumentEnd);
        if matches!(event, Event::DocumentStart(..)) {
            count += 1;
            if count > limits.documents {
                return Err(at(span.start, Problem::TooManyDocuments { limit: limits.documents }));
            }
            if count > 1 && dialect == Dialect::Kustomize && matches!(event, Event::DocumentStart(false, ..)) {
                return Err(at(span.start, Problem::LeftOut));
            }
        }
        reader.event(event, span)?;
        documents.extend(reader.take_document().filter(|document| !document.value.is_null()));
        if only_first && ends {
            break;
        }
    }
    Ok(documents)
}

fn syntax(error: ScanError) -> YamlError {
    at(*error.marker(), Problem::Syntax(error.info()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Vec<Value> {
        let documents = parse_documents(text.as_bytes(), &Limits::default()).unwrap();
        documents.into_iter().map(|document| document.value).collect()
    }

    fn fails(text: &str) -> YamlError {
        parse_documents(text.as_bytes(), &Limits::default()).unwrap_err()
    }

    #[test]
    fn a_block_at_the_end_ends_as_the_text_does() {
        assert_eq!(read("a: |\n  b")[0], json!({"a": "b"}));
        assert_eq!(read("a: |\n  b\n")[0], json!({"a": "b\n"}));
        assert_eq!(read("a: >\n  b\n  é")[0], json!({"a": "b é"}));
        assert_eq!(read("- |+\n  b")[0], json!(["b"]));
        assert_eq!(read("a: |\n  b\nc: d")[0], json!({"a": "b\n", "c": "d"}));
        for (text, value) in [
            ("a: |\n  b\n  ", "b\n"),
            ("a: |-\n  b\n  ", "b"),
            ("a: |\n  b\n   ", "b\n "),
            ("a: |+\n  b\n\n ", "b\n\n"),
            ("a: >\n  b\n  c\n ", "b c\n"),
            ("a: |+\n  b\n   \n  ", "b\n \n"),
            ("a: |+\n    ", ""),
            ("a: >+\n  \n  ", "\n"),
        ] {
            assert_eq!(read(text)[0], json!({"a": value}), "{text:?}");
        }
        assert_eq!(read("a:\n- b: |\n    x\n    y")[0], json!({"a": [{"b": "x\ny"}]}));
    }

    #[test]
    fn what_yaml_1_1_has_otherwise_is_read_as_go_reads_it() {
        let text = "a: {}# b\nc: 'd'# e\nf: [\"g\"]# h\ni: |# j\n  k\n";
        assert_eq!(read(text), [json!({"a": {}, "c": "d", "f": ["g"], "i": "k\n"})]);
        assert_eq!(read("a: {\n\tb: 1,\n\tc: [\n\t\t2]\n\t}\nd: |\n  e\n  \tf\n")[0]["a"], json!({"b": 1, "c": [2]}));
        assert_eq!(read("a:\n  b: \n  |\n    c\n  d:\n\n  >-\n   e\n"), [json!({"a": {"b": "c\n", "d": "e"}})]);
        assert!(fails("a: 1\n|\n b\n").problem.to_string().starts_with("could not find expected ':'"));
        for text in ["\ta: 1\n", "a:\n\t- b\n", "a:\n \tb\n", "a: 1\n\tb: 2\n"] {
            assert!(matches!(fails(text).problem, Problem::Tab | Problem::Syntax(_)), "{text:?}");
        }
        assert_eq!(fails(": a\n").problem, Problem::NullKey);
        for text in ["null: a\n", "a: {~: b}\n"] {
            let error = parse_documents_as(text.as_bytes(), Dialect::Kubernetes, &Limits::default()).unwrap_err();
            assert_eq!(error.problem, Problem::NullKey, "{text:?}");
        }
    }

    #[test]
    fn a_conflict_that_git_marked_is_told_as_one() {
        let conflict = "a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> theirs\nc: 3\n";
        assert_eq!((fails(conflict).line, fails(conflict).problem), (2, Problem::Conflict));
        let first = parse_first_document(conflict.as_bytes(), Dialect::Kubernetes, &Limits::default());
        assert_eq!(first.unwrap_err().problem, Problem::Conflict);
        // Within a text they are no marks.
        assert_eq!(read("a: |\n  <<<<<<< HEAD\n"), [json!({"a": "<<<<<<< HEAD\n"})]);
        assert!(matches!(fails("a: [\nb: <<<<<<< HEAD\n").problem, Problem::Syntax(_)));
    }

    #[test]
    fn errors_are_told_in_the_words_of_go() {
        for (text, line, words) in [
            ("a: b: c\n", 1, "mapping values are not allowed in this context"),
            ("a:\n  - b\n c: d\n", 3, "did not find expected key"),
            ("a: 1\nb: [1, 2\n", 2, "did not find expected ',' or ']'"),
            ("a: {x: 1\n", 1, "did not find expected ',' or '}'"),
            ("a: \"x\n", 1, "found unexpected end of stream"),
            ("a:\n\tb: 1\n", 2, "found a tab"),
            ("a: 1\nb: @x\n", 2, "found character that cannot start any token"),
            ("a: 1\nkey\nb: 2\n", 2, "could not find expected ':'"),
            ("- a\nb: 1\n", 2, "did not find expected '-' indicator"),
            ("a: *x\n", 1, "unknown anchor"),
            ("a: ]\n", 1, "did not find expected node content"),
            ("x: \"\\q\"\n", 1, "found unknown escape character"),
            ("a: 'b' c\n", 1, "did not find expected key"),
        ] {
            let error = fails(text);
            assert_eq!(error.line, line, "{text:?}");
            assert!(error.problem.to_string().starts_with(words), "{text:?}: {error}");
        }
    }

    #[test]
    fn what_follows_the_first_document_may_be_anything() {
        let first = |text: &str| {
            let read = parse_first_document(text.as_bytes(), Dialect::Kubernetes, &Limits::default());
            read.map(|document| document.map(|document| document.value))
        };
        for text in ["a: 1\n---\nb: [\n", "# c\n---\na: 1\n---\nb: 2\n---\nb: 2\n", "{a: 1}\n...\n}"] {
            assert_eq!(first(text), Ok(Some(json!({"a": 1}))), "{text:?}");
        }
        for text in ["---\n---\na: 1\n", "---\n# c\n---\na: 1\n", "", "# c\n", "~\n---\na: 1\n"] {
            assert_eq!(first(text), Ok(None), "{text:?}");
        }
        assert!(first("a: [\n").is_err());
    }

    #[test]
    fn folded_blocks_mean_what_kustomize_makes_of_them() {
        let text = ">-\n  first(c,\n    more\n      and more\n  )\n  end\n";
        assert_eq!(read(&format!("a: {text}"))[0], json!({"a": "first(c,\n\n  more\n    and more\n) end"}));
        assert_eq!(read("a: >+\n  b\n\nc: d\n")[0], json!({"a": "b\n\n\n", "c": "d"}));
        assert_eq!(read("a: >+\n  b\nc: d\n")[0], json!({"a": "b\n", "c": "d"}));
        let kubernetes = parse_documents_as(text.as_bytes(), Dialect::Kubernetes, &Limits::default()).unwrap();
        assert_eq!(kubernetes[0].value, json!("first(c,\n  more\n    and more\n) end"));
    }

    #[test]
    fn documents_keep_their_lines_and_empty_ones_are_left_out() {
        let text = "# only a comment\n---\n---\n# first\na: 1\n--- # second\nb: 2\n...\n---\n";
        let documents = parse_documents(text.as_bytes(), &Limits::default()).unwrap();
        let found: Vec<_> = documents.into_iter().map(|document| (document.line, document.value)).collect();
        assert_eq!(found, [(5, json!({"a": 1})), (7, json!({"b": 2}))]);
    }

    #[test]
    fn anchors_aliases_and_merge_keys_are_resolved() {
        let text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc:\n  <<: [*a, *b]\n  x: 9\nd: {<<: *b}\ne: [*a]\n";
        let c = json!({"x": 9, "y": 2, "z": 4});
        let value = &read(text)[0];
        assert_eq!(value["c"], c);
        assert_eq!(value["d"], json!({"y": 3, "z": 4}));
        assert_eq!(value["e"], json!([{"x": 1, "y": 2}]));
        assert_eq!(fails("a: 1\n<<: 2\n").problem, Problem::Merge);
        assert_eq!(fails("a: &a [*a]\n").problem, Problem::RecursiveAlias);
    }

    #[test]
    fn a_byte_order_mark_and_json_are_read() {
        assert_eq!(read("\u{feff}a: 1\n"), [json!({"a": 1})]);
        assert_eq!(read("{\n\t\"a\": [1, \"b\\n\", null, true, 1.5e3],\n\t\"b\": {}\n}\n")[0]["a"][4], json!(1500));
    }

    #[test]
    fn tags_are_heeded() {
        let text = "[!!str 1, !!int \"12\", !!binary aGVsbG8=, !!float 1, !foo 7, !!null '', !!str]";
        assert_eq!(read(text), [json!(["1", 12, "hello", 1, "7", null, ""])]);
        let error = fails("a: !!int x\n");
        assert_eq!(error.to_string(), "line 1, column 10: the value is not what its tag !!int says");
    }

    #[test]
    fn scalars_can_be_asked_for_as_texts() {
        let text =
            b"m:\n  a:\n    x: 1.10\n    y: null\n    z:\n    d: 2001-01-01\n    q: 'it'\n    l: [1]\n  b: {x: 1}\n";
        let read = parse_documents_with_texts(text, &[&["m"], &["a"]], &Limits::default()).unwrap();
        let a = json!({"x": "1.10", "y": "null", "z": "", "d": "2001-01-01", "q": "it", "l": [1]});
        assert_eq!(read[0].value, json!({"m": {"a": a, "b": {"x": 1}}}));
    }

    #[test]
    fn errors_name_the_place() {
        let duplicate = fails("a: 1\nb:\n  c: 1\n  c: 2\n");
        assert_eq!((duplicate.line, duplicate.column), (4, 3));
        assert_eq!(duplicate.problem, Problem::DuplicateKey { key: "c".into() });
        let lenient = parse_documents_as(b"c: 1\nc: 2\n", Dialect::Kubernetes, &Limits::default()).unwrap();
        assert_eq!(lenient[0].value, json!({"c": 2}));
        assert_eq!(fails("a: 1\n b: 2\n").line, 2);
        assert_eq!(fails("a:\n\tb: 1\n").line, 2);
        assert_eq!(fails("a: .inf").problem, Problem::NotJson);
        assert_eq!(fails("[a]: 1\n").problem, Problem::ComplexKey);
        let latin = parse_documents(b"a: 1\nb: \xe9\n", &Limits::default()).unwrap_err();
        assert_eq!((latin.line, latin.column, latin.problem), (2, 4, Problem::Encoding));
    }

    #[test]
    fn an_alias_bomb_is_refused() {
        let mut text = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
        for level in 1..12 {
            let below = vec![format!("*a{}", level - 1); 9].join(", ");
            text += &format!("a{level}: &a{level} [{below}]\n");
        }
        assert!(matches!(fails(&text).problem, Problem::Expansion { .. }));
        let chain: String = (1..400).map(|level| format!("a{level}: &a{level} [*a{}]\n", level - 1)).collect();
        assert!(matches!(fails(&format!("a0: &a0 x\n{chain}")).problem, Problem::TooDeep { .. }));
    }

    #[test]
    fn what_a_text_stands_for_has_a_limit() {
        let limits = Limits { memory: 64 * 1024, ..Limits::default() };
        let error = |text: &str| parse_documents(text.as_bytes(), &limits).map(|_| ()).map_err(|error| error.problem);
        let too_heavy = Err(Problem::TooHeavy { limit: 64 * 1024 });
        let long = "x".repeat(60_000);
        assert_eq!(error(&format!("a: {long}\nb: [{}]\n", "1, ".repeat(100))), Ok(()));
        for text in [
            format!("a: [{}]\n", "{b: 1}, ".repeat(200)),
            format!("a:\n{}", "- b: 1\n".repeat(200)),
            format!("a: [{}1]\n", "1, ".repeat(3_000)),
            (0..1_000).map(|n| format!("k{n}: 1\n")).collect(),
            format!("a: &a [{}]\nb: [*a, *a]\n", "{b: 1}, ".repeat(40)),
            "a: {b: 1}\n---\n".repeat(100),
        ] {
            assert_eq!(error(&text), too_heavy, "{text:.100}");
        }
    }

    #[test]
    fn depth_documents_and_size_are_bounded() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert!(matches!(fails(&deep).problem, Problem::TooDeep { .. }));
        let block: String = (0..300).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        assert!(parse_documents(block.as_bytes(), &Limits::default()).is_err());
        let limits = Limits { bytes: 10, documents: 2, ..Limits::default() };
        let error = |text: &str| parse_documents(text.as_bytes(), &limits).unwrap_err().problem;
        assert!(matches!(error("a: 1234567890"), Problem::TooLarge { .. }));
        assert!(matches!(error("1\n---\n---\n"), Problem::TooManyDocuments { .. }));
    }
}
