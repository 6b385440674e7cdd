//! Each attack once, as small as it can be: `cargo xtask attack` plays them at their full size, for as long as one likes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;

use cowherd_attacks::{ALL, Scale, play};

#[test]
fn no_attack_succeeds_and_no_bystander_feels_any() {
    let seed = RandomState::new().build_hasher().finish();
    let program = Path::new(env!("CARGO_BIN_EXE_cowherd"));
    let reports: Vec<_> = ALL
        .iter()
        .map(|attack| {
            let report =
                play(program, attack, Scale::Small, seed).unwrap_or_else(|error| panic!("{}: {error:#}", attack.name));
            eprintln!("{report}");
            report
        })
        .collect();
    let succeeded: Vec<String> = reports.iter().filter(|one| !one.held()).map(ToString::to_string).collect();
    assert!(succeeded.is_empty(), "with the seed {seed}:\n{}", succeeded.join("\n"));
}
