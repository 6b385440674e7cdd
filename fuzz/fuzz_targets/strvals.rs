//! `--set` and its relatives; see the module `strvals`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cowherd_fuzz::strvals::check(data));
