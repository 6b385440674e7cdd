//! What a path names.

use crate::query::decode;

/// What the path of a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/healthz`, `/livez`, `/readyz` and what is below them.
    Health,
    /// `/version`
    Version,
    /// `/metrics`
    Metrics,
    /// `/`
    Root,
    /// `/api`
    Core,
    /// `/apis`
    Groups,
    /// `/apis/{group}`
    Group(String),
    /// `/api/v1` and `/apis/{group}/{version}`
    Resources(GroupVersion),
    /// `/openapi/v2`
    OpenApiV2,
    /// `/openapi/v3`
    OpenApiV3Index,
    /// `/openapi/v3/api/v1` and `/openapi/v3/apis/{group}/{version}`
    OpenApiV3(GroupVersion),
    /// A collection or an object.
    Object(ObjectRoute),
    /// Nothing that is served, below a collection or an object: who may not ask that is not told that nothing is there.
    Below(ObjectRoute),
    /// Nothing that is served.
    Unknown,
}

/// An API group in one of its versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupVersion {
    /// The group; empty for the core group.
    pub group: String,
    /// The version.
    pub version: String,
}

impl GroupVersion {
    /// A group and a version.
    pub fn new(group: &str, version: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned() }
    }

    /// `apiVersion` of the objects: `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }
}

/// A path that names a collection or an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRoute {
    /// The group and version.
    pub group_version: GroupVersion,
    /// The namespace, where the path names one.
    pub namespace: Option<String>,
    /// The plural of the resource.
    pub resource: String,
    /// The object, where the path names one.
    pub name: Option<String>,
    /// What of the object, as in `status`.
    pub subresource: Option<String>,
    /// What the path asks for before it names the resource: `/api/v1/watch/…`.
    pub special: Option<Special>,
}

/// An old form of path that says itself what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// `/api/v1/watch/…`
    Watch,
    /// `/api/v1/proxy/…`, which no server has any more, but who may use it is still asked.
    Proxy,
}

impl Route {
    /// Reads a path.
    pub fn parse(path: &str) -> Self {
        let parts: Vec<String> = path.trim_matches('/').split('/').map(|part| decode(part, false)).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match parts.as_slice() {
            [""] => Self::Root,
            // An escaped slash would make another path out of a name, and so would a name that is empty.
            parts if parts.iter().any(|part| part.is_empty() || part.contains('/')) => odd(path),
            ["healthz" | "livez" | "readyz", ..] => Self::Health,
            ["version"] => Self::Version,
            ["metrics"] => Self::Metrics,
            ["openapi", "v2"] => Self::OpenApiV2,
            ["openapi", "v3"] => Self::OpenApiV3Index,
            ["openapi", "v3", "api", version] => Self::OpenApiV3(GroupVersion::new("", version)),
            ["openapi", "v3", "apis", group, version] => Self::OpenApiV3(GroupVersion::new(group, version)),
            ["api"] => Self::Core,
            ["apis"] => Self::Groups,
            ["apis", group] => Self::Group((*group).to_owned()),
            ["api", version] => Self::Resources(GroupVersion::new("", version)),
            ["apis", group, version] => Self::Resources(GroupVersion::new(group, version)),
            ["api", version, rest @ ..] => object(GroupVersion::new("", version), rest),
            ["apis", group, version, rest @ ..] => object(GroupVersion::new(group, version), rest),
            _ => Self::Unknown,
        }
    }
}

/// A path with slashes where none belong, which is not served. Whose it is, its decoded form says.
fn odd(path: &str) -> Route {
    let decoded = decode(path, false);
    let parts: Vec<&str> = decoded.trim_matches('/').split('/').collect();
    let route = match parts.as_slice() {
        ["api", version, rest @ ..] => object(GroupVersion::new("", version), rest),
        ["apis", group, version, rest @ ..] => object(GroupVersion::new(group, version), rest),
        _ => Route::Unknown,
    };
    match route {
        Route::Object(route) => Route::Below(route),
        other => other,
    }
}

fn object(group_version: GroupVersion, rest: &[&str]) -> Route {
    let (special, rest) = match rest {
        ["watch", rest @ ..] if !rest.is_empty() => (Some(Special::Watch), rest),
        ["proxy", rest @ ..] if !rest.is_empty() => (Some(Special::Proxy), rest),
        rest => (None, rest),
    };
    let core = group_version.group.is_empty();
    let (namespace, rest) = match rest {
        // What follows a namespace's name is a resource in it, but for its own two subresources.
        ["namespaces", _, "status" | "finalize", ..] if core => (None, rest),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some((*namespace).to_owned()), rest),
        rest => (None, rest),
    };
    let [resource, rest @ ..] = rest else { return Route::Unknown };
    let route = ObjectRoute {
        group_version,
        namespace,
        resource: (*resource).to_owned(),
        name: rest.first().map(|name| (*name).to_owned()),
        subresource: rest.get(1).map(|subresource| (*subresource).to_owned()),
        special,
    };
    if rest.len() > 2 { Route::Below(route) } else { Route::Object(route) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(path: &str) -> (Option<String>, String, Option<String>, Option<String>) {
        match Route::parse(path) {
            Route::Object(route) => (route.namespace, route.resource, route.name, route.subresource),
            other => panic!("{path} is {other:?}"),
        }
    }

    #[test]
    fn a_namespace_is_an_object_and_a_place_for_objects() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(parsed("/api/v1/namespaces"), (None, "namespaces".into(), None, None));
        assert_eq!(parsed("/api/v1/namespaces/a"), (None, "namespaces".into(), some("a"), None));
        assert_eq!(parsed("/api/v1/namespaces/a/status"), (None, "namespaces".into(), some("a"), some("status")));
        assert_eq!(parsed("/api/v1/namespaces/a/pods"), (some("a"), "pods".into(), None, None));
        assert_eq!(parsed("/api/v1/namespaces/a/pods/p/log"), (some("a"), "pods".into(), some("p"), some("log")));
        let deployment = (some("a"), "deployments".into(), some("d"), some("scale"));
        assert_eq!(parsed("/apis/apps/v1/namespaces/a/deployments/d/scale"), deployment);
    }

    #[test]
    fn what_is_below_an_object_belongs_to_it() {
        let below = |path: &str| match Route::parse(path) {
            Route::Below(route) => {
                let text = |part: Option<String>| part.unwrap_or_default();
                [text(route.namespace), route.resource, text(route.name), text(route.subresource)].join(" ")
            }
            other => panic!("{path} is {other:?}"),
        };
        assert_eq!(below("/api/v1/namespaces/a/secrets/s/x/y"), "a secrets s x");
        assert_eq!(below("/api/v1/namespaces/a/secrets/s%2Fx"), "a secrets s x");
        assert_eq!(below("/api/v1/namespaces/a/secrets/s/../../../b/secrets"), "a secrets s ..");
        assert_eq!(below("/api/v1/namespaces/a/finalize/x"), " namespaces a finalize");
        assert_eq!(below("/api/v1/namespaces//secrets"), " secrets  ");
        assert_eq!(below("/apis/apps/v1/namespaces/a/deployments/d/scale/x"), "a deployments d scale");
        assert_eq!(below("/api/a%2Fb"), " b  ");
    }

    #[test]
    fn what_is_no_object_is_told_apart() {
        assert_eq!(Route::parse("/api/v1"), Route::Resources(GroupVersion::new("", "v1")));
        assert_eq!(Route::parse("/apis/apps"), Route::Group("apps".into()));
        assert_eq!(Route::parse("/readyz/ping"), Route::Health);
        assert_eq!(Route::parse("/metrics"), Route::Metrics);
        assert_eq!(Route::parse("/metrics/cadvisor"), Route::Unknown);
    }
}
