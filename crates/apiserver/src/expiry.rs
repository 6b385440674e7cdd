//! Events are kept for a while only.

use std::time::Duration;

use cowherd_store::ListOptions;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::{
    background::Loop,
    object::text_at,
    rest,
    server::ApiServer,
    status::{ApiError, ApiResult},
};

/// How often old events are looked for.
const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Removes old events.
pub fn expire(server: &ApiServer) -> Loop {
    let server = server.clone();
    Loop::new("expiry of events", move || keep(server.clone()))
}

async fn keep(server: ApiServer) {
    loop {
        tokio::time::sleep(INTERVAL.min(server.config().event_time)).await;
        if let Err(error) = remove_old(&server).await {
            tracing::warn!(%error, "cannot remove old events");
        }
    }
}

async fn remove_old(server: &ApiServer) -> ApiResult<()> {
    let events = server.built_in("", "v1", "events")?;
    let age = SignedDuration::try_from(server.config().event_time).unwrap_or(SignedDuration::MAX);
    let limit = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN);
    let page = server.store().list(&events.collection_prefix(None), ListOptions::default()).await;
    for entry in page.map_err(ApiError::internal)?.entries {
        let object = events.decode(&entry.value, entry.modified)?;
        if last_seen(&object).is_some_and(|seen| seen < limit) {
            // Whoever changed the event in the meantime has made it young again.
            let live = rest::Live { object, revision: entry.modified };
            let _ = rest::remove(server, &events, &live).await;
        }
    }
    Ok(())
}

fn last_seen(event: &Value) -> Option<Timestamp> {
    let paths: [&[&str]; 5] = [
        &["series", "lastObservedTime"],
        &["lastTimestamp"],
        &["deprecatedLastTimestamp"],
        &["eventTime"],
        &["metadata", "creationTimestamp"],
    ];
    paths.iter().find_map(|path| text_at(event, path).parse().ok())
}
