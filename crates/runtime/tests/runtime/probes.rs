//! What a program without an API tells whoever asks.

use std::sync::Arc;
use std::time::Duration;

use cowherd_runtime::{Health, Metrics, Probes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::cluster::Cluster;

async fn ask(address: std::net::SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn metrics_and_health_are_told() {
    let (health, metrics) = (Health::default(), Metrics::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let probes = Probes { metrics: metrics.clone(), health: health.clone(), patience: Duration::ZERO };
    let serving = tokio::spawn(probes.serve(Arc::new(listener)));

    let cluster = Cluster::start().await;
    let client = metrics.counting(cluster.client.clone(), "api:6443");
    let maps: kube::Api<k8s_openapi::api::core::v1::ConfigMap> = kube::Api::namespaced(client, "default");
    assert!(maps.get_opt("absent").await.unwrap().is_none());
    maps.list(&Default::default()).await.unwrap();
    let text = ask(address, "GET /metrics").await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{text}");
    assert!(text.contains("\n# TYPE rest_client_requests_total counter\n"), "{text}");
    for code in ["200", "404"] {
        let line = format!("\nrest_client_requests_total{{code=\"{code}\",host=\"api:6443\",method=\"GET\"}} 1\n");
        assert!(text.contains(&line), "{text}");
    }

    assert!(ask(address, "GET /healthz").await.ends_with("\r\n\r\nok"));
    assert!(ask(address, "GET /readyz").await.ends_with("\r\n\r\nok"));
    let pulse = health.register("watch of things");
    pulse.unwell("it was interrupted");
    let unready = ask(address, "GET /readyz").await;
    assert!(unready.starts_with("HTTP/1.1 500 ") && unready.contains("watch of things since "), "{unready}");
    assert!(ask(address, "GET /healthz").await.ends_with("\r\n\r\nok"), "who is not ready lives");
    pulse.well();
    assert!(ask(address, "GET /readyz").await.ends_with("\r\n\r\nok"));
    assert!(ask(address, "GET /other").await.starts_with("HTTP/1.1 404 "));
    assert!(ask(address, "POST /metrics").await.starts_with("HTTP/1.1 405 "));
    assert!(ask(address, "GE\u{0}T /").await.starts_with("HTTP/1.1 400 "));
    assert!(ask(address, "GET /healthz").await.ends_with("\r\n\r\nok"), "others are still answered");
    serving.abort();
}

/// More than may be connected, of whom nobody says anything; whoever is cut off comes again.
async fn say_nothing(address: std::net::SocketAddr) {
    let mut silent = Vec::new();
    loop {
        while silent.len() < 100 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        silent.retain(
            |peer| matches!(peer.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock),
        );
    }
}

#[tokio::test]
async fn whoever_says_nothing_keeps_nobody_from_finding_out_that_the_program_lives() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let probes = Probes { metrics: Metrics::default(), health: Health::default(), patience: Duration::ZERO };
    let serving = tokio::spawn(probes.serve(Arc::new(listener)));
    let silent = tokio::spawn(say_nothing(address));
    tokio::time::sleep(Duration::from_millis(200)).await;
    for _ in 0..10 {
        let answer = tokio::time::timeout(Duration::from_secs(5), ask(address, "GET /healthz")).await;
        assert!(answer.is_ok_and(|answer| answer.ends_with("\r\n\r\nok")));
    }
    silent.abort();
    serving.abort();
}
