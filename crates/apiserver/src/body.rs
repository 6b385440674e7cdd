//! The bodies of requests and answers.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt, io,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use cowherd_schema::MAX_ERRORS;
use cowherd_yaml::Weight;
use futures::{Stream, StreamExt};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody, combinators::UnsyncBoxBody};
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::{
    bounds::{self, DEPTH, Exceeded},
    status::{ApiError, ApiResult},
};

/// The body of an answer: a document, or what comes bit by bit. It fails where the rest cannot be made any more.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A body that is known as a whole.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body that is known as a whole, in chunks.
pub fn chunks(chunks: Vec<Bytes>) -> Body {
    let left = chunks.iter().map(|chunk| chunk.len() as u64).sum();
    Chunks { chunks: chunks.into(), left }.boxed_unsync()
}

/// Chunks, and how many bytes are left of them.
struct Chunks {
    chunks: VecDeque<Bytes>,
    left: u64,
}

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let chunk = self.chunks.pop_front();
        self.left -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A body that comes bit by bit.
pub fn streamed(chunks: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Body {
    StreamBody::new(chunks.map(|chunk| chunk.map(Frame::data))).boxed_unsync()
}

/// Reads a request's body, up to `limit` bytes.
pub async fn collect<B>(body: B, limit: usize) -> ApiResult<Bytes>
where
    B: http_body::Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::too_large(limit)),
        Err(error) => Err(ApiError::bad_request(format!("cannot read the request's body: {error}"))),
    }
}

/// A document, and which of its fields were written twice.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The document; the last of two fields of the same name counts.
    pub value: Value,
    /// The paths of fields that were written more than once.
    pub duplicates: Vec<String>,
}

/// Why JSON is not read.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is none.
    #[error("{0}")]
    Json(serde_json::Error),
    /// What it stands for is too much.
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
}

impl ParseError {
    /// What it means to the client; `words` says what is wrong with what is no JSON.
    pub fn refused(self, words: impl FnOnce(serde_json::Error) -> String) -> ApiError {
        match self {
            Self::Json(error) => ApiError::bad_request(words(error)),
            Self::Exceeded(exceeded) => exceeded.into(),
        }
    }
}

/// Reads JSON and notes fields that are written more than once.
pub fn parse_json(bytes: &[u8]) -> Result<Parsed, ParseError> {
    let mut notes = Notes { duplicates: BTreeSet::new(), weight: bounds::weight(), exceeded: None };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = Noting { path: &Path::Root, depth: 0, notes: &mut notes };
    match seed.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value)) {
        Ok(value) => Ok(Parsed { value, duplicates: notes.duplicates.into_iter().collect() }),
        Err(error) => Err(notes.exceeded.map_or(ParseError::Json(error), ParseError::Exceeded)),
    }
}

/// What is noted of all that is read.
struct Notes {
    duplicates: BTreeSet<String>,
    weight: Weight,
    exceeded: Option<Exceeded>,
}

impl Notes {
    /// Notes that a limit was exceeded, if one was.
    fn within<E: de::Error>(&mut self, counted: Result<(), impl Into<Exceeded>>) -> Result<(), E> {
        counted.map_err(|exceeded| {
            let exceeded = exceeded.into();
            self.exceeded = Some(exceeded);
            E::custom(exceeded)
        })
    }
}

/// Where the reader is; spelled out only when there is something to say.
enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Item(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => f.write_str(name),
            Self::Field(parent, name) => write!(f, "{parent}.{name}"),
            Self::Item(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

struct Noting<'a, 'b> {
    path: &'a Path<'a>,
    depth: usize,
    notes: &'b mut Notes,
}

impl Noting<'_, '_> {
    /// Begins a list or a map; how deep what stands in it is.
    fn enter<E: de::Error>(&mut self) -> Result<usize, E> {
        let depth = self.depth + 1;
        self.notes.within(if depth > DEPTH { Err(Exceeded::Depth) } else { Ok(()) })?;
        Ok(depth)
    }
}

impl<'de> DeserializeSeed<'de> for Noting<'_, '_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Noting<'_, '_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let depth = self.enter()?;
        let mut list = Vec::new();
        loop {
            let path = Path::Item(self.path, list.len());
            match items.next_element_seed(Noting { path: &path, depth, notes: self.notes })? {
                Some(item) => {
                    let counted = self.notes.weight.item(list.len());
                    self.notes.within(counted)?;
                    list.push(item);
                }
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        let depth = self.enter()?;
        let mut map = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let path = Path::Field(self.path, &name);
            let counted = self.notes.weight.entry(map.len());
            self.notes.within(counted)?;
            let value = entries.next_value_seed(Noting { path: &path, depth, notes: self.notes })?;
            // Who wrote a hundred fields twice need not hear of all the others.
            if map.contains_key(&name) && self.notes.duplicates.len() < MAX_ERRORS {
                self.notes.duplicates.insert(path.to_string());
            }
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_written_twice_are_named() {
        let parsed = parse_json(br#"{"spec":{"a":1,"b":[{"c":1,"c":2}],"a":3}}"#).unwrap();
        assert_eq!(parsed.value, serde_json::json!({"spec": {"a": 3, "b": [{"c": 2}]}}));
        assert_eq!(parsed.duplicates, ["spec.a", "spec.b[0].c"]);
    }

    #[test]
    fn what_is_nested_without_end_is_refused() {
        let deep = "[".repeat(100_000);
        assert!(matches!(parse_json(deep.as_bytes()), Err(ParseError::Exceeded(Exceeded::Depth))));
        let deepest = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
        assert!(parse_json(deepest.as_bytes()).is_ok());
    }

    #[test]
    fn what_would_take_too_much_memory_is_refused() {
        let dense = format!("[{}0]", "{\"a\":1},".repeat(300_000));
        assert!(dense.len() < 3_000_000);
        assert!(matches!(parse_json(dense.as_bytes()), Err(ParseError::Exceeded(Exceeded::Weight))));
    }
}
