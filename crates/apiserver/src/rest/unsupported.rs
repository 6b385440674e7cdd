//! Kinds that are kept without effect: whoever writes one is told.

use http::Method;

use crate::resource::Resource;

/// What to tell the writer of an object.
pub fn warnings(resource: &Resource, method: &Method) -> Option<String> {
    if !matches!(*method, Method::POST | Method::PUT | Method::PATCH) {
        return None;
    }
    let what = match (resource.group_version.group.as_str(), resource.plural.as_str()) {
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations" | "validatingwebhookconfigurations") => {
            "admission webhooks are not called"
        }
        ("admissionregistration.k8s.io", _) => "admission policies are not evaluated",
        ("", "resourcequotas") => "quotas are not enforced",
        ("", "limitranges") => "limits are not enforced",
        _ => return None,
    };
    Some(format!("{} {}: kept without effect, {what} by this server", resource.api_version, resource.kind))
}
