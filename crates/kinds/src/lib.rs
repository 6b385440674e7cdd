//! The built-in kinds: names, scope, defaults, validation and printed columns.
