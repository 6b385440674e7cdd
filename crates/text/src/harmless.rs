//! Text that others wrote: harmless, whoever reads it with whatever.

use std::borrow::Cow;

/// Whether a character is more than text to a terminal, or to a reader: it steers, turns what stands around it about, or is
/// not seen at all, so that two texts that differ look the same, or one says more than it shows. Those are what joins, or
/// keeps apart, too: pictures that are joined from several, such as families, are shown one by one.
pub fn is_more_than_text(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\t'))
        || matches!(c, '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}')
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// A text whose characters are all text: others are spelled out, as `\u{202e}`, so that they can be seen. Line breaks and
/// tabulators stay.
pub fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(is_more_than_text) {
        return text.into();
    }
    let text = text.replace("\r\n", "\n");
    let spelled = |c: char| match c {
        '\r' => "\\r".to_owned(),
        c if is_more_than_text(c) => c.escape_unicode().to_string(),
        c => c.to_string(),
    };
    text.chars().map(spelled).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_or_turns_about_is_spelled_out() {
        assert!(matches!(harmless("a line\n\tand naïve 言葉"), Cow::Borrowed(_)));
        assert_eq!(harmless("well\rbad"), "well\\rbad");
        assert_eq!(harmless("one\r\ntwo"), "one\ntwo");
        assert_eq!(harmless("\u{1b}[2J\u{9b}2J\u{7}"), "\\u{1b}[2J\\u{9b}2J\\u{7}");
        for unseen in
            ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{e0001}', '\u{e0041}', '\u{e007f}']
        {
            assert_eq!(harmless(&format!("ad{unseen}min")), format!("ad{}min", unseen.escape_unicode()));
        }
        assert_eq!(harmless("🐄 naïve"), "🐄 naïve");
        assert_eq!(harmless("user\u{202e}nimda\u{2066}"), "user\\u{202e}nimda\\u{2066}");
    }
}
