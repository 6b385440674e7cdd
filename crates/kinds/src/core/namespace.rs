//! Namespaces.

use cowherd_schema::FieldPath;
use serde_json::{Value, json};

use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::names::{self, NameRule};
use crate::strategy::{Rules, keep};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["ns"],
    verbs: &["create", "delete", "get", "list", "patch", "update", "watch"],
    status: true,
    names: NameRule::Label,
    rules: Rules {
        default,
        create,
        // Who may still hold the namespace back is changed by the `finalize` subresource alone.
        update: |new, old| keep(new, old, "spec"),
        validate,
        columns: &[NAME, Column::text("Status", "Whether the namespace is in use or on its way out."), AGE],
        cells: |namespace, now| {
            vec![table::name(namespace), namespace["status"].text("phase").into(), table::age(namespace, now)]
        },
        fields: |namespace| vec![("status.phase", namespace["status"].text("phase").to_owned())],
        ..Rules::PLAIN
    },
    ..Kind::cluster(super::V1, "Namespace", "namespaces", "namespace", "io.k8s.api.core.v1.Namespace")
};

/// The finalizers whose names need no domain.
const STANDARD: &[&str] = &["kubernetes", "orphan", "foregroundDeletion"];

/// By this label, selectors find a namespace by its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

fn default(namespace: &mut Value) {
    let name = namespace["metadata"].text("name").to_owned();
    if name.is_empty() {
        return;
    }
    if let Some(labels) = namespace.ensure("metadata").and_then(|metadata| metadata.ensure("labels")) {
        labels.put(NAME_LABEL, name);
    }
}

fn create(namespace: &mut Value) {
    // A generated name is known only by now.
    default(namespace);
    namespace.put("status", json!({"phase": "Active"}));
    let Some(spec) = namespace.ensure("spec") else { return };
    spec.fill("finalizers", Vec::<Value>::new());
    if let Some(Value::Array(finalizers)) = spec.as_object_mut().and_then(|spec| spec.get_mut("finalizers"))
        && !finalizers.iter().any(|finalizer| finalizer == "kubernetes")
    {
        finalizers.push("kubernetes".into());
    }
}

fn validate(namespace: &Value, errors: &mut Errors) {
    let path = FieldPath::new("spec.finalizers");
    for (index, finalizer) in namespace["spec"].items("finalizers").iter().enumerate() {
        let finalizer = finalizer.as_str().unwrap_or_default();
        let mut problems = names::qualified(finalizer);
        if !finalizer.contains('/') && !STANDARD.contains(&finalizer) {
            problems.push("name is neither a standard finalizer name nor is it fully qualified".to_owned());
        }
        checks::refuse(finalizer, &path.index(index), problems, errors);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_active_held_and_labelled_by_its_name() {
        let mut namespace = json!({"metadata": {"name": "shop"}});
        KIND.default(&mut namespace);
        KIND.prepare_create(&mut namespace);
        assert!(KIND.validate_create(&namespace).is_empty());
        assert_eq!(
            namespace,
            json!({
                "metadata": {"name": "shop", "labels": {"kubernetes.io/metadata.name": "shop"}},
                "spec": {"finalizers": ["kubernetes"]},
                "status": {"phase": "Active"},
            })
        );
    }

    #[test]
    fn only_finalize_lets_it_go() {
        let mut old = json!({"metadata": {"name": "shop"}});
        KIND.prepare_create(&mut old);
        let mut new = old.clone();
        new["spec"]["finalizers"] = json!([]);
        let mut finalized = new.clone();
        KIND.prepare_update(&mut new, &old, None);
        assert_eq!(new["spec"], old["spec"]);
        KIND.prepare_update(&mut finalized, &old, Some("finalize"));
        assert_eq!(finalized["spec"], json!({}));
        assert_eq!(finalized["status"], old["status"]);
    }
}
