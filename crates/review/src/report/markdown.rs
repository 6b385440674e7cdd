//! A review for a comment on a pull request: a summary, and what changes folded away below it.

use crate::compare::{Change, ClusterReview, Review, Status, UnitReview};

use super::Tally;
use super::lines::{self, Line, clean};

/// By this line a workflow finds the comment that it made before.
const MARKER: &str = "<!-- cowherd diff -->";
/// What is kept free for the words on what was left out, in bytes.
const RESERVE: usize = 400;
/// The longest line that is shown, in bytes.
const MAX_LINE: usize = 1000;
/// How much of what was not looked at is named.
const MAX_LEFT_OUT: usize = 20;
/// How much of the room errors and notes may take.
const SHARE_OF_WORDS: usize = 4;

/// The review as Markdown of at most `limit` bytes. What has no room is counted.
pub fn markdown(review: &Review, limit: usize) -> String {
    let mut page = Page { text: String::new(), limit: limit.saturating_sub(RESERVE), left_out: 0 };
    let name = |(name, commit): &(String, Option<String>)| match commit {
        Some(commit) => format!("`{}` ({})", code(name), commit.get(..8).unwrap_or(commit)),
        None => format!("`{}`", code(name)),
    };
    let tally = Tally::of(review);
    let head = if tally.is_empty() { "Nothing changes in the clusters".to_owned() } else { tally.to_string() };
    page.text = format!("{MARKER}\n### {head}\n\n{} → {}\n", name(&review.base), name(&review.head));
    if review.is_unrelated {
        page.words(&format!("\n> ⚠️ {}\n", prose(&super::unrelated(&review.base.0))));
    }
    for cluster in &review.clusters {
        page.cluster(cluster);
    }
    page.left_out(review);
    page.finish(limit)
}

struct Page {
    text: String,
    limit: usize,
    /// How many changes had no room.
    left_out: usize,
}

impl Page {
    fn room(&self) -> usize {
        self.limit.saturating_sub(self.text.len())
    }

    fn cluster(&mut self, cluster: &ClusterReview) {
        let tally = Tally::of_cluster(cluster);
        if tally.is_empty() && cluster.elsewhere.is_empty() {
            return;
        }
        let unchanged = cluster.unchanged;
        let line = format!("\n**`{}`**: {tally}; {unchanged} unchanged\n\n", code(&cluster.path));
        self.words(&line);
        for error in &cluster.errors {
            self.words(&format!("- ❌ {}\n", prose(error)));
        }
        for unit in &cluster.units {
            self.unit(unit);
        }
        if !cluster.elsewhere.is_empty() {
            self.words("\n");
        }
        for (name, why) in &cluster.elsewhere {
            self.words(&format!("- `{}` is not looked at: {}\n", code(&name.to_string()), prose(why)));
        }
    }

    /// Names what was not looked at, folded away.
    fn left_out(&mut self, review: &Review) {
        if review.left_out.is_empty() {
            return;
        }
        let paths = review.looked_at.len();
        let summary = format!("{paths} paths looked at, {} left out", review.left_out.len());
        let mut section = format!("\n<details><summary>{summary}</summary>\n\n");
        for one in review.left_out.iter().take(MAX_LEFT_OUT) {
            section.push_str(&format!("- `{}`: {}\n", code(&one.path.to_string()), prose(&one.why)));
        }
        if let Some(more) = review.left_out.len().checked_sub(MAX_LEFT_OUT).filter(|more| *more > 0) {
            section.push_str(&format!("- {more} more\n"));
        }
        section.push_str("\n</details>\n");
        self.words(&section);
    }

    /// Writes a few words, if there is room.
    fn words(&mut self, text: &str) {
        if text.len() <= self.room() {
            self.text.push_str(text);
        }
    }

    /// Writes what there is to say of a Kustomization; its changes until there is no more room.
    fn unit(&mut self, unit: &UnitReview) {
        let status = match unit.status {
            Status::Added => " (new)",
            Status::Removed => " (gone)",
            Status::Kept => "",
        };
        let mark = if unit.errors.is_empty() { "" } else { "❌ " };
        let (name, path) = (escaped(&unit.name.to_string()), escaped(&unit.path));
        let tally = Tally::of_unit(unit);
        let opening =
            format!("<details><summary>{mark}<b>{name}</b>{status} <code>{path}</code>: {tally}</summary>\n\n");
        let closing = "\n</details>\n";
        let mut words = String::new();
        let all = unit.errors.iter().map(|text| ("❌ ", text)).chain(unit.notes.iter().map(|text| ("", text)));
        for (mark, text) in all {
            let line = format!("- {mark}{}\n", prose(text));
            if words.len() + line.len() <= self.limit / SHARE_OF_WORDS {
                words.push_str(&line);
            }
        }
        if opening.len() + words.len() + closing.len() > self.room() {
            self.left_out += unit.changes.len();
            return;
        }
        self.text.push_str(&opening);
        self.text.push_str(&words);
        for change in &unit.changes {
            let section = section(change);
            if section.len() + closing.len() <= self.room() {
                self.text.push_str(&section);
            } else {
                self.left_out += 1;
            }
        }
        self.text.push_str(closing);
    }

    fn finish(mut self, limit: usize) -> String {
        if self.left_out > 0 {
            let text = format!(
                "\n⚠️ {} of the changes have no room here; `cowherd diff` with the same arguments and without `-o markdown` \
                 shows all.\n",
                self.left_out
            );
            self.text.push_str(&text);
        }
        if self.text.len() > limit {
            let mut end = limit;
            while !self.text.is_char_boundary(end) {
                end -= 1;
            }
            self.text.truncate(end);
        }
        self.text
    }
}

/// One change, in a block that shows what goes and what comes in colours.
fn section(change: &Change) -> String {
    let mut block = format!("@@ {} {} @@\n", clean(&change.object.id.to_string()), change.kind.word());
    for line in lines::of(change) {
        let text = match line {
            Line::Field(path) => format!("  {path}"),
            Line::Note(note) => format!("! {note}"),
            Line::Same(text) => format!("    {text}"),
            Line::Gone(text) => format!("- {text}"),
            Line::New(text) => format!("+ {text}"),
        };
        block.push_str(&shortened(text));
        block.push('\n');
    }
    let fence = "`".repeat(longest_run(&block).max(2) + 1);
    format!("\n{fence}diff\n{block}{fence}\n")
}

fn shortened(mut text: String) -> String {
    if text.len() > MAX_LINE {
        let mut end = MAX_LINE;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

/// How many backticks stand in a row at most.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// A text for the inside of HTML.
fn escaped(text: &str) -> String {
    clean(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text for the inside of `code`.
fn code(text: &str) -> String {
    clean(text).replace('`', "'")
}

/// A sentence on one line: whatever Markdown or a forge would make more of is text.
fn prose(text: &str) -> String {
    let mut prose = String::with_capacity(text.len());
    for c in clean(&text.split_whitespace().collect::<Vec<_>>().join(" ")).chars() {
        match c {
            '<' => prose.push_str("&lt;"),
            '>' => prose.push_str("&gt;"),
            '&' => prose.push_str("&amp;"),
            // Nobody is called, and nothing is linked, by what a repository says.
            '@' | '#' | '!' | '*' | '_' | '[' | ']' | '`' | '|' | '\\' => {
                prose.push('\\');
                prose.push(c);
            }
            c => prose.push(c),
        }
    }
    shortened(prose)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowherd_apply::{FieldChange, ObjectId, Versioned};

    use crate::compare::Kind;
    use crate::gitops::NamespacedName;

    fn review(objects: usize, size: usize) -> Review {
        let change = |n: usize| Change {
            object: Versioned {
                id: ObjectId { kind: "ConfigMap".into(), name: format!("m{n}"), ..ObjectId::default() },
                version: "v1".into(),
            },
            kind: Kind::Configured,
            fields: vec![FieldChange {
                path: "data.a".into(),
                before: Some("x".into()),
                after: Some(format!("```{}", "é".repeat(size)).into()),
            }],
            notes: Vec::new(),
        };
        let unit = UnitReview {
            name: NamespacedName::new("flux-system", "<b>apps"),
            path: "./apps".into(),
            status: Status::Kept,
            changes: (0..objects).map(change).collect(),
            errors: Vec::new(),
            notes: vec!["a note for @everybody".into()],
        };
        let cluster = ClusterReview {
            path: "./clusters/a".into(),
            units: vec![unit],
            known: Default::default(),
            unchanged: 3,
            elsewhere: Vec::new(),
            errors: Vec::new(),
        };
        Review {
            base: ("main".into(), None),
            head: ("HEAD".into(), None),
            is_unrelated: false,
            known: Default::default(),
            clusters: vec![cluster],
            looked_at: Vec::new(),
            left_out: Vec::new(),
        }
    }

    #[test]
    fn a_comment_is_folded_and_holds_no_html_of_others() {
        let text = markdown(&review(1, 3), 60_000);
        assert!(text.starts_with(MARKER) && text.contains("### 1 configured"), "{text}");
        assert!(text.contains("<b>flux-system/&lt;b&gt;apps</b>"), "{text}");
        assert!(text.contains("````diff\n@@ ConfigMap/m0 configured @@\n  data.a\n- x\n"), "{text}");
        assert!(text.contains("\\@everybody"), "{text}");
    }

    #[test]
    fn a_comparison_without_a_common_history_is_told_as_that() {
        assert!(!markdown(&review(1, 3), 60_000).contains("common history"));
        let text = markdown(&Review { is_unrelated: true, ..review(1, 3) }, 60_000);
        assert!(text.contains("\n> ⚠️ no common history with main: compared with main itself"), "{text}");
        assert!(text.contains("git fetch --unshallow"), "{text}");
    }

    #[test]
    fn a_comment_is_never_larger_than_it_may_be_and_says_what_is_missing() {
        for (objects, size, limit) in
            [(1000, 50, 10_000), (3, 100_000, 5_000), (1000, 10, 600), (10, 10, 300), (1, 1, 0)]
        {
            let text = markdown(&review(objects, size), limit);
            assert!(text.len() <= limit, "{} > {limit}", text.len());
        }
        let text = markdown(&review(1000, 50), 10_000);
        assert!(
            text.contains("have no room here")
                && text.matches("<details>").count() == text.matches("</details>").count()
        );
    }
}
