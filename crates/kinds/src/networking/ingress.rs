//! Ingresses.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::checks::{self, Errors};
use crate::core::endpoints::shorten;
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::names;
use crate::strategy::{Generations, Rules};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["ing"],
    status: true,
    generations: Generations::SPEC,
    rules: Rules {
        default: |ingress| {
            ingress.ensure("spec");
        },
        create: |ingress| ingress.put("status", json!({"loadBalancer": {}})),
        validate,
        columns: COLUMNS,
        cells,
        ..Rules::PLAIN
    },
    ..Kind::namespaced(super::V1, "Ingress", "ingresses", "ingress", "io.k8s.api.networking.v1.Ingress")
};

const COLUMNS: &[Column] = &[
    NAME,
    Column::text("Class", "Who serves it."),
    Column::text("Hosts", "The hosts that it answers for."),
    Column::text("Address", "Where it is reached."),
    Column::text("Ports", "The ports that it listens on."),
    AGE,
];

/// What a path may not contain, and not end with.
const NOT_WITHIN: [&str; 6] = ["//", "/./", "/../", "%2f", "%2F", "\\"];
const NOT_AT_END: [&str; 2] = ["/..", "/."];

fn validate(ingress: &Value, errors: &mut Errors) {
    let spec = &ingress["spec"];
    let path = FieldPath::new("spec");
    if spec.items("rules").is_empty() && !spec.has("defaultBackend") {
        let why = "either `defaultBackend` or `rules` must be specified";
        errors.push(FieldError::invalid(&path, spec["rules"].clone(), why));
    }
    if spec.has("defaultBackend") {
        backend(&spec["defaultBackend"], &path.child("defaultBackend"), errors);
    }
    for (index, rule) in spec.items("rules").iter().enumerate() {
        self::rule(rule, &path.child("rules").index(index), errors);
    }
    for (index, tls) in spec.items("tls").iter().enumerate() {
        let path = path.child("tls").index(index);
        for (at, host) in tls.items("hosts").iter().enumerate() {
            self::host(host.as_str().unwrap_or_default(), &path.child("hosts").index(at), errors);
        }
        checks::optional_form(tls, "secretName", &path, names::subdomain, errors);
    }
    if let Some(class) = spec["ingressClassName"].as_str() {
        checks::refuse(class, &path.child("ingressClassName"), names::subdomain(class), errors);
    }
}

fn host(host: &str, path: &FieldPath, errors: &mut Errors) {
    let reasons = if host.contains('*') { names::wildcard_subdomain(host) } else { names::subdomain(host) };
    checks::refuse(host, path, reasons, errors);
}

fn rule(rule: &Value, path: &FieldPath, errors: &mut Errors) {
    let name = rule.text("host");
    if !name.is_empty() {
        if name.parse::<std::net::IpAddr>().is_ok() {
            let why = "must be a DNS name, not an IP address";
            errors.push(FieldError::invalid(&path.child("host"), name, why));
        }
        host(name, &path.child("host"), errors);
    }
    if !rule.has("http") {
        return;
    }
    let path = path.child("http").child("paths");
    let paths = rule["http"].items("paths");
    if paths.is_empty() {
        errors.push(FieldError::required(&path, ""));
    }
    for (index, entry) in paths.iter().enumerate() {
        http_path(entry, &path.index(index), errors);
    }
}

fn http_path(entry: &Value, path: &FieldPath, errors: &mut Errors) {
    let (kind, target) = (entry.text("pathType"), entry.text("path"));
    let field = path.child("path");
    match kind {
        "" => {
            errors.push(FieldError::required(&path.child("pathType"), "pathType must be specified"));
            return;
        }
        "Exact" | "Prefix" => {
            if !target.starts_with('/') {
                errors.push(FieldError::invalid(&field, target, "must be an absolute path"));
            }
            for part in NOT_WITHIN.into_iter().filter(|part| target.contains(part)) {
                errors.push(FieldError::invalid(&field, target, format!("must not contain '{part}'")));
            }
            for end in NOT_AT_END.into_iter().filter(|end| target.ends_with(end)) {
                errors.push(FieldError::invalid(&field, target, format!("cannot end with '{end}'")));
            }
        }
        "ImplementationSpecific" => {
            if !target.is_empty() && !target.starts_with('/') {
                errors.push(FieldError::invalid(&field, target, "must be an absolute path"));
            }
        }
        other => {
            let kinds = ["Exact", "ImplementationSpecific", "Prefix"];
            errors.push(checks::not_supported(&path.child("pathType"), other, &kinds));
        }
    }
    backend(&entry["backend"], &path.child("backend"), errors);
}

fn backend(backend: &Value, path: &FieldPath, errors: &mut Errors) {
    match (backend["service"].is_object(), backend["resource"].is_object()) {
        (true, true) => {
            errors.push(FieldError::invalid(path, "", "cannot set both resource and service backends"));
        }
        (false, false) => errors.push(FieldError::invalid(path, "", "resource or service backend is required")),
        (false, true) => {
            let (resource, path) = (&backend["resource"], path.child("resource"));
            checks::optional_form(resource, "apiGroup", &path, names::subdomain, errors);
            for field in ["kind", "name"] {
                checks::required_form(resource, field, &path, |text| names::path_segment(text, false), errors);
            }
        }
        (true, false) => {
            let service = &backend["service"];
            let inner = path.child("service");
            checks::required_form(service, "name", &inner, names::service_label, errors);
            let port = &service["port"];
            let (name, number) = (port.text("name"), port.number("number").unwrap_or_default());
            let field = inner.child("port");
            match (name, number) {
                ("", 0) => errors.push(FieldError::required(path, "port name or number is required")),
                ("", number) => checks::port_number(number, &field.child("number"), errors),
                (name, 0) => checks::refuse(name, &field.child("name"), names::port_name(name), errors),
                _ => errors.push(FieldError::invalid(path, "", "cannot set both port name & port number")),
            }
        }
    }
}

fn cells(ingress: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &ingress["spec"];
    let hosts = spec.items("rules").iter().map(|rule| rule.text("host").to_owned());
    let hosts: Vec<String> = hosts.filter(|host| !host.is_empty()).collect();
    let addresses = ingress["status"]["loadBalancer"].items("ingress").iter();
    let addresses: std::collections::BTreeSet<&str> = addresses
        .map(|one| table::or(one.text("ip"), one.text("hostname")))
        .filter(|address| !address.is_empty())
        .collect();
    let addresses: Vec<&str> = addresses.into_iter().collect();
    let ports = if spec.items("tls").is_empty() { "80" } else { "80, 443" };
    vec![
        table::name(ingress),
        table::or(spec.text("ingressClassName"), "<none>").into(),
        shorten(&hosts, 3, "*").into(),
        addresses.join(",").into(),
        ports.into(),
        table::age(ingress, now),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::texts;

    fn wrong(path: Value) -> Vec<String> {
        let ingress = json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"rules": [{"host": "web.example", "http": {"paths": [path]}}]},
        });
        texts(&KIND.validate_create(&ingress))
    }

    #[test]
    fn paths_have_types_and_backends() {
        let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
        assert_eq!(wrong(json!({"path": "/", "pathType": "Prefix", "backend": backend})), [""; 0]);
        assert_eq!(
            wrong(json!({"path": "/", "backend": backend})),
            ["spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified"]
        );
        assert_eq!(
            wrong(json!({"path": "a//b", "pathType": "Exact", "backend": backend})),
            [
                "spec.rules[0].http.paths[0].path: Invalid value: \"a//b\": must be an absolute path",
                "spec.rules[0].http.paths[0].path: Invalid value: \"a//b\": must not contain '//'"
            ]
        );
        assert_eq!(
            wrong(json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "web"}}})),
            ["spec.rules[0].http.paths[0].backend: Required value: port name or number is required"]
        );
        assert_eq!(
            wrong(json!({"path": "/", "pathType": "Prefix"})),
            ["spec.rules[0].http.paths[0].backend: Invalid value: \"\": resource or service backend is required"]
        );
    }

    #[test]
    fn a_row_reads_as_kubectl_shows_it() {
        let ingress = json!({
            "metadata": {"name": "web"},
            "spec": {
                "ingressClassName": "nginx", "tls": [{"hosts": ["a"]}],
                "rules": [{"host": "a"}, {"host": "b"}, {"host": "c"}, {"host": "d"}]},
        });
        let row = KIND.row(&ingress, Timestamp::UNIX_EPOCH);
        assert_eq!(row[1..5], [json!("nginx"), json!("a,b,c + 1 more..."), json!(""), json!("80, 443")]);
    }
}
