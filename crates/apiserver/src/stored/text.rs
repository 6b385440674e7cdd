//! The text of a stored object, and what an answer adds to it.

use std::ops::Range;

use cowherd_store::Revision;
use serde::{
    Deserialize,
    de::{self, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Value, json, value::RawValue};

use crate::made::Made;

/// The field that is not stored, since it is the revision of the write.
const VERSION: &str = "resourceVersion";

/// An object as it lies in the store: its text, and where in it the version belongs.
///
/// Stored texts are written by this server, with the fields of each map in alphabetical order. What comes out is what
/// would come of reading and writing it, byte for byte; a text of which that can't be said is not taken.
#[derive(Debug)]
pub struct Text<'a> {
    text: &'a str,
    metadata: Range<usize>,
    version: Place,
}

/// Where a field belongs.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The bytes before it.
    at: usize,
    /// Whether there are fields before it, and behind.
    before: bool,
    behind: bool,
}

impl<'a> Text<'a> {
    /// The text of a stored object, if that is what it is.
    pub fn of(value: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok().filter(|text| text.starts_with('{') && text.ends_with('}'))?;
        let metadata = serde_json::from_str::<Object<'_>>(text).ok()?.metadata.get();
        let metadata = range(text, metadata)?;
        let inside = text.get(metadata.clone())?;
        let version = serde_json::from_str::<Gap<'_>>(inside).ok()?.place(inside)?;
        let version = Place { at: metadata.start + version.at, ..version };
        Some(Self { text, metadata, version })
    }

    /// The text as it is stored.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// What a selection may look at: name, namespace and labels.
    pub fn marks(&self) -> Option<Value> {
        let marks: Marks = serde_json::from_str(self.text.get(self.metadata.clone())?).ok()?;
        Some(json!({"metadata": {"name": marks.name, "namespace": marks.namespace, "labels": marks.labels}}))
    }

    /// Writes the object with its version.
    pub fn write(&self, revision: Revision, out: &mut Made) {
        self.part(0..self.text.len(), revision, out);
    }

    /// Writes the object's metadata with its version.
    pub fn write_metadata(&self, revision: Revision, out: &mut Made) {
        self.part(self.metadata.clone(), revision, out);
    }

    /// Writes a part that the version belongs into.
    fn part(&self, part: Range<usize>, revision: Revision, out: &mut Made) {
        let Place { at, before, behind } = self.version;
        let text = self.text.as_bytes();
        out.push(text.get(part.start..at).unwrap_or_default());
        let comma = |wanted: bool| if wanted { "," } else { "" };
        let field = format!("{}\"{VERSION}\":\"{revision}\"{}", comma(before), comma(!before && behind));
        out.push(field.as_bytes());
        out.push(text.get(at..part.end).unwrap_or_default());
    }
}

/// Where a part of a text lies in it.
fn range(text: &str, part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let range = start..start.checked_add(part.len())?;
    (text.get(range.clone())? == part).then_some(range)
}

/// An object of which only the metadata is looked at. All of it is read, so what is damaged is not taken.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    metadata: &'a RawValue,
}

#[derive(Deserialize)]
struct Marks {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    namespace: Value,
    #[serde(default)]
    labels: Value,
}

/// The fields around the version.
struct Gap<'a> {
    /// The value of the last field before it.
    before: Option<&'a RawValue>,
    behind: bool,
}

impl Gap<'_> {
    fn place(&self, metadata: &str) -> Option<Place> {
        // The brace stands first: this is the text of a value, without spaces around it.
        let at = match self.before {
            Some(value) => range(metadata, value.get())?.end,
            None => 1,
        };
        Some(Place { at, before: self.before.is_some(), behind: self.behind })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Gap<'a> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Gap<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("metadata")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Gap<'de>, A::Error> {
        let mut gap = Gap { before: None, behind: false };
        while let Some(name) = fields.next_key::<&str>()? {
            match name.cmp(VERSION) {
                std::cmp::Ordering::Less if gap.behind => return Err(de::Error::custom("not in order")),
                std::cmp::Ordering::Less => gap.before = Some(fields.next_value()?),
                std::cmp::Ordering::Equal => return Err(de::Error::custom("it has a version")),
                std::cmp::Ordering::Greater => {
                    gap.behind = true;
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Option<String> {
        let mut out = Made::default();
        Text::of(text.as_bytes())?.write(Revision(7), &mut out);
        String::from_utf8(out.into_pieces().concat()).ok()
    }

    #[test]
    fn the_version_stands_where_it_would_if_the_object_were_read_and_written() {
        let metadata = [
            r#"{}"#,
            r#"{"name":"a"}"#,
            r#"{"uid":"u"}"#,
            r#"{"name":"a","uid":"u"}"#,
            r#"{"labels":{"resourceVersion":"x","uid":"y","é":"\"}"},"name":"a","ownerReferences":[{"uid":"o"}],"uid":"u"}"#,
        ];
        for metadata in metadata {
            let text = format!(
                r#"{{"apiVersion":"v1","data":{{"metadata":"{{\"name\":1}}","n":1.5}},"kind":"A","metadata":{metadata}}}"#
            );
            let mut read: Value = serde_json::from_str(&text).unwrap();
            crate::object::set(&mut read, VERSION, "7");
            assert_eq!(whole(&text).unwrap(), read.to_string());
            let mut out = Made::default();
            Text::of(text.as_bytes()).unwrap().write_metadata(Revision(7), &mut out);
            assert_eq!(String::from_utf8(out.into_pieces().concat()).unwrap(), read["metadata"].to_string());
        }
    }

    #[test]
    fn what_is_no_object_of_the_store_is_not_taken() {
        let refused = [
            "",
            "[]",
            "{}",
            r#"{"metadata":null}"#,
            r#"{"metadata":[]}"#,
            r#"{"metadata":{"name":"a"}"#,
            r#"{"metadata":{"name":"a"},"data":{}}}"#,
            r#"{"metadata":{"name":"a"},"metadata":{}}"#,
            r#"{"metadata":{"name":"a"},"data":tru}"#,
            r#"{"metadata":{"resourceVersion":"3"}}"#,
            r#"{"metadata":{"uid":"u","name":"a"}}"#,
        ];
        for text in refused {
            assert_eq!(whole(text), None, "{text}");
        }
        assert!(Text::of(b"{\"metadata\":{},\"x\":\"\xff\"}").is_none());
    }

    #[test]
    fn selections_see_names_and_labels() {
        let text = br#"{"metadata":{"labels":{"a":"b"},"managedFields":[{}],"name":"n"}}"#;
        let marks = json!({"metadata": {"name": "n", "namespace": null, "labels": {"a": "b"}}});
        assert_eq!(Text::of(text).unwrap().marks().unwrap(), marks);
    }
}
