//! Characters in bytes that need not be UTF-8, as Go takes them: a byte that is none counts as one.

/// How many characters there are.
pub(super) fn count(text: &[u8]) -> usize {
    text.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

/// The first `characters` of a text.
pub(super) fn prefix(text: &[u8], characters: usize) -> &[u8] {
    let mut left = characters;
    let mut end = 0;
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if left == 0 {
                return text.get(..end).unwrap_or(text);
            }
            left -= 1;
            end += character.len_utf8();
        }
        let invalid = chunk.invalid().len();
        if left < invalid {
            return text.get(..end + left).unwrap_or(text);
        }
        left -= invalid;
        end += invalid;
    }
    text
}

/// The first character and its length in bytes; what is not UTF-8 is `U+FFFD` of one byte.
pub(super) fn first(text: &[u8]) -> Option<(char, usize)> {
    let start = text.get(..4).unwrap_or(text);
    let chunk = start.utf8_chunks().next()?;
    Some(chunk.valid().chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |first| (first, first.len_utf8())))
}
