//! Silent and greedy peers: their connections end, and lock nobody out.

use std::time::Duration;

use crate::support::{Served, request::post};
use cowherd_apiserver::Config;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// Longer than anything here takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

impl Served {
    /// A connection of the admin, over which nothing was said yet.
    async fn connect(&self) -> TlsStream<TcpStream> {
        self.try_connect().await.unwrap()
    }

    async fn try_connect(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let folder = self.path("pki");
        let certificate = vec![CertificateDer::from_pem_file(folder.join("admin.crt")).unwrap()];
        let key = PrivateKeyDer::from_pem_file(folder.join("admin.key")).unwrap();
        self.connect_with(self.tls().with_client_auth_cert(certificate, key).unwrap()).await
    }

    /// The head of the answer to a request, over a connection of its own, which is given too.
    async fn ask(&self, path: &str) -> (String, TlsStream<TcpStream>) {
        let mut stream = self.connect().await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tokio::time::timeout(PATIENCE, stream.read_u8()).await.unwrap().unwrap());
        }
        (String::from_utf8(head).unwrap(), stream)
    }
}

/// Waits until the other side has ended a connection.
async fn ended(mut stream: impl AsyncReadExt + Unpin) {
    let mut bytes = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the connection ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_nothing_is_ended_before_and_after_the_handshake_and_between_requests() {
    let served = Served::start_with(Config { idle_time: Duration::from_secs(1), ..Config::default() }).await;
    let raw = TcpStream::connect(served.address).await.unwrap();
    let silent = served.connect().await;
    let (head, used) = served.ask("/readyz").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (head, watching) = served.ask("/api/v1/namespaces?watch=true&timeoutSeconds=300").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    ended(raw).await;
    ended(silent).await;
    ended(used).await;
    // A watch in which nothing happens is not idle.
    let mut watching = watching;
    let mut bytes = vec![0; 1024];
    while let Ok(read) = tokio::time::timeout(Duration::from_secs(3), watching.read(&mut bytes)).await {
        assert!(read.unwrap() > 0, "the watch was ended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_peers_lock_nobody_out() {
    let config = Config { connections: 20, connections_of_address: 20, ..Config::default() };
    let served = Served::start_with(config).await;
    let mut silent = Vec::new();
    for _ in 0..60 {
        silent.push(TcpStream::connect(served.address).await.unwrap());
    }
    let (head, _stream) = served.ask("/readyz").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_places_are_taken_health_and_leases_are_still_served() {
    let served = Served::start_with(Config { watches: 1, ..Config::default() }).await;
    let watch = "/api/v1/namespaces?watch=true&timeoutSeconds=300";
    let (head, first) = served.ask(watch).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (head, _stream) = served.ask(watch).await;
    assert!(head.starts_with("HTTP/1.1 429"), "{head}");
    assert!(head.to_lowercase().contains("retry-after: 1"), "{head}");
    for path in ["/readyz", "/apis/coordination.k8s.io/v1/leases?watch=true&timeoutSeconds=1", "/api/v1/namespaces"] {
        let (head, _stream) = served.ask(path).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    }
    drop(first);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !served.ask(watch).await.0.starts_with("HTTP/1.1 200") {
        assert!(tokio::time::Instant::now() < deadline, "a watch that ended gives its place back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_read_its_answer_locks_nobody_out() {
    let config = Config { connections: 8, connections_of_address: 4, ..Config::default() };
    let served = Served::start_with(config).await;
    let client = served.server.client();
    // More than the buffers of sockets take.
    for number in 0..24 {
        let body = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("large-{number}")},
            "data": {"text": "x".repeat(1_000_000)},
        });
        assert_eq!(post(&client, "/api/v1/namespaces/default/configmaps", body).await.0, 201);
    }
    let mut unread = Vec::new();
    for path in ["/api/v1/configmaps", "/api/v1/configmaps?watch=true"].into_iter().cycle().take(4) {
        let mut stream = served.connect().await;
        stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").as_bytes()).await.unwrap();
        unread.push(stream);
    }
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let ready = || async {
        let mut stream = served.try_connect().await?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n").await?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        std::io::Result::Ok(head)
    };
    while ready().await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "those who do not read keep all places");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_whose_bodies_do_not_come_hold_up_no_other_user() {
    let served = Served::start_with(Config { writes: 4, ..Config::default() }).await;
    let (greedy, modest) = (served.tenant("greedy").await, served.tenant("modest").await);
    let mut unfinished = Vec::new();
    for _ in 0..12 {
        unfinished.push(served.write("greedy", &greedy, 100_000, "{").await);
    }
    // Who is told to come back found no place: the first ones have all that one user may have.
    let answers = unfinished.iter_mut().map(|stream| Box::pin(code(stream)));
    let (first, ..) = futures::future::select_all(answers).await;
    assert_eq!(first, "429");
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}).to_string();
    let mut stream = served.write("modest", &modest, body.len(), &body).await;
    assert_eq!(code(&mut stream).await, "201");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_that_do_not_come_have_a_limit_and_hold_up_no_other_user() {
    let served = Served::start().await;
    let (greedy, modest) = (served.tenant("greedy").await, served.tenant("modest").await);
    let mut unfinished = Vec::new();
    for _ in 0..30 {
        unfinished.push(served.write("greedy", &greedy, 3_000_000, "{").await);
    }
    // They could come to 90 MB; one user may have 64 MiB of them.
    let answers = unfinished.iter_mut().map(|stream| Box::pin(code(stream)));
    let (first, ..) = futures::future::select_all(answers).await;
    assert_eq!(first, "429");
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "x".repeat(900_000)}});
    let body = map.to_string();
    let mut stream = served.write("modest", &modest, body.len(), &body).await;
    assert_eq!(code(&mut stream).await, "201");
}

impl Served {
    /// Begins to create a ConfigMap, with a body that is said to have so many bytes.
    async fn write(&self, namespace: &str, token: &str, length: usize, body: &str) -> TlsStream<TcpStream> {
        let mut stream = self.connect_as_nobody().await;
        let request = format!(
            "POST /api/v1/namespaces/{namespace}/configmaps HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer \
             {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }
}

/// The code of an answer that comes.
async fn code(stream: &mut TlsStream<TcpStream>) -> String {
    let mut head = [0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut head)).await.expect("it is answered").unwrap();
    String::from_utf8_lossy(&head[9..]).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_answered_without_a_body_over_http2_too() {
    let served = Served::start_with(Config::default()).await;
    let folder = served.path("pki");
    let certificate = vec![CertificateDer::from_pem_file(folder.join("admin.crt")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join("admin.key")).unwrap();
    let mut tls = served.tls().with_client_auth_cert(certificate, key).unwrap();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let stream = hyper_util::rt::TokioIo::new(served.connect_with(tls).await.unwrap());
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut requests, connection) = hyper::client::conn::http2::handshake(executor, stream).await.unwrap();
    let connection = tokio::spawn(connection);
    for (path, code) in [("/healthz", 200), ("/readyz", 200), ("/version", 405), ("/api/v1/namespaces", 405)] {
        let request = http::Request::head(format!("https://127.0.0.1{path}")).body(String::new()).unwrap();
        let asked = tokio::time::timeout(PATIENCE, requests.send_request(request)).await.unwrap();
        let answer = asked.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(answer.status(), code, "{path}");
        assert!(answer.headers()["content-length"] != "0", "{path}: as for GET");
        let body = tokio::time::timeout(PATIENCE, http_body_util::BodyExt::collect(answer.into_body())).await.unwrap();
        assert!(body.unwrap_or_else(|error| panic!("{path}: {error}")).to_bytes().is_empty(), "{path}");
    }
    assert!(!connection.is_finished(), "the connection goes on");
}
