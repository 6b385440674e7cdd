//! Values with fields and methods of their own.

use std::any::Any;
use std::rc::Rc;

use super::{Kind, Value};
use crate::function::Type;

/// A value of a type of its own: a struct, a pointer to one, or a named map or slice with methods.
///
/// Every method has a default that says no; a type overrides what it has.
pub trait Object: Any {
    /// What Go calls the type: `*semver.Version`.
    fn type_name(&self) -> &str;

    /// The kind.
    fn kind(&self) -> Kind {
        Kind::Struct
    }

    /// A field of the struct, or an entry of the map; `None` where the type has none of that name.
    fn field(&self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }

    /// Whether there is a method of that name.
    fn has_method(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// The types of a method's parameters, which are checked before the call; `None` where it checks them itself.
    fn parameters(&self, name: &str) -> Option<&'static [Type]> {
        let _ = name;
        None
    }

    /// Calls a method. `None` where there is none of that name.
    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let _ = (name, arguments);
        None
    }

    /// What `%v` prints.
    fn print(&self) -> String;

    /// What it prints as where Go can take its address: there, methods of the pointer count too.
    fn print_in_place(&self) -> String {
        self.print()
    }

    /// Whether `if` takes it for true.
    fn is_true(&self) -> bool {
        true
    }

    /// The items, where it is a slice.
    fn items(&self) -> Option<Vec<Value>> {
        None
    }

    /// The entries, in the order of their keys, where it is a map.
    fn entries(&self) -> Option<Vec<(Value, Value)>> {
        None
    }

    /// What encoders (`toYaml`, `toJson`) make of it: a plain value. `None` where they fail.
    fn plain(&self) -> Option<Value> {
        None
    }

    /// The fields in their order, for encoders that keep it, where [`Object::plain`] is a map of them.
    fn members(&self) -> Option<Vec<(&'static str, Value)>> {
        None
    }

    /// For whoever knows the type behind.
    fn as_any(&self) -> &dyn Any;

    /// Whether two objects are equal, as `==` has it; `None` where the type cannot be compared.
    fn equals(&self, other: &Rc<dyn Object>) -> Option<bool> {
        let _ = other;
        None
    }
}
