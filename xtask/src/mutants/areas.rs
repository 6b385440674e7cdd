//! The code that decides trust, by areas, and the tests of its crates that are to notice.

/// A part of the code.
pub struct Area {
    /// What it is called in docs/testing.md.
    pub name: &'static str,
    /// The package that it is in.
    pub package: &'static str,
    /// Its files, as `cargo mutants --file` takes them.
    pub files: &'static [&'static str],
    /// What is run, the quickest first.
    pub rounds: &'static [Round],
}

/// Tests that are run for each change which no earlier round noticed.
pub struct Round {
    /// The targets of `cargo test`.
    pub targets: &'static [&'static str],
    /// Parts of the names of tests; all where there is none.
    pub filters: &'static [&'static str],
}

const fn round(targets: &'static [&'static str], filters: &'static [&'static str]) -> Round {
    Round { targets, filters }
}

const API: &str = "cowherd-apiserver";

/// All areas.
pub const AREAS: &[Area] = &[
    Area {
        name: "authorization",
        package: API,
        files: &["crates/apiserver/src/authorization/*.rs", "crates/apiserver/src/identity.rs"],
        rounds: &[
            round(&["--lib"], &["authorization", "identity"]),
            round(&["--test=access", "--test=authorization"], &[]),
        ],
    },
    Area {
        name: "requests",
        package: API,
        files: &["crates/apiserver/src/action/*.rs", "crates/apiserver/src/impersonation.rs"],
        rounds: &[round(&["--lib"], &["action", "impersonation"]), round(&["--test=access"], &[])],
    },
    Area {
        name: "tokens",
        package: API,
        files: &["crates/apiserver/src/tokens.rs", "crates/apiserver/src/rest/token.rs"],
        rounds: &[round(&["--lib", "--test=tokens"], &["token", "who_brings"])],
    },
    Area {
        name: "certificates",
        package: API,
        files: &["crates/apiserver/src/pki/*.rs"],
        rounds: &[round(
            &["--lib", "--test=pki"],
            &["pki", "certificate", "kubeconfig", "damaged", "clock", "renewal", "who_connects"],
        )],
    },
    Area {
        name: "admission",
        package: API,
        files: &["crates/apiserver/src/admission/*.rs"],
        rounds: &[round(&["--test=admission"], &[]), round(&["--test=objects", "--test=custom_resources"], &[])],
    },
    Area {
        name: "masks",
        package: "cowherd-apply",
        files: &["crates/apply/src/mask.rs"],
        rounds: &[round(&["--lib"], &["mask"])],
    },
    Area {
        name: "credentials",
        package: "cowherd-source",
        files: &["crates/source/src/auth.rs"],
        rounds: &[round(&["--lib"], &["auth"])],
    },
    Area {
        name: "store",
        package: "cowherd-store",
        files: &["crates/store/src/**/*.rs"],
        rounds: &[round(&["--lib", "--tests"], &[])],
    },
    Area {
        name: "patch",
        package: "cowherd-patch",
        files: &["crates/patch/src/**/*.rs"],
        rounds: &[round(&["--lib", "--tests"], &[])],
    },
    Area {
        name: "apply",
        package: "cowherd-apply",
        files: &["crates/apply/src/**/*.rs"],
        rounds: &[round(&["--lib"], &[]), round(&["--tests"], &[])],
    },
    Area {
        name: "schedule",
        package: "cowherd-gitops",
        files: &["crates/gitops/src/schedule/*.rs"],
        rounds: &[round(&["--lib"], &["schedule"])],
    },
];
