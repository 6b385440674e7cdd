//! Indexes that are JSON, as `helm repo index --json` writes them.

use std::fmt;

use cowherd_yaml::{Limits, Weight};
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::ChartProblem;

/// What stands under the name of `chart` in an index that is JSON; `None` where it is none.
pub(super) fn entries(text: &str, chart: &str) -> Result<Option<Option<Value>>, ChartProblem> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let Ok((versioned, found)) = (Index { chart }).deserialize(&mut deserializer) else { return Ok(None) };
    if deserializer.end().is_err() {
        return Ok(None);
    }
    if versioned { Ok(Some(found)) } else { Err(super::no_api_version()) }
}

/// Reads an index, of its entries only those of `chart`: whether it has a version, and the entries.
struct Index<'a> {
    chart: &'a str,
}

impl<'de> DeserializeSeed<'de> for Index<'_> {
    type Value = (bool, Option<Value>);

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Index<'_> {
    type Value = (bool, Option<Value>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an index")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut versioned, mut found) = (false, None);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "apiVersion" => versioned = !map.next_value::<String>()?.is_empty(),
                "entries" => found = map.next_value_seed(Entries { chart: self.chart })?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok((versioned, found))
    }
}

struct Entries<'a> {
    chart: &'a str,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = Option<Value>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Option<Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the charts of an index")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            if key != self.chart {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            if found.is_some() {
                return Err(A::Error::custom("a chart stands twice in the index"));
            }
            // No more than what is read of an index that is YAML.
            let mut weight = Weight::new(Limits::default().memory);
            found = Some(map.next_value_seed(Weighed(&mut weight))?);
        }
        Ok(found)
    }
}

/// Reads a value that must not take more memory than it may.
struct Weighed<'a>(&'a mut Weight);

impl<'de> DeserializeSeed<'de> for Weighed<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Weighed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the versions of a chart")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Weighed(self.0))? {
            self.0.item(list.len()).map_err(A::Error::custom)?;
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            self.0.entry(map.len()).map_err(A::Error::custom)?;
            map.insert(key, entries.next_value_seed(Weighed(self.0))?);
        }
        Ok(Value::Object(map))
    }
}
