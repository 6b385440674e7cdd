//! Values: where they come from and which of them wins.
//!
//! Numbers keep the types that Go gives them: those of YAML and JSON are floats, those of `--set` are integers.

mod coalesce;
mod document;
mod path;
mod set;
mod sources;
mod tables;

pub use coalesce::{CoalesceError, coalesce};
pub use document::{DocumentError, merge_maps, read_values};
pub use set::{
    MAX_INDEX, MAX_NESTED_NAME_LEVEL, Room, SetError, set, set_file, set_json, set_literal, set_string,
    set_string_within, set_within,
};
pub use sources::{Sources, SourcesError};

pub(crate) use coalesce::{merge_chart, merge_into_tables, merge_tables};
pub(crate) use path::{path_value, table};
pub(crate) use tables::{Cell, TableId, Tables};
