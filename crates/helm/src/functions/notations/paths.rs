//! Functions on paths with slashes.

use cowherd_template::{Function, Type, Value};

use crate::functions::Context;
use crate::functions::call::arguments::{bytes, made};

const ONE: &[Type] = &[Type::String];

pub(in crate::functions) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("base", ONE, |_, given| made(base(bytes(given, 0)))),
        Function::new("osBase", ONE, |_, given| made(base(bytes(given, 0)))),
        Function::new("dir", ONE, |_, given| made(dir(bytes(given, 0)))),
        Function::new("osDir", ONE, |_, given| made(dir(bytes(given, 0)))),
        Function::new("clean", ONE, |_, given| made(clean(bytes(given, 0)))),
        Function::new("osClean", ONE, |_, given| made(clean(bytes(given, 0)))),
        Function::new("ext", ONE, |_, given| made(extension(bytes(given, 0)))),
        Function::new("osExt", ONE, |_, given| made(extension(bytes(given, 0)))),
        Function::new("isAbs", ONE, |_, given| Ok(Value::Bool(bytes(given, 0).starts_with(b"/")))),
        Function::new("osIsAbs", ONE, |_, given| Ok(Value::Bool(bytes(given, 0).starts_with(b"/")))),
    ]
    .into_iter()
}

/// The last component.
fn base(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at + 1);
    let trimmed = path.get(..end).unwrap_or_default();
    match (path.is_empty(), trimmed.is_empty()) {
        (true, _) => b".",
        (_, true) => b"/",
        _ => trimmed.rsplit(|byte| *byte == b'/').next().unwrap_or_default(),
    }
}

/// All but the last component, cleaned.
fn dir(path: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    clean(path.get(..end).unwrap_or_default())
}

/// What follows the last dot of the last component, with the dot.
fn extension(path: &[u8]) -> &[u8] {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name.iter().rposition(|byte| *byte == b'.').and_then(|at| name.get(at..)).unwrap_or_default()
}

/// The shortest path that means the same.
fn clean(path: &[u8]) -> Vec<u8> {
    let is_absolute = path.starts_with(b"/");
    let mut components: Vec<&[u8]> = Vec::new();
    for component in path.split(|byte| *byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => match components.last() {
                Some(last) if *last != b".." => {
                    components.pop();
                }
                _ if is_absolute => {}
                _ => components.push(component),
            },
            name => components.push(name),
        }
    }
    let joined = components.join(&b'/');
    match (is_absolute, joined.is_empty()) {
        (true, _) => [b"/".as_slice(), &joined].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}
