//! Executes templates.

use std::marker::PhantomData;

use crate::Error;
use crate::value::{Text, Value};

/// An execution under way, as functions see it.
pub struct Execution<'a, C> {
    context: &'a mut C,
    marker: PhantomData<&'a ()>,
}

impl<C> Execution<'_, C> {
    /// What the caller of the templates gave to its functions.
    pub fn context(&mut self) -> &mut C {
        self.context
    }

    /// Executes the template `name` with `data` as its dot, and gives what it wrote.
    pub fn execute(&mut self, name: &str, data: &Value) -> Result<Text, Error> {
        let _ = data;
        Err(Error::NoTemplate { name: name.to_owned(), set: String::new() })
    }
}
