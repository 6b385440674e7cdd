//! What only the real tools refuse, and why it is right to render it.

use crate::discover::Kind;

/// A refusal that is known.
struct Explanation {
    kind: Kind,
    /// What their error begins with.
    error: &'static str,
    /// Why we do not refuse it, for people.
    reason: &'static str,
}

const EXPLANATIONS: [Explanation; 1] = [Explanation {
    kind: Kind::Kustomize,
    error: "error: unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory",
    reason: "a directory without a kustomization means plain manifests",
}];

/// Why we render what the real tool refuses with `error`; `None` where nobody has said so.
pub fn reason(kind: Kind, error: &str) -> Option<&'static str> {
    let fits = |explanation: &&Explanation| explanation.kind == kind && error.starts_with(explanation.error);
    EXPLANATIONS.iter().find(fits).map(|explanation| explanation.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_explained_has_a_reason() {
        let refusal = "error: unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '/a'";
        assert!(reason(Kind::Kustomize, refusal).is_some());
        assert_eq!(reason(Kind::Helm, refusal), None);
        // The same of a directory further down is no other mistake to us than to them.
        assert_eq!(reason(Kind::Kustomize, &format!("error: accumulating resources: {refusal}")), None);
    }
}
