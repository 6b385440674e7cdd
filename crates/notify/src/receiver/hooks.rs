//! Answers to webhooks.

use std::sync::Arc;
use std::time::Duration;

use cowherd_api::ConditionStatus;
use cowherd_api::flux::notification::v1::Receiver;
use cowherd_runtime::Key;
use http::{HeaderMap, Method, StatusCode};
use kube::{Client, ResourceExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::filter::{Filter, filters};
use super::status::ready;
use super::verified::{are_equal, verify};
use super::{ROOT, Receivers, path, requests, token};

/// The largest content of a webhook, in bytes; Flux's own.
pub(super) const MAX_BODY: usize = 3 * 1024 * 1024;
/// How long reading it may take.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How many are read and answered at a time. Each may hold as much memory as its content is long.
const AT_ONCE: usize = 16;
/// How long asking for the reconciliations may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The digits of a path.
const DIGITS: usize = 64;

/// Takes webhooks. Clones are the same.
#[derive(Clone)]
pub struct Hooks(Arc<Inner>);

struct Inner {
    client: Client,
    no_cross_namespace_refs: bool,
    receivers: Receivers,
    places: Arc<Semaphore>,
}

impl Hooks {
    /// Takes webhooks for these Receivers, as `client`.
    pub fn new(client: Client, receivers: &Receivers, no_cross_namespace_refs: bool) -> Self {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Self(Arc::new(Inner { client, no_cross_namespace_refs, receivers: receivers.clone(), places }))
    }

    /// Answers on the listener, for as long as it is polled.
    pub async fn serve(self, listener: Arc<TcpListener>) {
        super::serving::serve(self, &listener).await;
    }

    /// The Receiver whose webhook is at the path, if there is one: what is not known costs nothing.
    pub(super) fn find(&self, method: &Method, path: &str) -> Result<Arc<Receiver>, StatusCode> {
        let digits = path.strip_prefix(ROOT).unwrap_or_default();
        let is_path = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_path {
            return Err(StatusCode::NOT_FOUND);
        }
        let is_at = |receiver: &Arc<Receiver>| {
            let known = receiver.status.as_ref().and_then(|status| status.webhook_path.as_deref());
            known.is_some_and(|known| are_equal(known.as_bytes(), path.as_bytes()))
        };
        let receiver = self.0.receivers.all().into_iter().find(is_at).ok_or(StatusCode::NOT_FOUND)?;
        if method != Method::POST {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        let is_ready =
            receiver.status.as_ref().and_then(ready).is_some_and(|ready| ready.status == ConditionStatus::True);
        if receiver.spec.suspend.unwrap_or_default() || !is_ready {
            let name = Key::of(receiver.as_ref());
            tracing::error!(receiver = %name, "a webhook came for a Receiver that is suspended or not ready");
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        Ok(receiver)
    }

    /// A place to read and answer one webhook.
    pub(super) fn place(&self) -> Option<tokio::sync::OwnedSemaphorePermit> {
        self.0.places.clone().try_acquire_owned().ok()
    }

    /// The answer to a webhook of a Receiver.
    pub(super) async fn answer(&self, receiver: &Receiver, at: &str, headers: &HeaderMap, body: &[u8]) -> StatusCode {
        let name = Key::of(receiver);
        let token = match token(&self.0.client, receiver).await {
            Ok(token) => token,
            Err(error) => {
                tracing::error!(receiver = %name, %error, "a webhook cannot be verified");
                return StatusCode::BAD_REQUEST;
            }
        };
        // The token may be another one since the path was written down.
        if !are_equal(path(receiver, &token).as_bytes(), at.as_bytes()) {
            return StatusCode::NOT_FOUND;
        }
        if let Err(refusal) = verify(&receiver.spec, &token, headers, body) {
            tracing::error!(receiver = %name, %refusal, "a webhook is not taken");
            return StatusCode::BAD_REQUEST;
        }
        let filters = match filters(&receiver.spec, headers, body) {
            Ok(filters) => filters,
            Err(error) => {
                tracing::error!(receiver = %name, error, "which resources a webhook is about cannot be found out");
                return StatusCode::INTERNAL_SERVER_ERROR;
            }
        };
        match tokio::time::timeout(TIMEOUT, self.request(receiver, filters, &name)).await {
            Ok(true) => StatusCode::OK,
            Ok(false) => StatusCode::INTERNAL_SERVER_ERROR,
            Err(_) => {
                tracing::error!(receiver = %name, "asking for the reconciliations of a webhook took too long");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// Asks for all reconciliations; whether each could be asked for.
    async fn request(&self, receiver: &Receiver, filters: Vec<Option<Filter>>, name: &Key) -> bool {
        let own = receiver.namespace().unwrap_or_default();
        let (mut all_well, mut asked) = (true, 0);
        for (resource, filter) in receiver.spec.resources.iter().zip(filters) {
            let of = &resource.of;
            match requests::request(&self.0.client, of, filter, &own, self.0.no_cross_namespace_refs).await {
                Ok(count) => asked += count,
                Err(error) => {
                    let resource = format!("{}/{}", of.kind, of.name);
                    tracing::error!(receiver = %name, resource, %error, "unable to request reconciliation");
                    all_well = false;
                }
            }
        }
        tracing::info!(receiver = %name, asked, "a webhook asked for reconciliations");
        all_well
    }
}
