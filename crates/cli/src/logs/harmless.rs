//! Lines of a log that others wrote a part of: whatever that is, a line stays one.

use std::io::{self, Write};

use cowherd_text::is_more_than_text;

/// How what is more than text is spelled out.
#[derive(Clone, Copy)]
pub enum Spelling {
    /// For people: `\u{202e}`. Colours stay, which the log gives itself; a text has none left by then.
    Plain,
    /// Inside of JSON: `\u202e`.
    Json,
}

/// Takes whole lines, and writes them harmless.
pub struct Harmless<W>(pub W, pub Spelling);

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        match spelled(&text, self.1) {
            Some(text) => self.0.write_all(text.as_bytes())?,
            None => self.0.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The line with what is more than text spelled out; `None` where nothing is. Further lines of a text are indented, so that
/// none looks as if the log had begun it.
fn spelled(line: &str, spelling: Spelling) -> Option<String> {
    let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
    let is_kept = |c: char| c == '\u{1b}' && matches!(spelling, Spelling::Plain);
    let is_spelled = |c: char| c == '\n' || is_more_than_text(c) && !is_kept(c);
    if !text.contains(is_spelled) {
        return None;
    }
    let one = |c: char| match (c, spelling) {
        ('\n', _) => "\n    ".to_owned(),
        (c, Spelling::Plain) if is_spelled(c) => c.escape_default().to_string(),
        (c, Spelling::Json) if is_spelled(c) => format!("\\u{:04x}", u32::from(c)),
        (c, _) => c.to_string(),
    };
    Some(text.chars().map(one).collect::<String>() + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_whoever_wrote_into_it() {
        assert_eq!(spelled("12:00 INFO \u{1b}[32mwell\u{1b}[0m done\n", Spelling::Plain), None);
        let forged = "12:00 WARN failed: a\rb\n12:01 INFO all is \u{202e}llew\n";
        assert_eq!(
            spelled(forged, Spelling::Plain).unwrap(),
            "12:00 WARN failed: a\\rb\n    12:01 INFO all is \\u{202e}llew\n"
        );
        let line = spelled("{\"message\":\"a\u{202e}b\"}\n", Spelling::Json).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["message"], "a\u{202e}b");
    }
}
