//! Questions that are asked by making an object that is not kept: who am I, may I.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::{
    answer::Answer,
    authorization::{Attributes, allows},
    identity::User,
    object::{at, text_at},
    route::ObjectRoute,
    server::ApiServer,
    service::Call,
    status::{ApiError, ApiResult},
};

/// A resource that only answers.
#[derive(Clone, Copy, Debug)]
pub struct Review {
    /// The group.
    pub group: &'static str,
    /// The name in URLs.
    pub plural: &'static str,
    /// `kind` of the objects.
    pub kind: &'static str,
    /// Whether it is asked in a namespace.
    pub namespaced: bool,
    /// The type's name in Kubernetes' OpenAPI document.
    pub definition: &'static str,
}

/// How many bytes the rules have that are told of.
const RULES: usize = 1024 * 1024;

/// Every question that can be asked, all in version v1.
pub const REVIEWS: &[Review] = &[
    Review {
        group: "authentication.k8s.io",
        plural: "selfsubjectreviews",
        kind: "SelfSubjectReview",
        namespaced: false,
        definition: "io.k8s.api.authentication.v1.SelfSubjectReview",
    },
    Review {
        group: "authentication.k8s.io",
        plural: "tokenreviews",
        kind: "TokenReview",
        namespaced: false,
        definition: "io.k8s.api.authentication.v1.TokenReview",
    },
    Review {
        group: "authorization.k8s.io",
        plural: "localsubjectaccessreviews",
        kind: "LocalSubjectAccessReview",
        namespaced: true,
        definition: "io.k8s.api.authorization.v1.LocalSubjectAccessReview",
    },
    Review {
        group: "authorization.k8s.io",
        plural: "selfsubjectaccessreviews",
        kind: "SelfSubjectAccessReview",
        namespaced: false,
        definition: "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
    },
    Review {
        group: "authorization.k8s.io",
        plural: "selfsubjectrulesreviews",
        kind: "SelfSubjectRulesReview",
        namespaced: false,
        definition: "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
    },
    Review {
        group: "authorization.k8s.io",
        plural: "subjectaccessreviews",
        kind: "SubjectAccessReview",
        namespaced: false,
        definition: "io.k8s.api.authorization.v1.SubjectAccessReview",
    },
];

impl Review {
    /// The question that is asked at a route.
    pub fn at(route: &ObjectRoute) -> Option<&'static Self> {
        let group_version = &route.group_version;
        REVIEWS.iter().find(|review| {
            review.group == group_version.group && group_version.version == "v1" && review.plural == route.resource
        })
    }
}

/// Answers a question; one that is asked in a namespace is about that namespace.
pub async fn answer(server: &ApiServer, call: &Call, review: &Review, namespace: Option<&str>) -> ApiResult<Answer> {
    let mut asked = crate::rest::document(call)?.value;
    if !asked.is_object() {
        return Err(ApiError::bad_request(format!("the body must be a {}", review.kind)));
    }
    let spec = asked.get("spec").cloned().unwrap_or_default();
    if let Some(namespace) = namespace.filter(|own| text_at(&spec, &["resourceAttributes", "namespace"]) != *own) {
        let why = format!("spec.resourceAttributes.namespace must match namespace: {namespace}");
        return Err(ApiError::bad_request(why));
    }
    let status = match review.kind {
        "SelfSubjectReview" => json!({"userInfo": user_info(&call.user)}),
        "TokenReview" => token(server, &spec).await?,
        "SelfSubjectRulesReview" => rules(server, &call.user, text_at(&spec, &["namespace"]))?,
        "SelfSubjectAccessReview" => verdict(server, &call.user, &spec).await?,
        _ => verdict(server, &subject(&spec), &spec).await?,
    };
    let map = crate::object::as_map(&mut asked);
    map.insert("kind".to_owned(), review.kind.into());
    map.insert("apiVersion".to_owned(), format!("{}/v1", review.group).into());
    map.insert("status".to_owned(), status);
    let metadata = map.entry("metadata").or_insert(Value::Null);
    if metadata.is_null() {
        *metadata = json!({"creationTimestamp": null});
    }
    Ok(Answer::document(asked).with_code(StatusCode::CREATED))
}

async fn token(server: &ApiServer, spec: &Value) -> ApiResult<Value> {
    let wanted = spec.get("audiences").and_then(Value::as_array).into_iter().flatten();
    let wanted: Vec<&str> = wanted.filter_map(Value::as_str).collect();
    Ok(match crate::tokens::check(server, text_at(spec, &["token"]), &wanted).await? {
        Ok((user, audiences)) => json!({"authenticated": true, "user": user_info(&user), "audiences": audiences}),
        Err(why) => json!({"authenticated": false, "error": why, "user": {}}),
    })
}

fn user_info(user: &User) -> Value {
    let mut info = Map::new();
    info.insert("username".to_owned(), user.name.as_str().into());
    if !user.uid.is_empty() {
        info.insert("uid".to_owned(), user.uid.as_str().into());
    }
    info.insert("groups".to_owned(), user.groups.clone().into());
    if !user.extra.is_empty() {
        info.insert("extra".to_owned(), json!(user.extra));
    }
    Value::Object(info)
}

fn subject(spec: &Value) -> User {
    let groups = spec.get("groups").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    User {
        name: text_at(spec, &["user"]).to_owned(),
        uid: text_at(spec, &["uid"]).to_owned(),
        groups: groups.map(str::to_owned).collect(),
        extra: Default::default(),
    }
}

async fn verdict(server: &ApiServer, user: &User, spec: &Value) -> ApiResult<Value> {
    let attributes = match (at(spec, &["resourceAttributes"]), at(spec, &["nonResourceAttributes"])) {
        (Some(resource), None) => {
            let text = |field: &str| text_at(resource, &[field]).to_owned();
            Attributes {
                verb: text("verb"),
                namespace: text("namespace"),
                group: text("group"),
                resource: text("resource"),
                subresource: text("subresource"),
                name: text("name"),
                path: None,
            }
        }
        (None, Some(other)) => Attributes {
            verb: text_at(other, &["verb"]).to_owned(),
            path: Some(text_at(other, &["path"]).to_owned()),
            ..Attributes::default()
        },
        _ => {
            return Err(ApiError::bad_request(
                "exactly one of nonResourceAttributes or resourceAttributes must be specified",
            ));
        }
    };
    Ok(json!({"allowed": allows(server, user, &attributes).await?}))
}

/// What somebody may do, as far as it can be told.
fn rules(server: &ApiServer, user: &User, namespace: &str) -> ApiResult<Value> {
    let policy = server.policies().of(user, namespace);
    let (mut resources, mut others, mut size) = (Vec::new(), Vec::new(), 0);
    for rule in policy.rules(user) {
        let told = serde_json::to_value(rule).map_err(ApiError::internal)?;
        size += rule.size();
        if size > RULES {
            let why = format!("the rules take more than {RULES} bytes");
            return Ok(json!({
                "resourceRules": resources, "nonResourceRules": others, "incomplete": true, "evaluationError": why,
            }));
        }
        if rule.non_resource_urls.is_empty() { &mut resources } else { &mut others }.push(told);
    }
    Ok(json!({"resourceRules": resources, "nonResourceRules": others, "incomplete": false}))
}
