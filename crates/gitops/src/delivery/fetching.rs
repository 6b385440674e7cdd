//! Fetches what a render needs from elsewhere. It is a stage of its own: whoever waits for a server holds no permit.

use std::future::Future;

use cowherd_render::{Remote, RemoteSource};
use cowherd_source::{Access, Cancel};
use futures::StreamExt;
use futures::stream::FuturesUnordered;

use super::Context;
use crate::ElsewhereError;
use crate::fetches::{BrokenOff, Fetches, Purpose};
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
                Some((source, found)) => brought.put(source, found),
                None => return true,
            },
        }
    }
}

/// What came of fetching something.
type Fetched = (RemoteSource, Result<Remote, ElsewhereError>);

async fn fetch(context: &Context, namespace: &str, access: &Access, source: RemoteSource) -> Fetched {
    if let Some(remote) = context.elsewhere.fresh(&source, access) {
        return (source, Ok(remote));
    }
    let purpose = Purpose { namespace: namespace.to_owned(), host: host(&source), is_own: false };
    let tenant = context.fetches.tenant(&purpose);
    let (elsewhere, access) = (context.elsewhere.clone(), access.clone());
    in_turn(&context.fetches, &purpose, source, move |source, cancel| elsewhere.fetch(source, &access, cancel, tenant))
        .await
}

/// Does the work when it is its turn. Where it panics, that is what came of it: what is only missing would be asked for again.
async fn in_turn(
    fetches: &Fetches,
    purpose: &Purpose,
    source: RemoteSource,
    work: impl FnOnce(&RemoteSource, &Cancel) -> Result<Remote, ElsewhereError> + Send + 'static,
) -> Fetched {
    let wanted = source.clone();
    let found = fetches.run(purpose, move |cancel| work(&wanted, &cancel)).await;
    let found = found.unwrap_or_else(|BrokenOff| Err(ElsewhereError::Broken(source.clone())));
    (source, found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FetchLimits;

    #[tokio::test]
    async fn a_fetch_that_panics_is_told_of_at_once_and_not_tried_round_after_round() {
        let source = RemoteSource::File { url: "https://example.com/a.yaml".to_owned() };
        let purpose = Purpose { namespace: "n".to_owned(), host: host(&source), is_own: false };
        let fetches = Fetches::new(FetchLimits::default());
        let (of, found) = in_turn(&fetches, &purpose, source.clone(), |_, _| panic!("open-sesame")).await;
        let told = found.err().unwrap().to_string();
        assert_eq!(of, source);
        assert!(told.contains("https://example.com/a.yaml") && told.ends_with("this is a bug in cowherd"), "{told}");
        assert!(!told.contains("sesame"), "{told}");
    }
}
