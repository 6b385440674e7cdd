//! Packed charts; see the module `archive`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cowherd_fuzz::archive::check(data));
