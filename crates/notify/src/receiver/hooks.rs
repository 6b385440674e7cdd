//! Answers to webhooks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cowherd_api::ConditionStatus;
use cowherd_api::flux::notification::v1::Receiver;
use cowherd_runtime::Key;
use http::{HeaderMap, Method, StatusCode};
use hyper::body::Bytes;
use kube::{Client, ResourceExt};
use tokio::net::TcpListener;

use super::filter::{Accepted, Filters, WrongFilter};
use super::requests::{self, MOST, MOST_REFERENCES, Named, Unrequested};
use super::room::{Room, Share};
use super::status::ready;
use super::verified::{Refusal, are_equal, verify};
use super::{ROOT, Receivers, path, token};
use crate::kept::{self, Kept, Of};
use crate::thinking::{BrokenOff, Thinking};

/// The largest content of a webhook, in bytes; Flux's own.
pub(super) const MAX_BODY: usize = 3 * 1024 * 1024;
/// How long reading it may take.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How much is kept at a time of what is read and answered, in bytes; of one namespace half of it.
const BODIES: usize = 48 * 1024 * 1024;
/// How many are answered at a time; of one namespace half of them. Who has not sent all of its content yet takes no place.
const AT_ONCE: usize = 16;
/// How much is kept of the filters of Receivers, in bytes.
const FILTERS: kept::Room = kept::Room { of_namespace: 8 << 20, in_all: 64 << 20 };
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
    bodies: Arc<Room>,
    places: Arc<Room>,
    thinking: Thinking,
    filters: Kept<Filters>,
}

impl Hooks {
    /// Takes webhooks for these Receivers, as `client`.
    pub fn new(client: Client, receivers: &Receivers, no_cross_namespace_refs: bool) -> Self {
        Self(Arc::new(Inner {
            client,
            no_cross_namespace_refs,
            receivers: receivers.clone(),
            bodies: Room::new(BODIES),
            places: Room::new(AT_ONCE),
            thinking: Thinking::default(),
            filters: Kept::new(FILTERS),
        }))
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

    /// A webhook was answered so, which began then.
    pub(super) fn answered(&self, method: &Method, status: StatusCode, began: Instant) {
        self.0.receivers.answers().answered(method, status, began.elapsed());
    }

    /// Room for what is read on the word of a namespace; none is taken yet.
    pub(super) fn room(&self, namespace: &str) -> Share {
        self.0.bodies.share(namespace)
    }

    /// The answer to a webhook of a Receiver that was read.
    pub(super) async fn answer(
        &self,
        receiver: &Arc<Receiver>,
        at: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> StatusCode {
        let name = Key::of(receiver.as_ref());
        let mut place = self.0.places.share(&name.namespace);
        if !place.grow(1) {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
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
        let asked = async {
            if let Err(refusal) = self.verify(receiver, token, &headers, &body).await? {
                tracing::error!(receiver = %name, %refusal, "a webhook is not taken");
                return Ok(StatusCode::BAD_REQUEST);
            }
            let all_well = self.request(receiver, headers, body, &name).await?;
            Ok::<_, Unrequested>(if all_well { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR })
        };
        match tokio::time::timeout(TIMEOUT, asked).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => {
                tracing::error!(receiver = %name, %error, "which resources a webhook is about cannot be found out");
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Err(_) => {
                tracing::error!(receiver = %name, "asking for the reconciliations of a webhook took too long");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// Whether a webhook is what it says it is. Its content, which may be long, is looked at on a thread of its own.
    async fn verify(
        &self,
        receiver: &Arc<Receiver>,
        token: Vec<u8>,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Result<(), Refusal>, BrokenOff> {
        let namespace = receiver.namespace().unwrap_or_default();
        let (receiver, headers, body) = (receiver.clone(), headers.clone(), body.clone());
        self.0.thinking.run(&namespace, move || verify(&receiver.spec, &token, &headers, &body)).await
    }

    /// Asks for all reconciliations; whether each could be asked for.
    async fn request(
        &self,
        receiver: &Arc<Receiver>,
        headers: HeaderMap,
        body: Bytes,
        name: &Key,
    ) -> Result<bool, Unrequested> {
        let filters = self.filters(receiver).await?;
        let (mut all_well, mut asked) = (true, 0);
        let mut failed = |place: usize, error: &dyn std::fmt::Display| {
            let of = receiver.spec.resources.get(place).map(|resource| &resource.of);
            let resource = of.map(|of| format!("{}/{}", of.kind, of.name)).unwrap_or_default();
            tracing::error!(receiver = %name, resource, %error, "unable to request reconciliation");
            all_well = false;
        };
        let mut found = Vec::new();
        for (place, named) in self.named(receiver, filters.as_deref()).await {
            match named {
                Ok(named) => found.push((place, named)),
                Err(error) => failed(place, &error),
            }
        }
        let mut accepted = match filters {
            Some(filters) => self.accepted(&name.namespace, filters, &found, headers, body).await?,
            None => HashMap::new(),
        };
        for (place, named) in found {
            let requested = match accepted.remove(&place) {
                Some(Ok(accepted)) => named.request(Some(&accepted)).await,
                Some(Err(error)) => Err(Unrequested::Filter(error)),
                None => named.request(None).await,
            };
            match requested {
                Ok(count) => asked += count,
                Err(error) => failed(place, &error),
            }
        }
        tracing::info!(receiver = %name, asked, "a webhook asked for reconciliations");
        Ok(all_well)
    }

    /// The filters of a Receiver, compiled once for each of its generations; none where it has none.
    async fn filters(&self, receiver: &Arc<Receiver>) -> Result<Option<Arc<Filters>>, Unrequested> {
        if !Filters::has(&receiver.spec) {
            return Ok(None);
        }
        let of = Of::object(receiver.as_ref());
        if let Some(filters) = self.0.filters.get(&of) {
            return Ok(Some(filters));
        }
        let (namespace, judged) = (receiver.namespace().unwrap_or_default(), receiver.clone());
        let compiled = self.0.thinking.run(&namespace, move || Filters::compile(&judged.spec)).await?;
        let compiled = compiled
            .map_err(|WrongFilter { field, problem }| Unrequested::Filter(format!("spec.{field} {problem}")))?;
        let filters = Arc::new(compiled);
        self.0.filters.keep(of, filters.size, filters.clone());
        Ok(Some(filters))
    }

    /// What each reference names, by its place.
    async fn named(&self, receiver: &Receiver, filters: Option<&Filters>) -> Vec<(usize, Result<Named, Unrequested>)> {
        let own = receiver.namespace().unwrap_or_default();
        let (mut all, mut left) = (Vec::new(), MOST);
        for (place, resource) in receiver.spec.resources.iter().take(MOST_REFERENCES).enumerate() {
            let is_filtered = filters.is_some_and(|filters| filters.has_any(place));
            let denies = self.0.no_cross_namespace_refs;
            let named = requests::find(&self.0.client, &resource.of, is_filtered, &own, denies, left).await;
            left = left.saturating_sub(named.as_ref().map_or(0, Named::len));
            all.push((place, named));
        }
        all
    }

    /// Of each reference that has filters those of its resources that they accept.
    async fn accepted(
        &self,
        namespace: &str,
        filters: Arc<Filters>,
        found: &[(usize, Named)],
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Accepted, Unrequested> {
        let filtered = found.iter().filter(|(place, _)| filters.has_any(*place));
        let resources = filtered.map(|(place, named)| (*place, named.resources())).collect();
        let accepted = self.0.thinking.run(namespace, move || filters.accepted(resources, &headers, &body)).await?;
        accepted.map_err(Unrequested::Filter)
    }
}
