//! What nobody reads takes no more memory than there is for it.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use cowherd_apiserver::Config;
use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use peak_alloc::PeakAlloc;
use serde_json::{Value, json};
use support::{Served, request::*};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Mutex,
};
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
    let served = Served::start_with(Config { unread: 16 * MIB as u64, ..Config::default() }).await;
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
    let reading = tokio::spawn(rounds(served.watch("greedy", &token, &version).await, ROUNDS * names.len()));
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

/// The rounds that the next changes of a watch are of.
async fn rounds(mut watch: TlsStream<TcpStream>, count: usize) -> Vec<usize> {
    const MARK: &[u8] = b"\"round\":\"";
    let (mut seen, mut text, mut buffer) = (Vec::new(), Vec::new(), vec![0; 64 * 1024]);
    while seen.len() < count {
        let read = watch.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the watch ended after {}", seen.len());
        text.extend_from_slice(&buffer[..read]);
        while let Some(at) = text.windows(MARK.len()).position(|bytes| bytes == MARK) {
            let digits = text[at + MARK.len()..].iter().map(|byte| char::from(*byte));
            let number: String = digits.take_while(char::is_ascii_digit).collect();
            if at + MARK.len() + number.len() == text.len() {
                // The rest of the number comes with what is read next.
                break;
            }
            seen.push(number.parse().unwrap());
            text.drain(..at + MARK.len() + number.len());
        }
        // What may be the beginning of a mark.
        let gone = text.len().saturating_sub(2 * MARK.len());
        text.drain(..gone);
    }
    seen
}
