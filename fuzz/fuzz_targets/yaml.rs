//! YAML; see the module `yaml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cowherd_fuzz::yaml::check(data));
