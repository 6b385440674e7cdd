//! Helm charts; see the module `chart`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cowherd_fuzz::chart::check(data));
