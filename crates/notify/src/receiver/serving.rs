//! The listener of webhooks: plain HTTP, as Flux's, behind whatever speaks TLS to the world.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cowherd_connections::Activity;
use cowherd_runtime::PlainHttp;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use kube::ResourceExt;
use tokio::net::TcpListener;

use super::hooks::{BODY_TIMEOUT, Hooks, MAX_BODY};
use super::room::Share;

const HTTP: PlainHttp = PlainHttp {
    connections: 256,
    head: Duration::from_secs(10),
    largest_head: 64 * 1024,
    longest: Duration::from_secs(120),
};

pub(super) async fn serve(hooks: Hooks, listener: &TcpListener) {
    let answer = move |request: Request<Incoming>, activity: Arc<Activity>| {
        let hooks = hooks.clone();
        async move { answer(&hooks, request, &activity).await }
    };
    HTTP.serve(listener, answer).await;
}

async fn answer(hooks: &Hooks, request: Request<Incoming>, activity: &Arc<Activity>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    let (began, method) = (Instant::now(), request.method().clone());
    let status = status(hooks, request, activity).await;
    hooks.answered(&method, status, began);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("10"));
    }
    *response.status_mut() = status;
    response
}

async fn status(hooks: &Hooks, request: Request<Incoming>, activity: &Arc<Activity>) -> StatusCode {
    let (head, body) = request.into_parts();
    let at = head.uri.path_and_query().map_or("", |path| path.as_str()).to_owned();
    let receiver = match hooks.find(&head.method, &at) {
        Ok(receiver) => receiver,
        Err(status) => return status,
    };
    if body.size_hint().lower() > MAX_BODY as u64 {
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    // Whoever knows a webhook goes after those who know none; and is idle for as long as nothing of the content comes.
    drop(activity.request());
    let mut room = hooks.room(&receiver.namespace().unwrap_or_default());
    let content = match tokio::time::timeout(BODY_TIMEOUT, content(body, &mut room)).await {
        Ok(Ok(content)) => content,
        Ok(Err(status)) => return status,
        Err(_) => return StatusCode::REQUEST_TIMEOUT,
    };
    let _under_way = activity.request();
    hooks.answer(&receiver, &at, head.headers, content).await
}

/// The content of a webhook, for which there is room.
async fn content(mut body: Incoming, room: &mut Share) -> Result<Bytes, StatusCode> {
    let mut content = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| StatusCode::BAD_REQUEST)?.into_data() else { continue };
        if content.len() + data.len() > MAX_BODY {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        if !room.grow(data.len()) {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        content.extend_from_slice(&data);
    }
    Ok(content.into())
}
