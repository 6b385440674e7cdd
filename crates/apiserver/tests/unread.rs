//! What nobody reads takes no more memory than there is for it.

#![allow(clippy::unwrap_used)]

mod support;

use std::{sync::Arc, time::Duration};

use cowherd_apiserver::Config;
use http::Request;
use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use peak_alloc::PeakAlloc;
use serde_json::{Value, json};
use support::{Served, request::*};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Mutex};
use tokio_rustls::client::TlsStream;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The tests of this file measure the memory of the whole process: one at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

const MIB: usize = 1024 * 1024;
/// Longer than anything here takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn maps(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/configmaps")
}

fn large(name: &str, round: usize) -> Value {
    json!({"metadata": {"name": name}, "data": {"round": round.to_string(), "text": "x".repeat(900_000)}})
}

impl Served {
    /// A watch of a tenant's ConfigMaps from a version on, of which nothing was read.
    async fn watch(&self, namespace: &str, token: &str, version: &str) -> TlsStream<TcpStream> {
        let mut stream = self.connect_as_nobody().await;
        let request = format!(
            "GET {}?watch=true&resourceVersion={version}&timeoutSeconds=600 HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: \
             Bearer {token}\r\n\r\n",
            maps(namespace)
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_that_nobody_reads_hold_nothing_of_changes_without_room_for_them() {
    let _alone = ALONE.lock().await;
    const ROUNDS: usize = 16;
    let served = Arc::new(Served::start_with(Config { unread: 16 * MIB as u64, ..Config::default() }).await);
    let token = served.tenant("greedy").await;
    let client = served.server.client();
    let names: Vec<String> = (0..4).map(|number| format!("m{number}")).collect();
    let mut version = String::new();
    for name in &names {
        let (code, made) = post(&client, &maps("greedy"), large(name, 0)).await;
        assert_eq!(code, 201);
        version = made["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    }
    let before = MEMORY.current_usage();
    let mut watches = Vec::new();
    for _ in 0..60 {
        watches.push(served.watch("greedy", &token, &version).await);
    }
    // Whoever reads gets all of it, in its order.
    let reading = tokio::spawn(rounds(served.clone(), token.clone(), version.clone(), ROUNDS * names.len()));
    // More than the buffers of the system take.
    for round in 1..=ROUNDS {
        for name in &names {
            let (code, _) = merge(&client, &format!("{}/{name}", maps("greedy")), large(name, round)).await;
            assert_eq!(code, 200);
        }
    }
    // What is on its way to the buffers of the system is not held for long.
    let held = || MEMORY.current_usage().saturating_sub(before) / MIB;
    let settled = async {
        while held() >= 48 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let is_settled = tokio::time::timeout(PATIENCE, settled).await.is_ok();
    assert!(is_settled, "60 watches with 8 MiB of room hold {} MiB", held());
    let seen = tokio::time::timeout(PATIENCE, reading).await.expect("whoever reads is not held up for ever").unwrap();
    let expected: Vec<usize> = (1..=ROUNDS).flat_map(|round| [round; 4]).collect();
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_for_which_no_window_is_given_take_no_more_than_there_is_for_them() {
    let _alone = ALONE.lock().await;
    let served = Served::start_with(Config { unread: 32 * MIB as u64, ..Config::default() }).await;
    let token = served.tenant("greedy").await;
    for number in 0..8 {
        assert_eq!(post(&served.server.client(), &maps("greedy"), large(&format!("m{number}"), 0)).await.0, 201);
    }
    let mut tls = served.tls().with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let stream = TokioIo::new(served.connect_with(tls).await.unwrap());
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (requests, connection) = builder.initial_stream_window_size(0).handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let asked = (0..60).map(|_| {
        let request = Request::get(format!("https://127.0.0.1{}", maps("greedy")));
        let request = request.header("authorization", format!("Bearer {token}")).body(String::new()).unwrap();
        let mut requests = requests.clone();
        async move { requests.send_request(request).await.unwrap() }
    });
    let answers = tokio::time::timeout(PATIENCE, futures::future::join_all(asked)).await.unwrap();
    let held = MEMORY.peak_usage().saturating_sub(before) / MIB;
    assert!(held < 40, "{} lists with 16 MiB of room took {held} MiB", answers.len());
    drop((answers, requests));
    connection.abort();
    // It is free again: somebody else's list is made at once.
    let (code, list) = get(&served.server.client(), &maps("greedy")).await;
    assert_eq!((code, list["items"].as_array().map(Vec::len)), (200, Some(8)));
}

/// The rounds that the next changes after a version are of, as somebody sees them who reads on and on. Where others hold up the
/// machine for too long, that watch ends too, and another one goes on where it was.
async fn rounds(served: Arc<Served>, token: String, mut version: String, count: usize) -> Vec<usize> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let stream = TokioIo::new(served.connect_as_nobody().await);
        let (mut requests, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
        let connection = tokio::spawn(connection);
        let uri = format!("{}?watch=true&resourceVersion={version}&timeoutSeconds=600", maps("greedy"));
        let request = Request::get(uri).header("host", "127.0.0.1").header("authorization", format!("Bearer {token}"));
        let answer = requests.send_request(request.body(String::new()).unwrap()).await.unwrap();
        let (mut body, mut text) = (answer.into_body(), Vec::new());
        while let Some(Ok(frame)) = body.frame().await {
            text.extend_from_slice(&frame.into_data().unwrap());
            while let Some(end) = text.iter().position(|byte| *byte == b'\n') {
                let event: Value = serde_json::from_slice(&text.drain(..=end).collect::<Vec<_>>()).unwrap();
                version = event["object"]["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
                seen.push(event["object"]["data"]["round"].as_str().unwrap().parse().unwrap());
            }
            if seen.len() >= count {
                break;
            }
        }
        connection.abort();
    }
    seen
}
