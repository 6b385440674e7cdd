//! `values.schema.json`.
