//! How the program is linked.

use std::process::Command;

/// The first version of glibc whose loader reads packed relocations.
const PACKED: (u32, u32) = (2, 36);

/// A start puts right more than 100,000 addresses in the program, wherever it is loaded. Their list is read whole, so it is
/// packed where the program will be loaded by what can read that: by the system that it is built on.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let of = |name| std::env::var(name).unwrap_or_default();
    let is_for_here = of("HOST") == of("TARGET") && of("CARGO_CFG_TARGET_OS") == "linux";
    if is_for_here && of("CARGO_CFG_TARGET_ENV") == "gnu" && glibc().is_some_and(|version| version >= PACKED) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of the system's glibc, as in `glibc 2.36`.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
