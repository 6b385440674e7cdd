//! Somebody between an applier and the API, who counts requests, and answers some himself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kube::client::Body;
use serde_json::json;

/// The API behind somebody who answers some requests himself.
#[derive(Clone, Default)]
pub struct Between {
    /// What he refuses.
    refuses: Arc<std::sync::Mutex<Option<Refusal>>>,
    /// How many requests came with that method.
    pub patches: Arc<AtomicUsize>,
    pub deletes: Arc<AtomicUsize>,
}

/// What is refused, with which code, and how often.
struct Refusal {
    method: http::Method,
    /// A part of the path or the query.
    part: &'static str,
    code: u16,
    times: usize,
}

impl Between {
    pub fn client(&self, api: &kube::Client) -> kube::Client {
        let (api, between) = (api.clone(), self.clone());
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (api, between) = (api.clone(), between.clone());
            async move {
                match *request.method() {
                    http::Method::PATCH => drop(between.patches.fetch_add(1, Ordering::Relaxed)),
                    http::Method::DELETE => drop(between.deletes.fetch_add(1, Ordering::Relaxed)),
                    _ => {}
                }
                match between.refusal(&request) {
                    Some(code) => Ok(status(code)),
                    None => api.send(request).await,
                }
            }
        });
        kube::Client::new(service, "default")
    }

    pub fn refuse(&self, method: http::Method, code: u16, times: usize) {
        self.refuse_some(method, "", code, times);
    }

    /// Refuses what has that part in its path or its query.
    pub fn refuse_some(&self, method: http::Method, part: &'static str, code: u16, times: usize) {
        *self.refuses.lock().unwrap() = Some(Refusal { method, part, code, times });
    }

    fn refusal(&self, request: &http::Request<Body>) -> Option<u16> {
        let mut refuses = self.refuses.lock().unwrap();
        let refusal = refuses.as_mut()?;
        let is_meant = refusal.method == *request.method() && request.uri().to_string().contains(refusal.part);
        refusal.times = refusal.times.checked_sub(1).filter(|_| is_meant)?;
        Some(refusal.code)
    }
}

fn status(code: u16) -> http::Response<Body> {
    let reason = match code {
        409 => "Conflict",
        404 => "NotFound",
        403 => "Forbidden",
        _ => "InternalError",
    };
    // As of an object, and of no path.
    let details = json!({ "kind": "configmaps", "name": "a" });
    let status = json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": "no",
        "details": details, "code": code });
    let body = Body::from(status.to_string().into_bytes());
    http::Response::builder().status(code).body(body).unwrap()
}
