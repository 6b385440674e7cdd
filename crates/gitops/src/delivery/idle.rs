//! Says of objects that nobody acts upon that they are not ready: they are there, and nothing comes of them.

use std::collections::{BTreeSet, HashMap};

use cowherd_apply::{ApplyError, Manifest, ObjectId, Versioned, needs_a_controller};

use super::failure::Failure;
use super::job::Job;
use super::readiness::{named, remedy};
use crate::owner::status::without_health;
use crate::target::Target;

/// Those of the objects that nobody acts upon.
pub(super) async fn find<'a>(
    target: &Target,
    objects: impl Iterator<Item = &'a Versioned>,
    manifests: &HashMap<&ObjectId, &Manifest>,
) -> Result<Vec<ObjectId>, ApplyError> {
    let is_content = |id: &ObjectId| manifests.get(id).is_some_and(|one| !needs_a_controller(one.object()));
    let objects = objects.filter(|object| !is_content(&object.id));
    target.applier.idle(objects, target.account.as_ref()).await
}

/// Fails if there are such objects. How healthy the others are is not looked at any more then.
pub(super) fn check(job: &mut Job, idle: &[ObjectId]) -> Result<(), Failure> {
    match message(idle) {
        None => Ok(()),
        Some(message) => {
            without_health(&mut job.status, &job.owner);
            let revision = &job.artifact.revision;
            Err(Failure::Idle(format!("revision {revision} was applied, but {message}")))
        }
    }
}

fn message(idle: &[ObjectId]) -> Option<String> {
    let kinds: BTreeSet<&str> = idle.iter().map(what).collect();
    let kinds: Vec<&str> = kinds.into_iter().collect();
    (!idle.is_empty()).then(|| {
        format!(
            "nothing here acts on {}: this control plane has no controller for {}; {}",
            named(idle),
            kinds.join(", "),
            remedy(idle)
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
        let three = message(&[id("DaemonSet", "x"), id("StatefulSet", "y"), id("StatefulSet", "z")]).unwrap();
        let told = "nothing here acts on DaemonSet/a/x, StatefulSet/a/y, StatefulSet/a/z: this control plane has no \
                    controller for DaemonSet, StatefulSet; to count them as ready";
        assert!(three.starts_with(told), "{three}");
        assert!(three.contains("`--assume-ready=DaemonSet.apps,StatefulSet.apps`"), "{three}");
        let balancer = ObjectId { group: String::new(), ..id("Service", "web") };
        assert!(message(&[balancer]).unwrap().contains("no controller for Service of type LoadBalancer;"));
        let many: Vec<ObjectId> = (0..25).map(|number| id("Job", &number.to_string())).collect();
        assert!(message(&many).unwrap().contains("Job/a/19, and 5 more: "));
    }
}
