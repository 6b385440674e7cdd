//! Finds a chart in the text of an index without reading the rest.
//!
//! The indexes of large repositories have tens of megabytes, of which one chart is a small part. `helm repo index` writes
//! them in one shape, and in that shape the part can be cut out by looking at how lines are indented.

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Section<'a> {
    /// The lines of the chart: a mapping with its name as the only key.
    Found(&'a str),
    /// The index has no such chart.
    Absent,
    /// The index has another shape, and has to be read as a whole.
    Unsure,
}

/// The part of the index `text` that is about `chart`.
pub(super) fn find<'a>(text: &'a str, chart: &str) -> Section<'a> {
    let mut lines = Lines { text, position: 0 };
    if !lines.skip_to_entries() {
        return Section::Unsure;
    }
    let mut indent = None;
    let mut start = None;
    for (position, line) in lines {
        let content = line.trim_start_matches(' ');
        if content.trim().is_empty() || content.starts_with('#') {
            continue;
        }
        let depth = line.len() - content.len();
        let indent = *indent.get_or_insert(depth);
        if depth > indent || (depth == indent && content.starts_with("- ")) {
            continue;
        }
        if let Some(start) = start {
            return text.get(start..position).map_or(Section::Unsure, Section::Found);
        }
        if depth == 0 {
            return if is_top_level(content) { Section::Absent } else { Section::Unsure };
        }
        match key(content) {
            Some((name, rest)) if depth == indent && name == chart => {
                if !rest.is_empty() {
                    return Section::Unsure;
                }
                start = Some(position);
            }
            Some(_) if depth == indent => {}
            _ => return Section::Unsure,
        }
    }
    match start {
        Some(start) => text.get(start..).map_or(Section::Unsure, Section::Found),
        None => Section::Absent,
    }
}

struct Lines<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Lines<'a> {
    /// Goes past the line `entries:`; whether the index is known to be one until there.
    fn skip_to_entries(&mut self) -> bool {
        let mut versioned = false;
        for (_, line) in self.by_ref() {
            let line = line.trim_end();
            match line.split_once(':') {
                Some(("apiVersion", version)) => versioned = !version.trim().is_empty(),
                Some(("entries", rest)) => return versioned && rest.is_empty(),
                _ if line.is_empty() || line == "---" || line.starts_with(['#', ' ', '-']) || is_top_level(line) => {}
                _ => return false,
            }
        }
        false
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.position;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.find('\n').map_or(rest.len(), |end| end + 1);
        self.position += length;
        rest.get(..length).map(|line| (start, line))
    }
}

/// Whether a line that is not indented is a plain key.
fn is_top_level(line: &str) -> bool {
    line.split_once(':').is_some_and(|(key, _)| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The key of a line and what follows its colon.
fn key(content: &str) -> Option<(&str, &str)> {
    let content = content.trim_end();
    let (key, rest) = match content.strip_suffix(':') {
        Some(key) => (key, ""),
        None => content.split_once(": ")?,
    };
    let unquoted = ['"', '\''].iter().find_map(|quote| key.strip_prefix(*quote)?.strip_suffix(*quote));
    let key = unquoted.unwrap_or(key);
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/'));
    (plain && !key.is_empty()).then_some((key, rest.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "apiVersion: v1\nentries:\n  alpha:\n  - version: 1.0.0\n    description: |\n      beta:\n      - x\n  \
                         beta:\n  - version: 2.0.0\n\n  # a comment\n  - version: 1.0.0\n  \"gamma\":\n    - version: 3.0.0\n  \
                         empty: []\ngenerated: \"2026\"\n";

    #[test]
    fn a_chart_is_cut_out() {
        assert!(
            matches!(find(INDEX, "alpha"), Section::Found(part) if part.starts_with("  alpha:") && part.contains("- x"))
        );
        assert_eq!(
            find(INDEX, "beta"),
            Section::Found("  beta:\n  - version: 2.0.0\n\n  # a comment\n  - version: 1.0.0\n")
        );
        assert_eq!(find(INDEX, "gamma"), Section::Found("  \"gamma\":\n    - version: 3.0.0\n"));
        assert_eq!(find(INDEX, "version"), Section::Absent);
        assert_eq!(find(INDEX, "generated"), Section::Absent);
        assert_eq!(find(INDEX, "empty"), Section::Unsure);
    }

    #[test]
    fn another_shape_is_left_to_whoever_reads_it_all() {
        for text in [
            "{apiVersion: v1, entries: {web: []}}\n",
            "apiVersion: v1\nentries: {web: [{version: 1.0.0}]}\n",
            "entries:\n  web:\n  - version: 1.0.0\napiVersion: v1\n",
            "apiVersion: v1\n\"entries\":\n  web:\n  - version: 1.0.0\n",
            "apiVersion: v1\nentries:\n  web: &anchor\n  - version: 1.0.0\n",
            "apiVersion: v1\nentries:\n  other: &anchor\n  - version: 1.0.0\n  ? web\n  : - version: 1.0.0\n",
            "",
        ] {
            assert_eq!(find(text, "web"), Section::Unsure, "{text}");
        }
    }
}
