//! Go templates; see the module `template`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cowherd_fuzz::template::check(data));
