//! Where two outputs part.

/// The first line in which two outputs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The line, counted from one.
    pub line: usize,
    /// The object that the line belongs to: `Deployment/web`, or the template that made it.
    pub object: String,
    /// Their line and the ones around it; the end of the output is `None`.
    pub theirs: Option<String>,
    /// Ours.
    pub ours: Option<String>,
}

/// The first difference of `ours` from `theirs`, where they are not the same bytes.
pub fn first(theirs: &str, ours: &str) -> Option<Difference> {
    if theirs == ours {
        return None;
    }
    let found = parting(theirs, ours, |_, theirs, ours| theirs == ours);
    // The same lines, but not the same bytes: the end of the last one.
    found.or_else(|| Some(difference(theirs, ours, theirs.lines().count().max(1) - 1)))
}

/// The first difference of `ours` from `theirs`, leaving out what differs between two runs of theirs. `None` where
/// there is none; an error where two runs of theirs have not the same lines, so that nothing can be said.
pub fn masked(theirs: &str, again: &str, ours: &str) -> Result<Option<Difference>, String> {
    let again: Vec<&str> = again.lines().collect();
    if theirs.lines().count() != again.len() {
        return Err("two runs of theirs have not the same number of lines".to_owned());
    }
    Ok(parting(theirs, ours, |line, theirs, ours| {
        let again = again.get(line).copied().unwrap_or_default();
        if theirs == again {
            return theirs == ours;
        }
        let (before, after) = constant_ends(theirs, again);
        ours.len() >= before.len() + after.len() && ours.starts_with(before) && ours.ends_with(after)
    }))
}

/// What two lines begin and end with alike, in whole words.
fn constant_ends<'a>(a: &'a str, b: &str) -> (&'a str, &'a str) {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let common: usize = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum();
    let start = a.get(..common).unwrap_or_default().trim_end_matches(word);
    let rest = a.get(start.len()..).unwrap_or_default();
    let common: usize =
        rest.chars().rev().zip(b.chars().rev()).take_while(|(a, b)| a == b).map(|(c, _)| c.len_utf8()).sum();
    let end = rest.get(rest.len() - common..).unwrap_or_default().trim_start_matches(word);
    (start, end)
}

fn parting(theirs: &str, ours: &str, alike: impl Fn(usize, &str, &str) -> bool) -> Option<Difference> {
    let (mut left, mut right) = (theirs.lines(), ours.lines());
    for line in 0.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (Some(a), Some(b)) if alike(line, a, b) => {}
            _ => return Some(difference(theirs, ours, line)),
        }
    }
    None
}

fn difference(theirs: &str, ours: &str, line: usize) -> Difference {
    let at = |text: &str| text.lines().nth(line).map(str::to_owned);
    Difference { line: line + 1, object: object(theirs, line), theirs: at(theirs), ours: at(ours) }
}

/// The object of the document around a line, as far as its text tells.
fn object(text: &str, line: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let line = line.min(lines.len());
    let start = lines.iter().take(line).rposition(|line| *line == "---").map_or(0, |found| found + 1);
    let document = || {
        lines.iter().skip(start).enumerate().take_while(|(n, line)| *n == 0 || **line != "---").map(|(_, line)| *line)
    };
    if let Some(source) = document().find_map(|line| line.strip_prefix("# Source: ")) {
        return source.to_owned();
    }
    let kind = document().find_map(|line| line.strip_prefix("kind: ")).unwrap_or("?");
    let mut metadata = document().skip_while(|line| *line != "metadata:");
    let name = metadata.find_map(|line| line.strip_prefix("  name: ")).unwrap_or("?");
    format!("{kind}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_found_with_its_object() {
        let theirs = "kind: A\nmetadata:\n  name: a\n---\nkind: B\nmetadata:\n  name: b\nspec: 1\n";
        let difference = first(theirs, &theirs.replace("spec: 1", "spec: 2")).unwrap();
        assert_eq!((difference.line, difference.object.as_str()), (8, "B/b"));
        assert_eq!((difference.theirs.as_deref(), difference.ours.as_deref()), (Some("spec: 1"), Some("spec: 2")));
        assert_eq!(first(theirs, theirs), None);
        assert!(first(theirs, theirs.trim_end()).is_some());
    }

    #[test]
    fn what_differs_between_two_runs_of_theirs_is_left_out() {
        let run = |password: &str, user: &str| format!("password: \"{password}\"\nuser: {user}\n");
        assert_eq!(masked(&run("abc1", "me"), &run("abd1", "me"), &run("xyz99", "me")), Ok(None));
        assert!(masked(&run("abc1", "me"), &run("abd1", "me"), &run("xyz99", "you")).unwrap().is_some());
        assert!(masked("a: 1\n", "a: 2\nb: 3\n", "a: 1\n").is_err());
    }
}
