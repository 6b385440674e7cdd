//! The fields of each built-in type by their number.

use std::{
    collections::{BTreeMap, HashMap},
    io::Read,
    sync::OnceLock,
};

/// Made by `cargo xtask wire` from the tags of Kubernetes' Go types.
static DATA: &[u8] = include_bytes!("../../data/wire.txt.gz");

/// The fields of a type by their number.
pub type Message = BTreeMap<u32, Field>;

/// A field of a type.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name in JSON.
    pub name: Box<str>,
    /// What its zero and its place mean.
    pub presence: Presence,
    /// What it holds.
    pub kind: Kind,
}

/// What becomes of a field in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It stands there whatever it holds.
    Kept,
    /// It stands there unless it is zero or empty.
    NonZero,
    /// Its own fields stand in its place.
    Inline,
}

/// What a field holds.
#[derive(Clone, Debug)]
pub enum Kind {
    Text,
    Integer,
    Boolean,
    Double,
    /// Base64 in JSON.
    Bytes,
    Time,
    MicroTime,
    Quantity,
    IntOrString,
    /// JSON inside.
    Raw,
    Message(Box<str>),
    List(Box<Kind>),
    /// From texts to these.
    Map(Box<Kind>),
    /// A message that holds nothing but this list.
    Wrapped(Box<Kind>),
}

/// The type of that name, such as `apps/v1.Deployment`.
pub fn message(name: &str) -> Option<&'static Message> {
    static TYPES: OnceLock<HashMap<Box<str>, Message>> = OnceLock::new();
    TYPES.get_or_init(read).get(name)
}

fn read() -> HashMap<Box<str>, Message> {
    let mut text = String::new();
    // The data was written beside this code; a test reads all of it.
    if flate2::read::GzDecoder::new(DATA).read_to_string(&mut text).is_err() {
        return HashMap::new();
    }
    text.split("\n\n")
        .map(|paragraph| {
            let (name, fields) = paragraph.split_once('\n').unwrap_or((paragraph, ""));
            (name.into(), fields.lines().filter_map(field).collect())
        })
        .collect()
}

fn field(line: &str) -> Option<(u32, Field)> {
    let mut words = line.split(' ');
    let number = words.next()?.parse().ok()?;
    let name = words.next()?.into();
    let presence = match words.next()? {
        "*" | "&" | "?" => Presence::Kept,
        "-" | "0" => Presence::NonZero,
        _ => Presence::Inline,
    };
    Some((number, Field { name, presence, kind: kind(words.next()?) }))
}

fn kind(text: &str) -> Kind {
    if let Some(item) = text.strip_prefix("[]") {
        return Kind::List(Box::new(kind(item)));
    }
    if let Some(value) = text.strip_prefix("{}") {
        return Kind::Map(Box::new(kind(value)));
    }
    if let Some(inside) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return Kind::Wrapped(Box::new(kind(inside)));
    }
    match text {
        "s" => Kind::Text,
        "i" => Kind::Integer,
        "b" => Kind::Boolean,
        "f" => Kind::Double,
        "y" => Kind::Bytes,
        "T" => Kind::Time,
        "M" => Kind::MicroTime,
        "Q" => Kind::Quantity,
        "O" => Kind::IntOrString,
        "R" | "F" => Kind::Raw,
        name => Kind::Message(name.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &Kind) {
        match kind {
            Kind::Message(name) => assert!(message(name).is_some(), "{name} is missing"),
            Kind::List(inside) | Kind::Map(inside) | Kind::Wrapped(inside) => check(inside),
            _ => {}
        }
    }

    #[test]
    fn every_type_that_a_field_names_is_there() {
        let all = read();
        assert!(all.len() > 400, "{}", all.len());
        let kinds = all.values().flat_map(BTreeMap::values).map(|field| &field.kind);
        for kind in kinds {
            check(kind);
        }
    }
}
