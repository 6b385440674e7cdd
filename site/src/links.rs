//! Links of Markdown.

/// The text with its links, outside of code, led elsewhere: `target` says where a link to something of the repository
/// leads; where it says nowhere, the words stay without the link.
pub(crate) fn rewritten(text: &str, mut target: impl FnMut(&str) -> Option<String>) -> String {
    let mut rewritten = String::with_capacity(text.len());
    let mut is_code = false;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            rewritten.push_str(line);
        } else {
            of_line(line, &mut rewritten, &mut target);
        }
    }
    rewritten
}

fn of_line(mut line: &str, rewritten: &mut String, target: &mut impl FnMut(&str) -> Option<String>) {
    while let Some((before, rest)) = line.split_once("](") {
        let Some((link, behind)) = rest.split_once(')') else { break };
        line = behind;
        if link.contains("://") || link.starts_with("mailto:") {
            rewritten.push_str(&format!("{before}]({link})"));
        } else if let Some(there) = target(link) {
            rewritten.push_str(&format!("{before}]({there})"));
        } else {
            let (text, words) = before.rsplit_once('[').unwrap_or((before, ""));
            rewritten.push_str(text);
            rewritten.push_str(words);
        }
    }
    rewritten.push_str(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_where_they_are_told_and_code_stays() {
        let text = "a [b](docs/b.md) and [c](https://x.y/z), [d](dir) e\n```\n[f](docs/f.md)\n```\n[g](docs/g.md#h)";
        let told = rewritten(text, |link| link.strip_prefix("docs/").map(str::to_owned));
        let wanted = "a [b](b.md) and [c](https://x.y/z), d e\n```\n[f](docs/f.md)\n```\n[g](g.md#h)";
        assert_eq!(told, wanted);
    }
}
