//! Watching a collection: what is there, if asked for, then every change as it happens.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use cowherd_schema::{FieldError, FieldPath};
use cowherd_store::{Event, EventKind, Revision};
use futures::{FutureExt, Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Request,
    list::{Span, at_least, read},
    storage::read_failed,
};
use crate::{
    answer::{Answer, metadata_only},
    body,
    negotiation::{Accepted, Format, Shape},
    object,
    query::Query,
    selector::Selection,
    server::ApiServer,
    status::{ApiError, ApiResult, Named},
    stored::{Outlet, Stored},
    table::{self, Include},
};

/// How many bytes of events are put into one chunk at most, but for a single larger event.
const CHUNK: usize = 64 * 1024;

/// Where a watch begins.
enum Start {
    /// With what is there now.
    State,
    /// With what is there now, and a bookmark after it.
    StateThenBookmark,
    /// After a revision.
    After(Revision),
}

/// Answers with events as they happen.
pub async fn watch(request: &Request<'_>) -> ApiResult<Answer> {
    let query = &request.call.query;
    let resource = &request.resource;
    let mut selection = Selection::parse(query, resource)?;
    if !request.name.is_empty() {
        selection = selection.and_name(request.name);
    }
    let mut writer = Writer::new(request, selection)?;
    let selection = &writer.outlet.selection;
    let namespace = Some(request.namespace).filter(|namespace| !namespace.is_empty());
    let prefix = match (selection.name(), namespace, resource.namespaced) {
        (Some(name), Some(namespace), true) => resource.key(namespace, name),
        (Some(name), None, false) => resource.key("", name),
        _ => resource.collection_prefix(namespace),
    };
    let time = duration(request, query)?;
    let mut pending = VecDeque::new();
    let start = start(request, query).await?;
    let (from, initial) = match start {
        Start::After(revision) => (revision, None),
        Start::State | Start::StateThenBookmark => {
            let then_bookmark = matches!(start, Start::StateThenBookmark);
            let mut initial = Initial {
                server: request.server.clone(),
                prefix: prefix.clone(),
                after: None,
                count: FIRST_PAGE,
                revision: None,
                then_bookmark,
            };
            let last = initial.read(&mut writer, &mut pending).await.map_err(read_failed)?;
            let revision = match initial.revision {
                Some(revision) => revision,
                None => request.server.store().revision().await.map_err(read_failed)?,
            };
            (revision, (!last).then_some(initial))
        }
    };
    let events = match request.server.store().watch(&prefix, from).await {
        Ok(events) => events,
        Err(cowherd_store::Error::Compacted { oldest }) => {
            let error = ApiError::expired(format!("too old resource version: {from} ({oldest})"));
            let event = Bytes::from(Writer::error(&error));
            return Ok(Answer::stream(body::streamed(stream::iter([event])), writer.media_type()));
        }
        Err(error) => return Err(read_failed(error)),
    };
    let interval = request.server.config().bookmark_interval;
    let watching = Watching {
        pending,
        initial,
        events,
        bookmarks: query.flag("allowWatchBookmarks").then_some(interval),
        next_bookmark: Instant::now() + interval,
        end: Instant::now() + time,
        closing: request.server.closing().clone(),
        retired: resource.custom_version().map(|version| version.retired.clone()).unwrap_or_default(),
        over: false,
        writer,
    };
    let media_type = watching.writer.media_type();
    Ok(Answer::stream(body::streamed(watching.chunks()), media_type))
}

async fn start(request: &Request<'_>, query: &Query) -> ApiResult<Start> {
    let version = query.get("resourceVersion");
    let matching = query.get("resourceVersionMatch");
    let initial = query.get("sendInitialEvents").map(|value| value != "false" && value != "0");
    let refuse =
        |error: FieldError| Err(ApiError::invalid(Named { group: "meta.k8s.io", name: "ListOptions" }, "", &[error]));
    match (initial, matching) {
        (None, Some(_)) => {
            let field = FieldPath::new("resourceVersionMatch");
            return refuse(FieldError::forbidden(
                &field,
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
            ));
        }
        (Some(_), Some("NotOlderThan")) | (None, None) => {}
        (Some(_), _) => {
            let field = FieldPath::new("resourceVersionMatch");
            return refuse(FieldError::forbidden(
                &field,
                "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
            ));
        }
    }
    let revision = at_least(request.server, version).await?;
    Ok(match (initial, revision) {
        (Some(true), _) if query.flag("allowWatchBookmarks") => Start::StateThenBookmark,
        (Some(true), _) => Start::State,
        (Some(false), None) => Start::After(request.server.store().revision().await.map_err(read_failed)?),
        (_, Some(revision)) => Start::After(revision),
        (None, None) => Start::State,
    })
}

/// How long the watch lasts. Those that name no time end at different times, so that not all come back at once.
fn duration(request: &Request<'_>, query: &Query) -> ApiResult<Duration> {
    if let Some(seconds) = query.number("timeoutSeconds")?.filter(|seconds| *seconds > 0) {
        return Ok(Duration::from_secs(seconds.min(24 * 60 * 60)));
    }
    let least = request.server.config().watch_time;
    let [spread] = crate::random::bytes::<1>()?;
    Ok(least + least.mul_f64(f64::from(spread) / 256.0))
}

/// A watch under way.
struct Watching {
    writer: Writer,
    pending: VecDeque<Vec<u8>>,
    /// What of the state at the beginning has not been read yet.
    initial: Option<Initial>,
    events: cowherd_store::Watch,
    bookmarks: Option<Duration>,
    next_bookmark: Instant,
    end: Instant,
    closing: CancellationToken,
    retired: CancellationToken,
    over: bool,
}

/// How many objects of the state at the beginning are read first. More are read as the client takes them, so that one
/// that takes none costs no more than these, however large they are.
const FIRST_PAGE: u64 = 1;
/// How many are read at a time at most, and how many bytes they should come to.
const PAGE: u64 = 500;
const PAGE_SIZE: usize = CHUNK;

/// The rest of the state that a watch begins with.
struct Initial {
    server: ApiServer,
    prefix: String,
    after: Option<String>,
    /// How many objects are read next.
    count: u64,
    /// The revision whose state it is; that of the first page.
    revision: Option<Revision>,
    /// Whether a bookmark ends it.
    then_bookmark: bool,
}

impl Initial {
    /// Reads the next objects; whether they were the last ones.
    async fn read(
        &mut self,
        writer: &mut Writer,
        pending: &mut VecDeque<Vec<u8>>,
    ) -> Result<bool, cowherd_store::Error> {
        let (prefix, after) = (self.prefix.clone(), self.after.take());
        let span = Span { prefix, limit: Some(self.count), after, at: self.revision, counted: false };
        let outlet = writer.outlet.clone();
        let (mut count, mut size) = (0, 0);
        let listing = read(&self.server, &outlet, span, |object| {
            let event = writer.event("ADDED", object)?;
            (count, size) = (count + 1, size + event.len());
            pending.push_back(event);
            Ok(())
        });
        let listing = listing.await?;
        self.revision = Some(listing.revision);
        let size = size / count.max(1);
        self.count = u64::try_from(PAGE_SIZE / size.max(1)).unwrap_or(PAGE).clamp(1, PAGE);
        self.after = listing.last;
        let last = self.after.is_none();
        if last && self.then_bookmark {
            pending.push_back(writer.bookmark(listing.revision, true));
        }
        Ok(last)
    }
}

/// What a watch waits for.
enum Next {
    Event(Option<Result<Event, cowherd_store::Error>>),
    Bookmark,
    End,
}

impl Watching {
    fn chunks(self) -> impl Stream<Item = Bytes> + Send + 'static {
        stream::unfold(self, |mut watching| async move {
            let chunk = watching.chunk().await?;
            Some((chunk, watching))
        })
    }

    /// The next bytes to send; `None` once the watch is over.
    async fn chunk(&mut self) -> Option<Bytes> {
        while self.pending.is_empty() {
            if self.over {
                return None;
            }
            if self.initial.is_some() {
                self.read_initial().await;
                continue;
            }
            match self.next().await {
                Next::Event(event) => self.take(event),
                Next::Bookmark => self.bookmark(),
                Next::End => {
                    if self.bookmarks.is_some() {
                        self.bookmark();
                    }
                    self.over = true;
                }
            }
        }
        // Whatever else is there already goes along.
        while self.initial.is_none() && !self.over && self.size() < CHUNK {
            match self.events.next().now_or_never() {
                Some(event) => self.take(event),
                None => break,
            }
        }
        let mut chunk = self.pending.pop_front()?;
        while let Some(event) = self.pending.front() {
            if chunk.len() + event.len() > CHUNK {
                break;
            }
            chunk.append(&mut self.pending.pop_front()?);
        }
        Some(chunk.into())
    }

    async fn read_initial(&mut self) {
        let Some(mut initial) = self.initial.take() else { return };
        let read = initial.read(&mut self.writer, &mut self.pending).await;
        match read {
            Ok(true) => {}
            Ok(false) => self.initial = Some(initial),
            Err(error) => self.take(Some(Err(error))),
        }
    }

    fn size(&self) -> usize {
        self.pending.iter().map(Vec::len).sum()
    }

    async fn next(&mut self) -> Next {
        let wake = if self.bookmarks.is_some() { self.next_bookmark.min(self.end) } else { self.end };
        tokio::select! {
            biased;
            () = self.closing.cancelled() => Next::End,
            () = self.retired.cancelled() => Next::End,
            event = self.events.next() => Next::Event(event),
            () = tokio::time::sleep_until(wake) => {
                if Instant::now() >= self.end { Next::End } else { Next::Bookmark }
            }
        }
    }

    fn bookmark(&mut self) {
        let revision = self.events.progress();
        let event = self.writer.bookmark(revision, false);
        self.pending.push_back(event);
        if let Some(interval) = self.bookmarks {
            self.next_bookmark = Instant::now() + interval;
        }
    }

    fn take(&mut self, event: Option<Result<Event, cowherd_store::Error>>) {
        match event {
            Some(Ok(event)) => match self.translate(&event) {
                Ok(event) => self.pending.extend(event),
                Err(error) => tracing::error!(key = event.key, %error, "left out of a watch"),
            },
            Some(Err(cowherd_store::Error::Compacted { oldest })) => {
                let error = ApiError::expired(format!("too old resource version: the watch fell behind {oldest}"));
                self.pending.push_back(Writer::error(&error));
                self.over = true;
            }
            Some(Err(error)) => {
                self.pending.push_back(Writer::error(&read_failed(error)));
                self.over = true;
            }
            None => self.over = true,
        }
    }

    /// What a change means to somebody who sees only the selected objects.
    fn translate(&mut self, event: &Event) -> ApiResult<Option<Vec<u8>>> {
        let outlet = &self.writer.outlet;
        let current = outlet.read(&event.value, event.revision)?;
        let means = outlet.means(&current);
        let (kind, object) = match event.kind {
            EventKind::Delete if means => ("DELETED", current),
            EventKind::Delete => return Ok(None),
            EventKind::Put { created } => {
                let previous = match &event.previous {
                    Some(previous) if !created && !outlet.selection.is_everything() => {
                        Some(outlet.read(previous, event.revision)?).filter(|previous| outlet.means(previous))
                    }
                    _ => None,
                };
                let meant = if outlet.selection.is_everything() { !created } else { previous.is_some() };
                match (meant, means, previous) {
                    (false, true, _) => ("ADDED", current),
                    (true, true, _) => ("MODIFIED", current),
                    (true, false, Some(previous)) => ("DELETED", previous),
                    _ => return Ok(None),
                }
            }
        };
        self.writer.event(kind, object).map(Some)
    }
}

/// Writes events in the form that the client wants.
#[derive(Clone)]
struct Writer {
    outlet: Outlet,
    accepted: Accepted,
    include: Include,
    /// Whether the next table describes its columns.
    headed: bool,
}

impl Writer {
    fn new(request: &Request<'_>, selection: Selection) -> ApiResult<Self> {
        let accepted = Accepted::from_headers(&request.call.headers)?;
        if accepted.format != Format::Json {
            return Err(ApiError::not_acceptable(&["application/json", "application/json;stream=watch"]));
        }
        let include = Include::parse(&request.call.query)?;
        let outlet = Outlet::new(&request.resource, selection, accepted);
        Ok(Self { outlet, accepted, include, headed: true })
    }

    fn media_type(&self) -> &'static str {
        "application/json"
    }

    fn event(&mut self, kind: &str, object: Stored<'_>) -> ApiResult<Vec<u8>> {
        let mut line = format!("{{\"type\":\"{kind}\",\"object\":").into_bytes();
        match self.outlet.form {
            Some(form) => form.write(object, &mut line)?,
            None => {
                let object = self.shaped(object.into_tree(&self.outlet.resource)?);
                serde_json::to_writer(&mut line, &object).map_err(ApiError::internal)?;
            }
        }
        Ok(ended(line))
    }

    fn shaped(&mut self, object: Value) -> Value {
        match self.accepted.shape {
            Shape::Metadata => metadata_only(object),
            Shape::Table => {
                let metadata = json!({"resourceVersion": object::resource_version(&object)});
                let headed = std::mem::take(&mut self.headed);
                table::table(&self.outlet.resource, vec![object], metadata, self.include, headed)
            }
            Shape::Whole | Shape::Discovery => object,
        }
    }

    fn bookmark(&self, revision: Revision, initial_events_end: bool) -> Vec<u8> {
        let (kind, api_version) = match self.accepted.shape {
            Shape::Metadata => ("PartialObjectMetadata", "meta.k8s.io/v1"),
            _ => (self.outlet.resource.kind.as_str(), self.outlet.resource.api_version.as_str()),
        };
        let mut metadata = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
        if let (true, Value::Object(metadata)) = (initial_events_end, &mut metadata) {
            metadata.insert("annotations".to_owned(), json!({"k8s.io/initial-events-end": "true"}));
        }
        line("BOOKMARK", &json!({"kind": kind, "apiVersion": api_version, "metadata": metadata}))
    }

    fn error(error: &ApiError) -> Vec<u8> {
        line("ERROR", &error.to_status())
    }
}

/// `Vec<u8>` rather than `Bytes`, so that small events can share a chunk.
fn line(kind: &str, object: &Value) -> Vec<u8> {
    let mut line = format!("{{\"type\":\"{kind}\",\"object\":").into_bytes();
    // Values hold no map with keys that are no texts, the one thing that could fail.
    if serde_json::to_writer(&mut line, object).is_err() {
        return Vec::new();
    }
    ended(line)
}

fn ended(mut line: Vec<u8>) -> Vec<u8> {
    line.extend_from_slice(b"}\n");
    // It may wait for long.
    line.shrink_to_fit();
    line
}
