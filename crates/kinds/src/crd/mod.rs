//! The group apiextensions.k8s.io: CustomResourceDefinitions.

mod validation;

use serde_json::{Value, json};

use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::strategy::{Generations, Rules};
use crate::table::{self, NAME_AND_CREATION};

const V1: (&str, &str) = ("apiextensions.k8s.io", "v1");

pub(crate) const KIND: Kind = Kind {
    short_names: &["crd", "crds"],
    categories: &["api-extensions"],
    status: true,
    generations: Generations::SPEC,
    rules: Rules {
        default,
        create,
        update: |new, _| remember_storage(new),
        validate: validation::validate,
        validate_update: validation::validate_update,
        columns: NAME_AND_CREATION,
        cells: |definition, _| vec![table::name(definition), table::created_at(definition)],
        ..Rules::PLAIN
    },
    ..Kind::cluster(
        V1,
        "CustomResourceDefinition",
        "customresourcedefinitions",
        "customresourcedefinition",
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
    )
};

fn default(definition: &mut Value) {
    let Some(spec) = definition.ensure("spec") else { return };
    if let Some(names) = spec.ensure("names") {
        let kind = names.text("kind").to_owned();
        if !kind.is_empty() {
            names.fill_zero("singular", kind.to_lowercase());
            names.fill_zero("listKind", format!("{kind}List"));
        }
    }
    spec.fill("conversion", json!({"strategy": "None"}));
    let webhook = spec.inner("conversion").and_then(|conversion| conversion.inner("webhook"));
    let service = webhook.and_then(|webhook| webhook.inner("clientConfig")?.inner("service"));
    if let Some(service) = service {
        service.fill("port", 443);
    }
}

fn create(definition: &mut Value) {
    definition
        .put("status", json!({"acceptedNames": {"kind": "", "plural": ""}, "conditions": [], "storedVersions": []}));
    remember_storage(definition);
}

/// Objects may be stored in any version that ever was the storage version.
fn remember_storage(definition: &mut Value) {
    let versions = definition["spec"].items("versions");
    let storage = versions.iter().find(|version| version.flag("storage")).map(|version| version["name"].clone());
    let Some(storage) = storage.filter(Value::is_string) else { return };
    let Some(status) = definition.ensure("status") else { return };
    status.fill("storedVersions", json!([]));
    if let Some(Value::Array(stored)) = status.as_object_mut().and_then(|status| status.get_mut("storedVersions"))
        && !stored.contains(&storage)
    {
        stored.push(storage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::texts;

    fn widget() -> Value {
        json!({
            "metadata": {"name": "widgets.example.com"},
            "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": {"plural": "widgets", "kind": "Widget"},
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                        "spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 1}}}}}}}],
            },
        })
    }

    #[test]
    fn a_definition_is_filled_in_and_remembers_its_storage_version() {
        let mut definition = widget();
        KIND.default(&mut definition);
        KIND.prepare_create(&mut definition);
        assert_eq!(texts(&KIND.validate_create(&definition)), [""; 0]);
        assert_eq!(
            definition["spec"]["names"],
            json!({"plural": "widgets", "kind": "Widget", "singular": "widget", "listKind": "WidgetList"})
        );
        assert_eq!(definition["spec"]["conversion"], json!({"strategy": "None"}));
        assert_eq!(definition["status"]["storedVersions"], json!(["v1"]));

        let old = definition.clone();
        definition["spec"]["versions"][0]["storage"] = json!(false);
        definition["spec"]["versions"][0]["name"] = json!("v2");
        definition["spec"]["versions"][0]["storage"] = json!(true);
        KIND.prepare_update(&mut definition, &old, None);
        assert_eq!(definition["status"]["storedVersions"], json!(["v1", "v2"]));
        assert!(texts(&KIND.validate_update(&definition, &old))[0].starts_with(
            "status.storedVersions[0]: Invalid value: \"v1\": missing from spec.versions; v1 was previously a storage \
             version"
        ));
    }

    fn wrong(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut definition = widget();
        change(&mut definition);
        KIND.default(&mut definition);
        KIND.prepare_create(&mut definition);
        texts(&KIND.validate_create(&definition))
    }

    #[test]
    fn wrong_definitions_are_refused_in_kubernetes_words() {
        assert_eq!(
            wrong(|definition| definition["metadata"]["name"] = json!("widget.example.com")),
            ["metadata.name: Invalid value: \"widget.example.com\": must be spec.names.plural+\".\"+spec.group"]
        );
        assert_eq!(
            wrong(|definition| {
                definition["spec"].take_out("scope");
            }),
            ["spec.scope: Required value"]
        );
        assert_eq!(
            wrong(|definition| {
                definition["spec"]["versions"][0].take_out("schema");
            }),
            ["spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required"]
        );
        let errors = wrong(|definition| definition["spec"]["versions"][0]["storage"] = json!(false));
        assert!(errors[0].ends_with("must have exactly one version marked as storage version"), "{errors:?}");
    }
}
