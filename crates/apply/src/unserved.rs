//! Objects of kinds that a cluster does not serve.

use std::fmt;

use cowherd_api::supported;

use crate::object::ObjectId;

/// An object whose kind the cluster does not serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unserved {
    /// The object.
    pub subject: ObjectId,
    /// The API version that was asked for.
    pub api_version: String,
    /// Where it is written, if that is known.
    pub place: Option<String>,
}

impl Unserved {
    /// Whether cowherd knows the kind, and does not do it yet.
    pub fn is_not_done_yet(&self) -> bool {
        supported::find(&self.subject.group, &self.subject.kind).is_some_and(|kind| !kind.is_done)
    }
}

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, api_version, place } = self;
        let kind = &subject.kind;
        if let Some(place) = place {
            write!(f, "{place}: ")?;
        }
        if self.is_not_done_yet() {
            return write!(f, "{subject}: cowherd does not do the kind {kind:?} of {api_version} yet; leave it out");
        }
        write!(
            f,
            "{subject}: the cluster has no kind {kind:?} in {api_version}; is its CustomResourceDefinition missing?"
        )
    }
}

/// Several of them in one text, a line each.
pub(crate) fn lines(all: &[Unserved]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_is_not_done_yet_is_refused_as_that() {
        let unserved = |group: &str, kind: &str| Unserved {
            subject: ObjectId { namespace: "a".into(), name: "x".into(), group: group.into(), kind: kind.into() },
            api_version: format!("{group}/v1"),
            place: None,
        };
        let release = unserved("helm.toolkit.fluxcd.io", "HelmRelease").to_string();
        assert!(release.contains("does not do") && !release.contains("CustomResourceDefinition"), "{release}");
        let gadget = unserved("example.com", "Gadget").to_string();
        assert!(gadget.contains("CustomResourceDefinition missing"), "{gadget}");
    }
}
