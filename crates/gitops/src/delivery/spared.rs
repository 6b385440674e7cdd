//! What an owner never deletes, whatever it describes.
//!
//! With the namespace that an owner lives in it would delete itself, and with that of its source what it is made
//! of; with both, all that others have there. Such a namespace is among its objects more easily than one would think:
//! kustomize gives Namespaces too the name in `targetNamespace`, and `flux bootstrap` writes one into the repository.

use cowherd_apply::{ObjectId, Versioned};

use super::Context;
use super::job::Job;
use crate::NamespacedName;
use crate::conditions::PRUNE_SKIPPED;
use crate::events::Type;
use crate::owner::OwnerName;
use crate::source::SourceName;

/// Takes what never goes out of what is to go, and says so.
pub(super) fn spare(context: &Context, job: &mut Job, source: Option<&SourceName>, stale: &mut Vec<Versioned>) {
    if job.owner.kube_config.is_some() {
        // Neither lives in that cluster.
        return;
    }
    stale.retain(|object| {
        let Some(inhabitant) = inhabitant(&object.id, &job.name, source.map(|source| &source.name)) else {
            return true;
        };
        let message = format!(
            "{} is to go, but stays: {inhabitant} lives in it. If it is not needed any more, delete it by hand",
            object.id
        );
        job.tell_event(context, Type::Warning, PRUNE_SKIPPED, &message);
        job.note_stays(&object.id, &format!("{inhabitant} lives in it"));
        false
    });
}

/// Who of those that an owner cannot do without lives in the object, if it is a namespace.
fn inhabitant(object: &ObjectId, name: &OwnerName, source: Option<&NamespacedName>) -> Option<String> {
    let is_home = |namespace: &str| object.kind == "Namespace" && object.group.is_empty() && object.name == namespace;
    if is_home(&name.namespace) {
        return Some(format!("this {}, {name},", name.kind.kind));
    }
    source.filter(|source| is_home(&source.namespace)).map(|source| format!("its source, {source},"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_namespaces_of_a_kustomization_and_its_source_are_its_home() {
        let name = OwnerName::new(&crate::kustomization::KIND, "team", "apps");
        let source = NamespacedName::new("flux-system", "fleet");
        let object = |group: &str, kind: &str, name: &str| ObjectId {
            group: group.into(),
            kind: kind.into(),
            name: name.into(),
            ..ObjectId::default()
        };
        let of = |object: &ObjectId| inhabitant(object, &name, Some(&source));
        assert_eq!(of(&object("", "Namespace", "team")).unwrap(), "this Kustomization, team/apps,");
        assert_eq!(of(&object("", "Namespace", "flux-system")).unwrap(), "its source, flux-system/fleet,");
        assert_eq!(of(&object("", "Namespace", "other")), None);
        assert_eq!(of(&object("", "ConfigMap", "team")), None);
        assert_eq!(of(&object("example.org", "Namespace", "team")), None);
        assert_eq!(inhabitant(&object("", "Namespace", "flux-system"), &name, None), None);
    }
}
