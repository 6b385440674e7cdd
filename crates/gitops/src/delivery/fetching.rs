//! Fetches what a render needs from elsewhere. It is a stage of its own: whoever waits for a server holds no permit.

use std::future::Future;

use cowherd_render::RemoteSource;
use cowherd_source::Access;
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::Context;
use crate::fetches::Purpose;
use crate::remotes::{Brought, host};

/// Fetches all of `missing`, as far as `access` allows, for a resource of `namespace`. What goes on is broken off when
/// `cancelled` completes; whether it did not.
pub(super) async fn fetch_all(
    context: &Context,
    namespace: &str,
    access: &Access,
    missing: Vec<RemoteSource>,
    brought: &mut Brought,
    cancelled: impl Future<Output = ()>,
) -> bool {
    let mut fetches: FuturesUnordered<_> =
        missing.into_iter().map(|source| fetch(context, namespace, access, source)).collect();
    tokio::pin!(cancelled);
    loop {
        tokio::select! {
            () = &mut cancelled => return false,
            fetched = fetches.next() => match fetched {
                Some(Some((source, found))) => brought.put(source, found),
                Some(None) => {}
                None => return true,
            },
        }
    }
}

async fn fetch(
    context: &Context,
    namespace: &str,
    access: &Access,
    source: RemoteSource,
) -> Option<(RemoteSource, Result<cowherd_render::Remote, crate::ElsewhereError>)> {
    if let Some(remote) = context.elsewhere.fresh(&source, access) {
        return Some((source, Ok(remote)));
    }
    let purpose = Purpose { namespace: namespace.to_owned(), host: host(&source), is_own: false };
    let tenant = context.fetches.tenant(&purpose);
    let (elsewhere, access) = (context.elsewhere.clone(), access.clone());
    let work = move |cancel| {
        let found = elsewhere.fetch(&source, &access, &cancel, tenant);
        (source, found)
    };
    // A fetch that panics leaves its source missing; the render says so.
    context.fetches.run(&purpose, work).await.inspect_err(|error| tracing::error!(%error, "a fetch broke off")).ok()
}
