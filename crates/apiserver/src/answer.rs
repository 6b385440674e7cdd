//! What a request is answered with, written in the form that the client wants.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    body::{self, Body},
    negotiation::{Accepted, Format, Shape},
    object,
    resource::Resource,
    status::{ApiError, ApiResult},
    table,
};

/// What a request is answered with.
pub struct Answer {
    code: StatusCode,
    content: Content,
    warnings: Vec<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// Whether tables hold no objects, their metadata, or all of them.
    include: table::Include,
    /// Whether the answer is the same forever.
    immutable: bool,
}

/// Of an answer: that what it says is kept anyway, for all who ask for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shared;

/// The content of an answer.
enum Content {
    /// An object of a resource.
    Object(Arc<Resource>, Value),
    /// A `Scale`.
    Scale(Value),
    /// A document that has only one form.
    Document(Value),
    /// What is kept anyway, for all who ask for it, of this media type.
    Kept(Body, &'static str),
    /// Nothing but headers.
    Nothing,
    /// Bytes that were written already, or come bit by bit.
    Stream(Body, &'static str),
}

impl Answer {
    fn new(code: StatusCode, content: Content) -> Self {
        let (warnings, headers) = (Vec::new(), Vec::new());
        Self { code, content, warnings, headers, include: table::Include::Metadata, immutable: false }
    }

    /// An object of a resource.
    pub fn object(resource: &Arc<Resource>, object: Value) -> Self {
        Self::new(StatusCode::OK, Content::Object(resource.clone(), object))
    }

    /// An object of a resource that was just made.
    pub fn created(resource: &Arc<Resource>, object: Value) -> Self {
        Self::new(StatusCode::CREATED, Content::Object(resource.clone(), object))
    }

    /// What was written already, in chunks.
    pub fn written(chunks: Vec<Bytes>, media_type: &'static str) -> Self {
        Self::stream(body::chunks(chunks), media_type)
    }

    /// A `Scale`.
    pub fn scale(scale: Value) -> Self {
        Self::new(StatusCode::OK, Content::Scale(scale))
    }

    /// A document that has only one form.
    pub fn document(document: Value) -> Self {
        Self::new(StatusCode::OK, Content::Document(document))
    }

    /// Bytes of this media type.
    pub fn bytes(bytes: impl Into<Bytes>, media_type: &'static str) -> Self {
        Self::kept(body::full(bytes), media_type)
    }

    /// What is kept anyway, for all who ask for it, and takes no more room for one more of them.
    pub fn kept(body: Body, media_type: &'static str) -> Self {
        Self::new(StatusCode::OK, Content::Kept(body, media_type))
    }

    /// That the client has the answer already.
    pub fn not_modified() -> Self {
        Self::new(StatusCode::NOT_MODIFIED, Content::Nothing)
    }

    /// That the answer is to be had there, and no longer here.
    pub fn moved(location: &str) -> Self {
        Self::new(StatusCode::MOVED_PERMANENTLY, Content::Nothing).with_headers([(header::LOCATION, location)])
    }

    /// What comes bit by bit.
    pub fn stream(stream: Body, media_type: &'static str) -> Self {
        Self::new(StatusCode::OK, Content::Stream(stream, media_type))
    }

    /// A refusal.
    pub fn error(error: &ApiError) -> Self {
        let answer = Self::new(error.code(), Content::Document(error.to_status()));
        match error.retry_after() {
            Some(seconds) => answer.with_headers([(header::RETRY_AFTER, seconds.to_string().as_str())]),
            None => answer,
        }
    }

    /// The same with another code.
    #[must_use]
    pub fn with_code(mut self, code: StatusCode) -> Self {
        self.code = code;
        self
    }

    /// The same with warnings for the person at the terminal.
    #[must_use]
    pub fn with_warnings(mut self, warnings: impl IntoIterator<Item = String>) -> Self {
        self.warnings.extend(warnings);
        self
    }

    /// The same with headers; what cannot stand in one is left out.
    #[must_use]
    pub fn with_headers<'a>(mut self, headers: impl IntoIterator<Item = (HeaderName, &'a str)>) -> Self {
        let headers = headers.into_iter();
        self.headers.extend(headers.filter_map(|(name, value)| Some((name, HeaderValue::from_str(value).ok()?))));
        self
    }

    /// The same with more or less of the objects in tables.
    #[must_use]
    pub fn including(mut self, include: table::Include) -> Self {
        self.include = include;
        self
    }

    /// The same, to be kept by the client for as long as it likes.
    #[must_use]
    pub fn forever(mut self) -> Self {
        self.immutable = true;
        self
    }

    /// The answer in the form that the client wants.
    pub fn into_response(self, accepted: ApiResult<Accepted>) -> Response<Body> {
        let (code, warnings, immutable) = (self.code, self.warnings, self.immutable);
        let (headers, is_shared) = (self.headers, matches!(self.content, Content::Kept(..)));
        let written = match self.content {
            // These have one form only, whatever the client would rather have.
            Content::Kept(body, media_type) | Content::Stream(body, media_type) => Ok((body, media_type)),
            Content::Nothing => Ok((body::full(Bytes::new()), "")),
            content => accepted.and_then(|accepted| {
                let document = match accepted.shape {
                    Shape::Table => tabled(content, self.include),
                    Shape::Metadata => partial(content),
                    Shape::Whole | Shape::Discovery => whole(content),
                };
                write(&document, accepted.format)
            }),
        };
        match written {
            Ok((body, media_type)) => {
                let mut response = response(code, body, media_type, &warnings);
                response.headers_mut().extend(headers);
                if is_shared {
                    response.extensions_mut().insert(Shared);
                }
                if immutable {
                    let forever = HeaderValue::from_static("public, immutable, max-age=31536000");
                    response.headers_mut().insert(header::CACHE_CONTROL, forever);
                }
                response
            }
            Err(error) => {
                let bytes = serde_json::to_vec(&error.to_status()).unwrap_or_default();
                response(error.code(), body::full(bytes), Format::Json.media_type(), &[])
            }
        }
    }
}

/// How many characters of warnings are sent in all, and of one of them where they are more.
const WARNINGS_LIMIT: usize = 4096;
const LONG_WARNING: usize = 256;
/// How many warnings are sent: clients refuse answers with more than a hundred headers, as Rust's do.
const MOST_WARNINGS: usize = 64;

/// The warnings, each once; where they are too long together, the beginnings of as many as fit.
fn within_limit(warnings: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut each: Vec<&String> = warnings.iter().filter(|warning| seen.insert(*warning)).collect();
    let length = |text: &str| text.chars().count();
    each.truncate(MOST_WARNINGS);
    if each.iter().map(|text| length(text)).sum::<usize>() <= WARNINGS_LIMIT {
        return each.into_iter().cloned().collect();
    }
    let mut written = 0;
    let fits = |text: &String| {
        let fits = written < WARNINGS_LIMIT;
        written += length(text);
        fits
    };
    each.into_iter().map(|text| text.chars().take(LONG_WARNING).collect()).take_while(fits).collect()
}

fn response(code: StatusCode, body: Body, media_type: &'static str, warnings: &[String]) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let headers = response.headers_mut();
    if !media_type.is_empty() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    for warning in within_limit(warnings) {
        let text: String = warning.chars().filter(|c| !c.is_control()).collect();
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            headers.append(header::WARNING, value);
        }
    }
    response
}

/// Writes a document in a format.
pub fn write(document: &Value, format: Format) -> ApiResult<(Body, &'static str)> {
    let mut bytes = match format {
        Format::Json => serde_json::to_vec(document).map_err(ApiError::internal)?,
        Format::Yaml => cowherd_yaml::to_string(document).into_bytes(),
    };
    if format == Format::Json {
        bytes.push(b'\n');
    }
    Ok((body::full(bytes), format.media_type()))
}

fn whole(content: Content) -> Value {
    match content {
        Content::Object(_, object) | Content::Scale(object) | Content::Document(object) => object,
        Content::Kept(..) | Content::Stream(..) | Content::Nothing => Value::Null,
    }
}

fn tabled(content: Content, include: table::Include) -> Value {
    match content {
        Content::Object(resource, object) => {
            let metadata = json!({"resourceVersion": object::resource_version(&object)});
            table::table(&resource, vec![object], metadata, include, true)
        }
        Content::Scale(scale) => table::scale(scale, include),
        content => whole(content),
    }
}

fn partial(content: Content) -> Value {
    match content {
        Content::Object(_, object) | Content::Scale(object) => metadata_only(object),
        content => whole(content),
    }
}

/// An object of which only the metadata is left.
pub fn metadata_only(mut object: Value) -> Value {
    let metadata = object.get_mut("metadata").map(Value::take).unwrap_or_default();
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata})
}
