//! Owners that go together: what another one is about to delete is nothing that anybody would lose.
//!
//! Those that one commit or one person takes away are deleted one after the other, and each in its own time; a Namespace of
//! one of them is empty only when the others have done their part.

use std::collections::BTreeSet;
use std::time::Duration;

use cowherd_apply::{ObjectId, Versioned};
use tokio::time::{Instant, sleep};

use super::super::Context;
use super::super::failure::Failure;
use super::super::finalize::look;
use super::super::job::Job;
use super::content::Content;
use super::contents;
use crate::owner::OwnerName;
use crate::target::Target;

/// For how long it may not be seen yet that the others go, too.
const GRACE: Duration = Duration::from_secs(2);
/// For how long others are waited for at most.
const PATIENCE: Duration = Duration::from_secs(60);
/// After which time it is looked again, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));

/// What would go with `objects` besides what is `leaving`, once all that others are about to delete is gone.
pub(super) async fn contents_once_others_left(
    context: &Context,
    target: &Target,
    job: &Job,
    objects: &[Versioned],
    leaving: &[Versioned],
) -> Result<Vec<(ObjectId, Content)>, Failure> {
    let began = Instant::now();
    let (mut seen_going, mut pause) = (began, PAUSES.0);
    loop {
        let content = contents(target, objects, leaving).await?;
        // Of what belongs to nobody here nobody takes anything away.
        if content.is_empty() || content.iter().any(|(_, content)| content.is_of_others()) {
            return Ok(content);
        }
        if is_anyone_going(context, &content).await {
            seen_going = Instant::now();
        }
        if seen_going.elapsed() >= GRACE || began.elapsed() >= PATIENCE {
            return Ok(content);
        }
        tokio::select! {
            () = job.cancelled() => return Err(Failure::Superseded),
            () = sleep(pause) => pause = (pause * 2).min(PAUSES.1),
        }
    }
}

/// Whether one of those is being deleted whose the content is. Of one that cannot be asked for it is not known.
async fn is_anyone_going(context: &Context, content: &[(ObjectId, Content)]) -> bool {
    let owners: BTreeSet<&OwnerName> = content.iter().flat_map(|(_, content)| content.owners()).collect();
    for owner in owners {
        let found = look(context, owner).await;
        if matches!(found, Ok(Some(found)) if found.deletion_timestamp.is_some()) {
            return true;
        }
    }
    false
}
