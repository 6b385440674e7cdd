//! Who may do what.

mod escalation;
mod rbac;

use http::{HeaderMap, request::Parts};

use crate::{
    identity::{MASTERS, User},
    query::Query,
    route::Route,
    server::ApiServer,
    status::{ApiError, ApiResult, Named},
};

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
    fn of(parts: &Parts, route: &Route, query: &Query) -> Self {
        let method = parts.method.as_str();
        let Route::Object(object) = route else {
            let path = Some(parts.uri.path().to_owned());
            return Self { verb: method.to_lowercase(), path, ..Self::default() };
        };
        let collection = object.name.is_none();
        let verb = match method {
            "GET" | "HEAD" if object.watch || query.flag("watch") => "watch",
            "GET" | "HEAD" if collection => "list",
            "GET" | "HEAD" => "get",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" if collection => "deletecollection",
            "DELETE" => "delete",
            _ => "",
        };
        let owned = |text: &Option<String>| text.clone().unwrap_or_default();
        Self {
            verb: verb.to_owned(),
            namespace: owned(&object.namespace),
            group: object.group_version.group.clone(),
            resource: object.resource.clone(),
            subresource: owned(&object.subresource),
            name: owned(&object.name),
            path: None,
        }
    }

    /// Why this is refused.
    pub fn refusal(&self, user: &User) -> ApiError {
        if let Some(path) = &self.path {
            let why = format!("User {:?} cannot {} path {path:?}", user.name, self.verb);
            return ApiError::new(http::StatusCode::FORBIDDEN, "Forbidden", format!("forbidden: {why}"));
        }
        let resource = match self.subresource.as_str() {
            "" => self.resource.clone(),
            subresource => format!("{}/{subresource}", self.resource),
        };
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
pub async fn check(server: &ApiServer, user: &User, parts: &Parts, route: &Route, query: &Query) -> ApiResult<()> {
    if user.is_in(MASTERS) || matches!(route, Route::Health | Route::Version) {
        return Ok(());
    }
    let attributes = Attributes::of(parts, route, query);
    if allows(server, user, &attributes).await? { Ok(()) } else { Err(attributes.refusal(user)) }
}

/// Whether the user may do this.
pub async fn allows(server: &ApiServer, user: &User, attributes: &Attributes) -> ApiResult<bool> {
    if user.is_in(MASTERS) {
        return Ok(true);
    }
    // Everybody who is known may ask who they are, what they may do, and what there is.
    let known = user.is_in("system:authenticated");
    let about_oneself = matches!(
        attributes.resource.as_str(),
        "selfsubjectreviews" | "selfsubjectaccessreviews" | "selfsubjectrulesreviews"
    ) && attributes.verb == "create";
    if known && (about_oneself || (attributes.path.is_some() && attributes.verb == "get")) {
        return Ok(true);
    }
    rbac::allows(server, user, attributes).await
}

pub use escalation::check as check_escalation;
pub use rbac::rules;

/// The user that a request is made for, where somebody who may do so makes it for another.
pub async fn impersonated(server: &ApiServer, user: User, headers: &HeaderMap) -> ApiResult<User> {
    let groups: Vec<&str> =
        headers.get_all("impersonate-group").iter().filter_map(|value| value.to_str().ok()).collect();
    let Some(name) = headers.get("impersonate-user").and_then(|value| value.to_str().ok()) else {
        if groups.is_empty() {
            return Ok(user);
        }
        return Err(ApiError::bad_request("requested impersonation of groups without impersonating a user"));
    };
    let account = name.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    let (namespace, resource, named) = match account {
        Some((namespace, name)) => (namespace, "serviceaccounts", name),
        None => ("", "users", name),
    };
    let wanted = std::iter::once((namespace, resource, named)).chain(groups.iter().map(|group| ("", "groups", *group)));
    for (namespace, resource, name) in wanted {
        let attributes = Attributes {
            verb: "impersonate".to_owned(),
            namespace: namespace.to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            ..Attributes::default()
        };
        if !allows(server, &user, &attributes).await? {
            return Err(attributes.refusal(&user));
        }
    }
    Ok(User::known(name, &groups))
}
