//! Who goes before whom where several owners describe the same object.

use std::fmt;

/// Whose word an owner is. The first goes before all others, whoever is older: what a platform imposes is not a tenant's to
/// describe otherwise, and the root, which is put back when somebody deletes it, is younger than everybody then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Precedence {
    /// The Kustomization that everything grows from.
    Root,
    /// One beside it: who may write there is an administrator.
    Platform,
    /// Any other.
    #[default]
    Tenant,
}

impl fmt::Display for Precedence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "the root",
            Self::Platform => "one of the root's namespace",
            Self::Tenant => "one of another namespace",
        })
    }
}
