//! Texts as parts of names.

/// The longest slug: that of a label.
const LONGEST: usize = 63;

/// The text as a part of a name: lower case, without what names do not have, cut between words where it is too long.
pub fn slug(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.trim().chars() {
        match character {
            '"' | '\'' | '’' => {}
            '‒' | '–' | '—' | '―' => plain.push('-'),
            '&' => plain.push_str("and"),
            '@' => plain.push_str("at"),
            character if character.is_ascii() => plain.push(character),
            // The tables that the Flux Operator uses end here, so that it leaves out emoji.
            character if character > '\u{FFFF}' => {}
            character => plain.push_str(deunicode::deunicode_char(character).unwrap_or_default()),
        }
    }
    let mut slug = String::with_capacity(plain.len());
    for character in plain.chars().map(|character| character.to_ascii_lowercase()) {
        match character {
            'a'..='z' | '0'..='9' | '_' => slug.push(character),
            _ if !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    let slug = slug.trim_matches(['-', '_']);
    match slug.get(..=LONGEST) {
        None => slug.to_owned(),
        Some(begin) => begin.rfind('-').map_or(&slug[..LONGEST], |end| &slug[..end]).to_owned(),
    }
}
