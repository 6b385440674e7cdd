//! The `cowherd` program: wires the rooms together and nothing else.

fn main() {}
