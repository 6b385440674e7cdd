//! Revisioned key-value storage with watch, in one file.
