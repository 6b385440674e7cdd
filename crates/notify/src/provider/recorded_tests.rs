//! What is sent is what Flux's notification-controller sends: `tests/recorded/providers.json` has it of each service and of several
//! events, as its notifiers (1.9.3) sent it to a server that wrote it down. docs/testing.md says how it is recorded again.

use std::collections::BTreeMap;
use std::sync::Mutex;

use cowherd_source::{Call, Reply};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AlertName, Failure, Line, Settings, tell};
use crate::event::Event;

/// What stands for the server in what is recorded, and what does here.
const SERVER: (&str, &str) = ("{server}", "http://127.0.0.1:8080");

/// The headers that are compared, in small letters.
const HEADERS: &[&str] = &[
    "content-type",
    "authorization",
    "gotk-component",
    "private-token",
    "x-custom",
    "dd-api-key",
    "x-atlassian-token",
    "x-requested-with",
];

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    options: Options,
    #[serde(default)]
    existing: String,
    event: Event,
    exchanges: Vec<Exchange>,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Options {
    address: String,
    channel: String,
    username: String,
    password: String,
    token: String,
    headers: BTreeMap<String, String>,
    commit_status: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Exchange {
    method: String,
    url: String,
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: Value,
    #[serde(default)]
    text: String,
    #[serde(default)]
    base64: String,
}

/// Takes calls down, and answers them as the recording server did.
struct Played {
    existing: String,
    calls: Mutex<Vec<Call>>,
}

impl Line for Played {
    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let is_look = call.method == cowherd_source::CallMethod::Get;
        let (status, body) = match (is_look, self.existing.as_str()) {
            (true, "404") => (404, "{}"),
            (true, existing) => (200, existing),
            (false, _) => (200, r#"{"ok":true}"#),
        };
        let reply =
            Reply { status, retry_after: None, exhausted_for: None, has_next: None, body: body.as_bytes().to_vec() };
        self.calls.lock().unwrap().push(call);
        Ok(reply)
    }
}

#[tokio::test]
async fn what_is_sent_is_what_flux_sends() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/providers.json");
    let recorded = std::fs::read_to_string(path).unwrap().replace(SERVER.0, SERVER.1);
    let cases: Vec<Case> = serde_json::from_str(&recorded).unwrap();
    assert!(cases.len() > 100, "{} cases are recorded", cases.len());
    let mut wrong = Vec::new();
    for case in cases {
        let (name, difference) = (case.name.clone(), compare(case).await);
        wrong.extend(difference.map(|difference| format!("{name}: {difference}")));
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

async fn compare(case: Case) -> Option<String> {
    let Options { address, channel, username, password, token, headers, commit_status } = case.options;
    let settings = Settings {
        kind: case.kind,
        address,
        channel,
        username,
        password,
        token,
        headers,
        commit_status,
        uid: "9f8a1c0e-aaaa-4bbb-8ccc-ddddeeeeffff".to_owned(),
        alert: AlertName {
            namespace: "flux-system".to_owned(),
            name: "alert".to_owned(),
            uid: "11112222-3333-4444-5555-666677778888".to_owned(),
        },
    };
    let played = Played { existing: case.existing, calls: Mutex::default() };
    let told = tell(&settings, &case.event, &played).await;
    if told.is_err() == case.error.is_empty() {
        return Some(format!("ours {told:?}, theirs {:?}", case.error));
    }
    // Their client of Gitea asks for its version first.
    let theirs: Vec<Value> = case.exchanges.iter().filter(|one| !one.url.ends_with("/version")).map(recorded).collect();
    let ours: Vec<Value> = played.calls.lock().unwrap().iter().map(made).collect();
    (ours != theirs).then(|| format!("\n  ours   {}\n  theirs {}", json!(ours), json!(theirs)))
}

fn recorded(exchange: &Exchange) -> Value {
    let headers = exchange.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
    let body = match (&exchange.body, exchange.text.as_str(), exchange.base64.as_str()) {
        (Value::Null, "", "") => Value::Null,
        (Value::Null, "", base64) => protobuf(&decoded(base64)),
        (Value::Null, text, _) => text.into(),
        (body, ..) => body.clone(),
    };
    shown(&exchange.method, &exchange.url, headers, body)
}

fn made(call: &Call) -> Value {
    let headers = call.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
    let is_protobuf = call.headers.iter().any(|(_, value)| value == "application/x-protobuf");
    let body = match serde_json::from_slice(&call.body) {
        _ if is_protobuf => protobuf(&call.body),
        Ok(body) => body,
        Err(_) if call.body.is_empty() => Value::Null,
        Err(_) => String::from_utf8_lossy(&call.body).into_owned().into(),
    };
    shown(call.method.as_str(), &call.url, headers, body)
}

fn shown(method: &str, url: &str, headers: impl Iterator<Item = (String, String)>, body: Value) -> Value {
    let is_compared = |name: &str| HEADERS.contains(&name) && !(method == "GET" && name == "content-type");
    let headers: BTreeMap<String, String> = headers.filter(|(name, _)| is_compared(name)).collect();
    json!({ "method": method, "url": without_transaction(url), "headers": headers, "body": in_order(body) })
}

/// A URL of Matrix without what is the sum of an event as somebody else writes it, with the query in order.
fn without_transaction(url: &str) -> String {
    let url = match url.split_once("/send/m.room.message/") {
        Some((before, _)) => before.to_owned(),
        None => url.to_owned(),
    };
    match url.split_once('?') {
        Some((path, query)) => {
            let mut pairs: Vec<&str> = query.split('&').collect();
            pairs.sort_unstable();
            format!("{path}?{}", pairs.join("&"))
        }
        None => url,
    }
}

/// A value with what Go brings in any order in one: the fields of messages, and lines of metadata.
fn in_order(value: Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().map(in_order).collect();
            items.sort_by_key(Value::to_string);
            items.into()
        }
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, in_order(value))).collect(),
        Value::String(text) => {
            let mut lines: Vec<&str> = text.split('\n').collect();
            lines.sort_unstable();
            lines.join("\n").into()
        }
        other => other,
    }
}

fn decoded(base64: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(base64).unwrap()
}

/// A message of protocol buffers as a tree, without the id and the end of a span, which are chance's and the clock's.
fn protobuf(bytes: &[u8]) -> Value {
    fn varint(bytes: &mut &[u8]) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = bytes.split_first()?;
            *bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
    fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = bytes.split_at_checked(count)?;
        *bytes = rest;
        Some(taken)
    }
    fn message(mut bytes: &[u8], depth: usize) -> Option<Value> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes)?;
            let field = key >> 3;
            let value = match key & 7 {
                0 => json!(varint(&mut bytes)?),
                1 => json!(u64::from_le_bytes(take(&mut bytes, 8)?.try_into().ok()?)),
                5 => json!(u32::from_le_bytes(take(&mut bytes, 4)?.try_into().ok()?)),
                2 => {
                    let length = usize::try_from(varint(&mut bytes)?).ok()?;
                    let content = take(&mut bytes, length)?;
                    let text =
                        std::str::from_utf8(content).ok().filter(|text| text.chars().all(|c| c >= ' ' || c == '\n'));
                    match (text, message(content, depth + 1)) {
                        (Some(text), _) => json!(text),
                        (None, Some(inner)) if field != 0 => inner,
                        _ => json!(content),
                    }
                }
                _ => return None,
            };
            // Of a span, which is within what is of a scope and of a resource.
            let is_chance = depth == 3 && [2, 8].contains(&field);
            fields.push(json!([field, if is_chance { Value::Null } else { value }]));
        }
        Some(fields.into())
    }
    message(bytes, 0).unwrap()
}
