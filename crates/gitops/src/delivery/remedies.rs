//! What helps where an account may not do what is to be done on its behalf, or where there is no such namespace.
//!
//! Objects may have been applied with other rights than those with which they are to go: somebody took rights away, or has started
//! the agents with another account for all who name none, as with `cowherd up --switch --default-service-account`.

use cowherd_apply::ApplyError;

use super::failure::Failure;
use crate::owner::{Owner, OwnerName};

/// What to do about a failure, where that is not what it says itself.
pub(super) fn of(owner: &Owner, failure: &Failure) -> Option<String> {
    of_namespace(failure).or_else(|| of_rights(owner, failure))
}

/// Objects do not bring their namespace about.
fn of_namespace(failure: &Failure) -> Option<String> {
    let answer = failure.answer().filter(|answer| answer.is_not_found())?;
    let ApplyError::Refused { subject, message, .. } = answer else { return None };
    let namespace = &subject.namespace;
    (*message == format!("namespaces \"{namespace}\" not found")).then(|| {
        format!("describe the Namespace {namespace}, too, here or in what this depends on (spec.dependsOn), or mend the name")
    })
}

fn of_rights(owner: &Owner, failure: &Failure) -> Option<String> {
    let user = owner.account.as_ref()?.user.as_str();
    let object = failure.answer()?.denied(user)?;
    let another = match owner.has_default_account {
        // Not the flag: an account of the whole cluster for all who name none is no answer to what one of them may not.
        true => "name an account that may in spec.serviceAccountName",
        false => "name another one in spec.serviceAccountName",
    };
    let OwnerName { kind, namespace, name } = &owner.name;
    let leave = match failure {
        Failure::Finalize(_) => format!(
            ". To leave the objects where they are: `kubectl patch {}.{} {name} -n {namespace} --type merge -p \
             '{{\"spec\":{{\"deletionPolicy\":\"Orphan\"}}}}'`",
            kind.plural, kind.group
        ),
        Failure::Prune(_) => ". To leave the objects where they are: spec.prune: false".to_owned(),
        _ => String::new(),
    };
    Some(format!("give {user} a role that may do that to {object}, or {another}{leave}"))
}

#[cfg(test)]
mod tests {
    use cowherd_api::flux::kustomize::v1::Kustomization;
    use cowherd_apply::ObjectId;
    use serde_json::{Value, json};

    use super::*;
    use crate::Policy;
    use crate::owner::Owning;

    fn owner(spec: Value) -> Owner {
        let mut object = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": "apps", "namespace": "n" },
            "spec": { "interval": "1m", "prune": true, "sourceRef": { "kind": "GitRepository", "name": "s" } } });
        object["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let mut owner = serde_json::from_value::<Kustomization>(object).unwrap().read(None).0;
        Policy { default_service_account: Some("builder".into()), ..Policy::default() }.complete(&mut owner);
        owner
    }

    fn refused(user: &str) -> Box<ApplyError> {
        let subject =
            ObjectId { kind: "ConfigMap".into(), namespace: "n".into(), name: "a".into(), ..ObjectId::default() };
        Box::new(ApplyError::Refused {
            subject: Box::new(subject),
            step: "delete failed",
            reason: "Forbidden".to_owned(),
            message: format!("configmaps \"a\" is forbidden: User \"{user}\" cannot delete resource \"configmaps\""),
            code: 403,
        })
    }

    #[test]
    fn who_lacks_a_right_is_named_with_the_object_and_with_each_way_out() {
        let (builder, deployer) = ("system:serviceaccount:n:builder", "system:serviceaccount:n:deployer");
        let remedy = of(&owner(json!({})), &Failure::Finalize(refused(builder))).unwrap();
        for said in [
            "give system:serviceaccount:n:builder a role that may do that to ConfigMap/n/a, or name an account that may in \
             spec.serviceAccountName",
            "kubectl patch kustomizations.kustomize.toolkit.fluxcd.io apps -n n --type merge -p '{\"spec\":{\"deletionPolicy\":\"Orphan\"}}'",
        ] {
            assert!(remedy.contains(said), "{said:?} is not in {remedy}");
        }
        assert!(!remedy.contains("--default-service-account"), "nobody is told to open the cluster: {remedy}");
        let named = owner(json!({ "serviceAccountName": "deployer" }));
        let remedy = of(&named, &Failure::Prune(refused(deployer))).unwrap();
        assert!(
            remedy.contains("spec.serviceAccountName") && !remedy.contains("--default-service-account"),
            "{remedy}"
        );
        assert!(remedy.ends_with("To leave the objects where they are: spec.prune: false"), "{remedy}");
        let remedy = of(&named, &Failure::Apply(refused(deployer))).unwrap();
        assert!(remedy.ends_with("or name another one in spec.serviceAccountName"), "{remedy}");
        assert_eq!(of(&named, &Failure::Apply(refused(builder))), None, "it is somebody else who may not");
        assert_eq!(of(&named, &Failure::Superseded), None);
    }

    #[test]
    fn a_namespace_that_is_not_there_has_to_be_described() {
        let refused = |code, message: &str| {
            let ApplyError::Refused { subject, step, reason, .. } = *refused("") else { unreachable!() };
            Failure::Apply(Box::new(ApplyError::Refused { subject, step, reason, message: message.to_owned(), code }))
        };
        let remedy = of(&owner(json!({})), &refused(404, "namespaces \"n\" not found")).unwrap();
        assert!(remedy.starts_with("describe the Namespace n, too"), "{remedy}");
        for (code, message) in [(404, "configmaps \"n\" not found"), (403, "namespaces \"n\" not found")] {
            assert_eq!(of(&owner(json!({})), &refused(code, message)), None, "{code} {message}");
        }
    }
}
