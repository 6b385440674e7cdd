//! Each attack once, as small as it can be: `cargo xtask attack` plays them at their full size, for as long as one likes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::sync::Mutex;

use cowherd_attacks::{ALL, Scale, play};

/// How many are played at a time.
const AT_ONCE: usize = 2;

#[test]
fn no_attack_succeeds_and_no_bystander_feels_any() {
    let seed = RandomState::new().build_hasher().finish();
    let program = Path::new(env!("CARGO_BIN_EXE_cowherd"));
    let (attacks, succeeded) = (Mutex::new(ALL.iter()), Mutex::new(Vec::new()));
    let play_some = || {
        while let Some(attack) = { attacks.lock().unwrap().next() } {
            let report =
                play(program, attack, Scale::Small, seed).unwrap_or_else(|error| panic!("{}: {error:#}", attack.name));
            eprintln!("{report}");
            if !report.held() {
                succeeded.lock().unwrap().push(report.to_string());
            }
        }
    };
    // Each waits more than it works, and has a program of its own.
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(play_some))));
    let succeeded = succeeded.into_inner().unwrap();
    assert!(succeeded.is_empty(), "with the seed {seed}:\n{}", succeeded.join("\n"));
}
