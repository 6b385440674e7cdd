//! What a source has that rests and was not fetched here: Flux has fetched it, whom it was taken over from, or what was kept
//! here is lost.

use std::sync::Arc;
use std::time::Duration;

use cowherd_runtime::{Backoff, caught};

use super::{Artifact, Shared, Source, SourceName};

/// The pause after a look in vain, and the longest.
const PAUSE: Backoff = Backoff { first: Duration::from_secs(1), last: Duration::from_secs(300), jitter: 0.1 };

/// What the status says that the source has, once somebody wants it, if its spec names exactly that still: then whoever uses it goes on
/// with it, as with Flux. Nothing is written. `None` where the spec names something else by now, which a source that rests does
/// not bring. Whoever may write the status alone gets nothing by that which the spec does not name.
pub(super) async fn stored<K: Source>(shared: &Shared, name: &SourceName, object: &K) -> Option<Arc<Artifact>> {
    let kept = object.status().artifact?.revision;
    shared.wanted.until(name).await;
    let follow = |source: &SourceName| {
        shared.wanted.note(source);
        shared.shelf.follow(source)
    };
    let _made_of: Vec<_> = object.made_of().iter().map(follow).collect();
    for failures in 0_u32.. {
        let shared = shared.for_a_look();
        shared.config.counters.fetched();
        match caught(object.fetch(&shared)).await {
            Ok(Ok(found)) if found.artifact.revision == kept => return Some(found.artifact),
            Ok(Ok(found)) => {
                let named = &found.artifact.revision;
                tracing::warn!(source = %name, "it is suspended at {kept}, which is not here, and names {named} by now: resume it");
                return None;
            }
            Ok(Err(problem)) if problem.is_final || problem.is_unverified => {
                tracing::warn!(source = %name, "it is suspended at {kept}, which is not here: {}", problem.told(&shared.hidden.mask()));
                return None;
            }
            Ok(Err(problem)) => {
                tracing::warn!(source = %name, "it is suspended at {kept}, which is not here: {}", problem.told(&shared.hidden.mask()));
            }
            Err(panic) => {
                tracing::error!(source = %name, panic, "a fetch panicked");
                return None;
            }
        }
        tokio::time::sleep(PAUSE.delay(failures)).await;
    }
    None
}
