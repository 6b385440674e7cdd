//! Says of objects that nobody acts upon that they are not ready: they are there, and nothing comes of them.

use std::collections::{BTreeSet, HashSet};

use cowherd_apply::{Action, ChangeSet, Manifest, ObjectId, needs_a_controller};

use super::failure::Failure;
use super::job::Job;
use crate::target::Target;

/// How many objects a message names.
const NAMED: usize = 20;

/// Fails if nobody acts upon some of the objects that were applied.
pub(super) async fn check(
    target: &Target,
    job: &Job,
    changes: &ChangeSet,
    manifests: &[Manifest],
) -> Result<(), Failure> {
    let content = |manifest: &Manifest| !needs_a_controller(manifest.object());
    let content: HashSet<&ObjectId> = manifests.iter().filter(|one| content(one)).map(Manifest::id).collect();
    let applied = changes.iter().filter(|change| change.action != Action::Skipped).map(|change| &change.object);
    let applied = applied.filter(|object| !content.contains(&object.id));
    let idle = target.applier.idle(applied, target.account.as_ref()).await;
    let idle = idle.map_err(|error| Failure::Unseen(Box::new(error)))?;
    match message(&idle) {
        None => Ok(()),
        Some(message) => {
            let revision = &job.artifact.revision;
            Err(Failure::Idle(format!("revision {revision} was applied, but {message}")))
        }
    }
}

fn message(idle: &[ObjectId]) -> Option<String> {
    let kinds: BTreeSet<&str> = idle.iter().map(what).collect();
    let kinds: Vec<&str> = kinds.into_iter().collect();
    let named: Vec<String> = idle.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match idle.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    (!idle.is_empty()).then(|| {
        format!(
            "nothing here acts on {}{more}: this control plane has no controller for {}",
            named.join(", "),
            kinds.join(", ")
        )
    })
}

/// What there is no controller for.
fn what(id: &ObjectId) -> &str {
    if id.group.is_empty() && id.kind == "Service" { "Service of type LoadBalancer" } else { &id.kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_and_their_kinds_are_named_once() {
        let id = |kind: &str, name: &str| ObjectId {
            namespace: "a".into(),
            name: name.into(),
            group: "apps".into(),
            kind: kind.into(),
        };
        assert_eq!(message(&[]), None);
        assert_eq!(
            message(&[id("DaemonSet", "x"), id("StatefulSet", "y"), id("StatefulSet", "z")]).unwrap(),
            "nothing here acts on DaemonSet/a/x, StatefulSet/a/y, StatefulSet/a/z: this control plane has no \
             controller for DaemonSet, StatefulSet"
        );
        let balancer = ObjectId { group: String::new(), ..id("Service", "web") };
        assert!(message(&[balancer]).unwrap().ends_with("no controller for Service of type LoadBalancer"));
        let many: Vec<ObjectId> = (0..25).map(|number| id("Job", &number.to_string())).collect();
        assert!(message(&many).unwrap().contains("Job/a/19, and 5 more: "));
    }
}
