//! What a request means: one value of which follow both what the user must be allowed to do and what is then done.

mod methods;

use std::sync::Arc;

use cowherd_kinds::names;
use http::Method;

use crate::{
    authorization::Attributes,
    catalog::Catalog,
    discovery::groups,
    query::{Query, decode},
    resource::Resource,
    reviews::Review,
    route::{GroupVersion, ObjectRoute, Route, Special},
    selector::Selection,
    status::{ApiError, ApiResult},
};

pub use methods::Verb;

/// What a request means.
#[derive(Debug)]
pub struct Action {
    /// What the user must be allowed to do, also where nothing is served: who may not ask is not told so.
    pub attributes: Attributes,
    /// What is done then, or why nothing is.
    pub deed: ApiResult<Deed>,
}

/// What is done.
#[derive(Debug)]
pub enum Deed {
    /// A document is read that describes the server.
    Document(Route),
    /// A question is answered, about a namespace where it is asked in one.
    Review(&'static Review, Option<String>),
    /// Something is done with a collection or an object.
    Object(ObjectDeed),
}

/// What is done with a collection or an object.
#[derive(Debug)]
pub struct ObjectDeed {
    /// What is done.
    pub verb: Verb,
    /// The resource.
    pub resource: Arc<Resource>,
    /// The namespace; empty for resources outside namespaces and for all namespaces.
    pub namespace: String,
    /// The object; empty for a collection.
    pub name: String,
    /// What of the object.
    pub subresource: Option<String>,
}

impl Deed {
    /// Whether its answer is made as it is read, or is kept anyway.
    pub fn comes_bit_by_bit(&self) -> bool {
        match self {
            Self::Document(_) => true,
            Self::Object(deed) => matches!(deed.verb, Verb::List | Verb::Watch),
            Self::Review(..) => false,
        }
    }
}

impl Action {
    /// What a method on a path means.
    pub fn resolve(catalog: &Catalog, method: &Method, path: &str, query: &Query) -> Self {
        match Route::parse(path) {
            Route::Object(route) => {
                let served = served(catalog, method, &route, query);
                of_objects(catalog, method, route, query, served)
            }
            Route::Below(route) => of_objects(catalog, method, route, query, Err(ApiError::no_such_path())),
            route => of_documents(catalog, method, path, route),
        }
    }
}

fn of_documents(catalog: &Catalog, method: &Method, path: &str, route: Route) -> Action {
    let attributes =
        Attributes { verb: method.as_str().to_lowercase(), path: Some(decode(path, false)), ..Attributes::default() };
    let deed = match (&route, method) {
        (Route::Unknown, _) => Err(ApiError::no_such_path()),
        (_, &Method::GET) | (Route::Health, &Method::HEAD) => Ok(Deed::Document(route)),
        (Route::Group(group), _) if groups::group(catalog, group).is_none() => Err(ApiError::no_such_path()),
        _ => Err(ApiError::method_not_allowed()),
    };
    Action { attributes, deed }
}

fn of_objects(catalog: &Catalog, method: &Method, route: ObjectRoute, query: &Query, served: Served) -> Action {
    let (verb, deed) = match served {
        Ok((verb, deed)) => (verb, Ok(deed)),
        Err(refused) => (unserved_verb(method, &route, query), Err(refused)),
    };
    // The namespace of a Namespace is itself: its own roles say who may do what with it.
    let of_itself = route.resource == "namespaces" && route.namespace.is_none();
    let namespace = if of_itself { route.name.clone() } else { route.namespace.clone() };
    let selected = matches!(verb, "list" | "watch") && route.special.is_none();
    let name = match route.name {
        None if selected => selected_name(catalog, &route.group_version, &route.resource, query),
        name => name,
    };
    let attributes = Attributes {
        verb: verb.to_owned(),
        namespace: namespace.unwrap_or_default(),
        group: route.group_version.group,
        resource: route.resource,
        subresource: route.subresource.unwrap_or_default(),
        name: name.unwrap_or_default(),
        path: None,
    };
    Action { attributes, deed }
}

/// What is done, with the verb that it takes.
type Served = ApiResult<(&'static str, Deed)>;

fn served(catalog: &Catalog, method: &Method, route: &ObjectRoute, query: &Query) -> Served {
    if let Some(review) = Review::at(route) {
        return match (method, &route.name, route.special) {
            (&Method::POST, None, None) if review.namespaced == route.namespace.is_some() => {
                Ok(("create", Deed::Review(review, route.namespace.clone())))
            }
            (_, None, None) if review.namespaced == route.namespace.is_some() => Err(ApiError::method_not_allowed()),
            _ => Err(ApiError::no_such_path()),
        };
    }
    let resource = catalog.find(&route.group_version, &route.resource).ok_or_else(ApiError::no_such_path)?;
    let (verb, asked) = methods::find(&resource, route, method)?;
    // A list that goes on is a watch.
    let (verb, asked) = match verb {
        Verb::List if query.flag("watch") => (methods::watch_of(&resource)?, "watch"),
        verb => (verb, asked),
    };
    let deed = ObjectDeed {
        verb,
        resource,
        namespace: route.namespace.clone().unwrap_or_default(),
        name: route.name.clone().unwrap_or_default(),
        subresource: route.subresource.clone(),
    };
    Ok((asked, Deed::Object(deed)))
}

/// The verb of what is not served, as Kubernetes names it: nobody but who has it is told that nothing is there.
fn unserved_verb(method: &Method, route: &ObjectRoute, query: &Query) -> &'static str {
    let collection = route.name.is_none();
    match (route.special, method.as_str()) {
        (Some(Special::Watch), _) => "watch",
        (Some(Special::Proxy), _) => "proxy",
        (None, "GET" | "HEAD") if collection && query.flag("watch") => "watch",
        (None, "GET" | "HEAD") if collection => "list",
        (None, "GET" | "HEAD") => "get",
        (None, "POST") => "create",
        (None, "PUT") => "update",
        (None, "PATCH") => "patch",
        (None, "DELETE") if collection => "deletecollection",
        (None, "DELETE") => "delete",
        _ => "",
    }
}

/// The one object that a list or a watch can hold, where its field selector names it.
fn selected_name(catalog: &Catalog, group_version: &GroupVersion, plural: &str, query: &Query) -> Option<String> {
    let resource = catalog.find(group_version, plural)?;
    let selection = Selection::parse(query, &resource).ok()?;
    let name = selection.name()?;
    names::path_segment(name, false).is_empty().then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(method: &str, path: &str) -> Action {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        Action::resolve(&Catalog::new(), &method, path, &Query::parse(query))
    }

    fn asked(method: &str, path: &str) -> (String, String, String) {
        let Attributes { verb, namespace, name, .. } = resolved(method, path).attributes;
        (verb, namespace, name)
    }

    fn refused(method: &str, path: &str) -> u16 {
        resolved(method, path).deed.map(|_| ()).unwrap_err().code().as_u16()
    }

    fn verb(method: &str, path: &str) -> Verb {
        match resolved(method, path).deed {
            Ok(Deed::Object(deed)) => deed.verb,
            other => panic!("{method} {path} is {other:?}"),
        }
    }

    fn texts(verb: &str, namespace: &str, name: &str) -> (String, String, String) {
        (verb.to_owned(), namespace.to_owned(), name.to_owned())
    }

    #[test]
    fn what_is_asked_is_what_is_done() {
        for (method, path, asked, done) in [
            ("GET", "/api/v1/secrets", "list", Verb::List),
            ("GET", "/api/v1/secrets?watch", "watch", Verb::Watch),
            ("GET", "/api/v1/secrets?watch=0", "list", Verb::List),
            ("GET", "/api/v1/watch/secrets", "watch", Verb::Watch),
            ("GET", "/api/v1/watch/namespaces/a/secrets/b", "watch", Verb::Watch),
            ("GET", "/api/v1/namespaces/a/secrets/b?watch=true", "get", Verb::Get),
            ("POST", "/api/v1/namespaces/a/secrets", "create", Verb::Create),
            ("PUT", "/api/v1/namespaces/a/secrets/b", "update", Verb::Update),
            ("PATCH", "/api/v1/namespaces/a/secrets/b", "patch", Verb::Patch),
            ("DELETE", "/api/v1/namespaces/a/secrets/b", "delete", Verb::Delete),
            ("DELETE", "/api/v1/namespaces/a/secrets", "deletecollection", Verb::DeleteCollection),
            ("POST", "/api/v1/namespaces/a/serviceaccounts/b/token", "create", Verb::Token),
            ("PUT", "/api/v1/namespaces/a/finalize", "update", Verb::Finalize),
            ("GET", "/apis/apps/v1/namespaces/a/deployments/b/scale", "get", Verb::GetScale),
        ] {
            assert_eq!(resolved(method, path).attributes.verb, asked, "{method} {path}");
            assert_eq!(verb(method, path), done, "{method} {path}");
        }
    }

    #[test]
    fn a_method_that_a_route_does_not_have_does_nothing() {
        for method in ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "MEND"] {
            assert_eq!(refused(method, "/api/v1/watch/namespaces/a/secrets"), 405, "{method}");
            assert_eq!(resolved(method, "/api/v1/watch/namespaces/a/secrets").attributes.verb, "watch");
        }
        assert_eq!(refused("DELETE", "/api/v1/secrets"), 405);
        assert_eq!(refused("POST", "/readyz"), 405);
        assert_eq!(asked("MEND", "/api/v1/secrets"), texts("", "", ""));
        assert_eq!(refused("GET", "/api/v1/watch/namespaces/a/pods/b/log"), 404);
        assert_eq!(refused("GET", "/api/v1/secrets/b"), 404);
        assert_eq!(refused("GET", "/api/v1/watch/secrets/b"), 404, "it is in no namespace");
        assert_eq!(verb("GET", "/api/v1/watch/nodes/b"), Verb::Watch);
        assert_eq!(refused("GET", "/api/v1/namespaces/a/nodes"), 404);
    }

    #[test]
    fn a_part_of_an_object_is_found_only_where_its_kind_has_it() {
        let parts = [
            ("namespaces", "finalize"),
            ("pods", "eviction"),
            ("pods", "binding"),
            ("pods", "log"),
            ("pods", "exec"),
            ("pods", "attach"),
            ("pods", "portforward"),
            ("serviceaccounts", "token"),
        ];
        for (owner, part) in parts {
            for plural in ["namespaces", "pods", "serviceaccounts", "configmaps"].into_iter().filter(|it| *it != owner)
            {
                let place = if plural == "namespaces" { "" } else { "namespaces/a/" };
                let path = format!("/api/v1/{place}{plural}/b/{part}");
                for method in ["GET", "POST", "PUT"] {
                    assert_eq!(refused(method, &path), 404, "{method} {path}");
                }
            }
        }
    }

    #[test]
    fn a_document_is_asked_for_by_its_method_and_its_path() {
        let asked = |method: &str, path: &str| {
            let Attributes { verb, path, resource, .. } = resolved(method, path).attributes;
            assert_eq!(resource, "");
            (verb, path.unwrap())
        };
        assert_eq!(asked("GET", "/readyz/p%69ng"), ("get".to_owned(), "/readyz/ping".to_owned()));
        assert_eq!(asked("MEND", "/apis/apps"), ("mend".to_owned(), "/apis/apps".to_owned()));
        assert!(matches!(resolved("GET", "/apis/apps").deed, Ok(Deed::Document(Route::Group(_)))));
        assert!(matches!(resolved("HEAD", "/readyz").deed, Ok(Deed::Document(Route::Health))));
        assert_eq!(refused("HEAD", "/apis/apps"), 405);
        assert_eq!(refused("POST", "/apis/apps"), 405);
        assert_eq!(refused("POST", "/apis/unknown.io"), 404);
        for path in ["/unknown", "/api/v1/namespaces//secrets", "/api/v1/namespaces/a%2Fb", "//x/api/v1/secrets"] {
            assert_eq!(refused("GET", path), 404, "{path}");
        }
    }

    #[test]
    fn a_question_is_made_and_nothing_else() {
        let own = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let local = "/apis/authorization.k8s.io/v1/namespaces/a/localsubjectaccessreviews";
        assert!(matches!(resolved("POST", own).deed, Ok(Deed::Review(_, None))));
        assert!(matches!(resolved("POST", local).deed, Ok(Deed::Review(_, Some(namespace))) if namespace == "a"));
        assert_eq!(asked("POST", local), texts("create", "a", ""));
        for (method, path, code) in [
            ("GET", own.to_owned(), 405),
            ("POST", format!("{own}/x"), 404),
            ("POST", own.replace("/v1/", "/v1/watch/"), 404),
            ("POST", own.replace("/v1/", "/v1/namespaces/a/"), 404),
            ("POST", local.replace("/namespaces/a", ""), 404),
            ("DELETE", local.to_owned(), 405),
        ] {
            assert_eq!(refused(method, &path), code, "{method} {path}");
        }
    }

    #[test]
    fn what_is_not_there_takes_the_verb_that_it_would_have() {
        for (method, path, verb) in [
            ("GET", "/api/v1/unknowns", "list"),
            ("GET", "/api/v1/unknowns?watch=1", "watch"),
            ("GET", "/api/v1/namespaces/a/unknowns/b?watch=1", "get"),
            ("HEAD", "/api/v1/namespaces/a/secrets/b", "get"),
            ("POST", "/api/v1/namespaces/a/secrets/b", "create"),
            ("PUT", "/api/v1/namespaces/a/secrets", "update"),
            ("PATCH", "/api/v1/namespaces/a/secrets", "patch"),
            ("DELETE", "/api/v1/unknowns", "deletecollection"),
            ("DELETE", "/api/v1/namespaces/a/unknowns/b", "delete"),
            ("GET", "/api/v1/proxy/namespaces/a/pods/b", "proxy"),
            ("DELETE", "/api/v1/watch/unknowns", "watch"),
            ("OPTIONS", "/api/v1/secrets", ""),
        ] {
            assert!(resolved(method, path).deed.is_err(), "{method} {path}");
            assert_eq!(resolved(method, path).attributes.verb, verb, "{method} {path}");
        }
    }

    #[test]
    fn a_namespace_is_in_itself_and_a_selected_name_is_a_name() {
        assert_eq!(asked("GET", "/api/v1/namespaces/a"), texts("get", "a", "a"));
        assert_eq!(asked("GET", "/api/v1/namespaces/a/status"), texts("get", "a", "a"));
        assert_eq!(asked("GET", "/api/v1/namespaces"), texts("list", "", ""));
        let by_name = "/api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Db";
        assert_eq!(asked("GET", by_name), texts("list", "a", "b"));
        assert_eq!(asked("GET", &format!("{by_name}&watch=1")), texts("watch", "a", "b"));
        assert_eq!(asked("DELETE", by_name), texts("deletecollection", "a", ""));
        assert_eq!(asked("HEAD", by_name), texts("list", "a", "b"));
        // The old form of a watch is one of the whole collection for who may ask, whatever it selects.
        let old = "/api/v1/watch/namespaces/a/secrets?fieldSelector=metadata.name%3Db";
        assert_eq!(asked("GET", old), texts("watch", "a", ""));
        let no_name = "/api/v1/namespaces/a/secrets?fieldSelector=metadata.name%3Db%252Fc";
        assert_eq!(asked("GET", &no_name.replace("%25", "%")), texts("list", "a", ""));
        let other = "/api/v1/namespaces/a/secrets?fieldSelector=metadata.name!%3Db";
        assert_eq!(asked("GET", other), texts("list", "a", ""));
    }
}
