//! A chart as records hold it.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use crate::chart::{Chart, Dependency, File, Metadata};

/// What a record says of a chart. The charts that it depends on are not part of it; their values are.
pub fn charted(chart: &Chart) -> Value {
    let schema = chart.schema.as_ref().map(|schema| BASE64_STANDARD.encode(schema));
    json!({
        "metadata": metadata(&chart.metadata),
        "lock": null,
        "templates": files(&chart.templates),
        "values": *chart.values,
        "schema": schema,
        "files": if chart.files.is_empty() { Value::Null } else { files(&chart.files).into() },
    })
}

fn files(files: &[File]) -> Vec<Value> {
    files.iter().map(|file| json!({ "name": file.name, "data": BASE64_STANDARD.encode(&file.data) })).collect()
}

/// What `Chart.yaml` says, without what is empty.
fn metadata(metadata: &Metadata) -> Value {
    let mut map = texts([
        ("name", &metadata.name),
        ("home", &metadata.home),
        ("version", &metadata.version),
        ("description", &metadata.description),
        ("icon", &metadata.icon),
        ("apiVersion", &metadata.api_version),
        ("condition", &metadata.condition),
        ("tags", &metadata.tags),
        ("appVersion", &metadata.app_version),
        ("kubeVersion", &metadata.kube_version),
        ("type", &metadata.chart_type),
    ]);
    let mut put = |field: &str, value: Value| drop(map.insert(field.to_owned(), value));
    if !metadata.sources.is_empty() {
        put("sources", json!(metadata.sources));
    }
    if !metadata.keywords.is_empty() {
        put("keywords", json!(metadata.keywords));
    }
    if metadata.deprecated {
        put("deprecated", true.into());
    }
    if let Some(annotations) = metadata.annotations.as_ref().filter(|annotations| !annotations.is_empty()) {
        put("annotations", json!(annotations));
    }
    if !metadata.maintainers.is_empty() {
        let maintainer = |maintainer: &crate::chart::Maintainer| {
            let crate::chart::Maintainer { name, email, url } = maintainer;
            texts([("name", name), ("email", email), ("url", url)])
        };
        put("maintainers", metadata.maintainers.iter().map(maintainer).collect::<Vec<_>>().into());
    }
    if let Some(dependencies) = metadata.dependencies.as_ref().filter(|dependencies| !dependencies.is_empty()) {
        put("dependencies", dependencies.iter().map(dependency).collect::<Vec<_>>().into());
    }
    map.into()
}

fn dependency(dependency: &Dependency) -> Map<String, Value> {
    let Dependency { name, version, repository, condition, tags, enabled, import_values, alias } = dependency;
    let mut map = texts([("version", version), ("condition", condition), ("alias", alias)]);
    map.insert("name".to_owned(), name.as_str().into());
    map.insert("repository".to_owned(), repository.as_str().into());
    if !tags.is_empty() {
        map.insert("tags".to_owned(), json!(tags));
    }
    if *enabled {
        map.insert("enabled".to_owned(), true.into());
    }
    if !import_values.is_empty() {
        map.insert("import-values".to_owned(), json!(import_values));
    }
    map
}

/// Those that are not empty.
fn texts<const N: usize>(fields: [(&str, &String); N]) -> Map<String, Value> {
    let given = fields.into_iter().filter(|(_, text)| !text.is_empty());
    given.map(|(name, text)| (name.to_owned(), text.as_str().into())).collect()
}
