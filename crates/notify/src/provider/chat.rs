//! Rooms in which people talk.

use std::collections::BTreeMap;

use cowherd_source::{Call, CallMethod, Reply};
use serde_json::{Value, json};

use super::words::{escaped, path_part, sha1};
use super::{Failure, Settings, post, read, with, with_password};
use crate::event::Event;

/// Where Slack answers each call with 200, and says in the answer how it went.
const SLACK_API: &str = "https://slack.com/api/chat.postMessage";
const TELEGRAM: &str = "https://api.telegram.org";

pub(super) fn slack(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let mut attachment = attachment(event, ["good", "danger"]);
    let first = event.message.split('\n').next().unwrap_or_default();
    attachment["fallback"] = format!("{}: {first}", event.title()).into();
    let call = post(to.web_address()?, &message(&to.channel, speaker(to, event), attachment))?;
    let is_known = !to.token.is_empty();
    Ok(if is_known { with(call, "Authorization", format!("Bearer {}", to.token)) } else { call })
}

/// What Slack answered to a call of its API.
pub(super) fn check_slack(to: &Settings, reply: &Reply) -> Result<(), Failure> {
    if to.address != SLACK_API {
        return Ok(());
    }
    let answer = read(reply).ok_or_else(|| Failure::new("Slack answered something that is no JSON"))?;
    if answer["ok"] == true {
        return Ok(());
    }
    let said: String = answer["error"].as_str().unwrap_or_default().chars().take(super::MAX_SAID).collect();
    Err(Failure::new(format!("Slack responded with error: {said}")))
}

pub(super) fn discord(to: &Settings, event: &Event) -> Result<Call, Failure> {
    // In the words of Slack, which it understands at an address of its own.
    let address = to.web_address()?;
    let url = if address.ends_with("/slack") { address.to_owned() } else { slack_path(address) };
    post(url, &message("", speaker(to, event), attachment(event, ["good", "danger"])))
}

/// The address with `slack` at the end of its path.
fn slack_path(address: &str) -> String {
    let at = address.find(['?', '#']).unwrap_or(address.len());
    let (path, rest) = address.split_at(at);
    format!("{}/slack{rest}", path.trim_end_matches('/'))
}

pub(super) fn rocket(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let attachment = attachment(event, ["#0076D7", "#FF0000"]);
    post(to.web_address()?, &message(&to.channel, &to.username, attachment))
}

/// Who speaks: who is meant to, or who knows.
fn speaker<'a>(to: &'a Settings, event: &'a Event) -> &'a str {
    if to.username.is_empty() { &event.reporting_controller } else { &to.username }
}

/// A message in the words of Slack.
fn message(channel: &str, username: &str, attachment: Value) -> Value {
    json!({ "channel": channel, "username": username, "icon_url": "", "icon_emoji": "", "attachments": [attachment] })
}

fn attachment(event: &Event, [good, bad]: [&str; 2]) -> Value {
    let fields = event.metadata.iter().map(|(title, value)| json!({ "title": title, "value": value, "short": false }));
    json!({ "fallback": "", "color": if event.is_error() { bad } else { good }, "author_name": event.title(),
        "text": event.message, "mrkdwn_in": ["text"], "fields": fields.collect::<Vec<_>>() })
}

pub(super) fn msteams(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let address = to.web_address()?;
    let is_connector = host(address).ends_with(".webhook.office.com");
    post(address, &if is_connector { connector_card(event) } else { adaptive_card(event) })
}

fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.split(':').next().unwrap_or_default()
}

/// What connectors take, which are on their way out.
fn connector_card(event: &Event) -> Value {
    let facts = event.metadata.iter().map(|(name, value)| json!({ "name": name, "value": value }));
    json!({
        "@type": "MessageCard",
        "@context": "http://schema.org/extensions",
        "themeColor": if event.is_error() { "FF0000" } else { "0076D7" },
        "summary": event.title(),
        "sections": [{
            "activityTitle": event.message,
            "activitySubtitle": event.title(),
            "facts": facts.collect::<Vec<_>>(),
        }],
    })
}

/// What workflows take.
fn adaptive_card(event: &Event) -> Value {
    let mut text = json!({ "type": "TextBlock", "text": event.message, "wrap": true });
    if event.is_error() {
        text["color"] = "attention".into();
    }
    if let (true, Some(text)) = (event.message.is_empty(), text.as_object_mut()) {
        text.remove("text");
    }
    // The summary goes before what is in order.
    let (first, rest): (Vec<_>, Vec<_>) = event.metadata.iter().partition(|(key, _)| *key == "summary");
    let facts: Vec<Value> =
        first.into_iter().chain(rest).map(|(title, value)| json!({ "title": title, "value": value })).collect();
    let mut fact_set = json!({ "type": "FactSet" });
    if !facts.is_empty() {
        fact_set["facts"] = facts.into();
    }
    let title =
        json!({ "type": "TextBlock", "text": event.title(), "size": "large", "weight": "bolder", "wrap": true });
    json!({ "type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive",
        "content": {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [{ "type": "Container", "items": [title, text, fact_set] }],
            "msteams": { "width": "Full" },
        },
    }] })
}

pub(super) fn googlechat(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let text = match event.is_error() {
        true => format!("<font color=\"#ff0000\">{}</font>", event.message),
        false => event.message.clone(),
    };
    let section = |widgets: Vec<Value>| json!({ "header": "", "widgets": widgets });
    let mut sections = vec![section(vec![json!({ "textParagraph": { "text": text }, "keyValue": null })])];
    if !event.metadata.is_empty() {
        let pairs = event.metadata.iter().map(|(label, content)| {
            let pair = json!({ "topLabel": label, "content": content, "contentMultiline": false, "bottomLabel": null,
                "icon": null });
            json!({ "textParagraph": null, "keyValue": pair })
        });
        sections.push(section(pairs.collect()));
    }
    let header =
        json!({ "title": event.title(), "subtitle": event.reporting_controller, "imageUrl": null, "imageStyle": null });
    post(to.web_address()?, &json!({ "cards": [{ "header": header, "sections": sections }] }))
}

pub(super) fn webex(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let emoji = if event.is_error() { "💣" } else { "✅" };
    let mut markdown = format!("{emoji} **{}**\n{}\n", event.title(), event.message);
    event.metadata.iter().for_each(|(key, value)| markdown.push_str(&format!(">**{key}**: {value}\n")));
    let mut body = json!({ "markdown": markdown });
    if !to.channel.is_empty() {
        body["roomId"] = to.channel.as_str().into();
    }
    Ok(with(post(to.web_address()?, &body)?, "Authorization", format!("Bearer {}", to.token)))
}

pub(super) fn telegram(to: &Settings, event: &Event) -> Result<Call, Failure> {
    if to.channel.is_empty() {
        return Err(Failure::new("it needs a chat: name it in spec.channel"));
    }
    let token = to.needed_token()?;
    let heading = format!("{} {}/{}/{}", emoji(event), event.kind().to_lowercase(), event.name(), event.namespace());
    let mut text = format!("*{}*\n{}\n", telegram_text(&heading), telegram_text(&event.message));
    for (key, value) in &event.metadata {
        text.push_str(&format!("\\- *{}*: {}\n", telegram_text(key), telegram_text(value)));
    }
    let (chat, thread) =
        to.channel.split_once(':').map_or((to.channel.as_str(), None), |(chat, thread)| (chat, Some(thread)));
    let mut body = json!({ "chat_id": chat, "text": text, "parse_mode": "MarkdownV2" });
    if let Some(thread) = thread.filter(|thread| !thread.is_empty()) {
        body["message_thread_id"] = thread.into();
    }
    // The token is a part of the path, and must not become more than that.
    post(format!("{TELEGRAM}/bot{}/sendMessage", path_part(token)), &body)
}

/// Text whose characters mean themselves.
fn telegram_text(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        if "\\.-_[]()~>`#+=|{}!*".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
        escaped
    })
}

fn emoji(event: &Event) -> &'static str {
    if event.is_error() { "🚨" } else { "💫" }
}

pub(super) fn lark(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let mut content = format!("**{}**\n\n", event.message);
    event.metadata.iter().for_each(|(key, value)| content.push_str(&format!("{key}: {value}\n")));
    let card = json!({
        "config": { "wide_screen_mode": true },
        "header": {
            "title": { "tag": "plain_text", "content": format!("{} {}", emoji(event), event.title()) },
            "template": if event.is_error() { "red" } else { "turquoise" },
        },
        "elements": [{ "tag": "div", "text": { "tag": "lark_md", "content": content } }],
    });
    post(to.web_address()?, &json!({ "msg_type": "interactive", "card": card }))
}

pub(super) fn matrix(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let server = to.web_address()?.trim_end_matches('/');
    let event_text = serde_json::to_vec(event).map_err(|error| Failure::new(format!("cannot be written: {error}")))?;
    // The same event again is the same message.
    let transaction = sha1(&event_text);
    let mut body = format!("{} {}\n{}\n", emoji(event), event.title(), event.message);
    event.metadata.iter().for_each(|(key, value)| body.push_str(&format!("- {key}: {value}\n")));
    let url = format!("{server}/_matrix/client/r0/rooms/{}/send/m.room.message/{transaction}", room(&to.channel));
    let call = post(url, &json!({ "body": body, "msgtype": "m.text" }))?;
    Ok(with(Call { method: CallMethod::Put, ..call }, "Authorization", format!("Bearer {}", to.token)))
}

/// A room as a part of a path; what rooms are called stays as it is.
fn room(name: &str) -> String {
    path_part(name).replace("%21", "!")
}

pub(super) fn zulip(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let Some((channel, topic)) =
        to.channel.split_once('/').filter(|(channel, topic)| !channel.is_empty() && !topic.is_empty())
    else {
        return Err(Failure::new("spec.channel is no CHANNEL/TOPIC"));
    };
    let address = to.web_address()?;
    let (scheme, rest) = address.split_once("://").unwrap_or_default();
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let form = BTreeMap::from([
        ("type", "stream".to_owned()),
        ("to", channel.to_owned()),
        ("topic", topic.to_owned()),
        ("content", markdown(event)),
    ]);
    let body: Vec<String> =
        form.iter().map(|(key, value)| format!("{key}={}", escaped(value).replace("%20", "+"))).collect();
    let headers = vec![("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned())];
    let call = Call {
        method: CallMethod::Post,
        url: format!("{scheme}://{authority}/api/v1/messages"),
        headers,
        body: body.join("&").into_bytes(),
    };
    let is_anybody = to.username.is_empty() && to.password.is_empty();
    Ok(if is_anybody { call } else { with_password(call, &to.username, &to.password) })
}

/// An event as Markdown.
fn markdown(event: &Event) -> String {
    let emoji = if event.is_error() { "⚠️" } else { "ℹ️" };
    let lines: String = event.metadata.iter().map(|(key, value)| format!("* `{key}`: {value}\n")).collect();
    format!("## Flux Status\n\n{emoji} {}\n\n{}\n\nMetadata:\n{lines}", event.object(), event.message)
}

pub(super) fn zoom(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let token = to.needed_token()?;
    let address = to.web_address()?;
    let is_said =
        address.split_once('?').is_some_and(|(_, query)| query.split('&').any(|pair| pair.starts_with("format=")));
    let url = match (is_said, address.contains('?')) {
        (true, _) => address.to_owned(),
        (false, true) => format!("{address}&format=full"),
        (false, false) => format!("{address}?format=full"),
    };
    let mut body = vec![json!({ "type": "message", "text": event.message })];
    if !event.metadata.is_empty() {
        let items: Vec<Value> =
            event.metadata.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        body.push(json!({ "type": "fields", "items": items }));
    }
    let head = json!({ "text": event.title(), "sub_head": { "text": event.severity.as_str() } });
    let call = post(url, &json!({ "content": { "head": head, "body": body } }))?;
    Ok(with(call, "Authorization", token))
}
