//! Formats of `printf`; see the module `format`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cowherd_fuzz::format::check(data));
