//! `Merge`: values of one file over those of another one, as Helm merges them.

use bytes::Bytes;
use cowherd_helm::values::{merge_maps, read_values};
use cowherd_tree::TreePath;
use cowherd_yaml::Limits;
use serde_json::{Map, Value};

use crate::Cause;

/// The largest file that is merged, in bytes.
const MAX_FILE: usize = 4 << 20;
/// How much memory what is in it may take, in bytes.
const MAX_MEMORY: usize = 64 << 20;

/// A file with the values of both, those of `over` before the others.
pub(crate) fn merged(under: &Bytes, over: &Bytes, path: &TreePath) -> Result<Bytes, Cause> {
    let mut values = read(under, path)?;
    merge_maps(&mut values, read(over, path)?);
    Ok(cowherd_yaml::to_string(&Value::Object(values)).into())
}

fn read(text: &Bytes, path: &TreePath) -> Result<Map<String, Value>, Cause> {
    let limits = Limits { bytes: MAX_FILE, memory: MAX_MEMORY, ..Limits::default() };
    let failed = |problem: String| Cause::Merge { path: path.clone(), problem };
    if text.len() > MAX_FILE {
        return Err(failed(format!("it has {} bytes; files of at most {MAX_FILE} are merged", text.len())));
    }
    read_values(text, &limits).map_err(|error| failed(error.to_string()))
}
