//! Characters as Go's `unicode` sorts and changes them: one by one, never one into several.

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

pub(crate) fn is_letter(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_alphabetic(),
        false => c.general_category_group() == GeneralCategoryGroup::Letter,
    }
}

pub(crate) fn is_digit(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_digit(),
        false => c.general_category() == GeneralCategory::DecimalNumber,
    }
}

pub(crate) fn is_number(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_digit(),
        false => c.general_category_group() == GeneralCategoryGroup::Number,
    }
}

pub(crate) fn is_punctuation(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Punctuation
}

pub(crate) fn is_upper(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_uppercase(),
        false => c.general_category() == GeneralCategory::UppercaseLetter,
    }
}

pub(crate) fn is_lower(c: char) -> bool {
    match c.is_ascii() {
        true => c.is_ascii_lowercase(),
        false => c.general_category() == GeneralCategory::LowercaseLetter,
    }
}

pub(crate) fn is_title(c: char) -> bool {
    c.general_category() == GeneralCategory::TitlecaseLetter
}

pub(crate) fn is_space(c: char) -> bool {
    c.is_whitespace()
}

pub(crate) fn to_upper(c: char) -> char {
    single(c.to_uppercase()).unwrap_or(c)
}

pub(crate) fn to_lower(c: char) -> char {
    match c {
        // The only one whose lower case is one character for Go and two for everybody else.
        'İ' => 'i',
        c => single(c.to_lowercase()).unwrap_or(c),
    }
}

/// The form of a character at the start of a title. It differs from the upper case for four Latin digraphs and for
/// Georgian, whose titles stay as they are.
pub(crate) fn to_title(c: char) -> char {
    match c {
        'Ǆ'..='ǆ' => 'ǅ',
        'Ǉ'..='ǉ' => 'ǈ',
        'Ǌ'..='ǌ' => 'ǋ',
        'Ǳ'..='ǳ' => 'ǲ',
        'ა'..='ჿ' => c,
        c => to_upper(c),
    }
}

fn single(mut changed: impl ExactSizeIterator<Item = char>) -> Option<char> {
    if changed.len() == 1 { changed.next() } else { None }
}
