//! How Kubernetes' own types, which are Go's, write their fields.

/// What becomes of a field in JSON that holds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// A value that always stands there: its zero where nothing was given, `null` for an empty list or map.
    Kept,
    /// A pointer that always stands there: `null` where nothing was given.
    KeptPointer,
    /// A value that stands there unless it is empty (`omitempty`). A structure is never empty.
    NonEmpty,
    /// A pointer that stands there unless nothing was given; what it points to may be empty.
    Pointer,
    /// A value that stands there unless it is zero, which a structure can be as well (`omitzero`).
    NonZero,
}

/// A field of a structure.
#[derive(Clone, Debug)]
pub struct GoField {
    /// Its name in JSON.
    pub name: Box<str>,
    /// What becomes of it when it holds nothing.
    pub presence: Presence,
    /// The structures without a name of their own that it stands in, from the outside in.
    pub(crate) within: Vec<Box<str>>,
    /// What Go calls its type, where that has a name of its own and is no structure, such as `v1.Protocol`.
    pub(crate) type_name: Option<Box<str>>,
}

/// Reads the fields of a structure: words of name, sign, `@` with the name of each structure that the field stands in,
/// and a colon with the name of its type. See `xtask/src/schemas/go.rs`, which writes them. They come out by name.
pub(crate) fn read(text: &str) -> Vec<GoField> {
    let field = |word: &str| {
        let (field, type_name) = word.split_once(':').map_or((word, None), |(field, name)| (field, Some(name)));
        let mut parts = field.split('@');
        let field = parts.next()?;
        let within = parts.map(Into::into).collect();
        let presence = match field.chars().next_back()? {
            '*' => Presence::Kept,
            '&' => Presence::KeptPointer,
            '-' => Presence::NonEmpty,
            '?' => Presence::Pointer,
            '0' => Presence::NonZero,
            _ => return None,
        };
        let name = field.get(..field.len() - 1)?;
        Some(GoField { name: name.into(), presence, within, type_name: type_name.map(Into::into) })
    };
    let mut fields: Vec<GoField> = text.split(' ').filter_map(field).collect();
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    fields
}
