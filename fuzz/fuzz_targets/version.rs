//! Versions and constraints; see the module `version`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cowherd_fuzz::version::check(data));
