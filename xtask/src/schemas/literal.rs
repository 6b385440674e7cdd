//! Reads the literal inside `json_schema!(…)`: JSON with trailing commas, and Rust expressions that refer to
//! other types.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

/// The value at the start of `text`. A reference becomes `{"$ref": <Rust path>}`.
pub fn parse(text: &str) -> Result<Value> {
    Reader { rest: text }.value()
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Result<Value> {
        self.skip_space();
        match self.rest.chars().next().context("the text ends early")? {
            '{' => self.object(),
            '[' => self.array(),
            '"' => Ok(Value::String(self.string()?)),
            '(' | '_' => self.expression(),
            _ => self.word(),
        }
    }

    fn object(&mut self) -> Result<Value> {
        self.expect("{")?;
        let mut map = Map::new();
        while !self.accept("}") {
            let key = self.string()?;
            self.expect(":")?;
            map.insert(key, self.value()?);
            self.accept(",");
        }
        Ok(Value::Object(map))
    }

    fn array(&mut self) -> Result<Value> {
        self.expect("[")?;
        let mut items = Vec::new();
        while !self.accept("]") {
            items.push(self.value()?);
            self.accept(",");
        }
        Ok(Value::Array(items))
    }

    /// A Rust string literal; its escapes are those of JSON, but for `\'`.
    fn string(&mut self) -> Result<String> {
        self.skip_space();
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let closes = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        });
        let (end, _) = end.context("a text that does not end")?;
        let (literal, rest) = self.rest.split_at(end + 1);
        self.rest = rest;
        serde_json::from_str(&literal.replace("\\'", "'")).with_context(|| format!("text {literal}"))
    }

    fn word(&mut self) -> Result<Value> {
        let end = self.rest.find([',', '\n', '}', ']']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        serde_json::from_str(word.trim()).with_context(|| format!("value {word}"))
    }

    /// `__gen.subschema_for::<T>()`, in parentheses, or in a block that adds a description.
    fn expression(&mut self) -> Result<Value> {
        if self.accept("(") {
            let value = self.expression()?;
            self.expect(")")?;
            return Ok(value);
        }
        if self.accept("{") {
            self.expect("let mut schema_obj =")?;
            let mut value = self.expression()?;
            self.expect(";")?;
            while self.accept("schema_obj.ensure_object().insert(") {
                let key = self.string()?;
                self.expect(".into(),")?;
                value[key] = Value::String(self.string()?);
                self.expect(".into());")?;
            }
            self.expect("schema_obj")?;
            self.expect("}")?;
            return Ok(value);
        }
        self.expect("__gen.subschema_for::<")?;
        let (path, rest) = self.rest.split_once(">()").context("a reference that does not end")?;
        self.rest = rest;
        Ok(json!({ "$ref": path }))
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn accept(&mut self, token: &str) -> bool {
        self.skip_space();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<()> {
        if !self.accept(token) {
            bail!("expected {token:?} at {:?}", self.rest.chars().take(60).collect::<String>());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_with_trailing_commas_and_references_become_json() {
        let text = r#"{
            "description": "a \"quoted\" {text}",
            "items": (__gen.subschema_for::<crate::api::A>()),
            "properties": { "b": ({
                let mut schema_obj = __gen.subschema_for::<crate::api::B>();
                schema_obj.ensure_object().insert("description".into(), "b, it's".into());
                schema_obj
            }), "c": __gen.subschema_for::<crate::api::C>(), },
            "required": ["b",],
            "x-flag": true,
        })"#;
        assert_eq!(
            parse(text).unwrap(),
            json!({
                "description": "a \"quoted\" {text}",
                "items": { "$ref": "crate::api::A" },
                "properties": {
                    "b": { "$ref": "crate::api::B", "description": "b, it's" },
                    "c": { "$ref": "crate::api::C" },
                },
                "required": ["b"],
                "x-flag": true,
            })
        );
    }
}
