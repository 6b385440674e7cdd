//! Secrets, ConfigMaps and accounts that Flux's kinds name, and that nobody makes. What variables and values of charts come from is told
//! where those are looked at.

use std::collections::BTreeMap;

use cowherd_api::supported;
use serde_json::Value;

use super::finding::{Finding, Rule};
use super::{Checked, Described};
use crate::gitops::ROOT;

const SECRET: &str = "Secret";
const CONFIG_MAP: &str = "ConfigMap";
const ACCOUNT: &str = "ServiceAccount";

/// The fields of Flux's kinds that name one, without those that the agents refuse in any case, and without the accounts that objects are
/// applied as, of which [`accounts`](super::accounts) and [`releases`](super::releases) tell.
const NAMED: &[(&str, &[(&str, &str)])] = &[
    (
        "Kustomization",
        &[
            ("spec.kubeConfig.secretRef", SECRET),
            ("spec.kubeConfig.configMapRef", CONFIG_MAP),
            ("spec.decryption.secretRef", SECRET),
        ],
    ),
    ("HelmRelease", &[("spec.kubeConfig.secretRef", SECRET), ("spec.kubeConfig.configMapRef", CONFIG_MAP)]),
    (
        "GitRepository",
        &[("spec.secretRef", SECRET), ("spec.verify.secretRef", SECRET), ("spec.proxySecretRef", SECRET)],
    ),
    (
        "OCIRepository",
        &[
            ("spec.secretRef", SECRET),
            ("spec.certSecretRef", SECRET),
            ("spec.proxySecretRef", SECRET),
            ("spec.verify.secretRef", SECRET),
            ("spec.verify.trustedRootSecretRef", SECRET),
            ("spec.serviceAccountName", ACCOUNT),
        ],
    ),
    ("HelmRepository", &[("spec.secretRef", SECRET), ("spec.certSecretRef", SECRET)]),
    ("Bucket", &[("spec.secretRef", SECRET), ("spec.certSecretRef", SECRET), ("spec.proxySecretRef", SECRET)]),
    ("ResourceSet", &[("spec.serviceAccountName", ACCOUNT)]),
    (
        "ResourceSetInputProvider",
        &[("spec.secretRef", SECRET), ("spec.certSecretRef", SECRET), ("spec.serviceAccountName", ACCOUNT)],
    ),
    ("FluxInstance", &[("spec.sync.pullSecret", SECRET)]),
    ("Provider", &[("spec.secretRef", SECRET), ("spec.certSecretRef", SECRET), ("spec.proxySecretRef", SECRET)]),
    ("Receiver", &[("spec.secretRef", SECRET)]),
    (
        "ImageRepository",
        &[
            ("spec.secretRef", SECRET),
            ("spec.certSecretRef", SECRET),
            ("spec.proxySecretRef", SECRET),
            ("spec.serviceAccountName", ACCOUNT),
        ],
    ),
    ("ImageUpdateAutomation", &[("spec.git.commit.signingKey.secretRef", SECRET)]),
];

/// What is named: the cluster, if another one, the kind, the namespace and the name; and the field that names it.
type Key = (Option<String>, &'static str, String, String, &'static str);

/// Lists what is named and is nowhere, each once with all that name it in the same field. It may be made in the cluster alone.
pub(super) fn check(checked: &mut Checked<'_>) {
    let cluster = checked.cluster;
    let mut all: BTreeMap<Key, Vec<Described<'_>>> = BTreeMap::new();
    for unit in cluster.units.values() {
        for object in unit.objects() {
            let (id, value) = (object.id(), object.object());
            let is_suspended = value["spec"]["suspend"] == true;
            for (field, kind, name) in named(&id.group, &id.kind, value).filter(|_| !is_suspended) {
                let key = (unit.target(), kind, id.namespace.clone(), name.to_owned(), field);
                all.entry(key).or_default().push((unit, object));
            }
        }
    }
    for ((target, kind, namespace, name, field), objects) in all {
        let Some((unit, first)) = objects.first().copied() else { continue };
        if is_made_by_who_starts(checked, &namespace, &name, field) {
            continue;
        }
        let Some(nowhere) = checked.nowhere(target.as_ref(), kind, &namespace, &name) else { continue };
        let text =
            format!("{field}: {nowhere}; make it in the cluster first, or say by --with FILE that the cluster has it");
        let place = checked.places.field(unit, first, field);
        let others = checked.others(&objects, field);
        let finding = Finding::warning(place, Rule::Reference, text).of(first.id());
        checked.findings.push(Finding { others, ..finding });
    }
}

/// What an object names: the field, the kind and the name. A name with a variable may be any.
fn named<'a>(
    group: &str,
    kind: &str,
    object: &'a Value,
) -> impl Iterator<Item = (&'static str, &'static str, &'a str)> + use<'a> {
    let is_done = supported::find(group, kind).is_some_and(|known| known.is_done);
    let fields = NAMED.iter().find(|(of, _)| is_done && *of == kind).map(|(_, fields)| *fields).unwrap_or_default();
    fields.iter().filter_map(move |(field, kind)| {
        let value = field.split('.').fold(object, |value, part| &value[part]);
        let name = value.as_str().or_else(|| value["name"].as_str())?;
        (!name.is_empty() && !name.contains("${")).then_some((*field, *kind, name))
    })
}

/// Whether it is one of those that whoever starts the agents brings: the credentials of what is followed, and keys that were given.
fn is_made_by_who_starts(checked: &Checked<'_>, namespace: &str, name: &str, field: &str) -> bool {
    let is_of_keys = field == "spec.decryption.secretRef" && !checked.context.keys.is_empty();
    namespace == ROOT && (name == ROOT || is_of_keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The fields of a schema that name a Secret or a ConfigMap by a name alone.
    fn references(schema: &Value, path: &str, found: &mut Vec<String>) {
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}{name}");
            if name.ends_with("ecretRef") || name == "configMapRef" {
                found.push(path);
            } else {
                references(field, &format!("{path}."), found);
            }
        }
    }

    #[test]
    fn every_field_of_the_definitions_that_names_one_is_looked_at_or_refused() {
        // What the agents refuse as a whole.
        let refused = ["spec.chart.spec.verify.secretRef", "spec.sts.secretRef", "spec.sts.certSecretRef"];
        for definition in cowherd_api::crds() {
            let definition = serde_json::to_value(definition).unwrap();
            let kind = definition["spec"]["names"]["kind"].as_str().unwrap();
            let mut found = Vec::new();
            let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
            references(schema, "spec.", &mut found);
            let fields = NAMED.iter().find(|(of, _)| *of == kind).map(|(_, fields)| *fields).unwrap_or_default();
            for field in found {
                let is_refused =
                    refused.contains(&field.as_str()) || (kind == "HelmChart" && field == "spec.verify.secretRef");
                assert!(is_refused || fields.iter().any(|(one, _)| *one == field), "{kind}: {field}");
            }
        }
    }

    #[test]
    fn what_an_object_names_is_found_by_its_kind() {
        let group = "source.toolkit.fluxcd.io";
        let object = json!({ "spec": { "secretRef": { "name": "a" }, "certSecretRef": { "name": "${b}" },
            "verify": { "secretRef": { "name": "c" } }, "serviceAccountName": "d" } });
        let found: Vec<_> = named(group, "OCIRepository", &object).collect();
        let expected = [
            ("spec.secretRef", SECRET, "a"),
            ("spec.verify.secretRef", SECRET, "c"),
            ("spec.serviceAccountName", ACCOUNT, "d"),
        ];
        assert_eq!(found, expected);
        assert_eq!(named("s3.example.com", "Bucket", &object).count(), 0, "a kind of somebody else");
    }
}
