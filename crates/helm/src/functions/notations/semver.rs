//! Functions on semantic versions, which are looser here than SemVer 2.0.

use std::any::Any;
use std::cmp::Ordering;
use std::rc::Rc;

use cowherd_template::{Fault, Function, Kind, Object, Type, Value};
use cowherd_version::{Constraint, Version};

use crate::functions::Context;
use crate::functions::call::arguments::{Call, Outcome, string};
use crate::functions::dates::duration::{no_arguments, object};

const TYPE: &str = "*semver.Version";

pub(in crate::functions) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("semver", &[Type::String], |_, given| {
            let original = string(given, 0).into_owned();
            let version = version(&original)?;
            Ok(Value::Object(Rc::new(Parsed { version, original, is_pointer: true })))
        }),
        Function::new("semverCompare", &[Type::String, Type::String], compare),
    ]
    .into_iter()
}

fn version(text: &str) -> Result<Version, Fault> {
    Version::parse(text).map_err(|error| Fault::Message(error.to_string()))
}

fn compare(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let constraint = Constraint::parse(&string(arguments, 0));
    let constraint = constraint.map_err(|error| Fault::Message(format!("improper constraint: {}", error.0)))?;
    Ok(Value::Bool(constraint.allows(&version(&string(arguments, 1))?)))
}

/// A version as templates see it.
struct Parsed {
    version: Version,
    original: String,
    /// Whether it is a pointer. What methods give is none, and lacks some of the methods.
    is_pointer: bool,
}

impl Parsed {
    /// The version with another number that is one higher, and those behind it zero.
    fn incremented(&self, name: &str) -> Version {
        let Version { major, minor, patch, pre, .. } = self.version.clone();
        let (major, minor, patch) = match name {
            "IncMajor" => (major.saturating_add(1), 0, 0),
            "IncMinor" => (major, minor.saturating_add(1), 0),
            // A pre-release comes before the version that it is one of.
            _ if !pre.is_empty() => (major, minor, patch),
            _ => (major, minor, patch.saturating_add(1)),
        };
        Version { major, minor, patch, pre: String::new(), metadata: String::new() }
    }

    fn with(&self, version: Version) -> Value {
        let prefix = if self.original.starts_with('v') { "v" } else { "" };
        let original = format!("{prefix}{version}");
        Value::Object(Rc::new(Self { version, original, is_pointer: false }))
    }

    fn compared(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let other = object::<Self>(name, TYPE, arguments)?;
        if !other.is_pointer {
            return Err(format!("wrong type for value; expected {TYPE}; got semver.Version"));
        }
        let order = self.version.compare(&other.version);
        Ok(match name {
            "Compare" => Value::Int(order as i64),
            "Equal" => Value::Bool(order == Ordering::Equal),
            "LessThan" => Value::Bool(order == Ordering::Less),
            "LessThanEqual" => Value::Bool(order != Ordering::Greater),
            "GreaterThan" => Value::Bool(order == Ordering::Greater),
            _ => Value::Bool(order != Ordering::Less),
        })
    }

    fn changed(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let [Value::String(text)] = arguments else { return Err("wrong type for value; expected string".into()) };
        let text = text.to_str();
        let Version { major, minor, patch, pre, metadata } = self.version.clone();
        let whole = match name {
            "SetPrerelease" => Version { major, minor, patch, pre: text.into(), metadata },
            _ => Version { major, minor, patch, pre, metadata: text.into() },
        };
        Version::parse(&whole.to_string()).map(|version| self.with(version)).map_err(|error| error.to_string())
    }
}

impl Object for Parsed {
    fn type_name(&self) -> &str {
        if self.is_pointer { TYPE } else { "semver.Version" }
    }

    fn kind(&self) -> Kind {
        if self.is_pointer { Kind::Ptr } else { Kind::Struct }
    }

    fn has_method(&self, name: &str) -> bool {
        let of_pointers = matches!(
            name,
            "Original" | "Compare" | "Equal" | "LessThan" | "LessThanEqual" | "GreaterThan" | "GreaterThanEqual"
        );
        let of_all = matches!(
            name,
            "Major"
                | "Minor"
                | "Patch"
                | "Prerelease"
                | "Metadata"
                | "String"
                | "IncMajor"
                | "IncMinor"
                | "IncPatch"
                | "SetPrerelease"
                | "SetMetadata"
        );
        of_all || (self.is_pointer && of_pointers)
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        if !self.has_method(name) {
            return None;
        }
        let without = |value: Value| no_arguments(name, arguments).map(|()| value);
        Some(match name {
            "Major" => without(Value::Uint64(self.version.major)),
            "Minor" => without(Value::Uint64(self.version.minor)),
            "Patch" => without(Value::Uint64(self.version.patch)),
            "Prerelease" => without(Value::from(self.version.pre.as_str())),
            "Metadata" => without(Value::from(self.version.metadata.as_str())),
            "Original" => without(Value::from(self.original.as_str())),
            "String" => without(Value::from(self.print())),
            "IncMajor" | "IncMinor" | "IncPatch" => without(self.with(self.incremented(name))),
            "SetPrerelease" | "SetMetadata" => self.changed(name, arguments),
            name => self.compared(name, arguments),
        })
    }

    fn print(&self) -> String {
        self.version.to_string()
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::from(self.print()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
