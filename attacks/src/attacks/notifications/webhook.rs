//! Webhooks of Receivers, and one of the bystander's that must be answered whatever others do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use kube::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::Stage;
use crate::stage::ask::{get, post};

/// How long the bystander's webhook may take.
const MOST: Duration = Duration::from_secs(8);
/// How often it is called again where its connection ends, as senders do.
const AGAIN: usize = 3;
const PAUSE: Duration = Duration::from_millis(100);

/// The path of the tenant's Receivers.
pub const RECEIVERS: &str = "/apis/notification.toolkit.fluxcd.io/v1/namespaces/tenant/receivers";

/// Where webhooks are taken.
pub fn address(stage: &Stage) -> Result<String> {
    let said = stage.program.said()?;
    let after = said.rsplit_once("webhooks are taken at http://").context("nobody takes webhooks")?.1;
    Ok(after.split_whitespace().next().unwrap_or_default().to_owned())
}

/// Gives somebody a Receiver in their namespace; the path of its webhook.
pub async fn receiver(stage: &Stage, client: &Client, namespace: &str, name: &str, spec: Value) -> Result<String> {
    // What begins so is nobody's possession.
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": format!("attack-{name}")},
        "stringData": {"token": format!("token of {name}")}});
    post(client, &format!("/api/v1/namespaces/{namespace}/secrets"), &secret).await?.expect(201)?;
    let mut whole = json!({"type": "generic", "secretRef": {"name": format!("attack-{name}")}});
    if let (Some(all), Value::Object(more)) = (whole.as_object_mut(), spec) {
        all.extend(more);
    }
    let receiver = json!({"apiVersion": "notification.toolkit.fluxcd.io/v1", "kind": "Receiver", "metadata": {"name": name},
        "spec": whole});
    let receivers = format!("/apis/notification.toolkit.fluxcd.io/v1/namespaces/{namespace}/receivers");
    post(client, &receivers, &receiver).await?.expect(201)?;
    let path = format!("{receivers}/{name}");
    let (status, message) = stage.judged(&path).await?;
    ensure!(status == "True", "{name}: {message}");
    let answer = get(client, &path).await?;
    Ok(answer.document["status"]["webhookPath"].as_str().context("it has no path")?.to_owned())
}

/// A Receiver of the bystander's, which asks for nothing that there is.
pub async fn of_bystander(stage: &Stage) -> Result<String> {
    let resources = json!([{"kind": "GitRepository", "name": "*", "matchLabels": {"nobody": "has"}}]);
    let path =
        receiver(stage, &stage.people().admin, "bystander", "bystander", json!({"resources": resources})).await?;
    let address = address(stage)?;
    stage.until("the bystander's webhook is taken", async || Ok(call(&address, &path).await? == 200)).await?;
    Ok(path)
}

/// Calls a webhook; the status of the answer.
pub async fn call(address: &str, path: &str) -> Result<u16> {
    let mut peer = TcpStream::connect(address).await?;
    let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}");
    peer.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    peer.read_to_string(&mut answer).await?;
    answer.split_whitespace().nth(1).and_then(|code| code.parse().ok()).context("no answer")
}

/// Calls the bystander's webhook again and again until that is over; it must be answered in time.
pub async fn go_on(address: &str, path: &str, is_over: &AtomicBool) -> Result<()> {
    while !is_over.load(Ordering::Relaxed) {
        let began = Instant::now();
        let answered = tokio::time::timeout(MOST, again(address, path)).await;
        match answered {
            Ok(Ok(200)) => {}
            Ok(answer) => bail!("the bystander's webhook was answered with {answer:?} after {:?}", began.elapsed()),
            Err(_) => bail!("the bystander's webhook was not answered in {MOST:?}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

async fn again(address: &str, path: &str) -> Result<u16> {
    let mut called = call(address, path).await;
    for _ in 0..AGAIN {
        if called.is_ok() {
            break;
        }
        called = call(address, path).await;
    }
    called
}
