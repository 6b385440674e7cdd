//! The data that an expression is evaluated over.

use serde_json::{Map as JsonMap, Value as Json};

use crate::value::{Numbers, Value};

/// The variables of an expression, which are JSON.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    variables: Variables<'a>,
    numbers: Numbers,
}

#[derive(Clone, Debug)]
enum Variables<'a> {
    /// The fields of an object.
    Fields(&'a JsonMap<String, Json>),
    Named(Vec<(&'a str, &'a Json)>),
}

impl<'a> Scope<'a> {
    /// Each field of an object is a variable; what is no object has none.
    pub fn fields(object: &'a Json) -> Self {
        let variables = object.as_object().map_or_else(|| Variables::Named(Vec::new()), Variables::Fields);
        Self { variables, numbers: Numbers::Whole }
    }

    /// Variables with names.
    pub fn named(variables: impl IntoIterator<Item = (&'a str, &'a Json)>) -> Self {
        Self { variables: Variables::Named(variables.into_iter().collect()), numbers: Numbers::Whole }
    }

    /// The same data, in which numbers are read so.
    #[must_use]
    pub fn reading(self, numbers: Numbers) -> Self {
        Self { numbers, ..self }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Value<'a>> {
        let json = match &self.variables {
            Variables::Fields(fields) => fields.get(name)?,
            Variables::Named(variables) => variables.iter().find(|(other, _)| *other == name)?.1,
        };
        Some(Value::of(json, self.numbers))
    }
}
