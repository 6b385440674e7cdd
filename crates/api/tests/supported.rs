//! docs/supported.md says of every kind and field what the agents do of it: it is made of the definitions and of the
//! table that the agents obey.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::path::Path;

use cowherd_api::supported::{
    ALERT, ARTIFACT_GENERATOR, Annotation, BUCKET, EXTERNAL_ARTIFACT, FLUX_INSTANCE, FORMER, Former, GIT_REPOSITORY,
    HELM_CHART, HELM_RELEASE, HELM_REPOSITORY, IDLE_OF_FLUX_INSTANCE, IMAGE_POLICY, IMAGE_REPOSITORY,
    IMAGE_UPDATE_AUTOMATION, INPUT_PROVIDER, Idle, KINDS, KUSTOMIZATION, OCI_REPOSITORY, ON_OBJECTS, ON_RESOURCES,
    PROVIDER, RECEIVER, RESOURCE_SET, Unsupported,
};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSONSchemaProps};

const BEGIN: &str = "\
# What is supported

Every kind that cowherd knows of other projects, and every field of those that it acts on. What is not supported is refused
with its name, never skipped: the object says so in its condition `Ready`, reason `UnsupportedFeature`. Alerts and Providers have
no conditions, as with Flux: an event on the Alert says it. What has no effect is named by the condition `WithoutEffect`.

(This page is made from the definitions and the table in `crates/api/src/supported.rs` that the agents obey:
`COWHERD_RECORDED=write cargo test -p cowherd-api --test supported` writes it.)
";

const FORMERLY: &str = "
The first version is the one to write. Objects of another one have the fields of that one, too. A version that is not here, as
`v1beta1`, is refused, and what is wrong says which one to write. Of Flux's former versions:
";

#[test]
fn the_page_says_what_the_table_and_the_definitions_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/supported.md");
    let page = page();
    if std::env::var("COWHERD_RECORDED").is_ok_and(|mode| mode == "write") {
        std::fs::write(&path, &page).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == page,
        "docs/supported.md is not what BEGIN of this file says it is"
    );
}

#[test]
fn the_versions_of_the_table_are_those_that_are_served() {
    for (crd, _) in definitions() {
        let kind = cowherd_api::supported::find(&crd.spec.group, &crd.spec.names.kind).unwrap();
        let versions = crd.spec.versions.iter().filter(|version| version.served);
        let versions: Vec<&str> = versions.map(|version| version.name.as_str()).collect();
        assert_eq!(versions, kind.versions, "{}", kind.kind);
    }
    assert!(KINDS.iter().all(|kind| kind.is_done != kind.versions.is_empty()));
}

#[test]
fn no_field_that_is_told_as_former_is_one_now() {
    let definitions = definitions();
    for former in FORMER {
        let is_its = |crd: &CustomResourceDefinition| {
            (crd.spec.group.as_str(), crd.spec.names.kind.as_str()) == (former.group, former.kind)
        };
        let (crd, _) = definitions.iter().find(|(crd, _)| is_its(crd)).unwrap();
        assert!(!has_field(spec(crd), former.field.trim_start_matches("spec.")), "{former:?}");
    }
}

/// Whether the schema has a field at the path.
fn has_field(schema: &JSONSchemaProps, path: &str) -> bool {
    let mut at = Some(schema.clone());
    for part in path.split('.') {
        let properties = at.and_then(|schema| schema.properties).unwrap_or_default();
        at = properties.get(part.trim_end_matches("[]")).cloned();
        if part.ends_with("[]") {
            at = at.and_then(items);
        }
    }
    at.is_some()
}

#[test]
fn every_field_of_the_table_is_in_its_definition() {
    for (crd, table) in definitions() {
        for entry in table {
            assert!(has_field(spec(&crd), entry.field), "{}", entry.field);
        }
    }
}

#[test]
fn every_field_that_has_no_effect_is_in_the_definition() {
    let crd = cowherd_api::flux::controlplane::v1::flux_instance_crd();
    for Idle { field, holds, .. } in IDLE_OF_FLUX_INSTANCE {
        let found = field.split('.').try_fold(spec(&crd), |schema, name| schema.properties.as_ref()?.get(name));
        let default = found.unwrap().default.as_ref().map(|default| default.0.to_string());
        // What is filled in has no effect, and is not named.
        assert!(default.is_none() || default.as_deref() == *holds, "{field}: {default:?}");
    }
}

fn definitions() -> [(CustomResourceDefinition, &'static [Unsupported]); 19] {
    [
        (cowherd_api::flux::kustomize::v1::crd(), KUSTOMIZATION),
        (cowherd_api::flux::source::v1::git_repository_crd(), GIT_REPOSITORY),
        (cowherd_api::flux::source::v1::oci_repository_crd(), OCI_REPOSITORY),
        (cowherd_api::flux::helm::v2::crd(), HELM_RELEASE),
        (cowherd_api::flux::source::v1::helm_chart_crd(), HELM_CHART),
        (cowherd_api::flux::source::v1::helm_repository_crd(), HELM_REPOSITORY),
        (cowherd_api::flux::source::v1::bucket_crd(), BUCKET),
        (cowherd_api::flux::source::v1::external_artifact_crd(), EXTERNAL_ARTIFACT),
        (cowherd_api::flux::source_extensions::v1beta1::artifact_generator_crd(), ARTIFACT_GENERATOR),
        (cowherd_api::flux::controlplane::v1::resource_set_crd(), RESOURCE_SET),
        (cowherd_api::flux::controlplane::v1::input_provider_crd(), INPUT_PROVIDER),
        (cowherd_api::flux::controlplane::v1::flux_instance_crd(), FLUX_INSTANCE),
        (cowherd_api::flux::controlplane::v1::flux_report_crd(), &[]),
        (cowherd_api::flux::notification::v1beta3::alert_crd(), ALERT),
        (cowherd_api::flux::notification::v1beta3::provider_crd(), PROVIDER),
        (cowherd_api::flux::notification::v1::receiver_crd(), RECEIVER),
        (cowherd_api::flux::image::v1::image_repository_crd(), IMAGE_REPOSITORY),
        (cowherd_api::flux::image::v1::image_policy_crd(), IMAGE_POLICY),
        (cowherd_api::flux::image::v1::image_update_automation_crd(), IMAGE_UPDATE_AUTOMATION),
    ]
}

fn page() -> String {
    let mut page = BEGIN.to_owned();
    page.push_str("\n## Kinds\n\n| kind | group | versions | |\n| --- | --- | --- | --- |\n");
    for kind in KINDS {
        let state = if kind.is_done { "supported, fields below" } else { "not yet" };
        writeln!(page, "| {} | {} | {} | {state} |", kind.kind, kind.group, code(kind.versions)).unwrap();
    }
    page.push_str(FORMERLY);
    page.push_str("\n| kind | field of former versions | |\n| --- | --- | --- |\n");
    for Former { kind, field, instead, .. } in FORMER {
        writeln!(page, "| {kind} | `{field}` | {instead} |").unwrap();
    }
    for (crd, table) in definitions() {
        let names = &crd.spec.names;
        write!(page, "\n## Fields of {}\n\n| field of `spec` | | what it says |\n| --- | --- | --- |\n", names.kind)
            .unwrap();
        let idle = if names.kind == "FluxInstance" { IDLE_OF_FLUX_INSTANCE } else { &[] };
        rows(&mut page, "", spec(&crd), (table, idle));
    }
    page.push_str("\n## Annotations of objects\n\nIn a manifest, as annotations or as labels.\n");
    annotations(&mut page, ON_OBJECTS);
    page.push_str("\n## Annotations of Kustomizations and sources\n");
    annotations(&mut page, ON_RESOURCES);
    page
}

fn annotations(page: &mut String, table: &[Annotation]) {
    page.push_str("\n| annotation | values | what it says |\n| --- | --- | --- |\n");
    for Annotation { key, values, says } in table {
        writeln!(page, "| `{key}` | {values} | {} |", says.unwrap_or("**not yet**: nothing looks at it")).unwrap();
    }
}

fn spec(crd: &CustomResourceDefinition) -> &JSONSchemaProps {
    let schema = crd.spec.versions[0].schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref()).unwrap();
    &schema.properties.as_ref().unwrap()["spec"]
}

fn items(schema: JSONSchemaProps) -> Option<JSONSchemaProps> {
    let items = serde_json::to_value(schema.items?).unwrap();
    serde_json::from_value(items).ok()
}

/// A row for each field, those within it below it. What is within a field that is not supported is not told.
fn rows(page: &mut String, above: &str, schema: &JSONSchemaProps, tables: (&[Unsupported], &[Idle])) {
    for (name, field) in schema.properties.iter().flatten() {
        let within = items(field.clone());
        let path = format!("{above}{name}{}", if within.as_ref().is_some_and(has_fields) { "[]" } else { "" });
        let is_it = |entry: &str| entry == path || format!("{entry}[]") == path;
        let entry = tables.0.iter().find(|entry| is_it(entry.field));
        let idle = tables.1.iter().find(|entry| is_it(entry.field));
        let state = match (entry, idle) {
            (None, None) => "yes".to_owned(),
            (None, Some(idle)) => format!("**no effect**: {}", idle.because),
            (Some(entry), _) if entry.but.is_empty() => format!("**not yet**: {}", entry.instead),
            (Some(entry), _) => format!("only {}: {}", code(entry.but), entry.instead),
        };
        let text = field.description.as_deref().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        writeln!(page, "| `{path}` | {state} | {text} |").unwrap();
        if entry.is_none() && idle.is_none() {
            rows(page, &format!("{path}."), within.as_ref().unwrap_or(field), tables);
        }
    }
}

fn has_fields(schema: &JSONSchemaProps) -> bool {
    schema.properties.is_some()
}

fn code(texts: &[&str]) -> String {
    texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}
