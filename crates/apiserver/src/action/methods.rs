//! The table of routes and methods. What is not in it is not served.

use http::Method;

use crate::{
    resource::Resource,
    route::{ObjectRoute, Special},
    status::{ApiError, ApiResult},
};

/// What is done with a collection or an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads a collection.
    List,
    /// Follows a collection or an object.
    Watch,
    /// Reads an object or its status.
    Get,
    /// Makes an object.
    Create,
    /// Replaces an object or its status.
    Update,
    /// Changes an object or its status by a difference.
    Patch,
    /// Deletes an object.
    Delete,
    /// Deletes the objects of a collection.
    DeleteCollection,
    /// Reads a scale.
    GetScale,
    /// Replaces a scale.
    UpdateScale,
    /// Changes a scale by a difference.
    PatchScale,
    /// Says that a namespace is empty.
    Finalize,
    /// Deletes a Pod unless a budget keeps it.
    Evict,
    /// Puts a Pod on a node.
    Bind,
    /// Makes a token of a service account.
    Token,
    /// Asks what only a node can answer.
    AskNode,
}

/// The form of a route below a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A collection that objects can be made in.
    Collection,
    /// A collection across all namespaces.
    Everywhere,
    /// An object.
    Object,
    /// A collection or an object in the old form of a watch.
    Watched,
    /// A subresource of an object.
    Part(&'static str),
}

/// A line of the table: the route, the method, the verb that the user needs, and what is done.
type Row = (Form, &'static str, &'static str, Verb);

const ROWS: &[Row] = &[
    (Form::Collection, "GET", "list", Verb::List),
    (Form::Collection, "POST", "create", Verb::Create),
    (Form::Collection, "DELETE", "deletecollection", Verb::DeleteCollection),
    (Form::Everywhere, "GET", "list", Verb::List),
    (Form::Object, "GET", "get", Verb::Get),
    (Form::Object, "PUT", "update", Verb::Update),
    (Form::Object, "PATCH", "patch", Verb::Patch),
    (Form::Object, "DELETE", "delete", Verb::Delete),
    (Form::Watched, "GET", "watch", Verb::Watch),
    (Form::Part("status"), "GET", "get", Verb::Get),
    (Form::Part("status"), "PUT", "update", Verb::Update),
    (Form::Part("status"), "PATCH", "patch", Verb::Patch),
    (Form::Part("scale"), "GET", "get", Verb::GetScale),
    (Form::Part("scale"), "PUT", "update", Verb::UpdateScale),
    (Form::Part("scale"), "PATCH", "patch", Verb::PatchScale),
    (Form::Part("finalize"), "PUT", "update", Verb::Finalize),
    (Form::Part("eviction"), "POST", "create", Verb::Evict),
    (Form::Part("binding"), "POST", "create", Verb::Bind),
    (Form::Part("token"), "POST", "create", Verb::Token),
    (Form::Part("log"), "GET", "get", Verb::AskNode),
    (Form::Part("exec"), "GET", "get", Verb::AskNode),
    (Form::Part("exec"), "POST", "create", Verb::AskNode),
    (Form::Part("attach"), "GET", "get", Verb::AskNode),
    (Form::Part("attach"), "POST", "create", Verb::AskNode),
    (Form::Part("portforward"), "GET", "get", Verb::AskNode),
    (Form::Part("portforward"), "POST", "create", Verb::AskNode),
];

/// What is done by a method on a route of a resource, and the verb that it takes.
pub fn find(resource: &Resource, route: &ObjectRoute, method: &Method) -> ApiResult<(Verb, &'static str)> {
    let form = form(resource, route).ok_or_else(ApiError::no_such_path)?;
    let row = ROWS.iter().find(|(known, by, ..)| *known == form && *by == method.as_str());
    let (_, _, asked, verb) = row.ok_or_else(ApiError::method_not_allowed)?;
    // A resource may have fewer verbs than most.
    if !matches!(form, Form::Part(_)) && !has(resource, asked) {
        return Err(ApiError::method_not_allowed());
    }
    Ok((*verb, asked))
}

/// The watch that a list becomes.
pub fn watch_of(resource: &Resource) -> ApiResult<Verb> {
    if has(resource, "watch") { Ok(Verb::Watch) } else { Err(ApiError::method_not_allowed()) }
}

fn has(resource: &Resource, verb: &str) -> bool {
    resource.verbs.iter().any(|known| known == verb)
}

/// The form of a route; `None` where the resource has nothing there.
fn form(resource: &Resource, route: &ObjectRoute) -> Option<Form> {
    let within = route.namespace.is_some();
    match (route.special, &route.name, route.subresource.as_deref()) {
        _ if within && !resource.namespaced => None,
        (Some(Special::Watch), name, None) if within || !resource.namespaced || name.is_none() => Some(Form::Watched),
        (Some(_), ..) => None,
        (None, None, None) if resource.namespaced && !within => Some(Form::Everywhere),
        (None, None, None) => Some(Form::Collection),
        (None, Some(_), _) if resource.namespaced && !within => None,
        (None, Some(_), None) => Some(Form::Object),
        (None, Some(_), Some(part)) => part_of(resource, part).map(Form::Part),
        (None, None, Some(_)) => None,
    }
}

/// The subresource of that name, where the resource has it.
fn part_of(resource: &Resource, part: &str) -> Option<&'static str> {
    let found = match part {
        "status" if resource.status => "status",
        "scale" if resource.scale.is_some() => "scale",
        "finalize" if resource.is("", "namespaces") => "finalize",
        "eviction" if resource.is("", "pods") => "eviction",
        "binding" if resource.is("", "pods") => "binding",
        "log" if resource.is("", "pods") => "log",
        "exec" if resource.is("", "pods") => "exec",
        "attach" if resource.is("", "pods") => "attach",
        "portforward" if resource.is("", "pods") => "portforward",
        "token" if resource.is("", "serviceaccounts") => "token",
        _ => return None,
    };
    Some(found)
}
