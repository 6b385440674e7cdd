//! ValidatingAdmissionPolicies and their bindings.

use crate::kind::Kind;
use crate::strategy::Generations;

pub(crate) const POLICY: Kind = Kind {
    categories: &["api-extensions"],
    status: true,
    generations: Generations::SPEC,
    ..Kind::cluster(
        super::V1,
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        "validatingadmissionpolicy",
        "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy",
    )
};

pub(crate) const BINDING: Kind = Kind {
    categories: &["api-extensions"],
    generations: Generations::SPEC,
    ..Kind::cluster(
        super::V1,
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        "validatingadmissionpolicybinding",
        "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding",
    )
};
