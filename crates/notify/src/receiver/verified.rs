//! Whether a webhook was sent by who knows the token, and is about an event that counts: as Flux has it for each sender.

use cowherd_api::flux::notification::v1::ReceiverSpec;
use http::HeaderMap;
use ring::hmac;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Why a webhook is not taken. It says nothing of the token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is signed by nobody, or by who does not know the token.
    #[error("the {sender} signature header is {what}")]
    Signature {
        /// Who sends such webhooks.
        sender: &'static str,
        /// What is wrong with the header.
        what: &'static str,
    },
    /// It does not show the token.
    #[error("the {0} header value does not match the receiver token")]
    Token(&'static str),
    /// Its event is none of those that count.
    #[error("the {sender} event {event:?} is not authorised")]
    Event {
        /// Who sends such webhooks.
        sender: &'static str,
        /// What happened, as it says.
        event: String,
    },
    /// It is not written as such webhooks are.
    #[error("cannot decode {sender} webhook payload: {what}")]
    Payload {
        /// Who sends such webhooks.
        sender: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// Nothing of this type is taken.
    #[error("receiver type {0:?} not supported")]
    Type(String),
}

/// Whether a webhook is what it says it is.
pub(crate) fn verify(spec: &ReceiverSpec, token: &[u8], headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let signed = |sender, name| signature(sender, header(name), token, body);
    let counts = |sender, event: &str| counts(spec, sender, event);
    match spec.kind.as_str() {
        // Whoever knows the path knows the token.
        "generic" => Ok(()),
        "generic-hmac" => signed("HMAC", "X-Signature"),
        "github" => {
            hub_signature("GitHub", headers, token, body)?;
            counts("GitHub", header("X-GitHub-Event"))
        }
        "bitbucket" => {
            hub_signature("Bitbucket server", headers, token, body)?;
            counts("Bitbucket server", header("X-Event-Key"))
        }
        "gitlab" => {
            shown("X-Gitlab-Token", headers, token)?;
            counts("GitLab", header("X-Gitlab-Event"))
        }
        "harbor" => shown("Authorization", headers, token),
        "nexus" => {
            let digits = header("X-Nexus-Webhook-Signature");
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token);
            check("Nexus", &key, digits, body)?;
            written::<Nexus>("Nexus", body)
        }
        "dockerhub" => written::<DockerHub>("DockerHub", body),
        "quay" => written::<Quay>("Quay", body),
        "acr" => written::<Acr>("ACR", body),
        "cdevents" => {
            cdevent(body)?;
            counts("CDEvent", header("Ce-Type"))
        }
        other => Err(Refusal::Type(other.to_owned())),
    }
}

fn counts(spec: &ReceiverSpec, sender: &'static str, event: &str) -> Result<(), Refusal> {
    if spec.events.is_empty() || spec.events.iter().any(|known| known.eq_ignore_ascii_case(event)) {
        return Ok(());
    }
    Err(Refusal::Event { sender, event: event.chars().take(100).collect() })
}

/// A header that shows the token itself.
fn shown(name: &'static str, headers: &HeaderMap, token: &[u8]) -> Result<(), Refusal> {
    let value = headers.get(name).map(http::HeaderValue::as_bytes).unwrap_or_default();
    if are_equal(value, token) { Ok(()) } else { Err(Refusal::Token(name)) }
}

/// Whether two texts are the same. Their sums are compared: how long that takes says nothing of where they differ.
pub(super) fn are_equal(one: &[u8], other: &[u8]) -> bool {
    Sha256::digest(one) == Sha256::digest(other)
}

/// A signature as those of WebSub have it; the newer of two headers goes first.
fn hub_signature(sender: &'static str, headers: &HeaderMap, token: &[u8], body: &[u8]) -> Result<(), Refusal> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
    let value = header("X-Hub-Signature-256").or_else(|| header("X-Hub-Signature")).unwrap_or_default();
    signature(sender, value, token, body)
}

/// `sha256=DIGITS`, or by another hash.
fn signature(sender: &'static str, value: &str, token: &[u8], body: &[u8]) -> Result<(), Refusal> {
    if value.is_empty() {
        return Err(Refusal::Signature { sender, what: "missing" });
    }
    let (algorithm, digits) = match value.split_once('=') {
        Some(("sha1", digits)) => (hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, digits),
        Some(("sha256", digits)) => (hmac::HMAC_SHA256, digits),
        Some(("sha512", digits)) => (hmac::HMAC_SHA512, digits),
        _ => return Err(Refusal::Signature { sender, what: "of no kind that is known" }),
    };
    check(sender, &hmac::Key::new(algorithm, token), digits, body)
}

fn check(sender: &'static str, key: &hmac::Key, digits: &str, body: &[u8]) -> Result<(), Refusal> {
    if digits.is_empty() {
        return Err(Refusal::Signature { sender, what: "missing" });
    }
    let bytes = bytes(digits).ok_or(Refusal::Signature { sender, what: "not written in hexadecimal digits" })?;
    hmac::verify(key, body, &bytes).map_err(|_| Refusal::Signature { sender, what: "invalid" })
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)).collect()
}

/// Whether the content is what a sender writes.
fn written<'a, T: Deserialize<'a>>(sender: &'static str, body: &'a [u8]) -> Result<(), Refusal> {
    let read = serde_json::from_slice::<T>(body).map(drop);
    // What it says of where it stopped may repeat what was sent.
    read.map_err(|error| Refusal::Payload { sender, what: format!("line {} column {}", error.line(), error.column()) })
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the types are what counts")]
struct Nexus {
    action: Option<String>,
    #[serde(rename = "repositoryName")]
    repository_name: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the types are what counts")]
struct DockerHub {
    push_data: Option<Pushed>,
    repository: Option<Repository>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the types are what counts")]
struct Pushed {
    tag: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the types are what counts")]
struct Repository {
    repo_url: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the types are what counts")]
struct Quay {
    docker_url: Option<String>,
    updated_tags: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the types are what counts")]
struct Acr {
    action: Option<String>,
    target: Option<Target>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "the types are what counts")]
struct Target {
    repository: Option<String>,
    tag: Option<String>,
}

/// Whether the content has what every CDEvent has.
fn cdevent(body: &[u8]) -> Result<(), Refusal> {
    let wrong = |what: &str| Refusal::Payload { sender: "CDEvent", what: what.to_owned() };
    let event: Value = serde_json::from_slice(body).map_err(|_| wrong("it is no JSON"))?;
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let context = &event["context"];
    if !["version", "id", "source", "type", "timestamp"].iter().all(|field| text(&context[*field])) {
        return Err(wrong("its context lacks version, id, source, type or timestamp"));
    }
    // dev.cdevents.SUBJECT.PREDICATE.VERSION
    let kind = context["type"].as_str().unwrap_or_default();
    if !kind.starts_with("dev.cdevents.") || kind.splitn(5, '.').count() < 5 {
        return Err(wrong("its type is none of CDEvents"));
    }
    if !text(&event["subject"]["id"]) || !event["subject"]["content"].is_object() {
        return Err(wrong("its subject has no id or no content"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TOKEN: &[u8] = b"token";

    fn verified(kind: &str, events: &[&str], headers: &[(&'static str, &str)], body: &str) -> Result<(), String> {
        let spec: ReceiverSpec =
            serde_json::from_value(json!({ "type": kind, "events": events, "resources": [] })).unwrap();
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        verify(&spec, TOKEN, &headers, body.as_bytes()).map_err(|refusal| refusal.to_string())
    }

    fn signed(algorithm: hmac::Algorithm, key: &[u8], body: &str) -> String {
        let tag = hmac::sign(&hmac::Key::new(algorithm, key), body.as_bytes());
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn who_does_not_know_the_token_is_refused() {
        let body = "{}";
        let (good, bad) = (signed(hmac::HMAC_SHA256, TOKEN, body), signed(hmac::HMAC_SHA256, b"other", body));
        let (sha1, sha512) =
            (signed(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN, body), signed(hmac::HMAC_SHA512, TOKEN, body));
        for (kind, name) in
            [("github", "x-hub-signature-256"), ("bitbucket", "x-hub-signature"), ("generic-hmac", "x-signature")]
        {
            let is_taken = |value: &str| verified(kind, &[], &[(name, value)], body).is_ok();
            for value in [format!("sha256={good}"), format!("sha1={sha1}"), format!("sha512={sha512}")] {
                assert!(is_taken(&value), "{kind} {value}");
            }
            for value in [
                format!("sha256={bad}"),
                good.clone(),
                format!("md5={good}"),
                "sha256=".into(),
                "sha256=zz".into(),
                "".into(),
            ] {
                assert!(!is_taken(&value), "{kind} {value}");
            }
            assert!(verified(kind, &[], &[(name, &format!("sha256={good}"))], "{ }").is_err(), "{kind}: other content");
            assert!(verified(kind, &[], &[], body).unwrap_err().contains("missing"), "{kind}");
        }
        for (kind, name) in [("gitlab", "x-gitlab-token"), ("harbor", "authorization")] {
            assert!(verified(kind, &[], &[(name, "token")], body).is_ok(), "{kind}");
            for wrong in ["", "toke", "token2", "Token"] {
                let refused = verified(kind, &[], &[(name, wrong)], body).unwrap_err();
                assert!(refused.contains("does not match"), "{kind}: {refused}");
            }
        }
        let nexus = |digits: &str| verified("nexus", &[], &[("x-nexus-webhook-signature", digits)], body);
        assert!(nexus(&sha1).is_ok() && nexus(&good).is_err() && nexus("").is_err());
    }

    #[test]
    fn of_two_signatures_the_newer_counts_alone_and_half_a_digit_is_none() {
        let body = "{}";
        let good = signed(hmac::HMAC_SHA256, TOKEN, body);
        let old = signed(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, TOKEN, body);
        let both = |newer: &str, older: &str| {
            verified("github", &[], &[("x-hub-signature-256", newer), ("x-hub-signature", older)], body)
        };
        assert!(both(&format!("sha256={good}"), "sha1=00").is_ok());
        assert!(both("sha256=00", &format!("sha1={old}")).is_err(), "the older one is no way around the newer");
        assert!(both("", &format!("sha1={old}")).is_ok());
        for digits in [&good[..63], &format!("{good}0"), &good[..62], &format!(" {good}"), &format!("+{}", &good[1..])]
        {
            assert!(
                verified("generic-hmac", &[], &[("x-signature", &format!("sha256={digits}"))], body).is_err(),
                "{digits}"
            );
        }
        assert!(
            verified("generic-hmac", &[], &[("x-signature", &format!("sha256={}", good.to_uppercase()))], body).is_ok()
        );
        assert!(are_equal(b"", b"") && !are_equal(b"a", b"") && !are_equal(b"a", b"b"));
    }

    #[test]
    fn only_events_that_are_named_count() {
        let body = "{}";
        let signature = format!("sha256={}", signed(hmac::HMAC_SHA256, TOKEN, body));
        let github = |event: &str| {
            verified(
                "github",
                &["ping", "Push"],
                &[("x-hub-signature-256", &signature), ("x-github-event", event)],
                body,
            )
        };
        assert!(github("push").is_ok() && github("PING").is_ok());
        assert!(github("release").unwrap_err().contains("\"release\" is not authorised") && github("").is_err());
        let gitlab = [("x-gitlab-token", "token"), ("x-gitlab-event", "Push Hook")];
        assert!(verified("gitlab", &["Push Hook"], &gitlab, body).is_ok());
        assert!(verified("gitlab", &["Tag Push Hook"], &gitlab, body).is_err());
    }

    #[test]
    fn content_is_what_its_sender_writes() {
        for (kind, good, bad) in [
            ("dockerhub", r#"{"push_data":{"tag":"1"},"repository":{"repo_url":"x"}}"#, r#"{"push_data":{"tag":1}}"#),
            ("quay", r#"{"docker_url":"x","updated_tags":["1"]}"#, r#"{"updated_tags":"1"}"#),
            ("acr", r#"{"action":"push","target":{"repository":"x","tag":"1"}}"#, "not json"),
        ] {
            assert!(verified(kind, &[], &[], good).is_ok(), "{kind}");
            assert!(verified(kind, &[], &[], bad).unwrap_err().contains("cannot decode"), "{kind}");
        }
        let event = json!({ "context": { "version": "0.4.1", "id": "1", "source": "s", "timestamp": "2026-01-01T00:00:00Z",
            "type": "dev.cdevents.change.merged.0.2.0" }, "subject": { "id": "s", "content": {} } });
        assert!(verified("cdevents", &[], &[], &event.to_string()).is_ok());
        let named = [("ce-type", "dev.cdevents.change.merged.0.2.0")];
        assert!(verified("cdevents", &["dev.cdevents.change.merged.0.2.0"], &named, &event.to_string()).is_ok());
        assert!(verified("cdevents", &["dev.cdevents.change.created.0.2.0"], &named, &event.to_string()).is_err());
        assert!(verified("cdevents", &[], &[], "{}").is_err());
        assert!(verified("gcr", &[], &[], "{}").unwrap_err().contains("not supported"));
    }
}
