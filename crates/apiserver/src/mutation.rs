//! A change, once begun, runs to its end in a task of its own, whoever stops waiting for the answer.

use crate::{
    action::ObjectDeed,
    answer::Answer,
    rest,
    server::ApiServer,
    service::Call,
    status::{ApiError, ApiResult},
};

/// How many changes are under way at a time. The others queue, and those whose clients have gone by their turn never
/// begin.
pub const AT_ONCE: usize = 1024;

/// Answers a request that may change something.
pub async fn run(server: &ApiServer, call: Call, deed: ObjectDeed) -> ApiResult<Answer> {
    let turn = server.turns().clone().acquire_owned().await.map_err(ApiError::internal)?;
    let server = server.clone();
    let change = tokio::spawn(async move {
        let size = call.body.len().max(stored_size(&server, &deed).await);
        let answer = server.flow().work(&call.user, size, rest::serve(&server, &call, &deed)).await;
        drop(turn);
        answer
    });
    // A change that panics is the failure of one request.
    change.await.unwrap_or_else(|error| Err(ApiError::internal(format!("the request was not finished: {error}"))))
}

/// How many bytes the object has that is changed. A word to a large one takes as much as all of it.
async fn stored_size(server: &ApiServer, deed: &ObjectDeed) -> usize {
    if deed.name.is_empty() {
        return 0;
    }
    // What cannot be read is told of by whoever does the work.
    let entry = server.store().get(&deed.resource.key(&deed.namespace, &deed.name)).await.ok().flatten();
    entry.map_or(0, |entry| entry.value.len())
}
