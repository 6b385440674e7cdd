//! Names that are made of others: keys of templates, and short identities.

/// A name as templates can use it for a key: lower case, words of `a` to `z` and digits with `_` between them.
pub fn normalized(name: &str) -> String {
    let characters = name.chars().flat_map(char::to_lowercase).filter_map(|character| match character {
        'a'..='z' | '0'..='9' => Some(character),
        character if character.is_whitespace() || is_punctuation(character) => Some('_'),
        _ => None,
    });
    let words: String = characters.collect();
    words.split('_').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_")
}

/// Whether a character is punctuation. Names of objects have no other than that of ASCII.
fn is_punctuation(character: char) -> bool {
    // What Unicode counts as symbols is none.
    character.is_ascii_punctuation() && !matches!(character, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~')
}

/// A short identity of a text: its checksum after Adler.
pub fn id(text: &str) -> String {
    const PRIME: u32 = 65_521;
    let (low, high) = text.bytes().fold((1, 0), |(low, high): (u32, u32), byte| {
        let low = (low + u32::from(byte)) % PRIME;
        (low, (high + low) % PRIME)
    });
    ((high << 16) | low).to_string()
}
