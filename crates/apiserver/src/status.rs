//! What went wrong, as the `Status` object that Kubernetes answers with.

use cowherd_schema::{FieldError, MAX_ERRORS};
use http::StatusCode;
use serde_json::{Map, Value, json};

/// How many bytes of all mistakes of an object are told, of one of them, and of the name of its field.
const CAUSES_LIMIT: usize = 64 * 1024;
const CAUSE_LIMIT: usize = 8 * 1024;
const FIELD_LIMIT: usize = 1024;

/// The text, or its beginning where it has more than `limit` bytes.
pub fn shorten(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        text.push('…');
    }
    text
}

/// A refusal: becomes a `Status` object with its HTTP code.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct ApiError(Box<Refusal>);

/// What an [`ApiError`] says.
#[derive(Clone, Debug)]
struct Refusal {
    code: StatusCode,
    reason: &'static str,
    message: String,
    metadata: Map<String, Value>,
    details: Map<String, Value>,
}

/// The result of whatever a request asks for.
pub type ApiResult<T> = Result<T, ApiError>;

/// The group and the plural of a resource, as messages name them: `deployments.apps`.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The plural of a resource, or a kind.
    pub name: &'a str,
}

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)?;
        if self.group.is_empty() { Ok(()) } else { write!(f, ".{}", self.group) }
    }
}

impl ApiError {
    /// An error of the given code, reason and message.
    pub fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        let message = shorten(message.into(), 2 * CAUSES_LIMIT);
        Self(Box::new(Refusal { code, reason, message, metadata: Map::new(), details: Map::new() }))
    }

    fn about(mut self, resource: Named<'_>, name: &str) -> Self {
        let details = &mut self.0.details;
        if !name.is_empty() {
            details.insert("name".into(), name.into());
        }
        if !resource.group.is_empty() {
            details.insert("group".into(), resource.group.into());
        }
        if !resource.name.is_empty() {
            details.insert("kind".into(), resource.name.into());
        }
        self
    }

    /// The HTTP code.
    pub fn code(&self) -> StatusCode {
        self.0.code
    }

    /// In how many seconds the request may be made again.
    pub fn retry_after(&self) -> Option<u64> {
        self.0.details.get("retryAfterSeconds").and_then(Value::as_u64)
    }

    /// The machine-readable reason.
    pub fn reason(&self) -> &'static str {
        self.0.reason
    }

    /// No object of that name.
    pub fn not_found(resource: Named<'_>, name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NotFound", format!("{resource} {name:?} not found")).about(resource, name)
    }

    /// No such path.
    pub fn no_such_path() -> Self {
        let message = "the server could not find the requested resource";
        // Clients look for details without asking whether there are any.
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).with_cause(
            "UnexpectedServerResponse",
            "404 page not found",
            None,
        )
    }

    /// An object of that name is there already.
    pub fn already_exists(resource: Named<'_>, name: &str) -> Self {
        let message = format!("{resource} {name:?} already exists");
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message).about(resource, name)
    }

    /// The object is not in the state that the request assumes.
    pub fn conflict(resource: Named<'_>, name: &str, why: impl std::fmt::Display) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::new(StatusCode::CONFLICT, "Conflict", message).about(resource, name)
    }

    /// Somebody else changed the object since it was read.
    pub fn stale(resource: Named<'_>, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(resource, name, why)
    }

    /// The request cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// The object's fields hold mistakes.
    pub fn invalid(kind: Named<'_>, name: &str, errors: &[FieldError]) -> Self {
        let (mut texts, mut causes, mut size) = (Vec::new(), Vec::new(), 0);
        for error in errors.iter().take(MAX_ERRORS) {
            let (field, body) = (shorten(error.field.to_string(), FIELD_LIMIT), shorten(error.body(), CAUSE_LIMIT));
            size += field.len() + body.len();
            if size > CAUSES_LIMIT {
                break;
            }
            texts.push(format!("{field}: {body}"));
            causes.push(json!({"reason": error.kind.reason(), "message": body, "field": field}));
        }
        if causes.len() < errors.len() {
            // How many is not known: nobody looks for more than are told.
            texts.push("and more".to_owned());
        }
        let list = match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let message = format!("{kind} {name:?} is invalid: {list}");
        let mut status = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message).about(kind, name);
        status.0.details.insert("causes".into(), causes.into());
        status
    }

    /// The user may not, or the server does not let anyone.
    pub fn forbidden(resource: Named<'_>, name: &str, why: impl std::fmt::Display) -> Self {
        let message = if name.is_empty() {
            format!("{resource} is forbidden: {why}")
        } else {
            format!("{resource} {name:?} is forbidden: {why}")
        };
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message).about(resource, name)
    }

    /// Nobody knows who asks.
    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized")
    }

    /// The resource has no such verb.
    pub fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    /// The revision asked for is no longer kept.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message)
    }

    /// The revision asked for lies in the future.
    pub fn too_large_resource_version(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message).with_detail("retryAfterSeconds", 1).with_cause(
            "ResourceVersionTooLarge",
            "Too large resource version",
            None,
        )
    }

    /// The server has more to do than it can.
    pub fn too_many_requests() -> Self {
        let message = "the server has received too many requests and has asked us to try again later";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message).with_detail("retryAfterSeconds", 1)
    }

    /// The server ends, and begins nothing that lasts. As kube-apiserver says it.
    pub fn shutting_down() -> Self {
        let message = "The apiserver is shutting down, please try again later.";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message).with_detail("retryAfterSeconds", 5)
    }

    /// The body has more bytes than the server reads.
    pub fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message)
    }

    /// The body's media type is not one of those understood.
    pub fn unsupported_media_type(supported: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            supported.join(", ")
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message)
    }

    /// None of the media types asked for can be written.
    pub fn not_acceptable(supported: &[&str]) -> Self {
        let message = format!("only the following media types are accepted: {}", supported.join(", "));
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message)
    }

    /// The server failed.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let mut status =
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", format!("Internal error occurred: {cause}"));
        status.0.details.insert("causes".into(), json!([{"message": cause.to_string()}]));
        status
    }

    /// The server cannot do this, by design; the message says what is missing.
    pub fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    /// Adds a field to the details.
    #[must_use]
    pub fn with_detail(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.details.insert(field.to_owned(), value.into());
        self
    }

    /// Adds a cause to the details.
    #[must_use]
    pub fn with_cause(mut self, reason: &str, message: &str, field: Option<&str>) -> Self {
        let mut cause = json!({"reason": reason, "message": message});
        if let (Some(field), Value::Object(cause)) = (field, &mut cause) {
            cause.insert("field".into(), field.into());
        }
        match self.0.details.entry("causes").or_insert_with(|| json!([])) {
            Value::Array(causes) => causes.push(cause),
            other => *other = json!([cause]),
        }
        self
    }

    /// Adds a field to the metadata, as the token to continue a list with.
    #[must_use]
    pub fn with_metadata(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.metadata.insert(field.to_owned(), value.into());
        self
    }

    /// The `Status` object.
    pub fn to_status(&self) -> Value {
        let Refusal { code, reason, message, metadata, details } = &*self.0;
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": metadata, "status": "Failure",
            "message": message, "reason": reason, "code": code.as_u16(),
        });
        if let (false, Value::Object(status)) = (details.is_empty(), &mut status) {
            status.insert("details".into(), Value::Object(details.clone()));
        }
        status
    }
}
