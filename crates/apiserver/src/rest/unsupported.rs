//! Kinds that are kept without effect: whoever writes one is told.

use http::Method;

use crate::{resource::Resource, service::Call};

/// What to tell the writer of an object.
pub fn warnings(resource: &Resource, call: &Call) -> Option<String> {
    if !matches!(call.method, Method::POST | Method::PUT | Method::PATCH) {
        return None;
    }
    let what = match (resource.group_version.group.as_str(), resource.plural.as_str()) {
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations" | "validatingwebhookconfigurations") => {
            "admission webhooks are not called"
        }
        ("admissionregistration.k8s.io", _) => "admission policies are not evaluated",
        ("apiextensions.k8s.io", _) => {
            let rules = "x-kubernetes-validations";
            let found = call.body.windows(rules.len()).any(|window| window == rules.as_bytes());
            return found
                .then(|| format!("{rules} are kept without effect: rules in CEL are not evaluated by this server"));
        }
        ("", "resourcequotas") => "quotas are not enforced",
        ("", "limitranges") => "limits are not enforced",
        _ => return None,
    };
    Some(format!("{} {}: kept without effect, {what} by this server", resource.api_version, resource.kind))
}
