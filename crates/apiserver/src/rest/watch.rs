//! Watching a collection: what is there, if asked for, then every change as it happens.

use std::{io, time::Duration};

use bytes::Bytes;
use cowherd_schema::{FieldError, FieldPath};
use cowherd_store::{Event, EventKind, Revision};
use futures::{FutureExt, Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Request,
    list::at_least,
    making::{Maker, Page},
    reading::{Reading, Span},
    storage::read_failed,
};
use crate::{
    answer::{Answer, metadata_only},
    body,
    made::Made,
    negotiation::{Accepted, Format, Shape},
    object,
    pieces::PIECE,
    query::Query,
    selector::Selection,
    server::ApiServer,
    status::{ApiError, ApiResult, Named},
    stored::{Outlet, Stored},
    table::{self, Include},
};

/// How many bytes of objects of the state at the beginning are read at a time, the last object not counted.
const PAGE: usize = 64 * 1024;

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
///
/// A server that ends refuses: a watch that ended as soon as it began would be asked for again at once, for as long as
/// there is a server.
pub async fn watch(request: &Request<'_>) -> ApiResult<Answer> {
    if request.server.closing().is_cancelled() {
        return Err(ApiError::shutting_down());
    }
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
    let (maker, mut made) = (Maker::of(request.call), Made::default());
    let start = start(request, query).await?;
    let (from, initial) = match start {
        Start::After(revision) => (revision, None),
        Start::State | Start::StateThenBookmark => {
            let then_bookmark = matches!(start, Start::StateThenBookmark);
            let span = Span { prefix: prefix.clone(), ..Span::default() };
            let reading = Reading::new(request.server, writer.outlet.clone(), span);
            let mut initial = Initial { reading, then_bookmark };
            maker.room(FIRST_PAGE).await?;
            let is_more = initial.read(FIRST_PAGE, &mut writer, &mut made, &maker).await.map_err(read_failed)?;
            (initial.reading.revision(), is_more.then_some(initial))
        }
    };
    let events = match request.server.store().watch(&prefix, from).await {
        Ok(events) => events,
        Err(cowherd_store::Error::Compacted { oldest }) => {
            let error = ApiError::expired(format!("too old resource version: {from} ({oldest})"));
            let event = Ok(Bytes::from(Writer::error(&error)));
            return Ok(Answer::stream(body::streamed(stream::iter([event])), writer.media_type()));
        }
        Err(error) => return Err(read_failed(error)),
    };
    let interval = request.server.config().bookmark_interval;
    let watching = Watching {
        server: request.server.clone(),
        prefix,
        made,
        maker,
        initial,
        events,
        left: None,
        bookmarks: query.flag("allowWatchBookmarks").then_some(interval),
        next_bookmark: Instant::now() + interval,
        end: Instant::now() + time,
        closing: request.server.closing().clone(),
        retired: resource.custom_version().map(|version| version.retired.clone()).unwrap_or_default(),
        over: false,
        writer,
    };
    let media_type = watching.writer.media_type();
    Ok(Answer::stream(body::streamed(watching.pieces()), media_type))
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
    server: ApiServer,
    /// What the keys begin with that are watched.
    prefix: String,
    writer: Writer,
    /// What was written and is not sent.
    made: Made,
    maker: Maker,
    /// What of the state at the beginning has not been read yet.
    initial: Option<Initial>,
    events: cowherd_store::Watch,
    /// The change that comes next, if there was no room for it.
    left: Option<Left>,
    bookmarks: Option<Duration>,
    next_bookmark: Instant,
    end: Instant,
    closing: CancellationToken,
    retired: CancellationToken,
    over: bool,
}

/// A change for which there was no room. Nothing of it is held meanwhile, as hundreds of watches would do that each wait with
/// another one.
struct Left {
    revision: Revision,
    key: String,
    size: usize,
}

/// How many bytes of objects of the state at the beginning are read first, the last object not counted: a single one. More
/// are read as the client takes them, so that one that takes none costs no more, however large they are.
const FIRST_PAGE: usize = 1;

/// The rest of the state that a watch begins with.
struct Initial {
    reading: Reading,
    /// Whether a bookmark ends it.
    then_bookmark: bool,
}

impl Initial {
    /// Reads as many objects next as have `size` bytes; whether more follow.
    async fn read(
        &mut self,
        size: usize,
        writer: &mut Writer,
        made: &mut Made,
        maker: &Maker,
    ) -> Result<bool, cowherd_store::Error> {
        let before = made.size();
        let page = maker.page(&mut self.reading, size, before, |object| writer.event("ADDED", object, made)).await?;
        let Page::Made { is_more, .. } = page else { return Ok(true) };
        if !is_more && self.then_bookmark {
            made.push(&writer.bookmark(self.reading.revision(), true));
        }
        maker.holds(made.size());
        Ok(is_more)
    }
}

/// What a watch waits for.
enum Next {
    Event(Option<Result<Event, cowherd_store::Error>>),
    Bookmark,
    End,
}

impl Watching {
    fn pieces(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        stream::unfold(self, |mut watching| async move {
            let piece = watching.piece().await?;
            Some((Ok(piece), watching))
        })
    }

    /// The next bytes to send; `None` once the watch is over.
    async fn piece(&mut self) -> Option<Bytes> {
        while self.made.size() == 0 {
            if self.over {
                return None;
            }
            if self.initial.is_some() {
                self.read_initial().await;
                continue;
            }
            if let Some(left) = self.left.take() {
                self.take_again(left).await;
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
        while self.initial.is_none() && self.left.is_none() && !self.over && self.made.size() < PIECE {
            match self.events.next().now_or_never() {
                Some(event) => self.take(event),
                None => break,
            }
        }
        let piece = self.made.piece();
        self.maker.holds(self.made.size());
        piece
    }

    async fn read_initial(&mut self) {
        let Some(mut initial) = self.initial.take() else { return };
        let read = initial.read(PAGE, &mut self.writer, &mut self.made, &self.maker).await;
        match read {
            Ok(true) => self.initial = Some(initial),
            Ok(false) => {}
            Err(error) => self.take(Some(Err(error))),
        }
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
        self.made.push(&self.writer.bookmark(revision, false));
        if let Some(interval) = self.bookmarks {
            self.next_bookmark = Instant::now() + interval;
        }
    }

    fn take(&mut self, event: Option<Result<Event, cowherd_store::Error>>) {
        match event {
            Some(Ok(event)) if !self.maker.has_room_for(event.value.len()) => {
                self.left = Some(Left { revision: event.revision, size: event.value.len(), key: event.key });
            }
            event => self.tell(event),
        }
    }

    /// Writes what came.
    fn tell(&mut self, event: Option<Result<Event, cowherd_store::Error>>) {
        match event {
            Some(Ok(event)) => {
                if let Err(error) = self.translate(&event) {
                    tracing::error!(key = event.key, %error, "left out of a watch");
                }
            }
            Some(Err(cowherd_store::Error::Compacted { oldest })) => {
                let error = ApiError::expired(format!("too old resource version: the watch fell behind {oldest}"));
                self.made.push(&Writer::error(&error));
                self.over = true;
            }
            Some(Err(error)) => {
                self.made.push(&Writer::error(&read_failed(error)));
                self.over = true;
            }
            None => self.over = true,
        }
    }

    /// Waits until there is room for a change that was left, and reads it again.
    async fn take_again(&mut self, left: Left) {
        self.maker.room_for(left.size).await;
        let before = Revision(left.revision.0.saturating_sub(1));
        match self.server.store().watch(&self.prefix, before).await {
            Ok(events) => self.events = events,
            Err(error) => return self.tell(Some(Err(error))),
        }
        loop {
            match self.events.next().await {
                // Of those that share a revision it may not be the first.
                Some(Ok(event)) if event.revision == left.revision && event.key != left.key => {}
                event => return self.tell(event),
            }
        }
    }

    /// Writes what a change means to somebody who sees only the selected objects.
    fn translate(&mut self, event: &Event) -> ApiResult<()> {
        let outlet = &self.writer.outlet;
        let current = outlet.read(&event.value, event.revision)?;
        let means = outlet.means(&current);
        let (kind, object) = match event.kind {
            EventKind::Delete if means => ("DELETED", current),
            EventKind::Delete => return Ok(()),
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
                    _ => return Ok(()),
                }
            }
        };
        self.writer.event(kind, object, &mut self.made)
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

    fn event(&mut self, kind: &str, object: Stored<'_>, made: &mut Made) -> ApiResult<()> {
        made.add(|line| {
            line.push(format!("{{\"type\":\"{kind}\",\"object\":").as_bytes());
            match self.outlet.form {
                Some(form) => form.write(object, line)?,
                None => {
                    let object = self.shaped(object.into_tree(&self.outlet.resource)?);
                    serde_json::to_writer(&mut *line, &object).map_err(ApiError::internal)?;
                }
            }
            line.push(b"}\n");
            Ok(())
        })
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

fn line(kind: &str, object: &Value) -> Vec<u8> {
    format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n").into_bytes()
}
