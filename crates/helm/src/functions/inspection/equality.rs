//! Whether two values are the same all the way down: Go's `reflect.DeepEqual`.

use std::rc::Rc;

use cowherd_template::{Fault, Map, Value};

use crate::functions::call::arguments::Call;
use crate::functions::call::limits::deeper;
use crate::functions::lists::slices::nil_type;

/// Whether two values have the same type and hold the same.
pub(in crate::functions) fn deep_equal(call: &mut Call<'_, '_>, a: &Value, b: &Value) -> Result<bool, Fault> {
    equal(call, a, b, 0)
}

/// Maps that share maps are compared as often as there are ways to them, so that each comparison counts.
fn equal(call: &mut Call<'_, '_>, a: &Value, b: &Value, depth: usize) -> Result<bool, Fault> {
    call.spend(1)?;
    Ok(match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => a == b,
        (Value::Byte(a), Value::Byte(b)) => a == b,
        (Value::Uint64(a), Value::Uint64(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            let alike = a.element_type() == b.element_type() && a.len() == b.len();
            alike && deeper(depth, |depth| all(call, a.iter().zip(b.iter()), depth))?
        }
        (Value::Map(a), Value::Map(b)) => {
            let alike = a.type_name() == b.type_name() && a.len() == b.len();
            alike && (a.is(b) || deeper(depth, |depth| equal_maps(call, a, b, depth))?)
        }
        (Value::Object(a_object), Value::Object(b_object)) => match (nil_type(a), nil_type(b)) {
            (None, None) => Rc::ptr_eq(a_object, b_object) || a_object.equals(b_object).unwrap_or(false),
            (a, b) => a == b,
        },
        _ => false,
    })
}

fn all<'v>(
    call: &mut Call<'_, '_>,
    pairs: impl Iterator<Item = (&'v Value, &'v Value)>,
    depth: usize,
) -> Result<bool, Fault> {
    for (a, b) in pairs {
        if !equal(call, a, b, depth)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_maps(call: &mut Call<'_, '_>, a: &Map, b: &Map, depth: usize) -> Result<bool, Fault> {
    let (a, b) = (a.entries(), b.entries());
    let same_keys = a.iter().zip(&b).all(|((a, _), (b, _))| a == b);
    Ok(same_keys && all(call, a.iter().zip(&b).map(|((_, a), (_, b))| (a, b)), depth)?)
}
