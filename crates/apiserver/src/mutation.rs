//! A change, once begun, runs to its end in a task of its own, whoever stops waiting for the answer.

use crate::{
    action::ObjectDeed,
    answer::Answer,
    flow::{self, Load, Place},
    rest,
    server::ApiServer,
    service::Call,
    status::{ApiError, ApiResult},
    wire,
};

/// How many changes are under way at a time. The others queue, and those whose clients have gone by their turn never
/// begin.
pub const AT_ONCE: usize = 1024;

/// Answers a request that may change something.
pub async fn run(server: &ApiServer, call: Call, deed: ObjectDeed) -> ApiResult<Answer> {
    let turn = server.turns().clone().acquire_owned().await.map_err(ApiError::internal)?;
    let server = server.clone();
    let change = tokio::spawn(async move {
        let load = load(&call).max(stored(&server, &deed).await);
        let room = room(&server, &call, load).await;
        let answer = flow::work(load, rest::serve(&server, &call, &deed)).await;
        drop((room, turn));
        answer
    });
    // A change that panics is the failure of one request.
    change.await.unwrap_or_else(|_| Err(ApiError::internal("the request was not finished; this is a bug in cowherd")))
}

/// What the body of a request is to those who work with it.
pub(crate) fn load(call: &Call) -> Load {
    match call.content_type() {
        Some(wire::MEDIA_TYPE) => Load::of_binary(&call.body),
        _ => Load::of_text(&call.body),
    }
}

/// The room for what a request has to do with. Agents of this process wait for nobody.
pub(crate) async fn room(server: &ApiServer, call: &Call, load: Load) -> Option<Place> {
    match call.room {
        Some(_) => server.flow().work_room(&call.user, load).await,
        None => None,
    }
}

/// What the object is that is changed. A word to a large one takes as much as all of it.
async fn stored(server: &ApiServer, deed: &ObjectDeed) -> Load {
    if deed.name.is_empty() {
        return Load::default();
    }
    // What cannot be read is told of by whoever does the work.
    let entry = server.store().get(&deed.resource.key(&deed.namespace, &deed.name)).await.ok().flatten();
    entry.map_or_else(Load::default, |entry| Load::of_text(&entry.value))
}
