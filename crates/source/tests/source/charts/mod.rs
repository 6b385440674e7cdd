//! Charts from real servers, compared with what `helm` makes of the same.

mod faults;
mod ranges;
mod registries;
mod repositories;
mod tokens;
