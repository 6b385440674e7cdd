//! ValidatingWebhookConfigurations and MutatingWebhookConfigurations.

use crate::kind::Kind;
use crate::strategy::Generations;

pub(crate) const MUTATING: Kind = Kind {
    categories: &["api-extensions"],
    generations: Generations::With(&["webhooks"]),
    ..Kind::cluster(
        super::V1,
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        "mutatingwebhookconfiguration",
        "io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration",
    )
};

pub(crate) const VALIDATING: Kind = Kind {
    categories: &["api-extensions"],
    generations: Generations::With(&["webhooks"]),
    ..Kind::cluster(
        super::V1,
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        "validatingwebhookconfiguration",
        "io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration",
    )
};
