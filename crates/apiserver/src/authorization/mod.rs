//! Who may do what.

mod coverage;
mod escalation;
mod policy;
mod rbac;
mod rule;

use crate::{
    identity::{MASTERS, User},
    server::ApiServer,
    status::{ApiError, ApiResult, Named},
};

pub use coverage::missing as missing_rules;
pub use escalation::{Grant, check as check_escalation};
pub use policy::{Extent, Policies, PolicyView};
pub use rbac::GROUP as RBAC_GROUP;
pub use rule::Rule;

/// What somebody wants to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The verb of Kubernetes: `get`, `list`, `deletecollection`.
    pub verb: String,
    /// The namespace; empty for all, and for what is in none.
    pub namespace: String,
    /// The group of the resource.
    pub group: String,
    /// The plural of the resource.
    pub resource: String,
    /// What of the object.
    pub subresource: String,
    /// The object; empty for a collection.
    pub name: String,
    /// The path, for what is no resource.
    pub path: Option<String>,
}

impl Attributes {
    /// The resource with what of it is asked for, as rules name it.
    pub fn full_resource(&self) -> String {
        match self.subresource.as_str() {
            "" => self.resource.clone(),
            subresource => format!("{}/{subresource}", self.resource),
        }
    }

    /// Why this is refused.
    pub fn refusal(&self, user: &User) -> ApiError {
        if let Some(path) = &self.path {
            let why = format!("User {:?} cannot {} path {path:?}", user.name, self.verb);
            return ApiError::new(http::StatusCode::FORBIDDEN, "Forbidden", format!("forbidden: {why}"));
        }
        let resource = self.full_resource();
        let place = if self.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {:?}", self.namespace)
        };
        let why = format!(
            "User {:?} cannot {} resource {resource:?} in API group {:?} {place}",
            user.name, self.verb, self.group
        );
        ApiError::forbidden(Named { group: &self.group, name: &self.resource }, &self.name, why)
    }
}

/// Refuses what the user may not do.
pub async fn check(server: &ApiServer, user: &User, attributes: &Attributes) -> ApiResult<()> {
    if allows(server, user, attributes).await? { Ok(()) } else { Err(attributes.refusal(user)) }
}

/// Whether the user may do this.
pub async fn allows(server: &ApiServer, user: &User, attributes: &Attributes) -> ApiResult<bool> {
    if user.is_in(MASTERS) {
        return Ok(true);
    }
    let policy = server.policies().of(user, &attributes.namespace);
    Ok(policy.rules(user).any(|rule| rule.allows(attributes)))
}
