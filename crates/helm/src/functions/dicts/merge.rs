//! Merges maps into maps, as `dario.cat/mergo` 1.0 does.

use cowherd_template::{Fault, Map, Value};

use crate::functions::call::arguments::Call;
use crate::functions::call::limits::deeper;

/// Which entries of the target are replaced. Maps on both sides are always merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overwrite {
    /// Those that are missing or empty: nil, false, zero, or nothing in it.
    Empty,
    /// All.
    All,
}

/// Merges `source` into `target`. Maps that the target has are changed in place; what it does not have it shares with
/// the source afterwards.
pub(crate) fn merge(
    call: &mut Call<'_, '_>,
    target: &Map,
    source: &Map,
    overwrite: Overwrite,
    depth: usize,
) -> Result<(), Fault> {
    if target.is(source) {
        return Ok(());
    }
    for (key, value) in source.entries() {
        // Maps that share maps are merged as often as there are ways to them.
        call.spend(1)?;
        let current = target.get(&key);
        match (&current, &value) {
            (_, Value::Nil) => {
                if overwrite == Overwrite::All {
                    target.insert(key, value);
                }
                continue;
            }
            (Some(Value::Map(current)), Value::Map(value)) => {
                deeper(depth, |depth| merge(call, current, value, overwrite, depth))?;
                if !current.is_empty() {
                    continue;
                }
            }
            _ => {}
        }
        if overwrite == Overwrite::All || current.is_none_or(|current| !current.is_true()) {
            call.context().insert(target, key, value);
        }
    }
    Ok(())
}
