//! What the agents record is told to whom Alerts name, and webhooks are taken.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use cowherd_gitops::{Hooks, Receivers};
use cowherd_gitserver::listener::{Listener, Manner, Told};
use cowherd_source::Network;
use serde_json::{Value, json};

use crate::world::{FLUX, World, config_map, kustomization};

pub const BETA: &str = "notification.toolkit.fluxcd.io/v1beta3";
const V1: &str = "notification.toolkit.fluxcd.io/v1";

/// A world whose tenants may reach services of this machine.
async fn world() -> World {
    let mut world = World::new().await;
    world.kill_agents().await;
    world.policy.access.network = Network::Others(vec!["127.0.0.0/8".parse().unwrap()]);
    world.start_agents();
    world
}

/// A Provider and an Alert of the same name about all Kustomizations of a namespace.
async fn alert(world: &World, namespace: &str, name: &str, provider: Value, alert: Value) {
    let metadata = json!({ "name": name, "namespace": namespace });
    world.create(BETA, "Provider", json!({ "metadata": metadata, "spec": provider })).await;
    let mut spec = json!({ "providerRef": { "name": name },
        "eventSources": [{ "kind": "Kustomization", "name": "*", "namespace": FLUX }] });
    spec.as_object_mut().unwrap().extend(alert.as_object().unwrap().clone());
    world.create(BETA, "Alert", json!({ "metadata": metadata, "spec": spec })).await;
}

fn generic(service: &Listener) -> Value {
    json!({ "type": "generic", "address": service.url("hook") })
}

/// The messages that a generic service was told.
fn messages(service: &Listener) -> Vec<String> {
    service.told().iter().map(|told| body(told)["message"].as_str().unwrap_or_default().to_owned()).collect()
}

fn body(told: &Told) -> Value {
    serde_json::from_slice(&told.body).unwrap()
}

/// Waits until the service was told something with these words.
async fn told(world: &World, service: &Listener, words: &str) -> Told {
    world
        .until(&format!("somebody is told {words:?}"), async || {
            let found = service.told().into_iter().find(|told| String::from_utf8_lossy(&told.body).contains(words));
            found.ok_or_else(|| {
                format!(
                    "{:?}",
                    service
                        .told()
                        .iter()
                        .map(|told| String::from_utf8_lossy(&told.body).into_owned())
                        .collect::<Vec<_>>()
                )
            })
        })
        .await
}

/// Waits for an event about an Alert with these words; all of its message.
async fn complained(world: &World, namespace: &str, words: &str) -> String {
    world
        .until(&format!("an Alert says {words:?}"), async || {
            let events = world.api("v1", "Event", Some(namespace)).list(&Default::default()).await.unwrap();
            let messages = events.items.iter().filter(|event| event.data["involvedObject"]["kind"] == "Alert");
            let messages: Vec<String> =
                messages.map(|event| event.data["message"].as_str().unwrap_or_default().to_owned()).collect();
            messages.iter().find(|message| message.contains(words)).cloned().ok_or_else(|| format!("{messages:?}"))
        })
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_is_told_of_what_happens_to_a_kustomization_and_of_nothing_else() {
    let world = world().await;
    let (all, errors, red) = (Listener::start(), Listener::start(), Listener::start());
    alert(&world, FLUX, "all", generic(&all), json!({ "eventMetadata": { "env": "test" } })).await;
    alert(&world, FLUX, "errors", generic(&errors), json!({ "eventSeverity": "error", "exclusionList": ["nobody"] }))
        .await;
    let labelled =
        json!({ "eventSources": [{ "kind": "Kustomization", "name": "*", "matchLabels": { "team": "red" } }] });
    alert(&world, FLUX, "red", generic(&red), labelled).await;
    world.repository.write("app/a.yaml", &config_map("apps", "app", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    let mut app = kustomization("app", "./app", json!({}));
    app["metadata"]["annotations"] = json!({ "event.toolkit.fluxcd.io/owner": "team red" });
    app["metadata"]["labels"] = json!({ "team": "red" });
    world.add(app).await;
    world.ready("app", &first).await;
    let progress = told(&world, &all, "ConfigMap/apps/app created").await;
    assert_eq!(progress.headers["gotk-component"], "kustomize-controller");
    let event = body(&progress);
    assert_eq!((&event["severity"], &event["reason"]), (&json!("info"), &json!("Progressing")));
    assert_eq!(event["involvedObject"]["name"], "app");
    assert_eq!(event["metadata"], json!({ "env": "test", "owner": "team red", "revision": first }));
    told(&world, &red, "ConfigMap/apps/app created").await;

    world.add(kustomization("nowhere", "./nowhere", json!({}))).await;
    let failed = body(&told(&world, &errors, "nowhere").await);
    assert_eq!((&failed["severity"], &failed["involvedObject"]["name"]), (&json!("error"), &json!("nowhere")));
    assert!(messages(&errors).iter().all(|message| !message.contains("created")), "{:?}", messages(&errors));
    let of_red = red.told().iter().all(|told| body(told)["involvedObject"]["name"] == "app");
    assert!(of_red, "{:?}", messages(&red));

    // It fails again every second, and is told once.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut said = messages(&errors);
    let count = said.len();
    said.sort_unstable();
    said.dedup();
    assert_eq!(said.len(), count, "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_told_is_said_of_the_alert_and_no_secret_with_it() {
    let world = world().await;
    let (refusing, flaky, hanging) = (Listener::start(), Listener::start(), Listener::start());
    let secret = json!({ "metadata": { "name": "hook", "namespace": FLUX },
        "stringData": { "address": refusing.url("services/hunter2"), "token": "hunter3" } });
    world.create("v1", "Secret", secret).await;
    refusing.answer(Manner {
        statuses: vec![400; 100],
        content: "no hunter3 \u{1b}[2J".to_owned(),
        ..Manner::default()
    });
    flaky.answer(Manner { statuses: vec![503; 4], ..Manner::default() });
    hanging.answer(Manner { hangs: true, ..Manner::default() });
    let private = json!({ "type": "generic-hmac", "address": "https://example.org", "secretRef": { "name": "hook" } });
    alert(&world, FLUX, "refusing", private, json!({})).await;
    alert(&world, FLUX, "flaky", generic(&flaky), json!({})).await;
    let slow = json!({ "type": "generic", "address": hanging.url("hook"), "timeout": "1s" });
    alert(&world, FLUX, "hanging", slow, json!({})).await;
    alert(&world, FLUX, "queue", json!({ "type": "nats", "address": "nats://example.org" }), json!({})).await;
    alert(&world, FLUX, "link", json!({ "type": "generic", "address": "http://169.254.169.254/latest" }), json!({}))
        .await;
    let heavy: Vec<String> = (0..64).map(|number| format!(r"\pL{{20}}\d{{30}}x{number}")).collect();
    alert(&world, FLUX, "heavy", generic(&flaky), json!({ "inclusionList": heavy })).await;
    alert(&world, FLUX, "secretless", json!({ "type": "generic", "secretRef": { "name": "none" } }), json!({})).await;
    world.repository.write("app/a.yaml", &config_map("apps", "app", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("app", "./app", json!({}))).await;
    // Nobody waits for those who are told.
    world.ready("app", &first).await;

    let said = complained(&world, FLUX, "request failed with status code 400").await;
    assert!(said.contains("failed to send notification for Kustomization/flux-system/app"), "{said}");
    assert!(!said.contains("hunter") && !said.contains('\u{1b}'), "{said}");
    let signature = &refusing.told()[0].headers["x-signature"];
    assert!(signature.starts_with("sha256=") && signature.len() == 71, "{signature}");
    told(&world, &flaky, "ConfigMap/apps/app created").await;
    world
        .until("it is told again after a failure", async || {
            let count = messages(&flaky).iter().filter(|message| message.contains("app created")).count();
            if count >= 2 { Ok(()) } else { Err(format!("{count}")) }
        })
        .await;
    complained(&world, FLUX, "took longer than ").await;
    let queue = complained(&world, FLUX, "spec.type \"nats\" is not supported yet").await;
    assert!(queue.contains("failed to initialize notifier for provider 'queue'"), "{queue}");
    let link = complained(&world, FLUX, "169.254.169.254").await;
    assert!(link.contains("must not have cowherd connect to"), "{link}");
    complained(&world, FLUX, "failed to get secret 'flux-system/none': there is none").await;
    let large = complained(&world, FLUX, "have more than 512 KiB when they are compiled").await;
    assert!(large.contains("spec.inclusionList from ") && large.contains("write fewer or simpler ones"), "{large}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_alert_is_told_of_another_namespace_where_references_are_blocked() {
    let mut world = world().await;
    world.kill_agents().await;
    world.policy.no_cross_namespace_refs = true;
    world.start_agents();
    let (own, other) = (Listener::start(), Listener::start());
    alert(&world, FLUX, "own", generic(&own), json!({})).await;
    alert(&world, "other", "other", generic(&other), json!({})).await;
    world.repository.write("app/a.yaml", &config_map("apps", "app", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("app", "./app", json!({}))).await;
    world.ready("app", &first).await;
    told(&world, &own, "ConfigMap/apps/app created").await;
    let said = complained(&world, "other", "cross-namespace references have been blocked").await;
    assert!(said.contains("alert 'other/other' can't process event from 'Kustomization/flux-system/app'"), "{said}");
    assert_eq!(other.told(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_has_the_status_of_its_kustomization_also_where_nothing_of_it_concerns_that() {
    let world = world().await;
    let (git, chat) = (Listener::start(), Listener::start());
    git.answer(Manner { content: "[]".to_owned(), ..Manner::default() });
    let secret = json!({ "metadata": { "name": "token", "namespace": FLUX }, "stringData": { "token": "hunter2" } });
    world.create("v1", "Secret", secret).await;
    let spec = json!({ "type": "github", "address": git.url("owner/repo"), "secretRef": { "name": "token" } });
    alert(&world, FLUX, "git", spec, json!({})).await;
    alert(&world, FLUX, "chat", json!({ "type": "slack", "address": chat.url("hook") }), json!({})).await;
    world.repository.write("app/a.yaml", &config_map("apps", "app", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("app", "./app", json!({}))).await;
    world.ready("app", &first).await;
    world.repository.write("elsewhere/a.yaml", &config_map("apps", "other", "1"));
    let second = world.repository.commit("second");
    let annotations = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "now" } } });
    world.patch("source.toolkit.fluxcd.io/v1", "GitRepository", FLUX, FLUX, annotations).await;
    world.ready("app", &second).await;
    for revision in [first, second] {
        let path = format!("/api/v3/repos/owner/repo/statuses/{}", revision.rsplit_once(':').unwrap().1);
        let posted = world
            .until(&format!("{path} is posted to"), async || {
                let posted = git.told().into_iter().find(|told| told.method == "POST" && told.path == path);
                posted
                    .ok_or_else(|| format!("{:?}", git.told().iter().map(|told| told.path.clone()).collect::<Vec<_>>()))
            })
            .await;
        let status = body(&posted);
        assert_eq!((&status["state"], &status["description"]), (&json!("success"), &json!("reconciliation succeeded")));
        assert!(status["context"].as_str().unwrap().starts_with("kustomization/app/"), "{status}");
        assert_eq!(posted.headers["authorization"], "Bearer hunter2");
    }
    let chatted: Vec<String> =
        chat.told().iter().map(|told| String::from_utf8_lossy(&told.body).into_owned()).collect();
    assert!(chatted.iter().all(|text| !text.contains("nothing of the revision concerns it")), "{chatted:?}");
}

/// Sends a request, and gives the status of the answer.
pub fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut request =
        format!("{method} {path} HTTP/1.1\r\nHost: hooks\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| request.push_str(&format!("{name}: {value}\r\n")));
    // Who is refused before everything is read may not read everything.
    let _ = stream.write_all(format!("{request}\r\n{body}").as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// Webhooks are taken, by whoever the agents are.
pub async fn hooks(world: &World) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let denies = world.policy.no_cross_namespace_refs;
    let client = world.agents.notifying.clone();
    let receivers = Receivers::follow(&client, &Default::default(), &world.health, &Default::default());
    let hooks = Hooks::new(client, &receivers, denies);
    tokio::spawn(hooks.serve(std::sync::Arc::new(listener)));
    address
}

pub async fn receiver(world: &World, namespace: &str, name: &str, spec: Value) -> String {
    let object = json!({ "metadata": { "name": name, "namespace": namespace }, "spec": spec });
    world.create(V1, "Receiver", object).await;
    world
        .until(&format!("{name} takes webhooks"), async || {
            let status = world.get(V1, "Receiver", Some(namespace), name).await.unwrap()["status"].clone();
            let ready = &status["conditions"][0];
            let is_ready = ready["type"] == "Ready" && ready["status"] == "True";
            let path = status["webhookPath"].as_str().filter(|_| is_ready).map(str::to_owned);
            path.ok_or_else(|| status.to_string())
        })
        .await
}

pub async fn token(world: &World, namespace: &str, token: &str) {
    let secret = json!({ "metadata": { "name": "webhook", "namespace": namespace }, "stringData": { "token": token } });
    world.create("v1", "Secret", secret).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_is_seen_at_once_by_a_webhook_and_by_nobody_else_s() {
    let world = world().await;
    let address = hooks(&world).await;
    world.repository.write("app/a.yaml", &config_map("apps", "app", "1"));
    let first = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("app", "./app", json!({}))).await;
    world.ready("app", &first).await;
    token(&world, FLUX, "token").await;
    let resources = json!([{ "kind": "GitRepository", "name": FLUX }]);
    let spec =
        json!({ "type": "github", "events": ["push"], "secretRef": { "name": "webhook" }, "resources": resources });
    let github = receiver(&world, FLUX, "github", spec).await;
    let spec = json!({ "type": "generic", "secretRef": { "name": "webhook" }, "resources": resources });
    let generic = receiver(&world, FLUX, "generic", spec).await;

    world.repository.write("app/a.yaml", &config_map("apps", "app", "2"));
    let second = world.repository.commit("second");
    // echo -n '{}' | openssl dgst -sha256 -hmac token
    let signature = "sha256=5c88aa97c426854fb8f94deb5a1f202a537891ced9b9ae9c99bc1d3323d27d53";
    let push = ("X-GitHub-Event", "push");
    let sent = async |headers: &[(&str, &str)], path: &str, method: &str| {
        let headers: Vec<(String, String)> = headers.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let (path, method) = (path.to_owned(), method.to_owned());
        let sending = move || {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            send(address, &method, &path, &headers, "{}")
        };
        tokio::task::spawn_blocking(sending).await.unwrap()
    };
    for path in [&github, &generic] {
        world
            .until(&format!("{path} is known"), async || match sent(&[], path, "GET").await {
                405 => Ok(()),
                other => Err(other.to_string()),
            })
            .await;
    }
    let (elsewhere, unknown) = (format!("{github}?x"), format!("/hook/{}", "0".repeat(64)));
    let signed = ("X-Hub-Signature-256", signature);
    type Headers<'h> = &'h [(&'h str, &'h str)];
    let requests: [(Headers<'_>, &str, u16); 6] = [
        (&[push], &github, 400),
        (&[push, ("X-Hub-Signature-256", "sha256=00")], &github, 400),
        (&[("X-GitHub-Event", "release"), signed], &github, 400),
        (&[push, signed], &elsewhere, 404),
        (&[], &unknown, 404),
        (&[], "/", 404),
    ];
    for (headers, path, status) in requests {
        assert_eq!(sent(headers, path, "POST").await, status, "{path} {headers:?}");
    }
    assert_eq!(world.git_repository().await.metadata.annotations, None, "nobody asked who may");
    assert_eq!(sent(&[push, signed], &github, "POST").await, 200);
    world.ready("app", &second).await;

    world.repository.write("app/a.yaml", &config_map("apps", "app", "3"));
    let third = world.repository.commit("third");
    assert_eq!(sent(&[], &generic, "POST").await, 200);
    world.ready("app", &third).await;

    // Another token is another path, from the moment on that it is there.
    let patch = json!({ "stringData": { "token": "another" } });
    world.patch("v1", "Secret", FLUX, "webhook", patch).await;
    assert_eq!(sent(&[], &generic, "POST").await, 404);
    world.patch(V1, "Receiver", FLUX, "github", json!({ "spec": { "suspend": true } })).await;
    world
        .until("the Receiver is suspended", async || match sent(&[], &github, "POST").await {
            503 => Ok(()),
            other => Err(other.to_string()),
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_asks_for_what_its_filters_accept_and_for_nothing_else() {
    let world = world().await;
    let address = hooks(&world).await;
    world.repository.commit("first");
    world.follow_repository().await;
    token(&world, FLUX, "token").await;
    let spec = json!({ "type": "generic", "secretRef": { "name": "webhook" },
        "resourceFilter": "res.metadata.name == req.name",
        "resources": [{ "kind": "GitRepository", "name": FLUX, "filter": "req.pushed.exists(tag, tag.startsWith('v'))" }] });
    let path = receiver(&world, FLUX, "filtered", spec).await;
    let sent = async |media: &str, body: Value| {
        let (path, media, body) = (path.clone(), media.to_owned(), body.to_string());
        let sending = move || send(address, "POST", &path, &[("Content-Type", &media)], &body);
        tokio::task::spawn_blocking(sending).await.unwrap()
    };
    world
        .until("the webhook is known", async || {
            match sent("application/json", json!({ "name": "other", "pushed": ["v1"] })).await {
                200 => Ok(()),
                other => Err(other.to_string()),
            }
        })
        .await;
    assert_eq!(sent("application/json", json!({ "name": FLUX, "pushed": ["1"] })).await, 200);
    assert_eq!(sent("application/json", json!({ "name": FLUX })).await, 500, "the filter cannot decide");
    assert_eq!(sent("application/json", json!([1])).await, 500);
    assert_eq!(sent("text/plain", json!({ "name": FLUX, "pushed": ["v1"] })).await, 500, "there is nothing to be read");
    assert_eq!(world.git_repository().await.metadata.annotations, None);
    assert_eq!(sent("application/json; charset=utf-8", json!({ "name": FLUX, "pushed": ["1", "v1"] })).await, 200);
    let annotations = world.git_repository().await.metadata.annotations.unwrap_or_default();
    assert!(annotations.contains_key("reconcile.fluxcd.io/requestedAt"), "{annotations:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_says_what_keeps_it_from_taking_webhooks_and_reaches_no_other_namespace() {
    let mut world = world().await;
    world.policy.no_cross_namespace_refs = true;
    let address = hooks(&world).await;
    token(&world, "other", "token").await;
    let reference = json!({ "name": "webhook" });
    for (name, spec, reason, words) in [
        ("lost", json!({ "type": "generic", "secretRef": { "name": "none" } }), "TokenNotFound", "other/none"),
        (
            "gcr",
            json!({ "type": "gcr", "secretRef": reference }),
            "UnsupportedFeature",
            "spec.type \"gcr\" is not supported",
        ),
        (
            "filtered",
            json!({ "type": "generic", "secretRef": reference, "resourceFilter": "has(res.metadata.labels" }),
            "InvalidCELExpression",
            "spec.resourceFilter cannot be read as an expression of CEL: 1:24: syntax error",
        ),
        (
            "leading",
            json!({ "type": "generic", "secretRef": reference, "resources": [{ "kind": "GitRepository", "name": FLUX,
                "namespace": "flux-system/gitrepositories/flux-system?x=" }] }),
            "ValidationFailed",
            "spec.resources[0]: no namespace can be called \"flux-system/gitrepositories/flux-system?x=\"",
        ),
        (
            "many",
            json!({ "type": "generic", "secretRef": reference,
                "resources": vec![json!({ "kind": "GitRepository", "name": "x" }); 257] }),
            "ValidationFailed",
            "spec.resources has 257 references, and may have 256",
        ),
    ] {
        let mut spec = spec;
        if spec["resources"].is_null() {
            spec["resources"] = json!([{ "kind": "GitRepository", "name": "x" }]);
        }
        world.create(V1, "Receiver", json!({ "metadata": { "name": name, "namespace": "other" }, "spec": spec })).await;
        world
            .until(&format!("{name} says {words:?}"), async || {
                let status = world.get(V1, "Receiver", Some("other"), name).await.unwrap()["status"].clone();
                let ready = &status["conditions"][0];
                let is_said = ready["status"] == "False"
                    && ready["reason"] == reason
                    && ready["message"].as_str().is_some_and(|message| message.contains(words));
                if is_said { Ok(()) } else { Err(status.to_string()) }
            })
            .await;
    }
    world.repository.commit("first");
    world.follow_repository().await;
    let resources = json!([{ "kind": "GitRepository", "name": FLUX, "namespace": FLUX }]);
    let spec = json!({ "type": "generic", "secretRef": reference, "resources": resources });
    let path = receiver(&world, "other", "reaching", spec).await;
    world
        .until("the webhook is taken, and comes to nothing", async || {
            let path = path.clone();
            let sending = move || send(address, "POST", &path, &[], "{}");
            match tokio::task::spawn_blocking(sending).await.unwrap() {
                500 => Ok(()),
                other => Err(other.to_string()),
            }
        })
        .await;
    assert_eq!(world.git_repository().await.metadata.annotations, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_whose_content_does_not_come_are_in_nobody_s_way() {
    let world = world().await;
    let address = hooks(&world).await;
    let resources = json!([{ "kind": "GitRepository", "name": "*", "matchLabels": { "nobody": "has" } }]);
    let spec = json!({ "type": "generic", "secretRef": { "name": "webhook" }, "resources": resources });
    token(&world, "other", "token").await;
    let slow = receiver(&world, "other", "slow", spec.clone()).await;
    token(&world, FLUX, "token").await;
    let well = receiver(&world, FLUX, "well", spec).await;
    let sent = async |path: &str| {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || send(address, "POST", &path, &[], "{}")).await.unwrap()
    };
    for path in [&slow, &well] {
        world
            .until(&format!("{path} is known"), async || match sent(path).await {
                200 => Ok(()),
                other => Err(other.to_string()),
            })
            .await;
    }
    let begin = || {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("POST {slow} HTTP/1.1\r\nHost: hooks\r\nContent-Length: 2000000\r\n\r\n{{");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    let slow: Vec<TcpStream> = (0..300).map(|_| begin()).collect();
    // Others are taken that come after them.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(sent(&well).await, 200);
    drop(slow);
}
