//! What maintainers run: generated data, comparisons with the real tools, benchmarks.

fn main() {}
