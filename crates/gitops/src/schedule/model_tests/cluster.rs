//! A Kubernetes API in memory for the agents: ConfigMaps with server-side apply as the real one has it, Kustomizations,
//! watches with labels, preconditions, finalizers; and bad weather: slow requests, requests that fail before or after
//! they did what they should, watches that end, histories that are too old.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use cowherd_patch::managed::{Applier, Updater, apply, update};
use cowherd_schema::Schema;
use futures::{StreamExt, stream};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use jiff::{SignedDuration, Timestamp};
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::chance::Chance;

/// Kind, namespace and name.
type Key = (&'static str, String, String);

const CONFIG_MAP: &str = "ConfigMap";
const KUSTOMIZATION: &str = "Kustomization";

/// How requests fare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    Fine,
    /// Requests take up to seconds.
    Slow,
    /// Every fourth request fails, half of them after they did what they should.
    Failing,
}

struct Event {
    revision: u64,
    kind: &'static str,
    before: Option<Value>,
    after: Value,
    is_deleted: bool,
}

struct Watcher {
    kind: &'static str,
    label: Option<String>,
    metadata_only: bool,
    sender: mpsc::UnboundedSender<Bytes>,
}

struct State {
    revision: u64,
    objects: BTreeMap<Key, Value>,
    events: Vec<Event>,
    /// Watches cannot begin before this revision.
    oldest: u64,
    watchers: Vec<Watcher>,
    weather: Weather,
    chance: Chance,
    created: u64,
    began: Instant,
    /// Which Kustomizations describe an object in Git, and since when.
    described: BTreeMap<(String, String), Instant>,
    /// The Kustomizations that somebody deleted although Git describes them, while the agents know of them.
    away: BTreeSet<String>,
    /// What the agents deleted although somebody described it.
    lost: Vec<String>,
    /// What was asked and stored, with the time: what a history that ended wrong can be understood from.
    log: Vec<String>,
}

/// The cluster.
#[derive(Clone)]
pub(super) struct Cluster {
    state: Arc<Mutex<State>>,
}

type Content = UnsyncBoxBody<Bytes, Infallible>;

type Answer = Result<(u16, Value), (u16, &'static str, String)>;

impl Cluster {
    pub(super) fn new(seed: u64) -> Self {
        let state = State {
            revision: 10,
            objects: BTreeMap::new(),
            events: Vec::new(),
            oldest: 0,
            watchers: Vec::new(),
            weather: Weather::Fine,
            chance: Chance::new(seed ^ 0x5eed),
            created: 0,
            began: Instant::now(),
            described: BTreeMap::new(),
            away: BTreeSet::new(),
            lost: Vec::new(),
            log: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn client(&self) -> kube::Client {
        let cluster = self.clone();
        let service = tower::service_fn(move |request| {
            let cluster = cluster.clone();
            async move { Ok::<_, Infallible>(cluster.serve(request).await) }
        });
        kube::Client::new(service, "default")
    }

    pub(super) fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// All watches end; `forgets`: and none can go on where it was.
    pub(super) fn end_watches(&self, forgets: bool) {
        let mut state = self.state();
        state.watchers.clear();
        if forgets {
            state.oldest = state.revision + 1;
            state.revision += 1;
        }
    }

    /// Git says that these Kustomizations describe these objects, and no others.
    pub(super) fn describe(&self, described: impl IntoIterator<Item = (String, String)>) {
        let mut state = self.state();
        let now = Instant::now();
        let before = std::mem::take(&mut state.described);
        let since = |pair: (String, String)| (pair.clone(), before.get(&pair).copied().unwrap_or(now));
        let described: BTreeMap<_, _> = described.into_iter().map(since).collect();
        state.away.retain(|app| described.keys().any(|(known, _)| known == app));
        state.described = described;
    }

    /// Somebody deletes a Kustomization that is to come back.
    pub(super) fn delete_for_now(&self, name: &str) {
        let mut state = self.state();
        let is_known = state.is_known(name);
        state.away.extend(is_known.then(|| name.to_owned()));
        state.delete((KUSTOMIZATION, "flux-system".to_owned(), name.to_owned()), &Value::Null).ok();
    }

    /// What the agents deleted although somebody described it whom they knew.
    pub(super) fn lost(&self) -> Vec<String> {
        self.state().lost.clone()
    }

    /// Adds a line to the log.
    pub(super) fn note(&self, line: &str) {
        self.state().note(line);
    }

    /// All that happened, in order.
    pub(super) fn log(&self) -> String {
        self.state().log.join("\n")
    }

    /// All objects of a kind, by namespace and name.
    pub(super) fn all(&self, kind: &str) -> BTreeMap<String, Value> {
        let state = self.state();
        let objects = state.objects.iter().filter(|((found, _, _), _)| *found == kind);
        objects.map(|((_, _, name), object)| (name.clone(), object.clone())).collect()
    }

    /// Somebody writes an object, whole; whether there was none.
    pub(super) fn put_kustomization(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut state = self.state();
        let key = (KUSTOMIZATION, "flux-system".to_owned(), name.to_owned());
        let mut object = state.objects.get(&key).cloned().unwrap_or_else(|| {
            json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": KUSTOMIZATION,
            "metadata": { "name": name, "namespace": "flux-system" } })
        });
        change(&mut object);
        state.store(key, object);
    }

    /// Somebody deletes an object.
    pub(super) fn delete(&self, kind: &'static str, namespace: &str, name: &str) {
        self.state().delete((kind, namespace.to_owned(), name.to_owned()), &Value::Null).ok();
    }

    /// Somebody changes a value of a ConfigMap, if it is there.
    pub(super) fn edit(&self, name: &str, manager: &str, value: &str) {
        let mut state = self.state();
        let key = (CONFIG_MAP, "apps".to_owned(), name.to_owned());
        let patch = json!({ "data": { "key": value } });
        state.merge(key, &patch, manager, None).ok();
    }

    async fn serve(&self, request: Request<Body>) -> Response<Content> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let query: BTreeMap<String, String> = parts
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(k, v)| (k.to_owned(), v.replace("%2F", "/")))
            .collect();
        let is_event = parts.uri.path().ends_with("/events") || parts.uri.path().contains("/events/");
        if parts.method == Method::DELETE {
            self.state().look_what_is_lost(parts.uri.path());
        }
        let accepted = parts.headers.get("accept").and_then(|value| value.to_str().ok());
        let metadata_only = accepted.is_some_and(|value| value.contains("PartialObjectMetadata"));
        let (before, after, fails) = self.fate(is_event);
        let asked = format!("{} {}", parts.method, parts.uri.path_and_query().map_or("", |path| path.as_str()));
        tokio::time::sleep(before).await;
        if fails == Some(false) {
            self.note(&format!("{asked}: 500, and it did nothing"));
            return respond(failure(500, "InternalError", "it did nothing"));
        }
        if query.get("watch").is_some_and(|value| value == "true") {
            return self.watch(parts.uri.path(), &query, metadata_only);
        }
        let answer = self.answer(&parts, &query, &body);
        if !is_event {
            let code = answer.as_ref().map_or_else(|(code, ..)| *code, |(code, _)| *code);
            let failed = if fails.is_some() { ", which nobody learns" } else { "" };
            self.note(&format!("{asked}: {code}{failed}"));
        }
        tokio::time::sleep(after).await;
        if fails == Some(true) {
            return respond(failure(500, "InternalError", "it did what it should"));
        }
        respond(answer.map(|(code, value)| (code, if metadata_only { only_metadata(value) } else { value })))
    }

    /// How long a request takes before and after it does something, and whether it fails before or after.
    fn fate(&self, is_event: bool) -> (Duration, Duration, Option<bool>) {
        let mut state = self.state();
        let weather = if is_event { Weather::Fine } else { state.weather };
        let longest = Duration::from_millis(if weather == Weather::Slow { 1500 } else { 5 });
        let (before, after) = (state.chance.time(longest), state.chance.time(longest));
        let fails = (weather == Weather::Failing && state.chance.once_in(4)).then(|| state.chance.once_in(2));
        (before, after, fails)
    }

    fn answer(&self, parts: &http::request::Parts, query: &BTreeMap<String, String>, body: &Bytes) -> Answer {
        let segments: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut state = self.state();
        match (&parts.method, segments.as_slice()) {
            (&Method::GET, ["api", "v1"]) => Ok((200, kinds("v1", "configmaps", CONFIG_MAP))),
            (&Method::GET, ["apis", "kustomize.toolkit.fluxcd.io", "v1"]) => {
                Ok((200, kinds("kustomize.toolkit.fluxcd.io/v1", "kustomizations", KUSTOMIZATION)))
            }
            (_, [.., "events"] | [.., "events", _]) => Ok((201, body)),
            (&Method::GET, [.., "configmaps"]) => Ok((200, state.list(CONFIG_MAP, selector(query)))),
            (&Method::GET, [.., "kustomizations"]) => Ok((200, state.list(KUSTOMIZATION, selector(query)))),
            (method, [.., namespace, plural @ ("configmaps" | "kustomizations"), name]) => {
                let kind = if *plural == "configmaps" { CONFIG_MAP } else { KUSTOMIZATION };
                let key = (kind, (*namespace).to_owned(), (*name).to_owned());
                let content =
                    parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
                let manager = query.get("fieldManager").map_or("unknown", String::as_str);
                match *method {
                    Method::GET => {
                        state.objects.get(&key).cloned().map(|object| (200, object)).ok_or_else(|| not_found(&key))
                    }
                    Method::DELETE => state.delete(key, &body),
                    Method::PATCH if content.contains("apply-patch") => {
                        let dry_run = query.get("dryRun").is_some_and(|value| value == "All");
                        state.apply(key, &body, manager, dry_run)
                    }
                    Method::PATCH => state.merge(key, &body, manager, None),
                    _ => failure(405, "MethodNotAllowed", "no such verb"),
                }
            }
            (&Method::PATCH, [.., namespace, "kustomizations", name, "status"]) => {
                state.merge((KUSTOMIZATION, (*namespace).to_owned(), (*name).to_owned()), &body, "", Some("status"))
            }
            _ => failure(404, "NotFound", "no such path"),
        }
    }

    fn watch(&self, path: &str, query: &BTreeMap<String, String>, metadata_only: bool) -> Response<Content> {
        let kind = if path.ends_with("configmaps") { CONFIG_MAP } else { KUSTOMIZATION };
        let label = selector(query).cloned();
        let since: u64 = query.get("resourceVersion").and_then(|text| text.parse().ok()).unwrap_or(0);
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut state = self.state();
        if since < state.oldest {
            let status = failure_body(410, "Expired", "too old resource version");
            let _ = sender.send(line(&json!({ "type": "ERROR", "object": status })));
        } else {
            let watcher = Watcher { kind, label, metadata_only, sender };
            state.events.iter().filter(|event| event.revision > since).for_each(|event| watcher.tell(event));
            state.watchers.push(watcher);
        }
        let frames =
            stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|line| (line, receiver)) });
        let body = StreamBody::new(frames.map(|line| Ok::<_, Infallible>(http_body::Frame::data(line))));
        Response::new(body.boxed_unsync())
    }
}

impl State {
    fn note(&mut self, line: &str) {
        let since = self.began.elapsed().as_secs_f64();
        self.log.push(format!("{since:8.3} {line}"));
    }

    /// The agents delete an object: whether somebody describes it whom they know. What came this very moment they need not
    /// have seen.
    fn look_what_is_lost(&mut self, path: &str) {
        let Some((_, name)) = path.rsplit_once("/configmaps/") else { return };
        let is_known = |app: &String| self.away.contains(app) || self.is_known(app);
        let now = Instant::now();
        let mut describers = self.described.iter().filter(|((_, object), since)| object == name && **since < now);
        let describer = describers.find(|((app, _), _)| is_known(app)).map(|((app, _), _)| app.clone());
        if let Some(app) =
            describer.filter(|_| self.objects.contains_key(&(CONFIG_MAP, "apps".to_owned(), name.to_owned())))
        {
            let said = format!("{name} is deleted, though {app} describes it");
            self.note(&format!("!!! {said}"));
            self.lost.push(said);
        }
    }

    /// Whether a Kustomization is there, and the agents have seen it.
    fn is_known(&self, app: &str) -> bool {
        let key = (KUSTOMIZATION, "flux-system".to_owned(), app.to_owned());
        self.objects.get(&key).is_some_and(|object| {
            let metadata = &object["metadata"];
            metadata["deletionTimestamp"].is_null() && metadata["finalizers"].is_array()
        })
    }

    fn now(&self) -> String {
        let elapsed = SignedDuration::try_from(self.began.elapsed()).unwrap();
        let time = Timestamp::from_second(1_800_000_000).unwrap() + elapsed;
        time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    fn list(&self, kind: &str, label: Option<&String>) -> Value {
        let items: Vec<&Value> = self
            .objects
            .iter()
            .filter(|((found, _, _), object)| *found == kind && is_labelled(object, label))
            .map(|(_, object)| object)
            .collect();
        json!({ "kind": format!("{kind}List"), "apiVersion": "v1", "items": items,
            "metadata": { "resourceVersion": self.revision.to_string() } })
    }

    /// Stores an object as a new revision, and tells the watches.
    fn store(&mut self, key: Key, mut object: Value) -> (u16, Value) {
        let before = self.objects.get(&key).cloned();
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let code = if before.is_none() {
            self.created += 1;
            object["metadata"]["uid"] = format!("uid-{}", self.created).into();
            // Each is a second older than the next one.
            let time = Timestamp::from_second(1_700_000_000 + self.created as i64).unwrap();
            object["metadata"]["creationTimestamp"] = time.to_string().into();
            object["metadata"]["generation"] = 1.into();
            201
        } else {
            200
        };
        if let Some(before) = &before
            && before["spec"] != object["spec"]
        {
            object["metadata"]["generation"] = (before["metadata"]["generation"].as_i64().unwrap_or(1) + 1).into();
        }
        let metadata = &object["metadata"];
        let is_leaving = !metadata["deletionTimestamp"].is_null();
        let is_deleted = is_leaving && metadata["finalizers"].as_array().is_none_or(Vec::is_empty);
        if is_deleted {
            self.objects.remove(&key);
        } else {
            self.objects.insert(key.clone(), object.clone());
        }
        let told = match key.0 {
            CONFIG_MAP => json!([object["metadata"]["labels"], object["data"]]),
            _ => json!([object["spec"]["path"], object["status"]["conditions"], object["status"]["inventory"]]),
        };
        let verb = if is_deleted { "deleted" } else { "stored" };
        self.note(&format!("  {verb} {} at {}: {told}", key.2, self.revision));
        let event = Event { revision: self.revision, kind: key.0, before, after: object.clone(), is_deleted };
        self.watchers.iter().filter(|watcher| watcher.kind == key.0).for_each(|watcher| watcher.tell(&event));
        self.events.push(event);
        (code, object)
    }

    fn apply(&mut self, key: Key, applied: &Value, manager: &str, dry_run: bool) -> Answer {
        let now = self.now();
        let live = self.objects.get(&key).cloned();
        let api_version = applied["apiVersion"].as_str().unwrap_or_default();
        let applier = Applier { manager, force: true, subresource: None, api_version, now: &now };
        let new = apply(live.as_ref(), applied, schema(key.0), &applier)
            .map_err(|error| (500, "InternalError", format!("{error:?}")))?;
        let code = if live.is_none() { 201 } else { 200 };
        if dry_run || live.as_ref() == Some(&new) {
            return Ok((code, new));
        }
        Ok(self.store(key, new))
    }

    fn merge(&mut self, key: Key, patch: &Value, manager: &str, only: Option<&str>) -> Answer {
        let Some(live) = self.objects.get(&key).cloned() else { return Err(not_found(&key)) };
        let expected = &patch["metadata"]["resourceVersion"];
        if !expected.is_null() && *expected != live["metadata"]["resourceVersion"] {
            return failure(409, "Conflict", "the object has been modified");
        }
        let mut new = live.clone();
        match only {
            Some(field) => merge_into(&mut new[field], &patch[field]),
            None => merge_into(&mut new, patch),
        }
        if key.0 == CONFIG_MAP {
            let now = self.now();
            let updater = Updater { manager, subresource: None, api_version: "v1", now: &now };
            new = update(Some(&live), new, schema(key.0), &updater);
        }
        if new == live {
            return Ok((200, live));
        }
        Ok(self.store(key, new))
    }

    fn delete(&mut self, key: Key, options: &Value) -> Answer {
        let Some(mut object) = self.objects.get(&key).cloned() else { return Err(not_found(&key)) };
        for field in ["uid", "resourceVersion"] {
            let expected = &options["preconditions"][field];
            if !expected.is_null() && *expected != object["metadata"][field] {
                return failure(409, "Conflict", "the object is another one");
            }
        }
        if object["metadata"]["deletionTimestamp"].is_null() {
            object["metadata"]["deletionTimestamp"] = self.now().into();
        }
        Ok((200, self.store(key, object).1))
    }
}

impl Watcher {
    fn tell(&self, event: &Event) {
        if event.kind != self.kind {
            return;
        }
        let was = event.before.as_ref().is_some_and(|before| is_labelled(before, self.label.as_ref()));
        let is = !event.is_deleted && is_labelled(&event.after, self.label.as_ref());
        let type_ = match (was, is) {
            (false, true) => "ADDED",
            (true, true) => "MODIFIED",
            (true, false) => "DELETED",
            (false, false) => return,
        };
        let object = if self.metadata_only { only_metadata(event.after.clone()) } else { event.after.clone() };
        let _ = self.sender.send(line(&json!({ "type": type_, "object": object })));
    }
}

fn schema(kind: &str) -> &'static Schema {
    static ANYTHING: LazyLock<Schema> = LazyLock::new(Schema::any);
    match kind {
        CONFIG_MAP => cowherd_schema::builtin::definition("io.k8s.api.core.v1.ConfigMap").unwrap(),
        _ => &ANYTHING,
    }
}

fn is_labelled(object: &Value, label: Option<&String>) -> bool {
    label.is_none_or(|label| !object["metadata"]["labels"][label.as_str()].is_null())
}

fn merge_into(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else { return *object = patch.clone() };
    if !object.is_object() {
        *object = json!({});
    }
    let Value::Object(fields) = object else { return };
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(key);
        } else {
            merge_into(fields.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}

fn only_metadata(object: Value) -> Value {
    if let Some(items) = object["items"].as_array() {
        let items: Vec<Value> = items.iter().cloned().map(only_metadata).collect();
        return json!({ "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"], "items": items });
    }
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"] })
}

fn kinds(version: &str, plural: &str, kind: &str) -> Value {
    json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": [{ "name": plural,
        "singularName": "", "namespaced": true, "kind": kind, "verbs": ["list", "watch", "get", "patch", "delete"] }] })
}

fn not_found(key: &Key) -> (u16, &'static str, String) {
    (404, "NotFound", format!("{}/{} not found", key.0, key.2))
}

fn failure(code: u16, reason: &'static str, message: &str) -> Answer {
    Err((code, reason, message.to_owned()))
}

fn failure_body(code: u16, reason: &str, message: &str) -> Value {
    // Who is told that an object is not there is told which one.
    let name = message.strip_suffix(" not found").and_then(|found| found.split_once('/')).map(|(_, name)| name);
    let details = name.map(|name| json!({ "name": name }));
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": reason, "details": details, "code": code })
}

fn line(value: &Value) -> Bytes {
    Bytes::from(format!("{value}\n"))
}

fn respond(answer: Answer) -> Response<Content> {
    let (code, value) = answer.unwrap_or_else(|(code, reason, message)| (code, failure_body(code, reason, &message)));
    let mut response = Response::new(Full::from(value.to_string().into_bytes()).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}

/// What is selected; an empty selector selects everything.
fn selector(query: &BTreeMap<String, String>) -> Option<&String> {
    query.get("labelSelector").filter(|selector| !selector.is_empty())
}
