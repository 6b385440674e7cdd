//! Parts a file into its documents.

/// The documents of `text` as Helm parts them: at `---` at the start of a line, whatever follows it. Spaces around
/// documents are left out, and so are documents without any text.
pub fn split_manifests(text: &str) -> Vec<&str> {
    let mut rest = text.trim();
    let mut documents = Vec::new();
    let mut from_start = true;
    while let Some((end, next)) = separator(rest, from_start) {
        documents.push(rest.get(..end).unwrap_or_default());
        rest = rest.get(next..).unwrap_or_default();
        from_start = false;
    }
    documents.push(rest);
    documents.retain(|document| !document.is_empty());
    documents.into_iter().map(str::trim).collect()
}

/// Where the first separator of `text` starts and where it ends: the spaces and the line break before the dashes and
/// the spaces behind them belong to it. At the very start of a file it needs no line break before it.
fn separator(text: &str, from_start: bool) -> Option<(usize, usize)> {
    if from_start && text.starts_with("---") {
        return Some((0, 3 + leading_spaces(text.get(3..)?)));
    }
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find("\n---")?;
        // What is left of the line break may not be before where the search for it began.
        let before = text.get(..at)?.trim_end_matches(is_space);
        let end = at + 4;
        if before.len() <= at {
            return Some((before.len(), end + leading_spaces(text.get(end..)?)));
        }
        from = end;
    }
}

fn leading_spaces(text: &str) -> usize {
    text.len() - text.trim_start_matches(is_space).len()
}

/// What `\s` is in Go's expressions.
fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_parted_at_dashes() {
        assert_eq!(split_manifests("---\na: 1\n---\nb: 2\n"), ["a: 1", "b: 2"]);
        assert_eq!(split_manifests("a: 1  \n\n---b: 2"), ["a: 1", "b: 2"]);
        assert_eq!(split_manifests("a: |\n  ---\n  x"), ["a: |\n  ---\n  x"]);
        assert_eq!(split_manifests(""), Vec::<&str>::new());
        assert_eq!(split_manifests("---\n"), Vec::<&str>::new());
    }

    #[test]
    fn a_separator_right_behind_another_is_text() {
        // The spaces behind the first one are used up, and no line break is left for the second.
        assert_eq!(split_manifests("# x\n---\n---\n\n---\na: 1"), ["# x", "---", "a: 1"]);
    }

    /// The same, with the expression that Helm uses.
    fn by_expression(text: &str) -> Vec<String> {
        let separator = regex::Regex::new(r"(?:^|[\t\n\f\r ]*\n)---[\t\n\f\r ]*").unwrap();
        let documents = separator.split(text.trim()).filter(|document| !document.is_empty());
        documents.map(|document| document.trim().to_owned()).collect()
    }

    proptest::proptest! {
        #[test]
        fn documents_are_those_of_the_expression(text in "[-\n a]{0,30}") {
            proptest::prop_assert_eq!(split_manifests(&text), by_expression(&text));
        }
    }
}
