//! What the program may say: the texts in its sources, without comments, and without what is only there for tests.

use std::path::Path;

/// All texts of the sources below a directory.
pub fn below(directory: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_for_tests = name == "tests" || name.ends_with("_tests");
        if path.is_dir() && !is_for_tests {
            all.extend(below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_for_tests {
            all.extend(of(&std::fs::read_to_string(&path).unwrap()));
        }
    }
    all
}

/// The texts of one source.
fn of(source: &str) -> Vec<String> {
    let tokens = tokens(source);
    let mut texts = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Text(text) => texts.push(text.clone()),
            // What stands behind goes to the end of its braces, or of its line.
            Token::Code(code) if code.ends_with("#[cfg(test)]") => at = end_of_item(&tokens, at + 1),
            Token::Code(_) => {}
        }
        at += 1;
    }
    texts
}

/// The last token of the item that begins at one.
fn end_of_item(tokens: &[Token], begin: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(begin) {
        let Token::Code(code) = token else { continue };
        match code.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return at,
            _ => continue,
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

#[derive(Debug)]
enum Token {
    /// What a text says.
    Text(String),
    /// A brace or a semicolon, an attribute of tests, or whatever else.
    Code(String),
}

fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some((hashes, text)) = raw(rest) {
            let end = text.find(&format!("\"{hashes}")).unwrap();
            tokens.push(Token::Text(text[..end].to_owned()));
            rest.len() - text.len() + end + 1 + hashes.len()
        } else if first == '"' {
            let (text, length) = plain(rest);
            tokens.push(Token::Text(text));
            length
        } else if first == '\'' {
            character(rest)
        } else if rest.starts_with("#[cfg(test)]") {
            tokens.push(Token::Code("#[cfg(test)]".to_owned()));
            "#[cfg(test)]".len()
        } else {
            if matches!(first, '{' | '}' | ';') {
                tokens.push(Token::Code(first.to_string()));
            }
            // Words at once, so that the `r` of `for` begins no raw text.
            let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            word.max(first.len_utf8())
        };
        rest = &rest[length..];
    }
    tokens
}

/// The marks around a raw text, and what stands behind its opening.
fn raw(rest: &str) -> Option<(&str, &str)> {
    let behind = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = &behind[..behind.find(|c| c != '#')?];
    Some((hashes, behind[hashes.len()..].strip_prefix('"')?))
}

/// What a text says, as a compiler joins what goes over several lines, and how long it is.
fn plain(rest: &str) -> (String, usize) {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return (text, at + 1),
            '\\' => match characters.next() {
                Some((_, '\n')) => while characters.next_if(|(_, c)| c.is_whitespace()).is_some() {},
                Some((_, 'n')) => text.push('\n'),
                Some((_, c)) => text.push(c),
                None => {}
            },
            c => text.push(c),
        }
    }
    (text, rest.len())
}

/// How long a character is that stands in quotes, or the mark of a lifetime.
fn character(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((at, escaped))) => {
            let behind = at + escaped.len_utf8();
            behind + rest[behind..].find('\'').map_or(0, |end| end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

#[test]
fn texts_are_told_from_comments_and_from_tests() {
    let source = r##"
//! "no text"
/* "nor this" */
fn a<'a>(x: &'a str) -> char { say("one \"two\" \
        three"); let y = r#"raw "text""#; '"' }
#[cfg(test)]
const ONLY: &str = "not this";
#[error("{0} is wrong")] // "or this"
#[cfg(test)]
mod tests { fn b() { "for { tests"; } }
fn c() { for x in "last" {} '\'' }
"##;
    assert_eq!(of(source), ["one \"two\" three", "raw \"text\"", "{0} is wrong", "last"]);
}
