//! The code that decides trust, by areas, and the tests of its crates that are to notice.

/// A part of the code.
pub struct Area {
    /// What it is called in docs/testing.md.
    pub name: &'static str,
    /// The package that it is in.
    pub package: &'static str,
    /// Its files, as `cargo mutants --file` takes them.
    pub files: &'static [&'static str],
}

const fn area(name: &'static str, package: &'static str, files: &'static [&'static str]) -> Area {
    Area { name, package, files }
}

/// The tests of a package that are run, as targets of `cargo test`.
pub fn targets(package: &str) -> &'static [&'static str] {
    match package {
        API => &[
            "--lib",
            "--test=access",
            "--test=admission",
            "--test=authorization",
            "--test=custom_resources",
            "--test=objects",
            "--test=pki",
            "--test=several_servers",
            "--test=tokens",
        ],
        // The stories of delivery take minutes, and are beside real servers.
        GITOPS | "cowherd-source" => &["--lib"],
        _ => &["--lib", "--tests"],
    }
}

const API: &str = "cowherd-apiserver";
const GITOPS: &str = "cowherd-gitops";

/// All areas.
pub const AREAS: &[Area] = &[
    area("authorization", API, &["crates/apiserver/src/authorization/*.rs", "crates/apiserver/src/identity.rs"]),
    area("requests", API, &["crates/apiserver/src/action/*.rs", "crates/apiserver/src/impersonation.rs"]),
    area("tokens", API, &["crates/apiserver/src/tokens.rs", "crates/apiserver/src/rest/token.rs"]),
    area("certificates", API, &["crates/apiserver/src/pki/*.rs"]),
    area("admission", API, &["crates/apiserver/src/admission/*.rs"]),
    area("masks", "cowherd-apply", &["crates/apply/src/mask.rs"]),
    area("credentials", "cowherd-source", &["crates/source/src/auth.rs"]),
    area("store", "cowherd-store", &["crates/store/src/**/*.rs"]),
    area("patch", "cowherd-patch", &["crates/patch/src/**/*.rs"]),
    area("apply", "cowherd-apply", &["crates/apply/src/**/*.rs"]),
    area("signatures", "cowherd-sigstore", &["crates/sigstore/src/**/*.rs"]),
    area(
        "verification",
        GITOPS,
        &["crates/gitops/src/source/oci/verification.rs", "crates/gitops/src/source/git/verification.rs"],
    ),
    area("policy", GITOPS, &["crates/gitops/src/policy.rs"]),
    area("foresight", GITOPS, &["crates/gitops/src/foresight/*.rs"]),
    area("webhooks", "cowherd-notify", &["crates/notify/src/receiver/*.rs"]),
    area(
        "copies",
        GITOPS,
        &["crates/gitops/src/resource_set/copies.rs", "crates/gitops/src/resource_set/dependencies.rs"],
    ),
    area("schedule", GITOPS, &["crates/gitops/src/schedule/*.rs", "crates/gitops/src/schedule/entry/*.rs"]),
];
