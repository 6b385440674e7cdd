//! Kustomizations; see the module `kustomization`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cowherd_fuzz::kustomization::check(data));
