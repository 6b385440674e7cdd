//! What a CustomResourceDefinition may say.

use std::collections::BTreeSet;

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::admission::webhook;
use crate::checks::{self, Errors};
use crate::json::Read;
use crate::names;

const APPROVED: &str = "api-approved.kubernetes.io";

pub(super) fn validate(definition: &Value, errors: &mut Errors) {
    let spec = &definition["spec"];
    let path = FieldPath::new("spec");
    let (group, plural) = (spec.text("group"), spec["names"].text("plural"));
    let name = definition["metadata"].text("name");
    if name != format!("{plural}.{group}") {
        let why = "must be spec.names.plural+\".\"+spec.group";
        errors.push(FieldError::invalid(&FieldPath::new("metadata.name"), name, why));
    }
    approval(definition, group, errors);
    if checks::required(spec, "group", &path, errors).is_some() {
        let reasons = names::subdomain(group);
        let field = path.child("group");
        if !reasons.is_empty() {
            errors.push(FieldError::invalid(&field, group, reasons.join(",")));
        } else if !group.contains('.') {
            errors.push(FieldError::invalid(&field, group, "should be a domain with at least one dot"));
        }
    }
    checks::one_of(spec, "scope", &path, &["Cluster", "Namespaced"], errors);
    versions(spec, &path.child("versions"), errors);
    self::names(&spec["names"], &path.child("names"), errors);
    conversion(spec, &path.child("conversion"), errors);
}

/// The groups of Kubernetes itself are not for everyone.
fn approval(definition: &Value, group: &str, errors: &mut Errors) {
    let protected = ["k8s.io", "kubernetes.io"]
        .iter()
        .any(|domain| group == *domain || group.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')));
    if protected && definition["metadata"]["annotations"].text(APPROVED).is_empty() {
        let why = format!(
            "protected groups must have approval annotation {APPROVED:?}, see \
             https://github.com/kubernetes/enhancements/pull/1111"
        );
        errors.push(FieldError::required(&FieldPath::new("metadata.annotations").key(APPROVED), why));
    }
}

fn versions(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    let versions = spec.items("versions");
    let mut taken = BTreeSet::new();
    for (index, version) in versions.iter().enumerate() {
        let path = path.index(index);
        let name = version.text("name");
        taken.insert(name);
        let reasons = names::service_label(name);
        if !reasons.is_empty() {
            errors.push(FieldError::invalid(&path.child("name"), name, reasons.join(",")));
        }
        schema(version, &path, errors);
        subresources(&version["subresources"], &path.child("subresources"), errors);
        for (at, column) in version.items("additionalPrinterColumns").iter().enumerate() {
            printer_column(column, &path.child("additionalPrinterColumns").index(at), errors);
        }
    }
    if taken.len() != versions.len() {
        let why = "must contain unique version names";
        errors.push(FieldError::invalid(path, spec["versions"].clone(), why));
    }
    if versions.iter().filter(|version| version.flag("storage")).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        errors.push(FieldError::invalid(path, spec["versions"].clone(), why));
    }
}

/// Whether a schema is structural is asked by whoever serves it: all versions that share one count as one.
fn schema(version: &Value, path: &FieldPath, errors: &mut Errors) {
    if !version["schema"]["openAPIV3Schema"].is_object() {
        let field = path.child("schema").child("openAPIV3Schema");
        errors.push(FieldError::required(&field, "schemas are required"));
    }
}

fn subresources(subresources: &Value, path: &FieldPath, errors: &mut Errors) {
    let scale = &subresources["scale"];
    if !scale.is_object() {
        return;
    }
    let path = path.child("scale");
    for (field, prefix) in
        [("specReplicasPath", ".spec."), ("statusReplicasPath", ".status."), ("labelSelectorPath", "")]
    {
        let text = scale.text(field);
        let field_path = path.child(field);
        if text.is_empty() {
            if !prefix.is_empty() {
                errors.push(FieldError::required(&field_path, ""));
            }
        } else if text.contains('[') || !text.starts_with('.') {
            let why = "should be a json path under .spec or .status without array notation";
            errors.push(FieldError::invalid(&field_path, text, why));
        } else if !text.starts_with(prefix) {
            let root = prefix.trim_end_matches('.');
            errors.push(FieldError::invalid(&field_path, text, format!("should be a json path under {root}")));
        }
    }
}

fn printer_column(column: &Value, path: &FieldPath, errors: &mut Errors) {
    checks::required(column, "name", path, errors);
    let kinds = ["boolean", "date", "integer", "number", "string"];
    match column.text("type") {
        "" => {
            let why = format!("must be one of {}", kinds.join(","));
            errors.push(FieldError::required(&path.child("type"), why));
        }
        kind if !kinds.contains(&kind) => {
            let why = format!("must be one of {}", kinds.join(","));
            errors.push(FieldError::invalid(&path.child("type"), kind, why));
        }
        _ => {}
    }
    let target = column.text("jsonPath");
    if target.is_empty() {
        errors.push(FieldError::required(&path.child("jsonPath"), ""));
    } else if !target.starts_with('.') && !target.starts_with('{') {
        let why = "is an invalid path: must start with '.'";
        errors.push(FieldError::invalid(&path.child("jsonPath"), target, why));
    }
}

fn names(accepted: &Value, path: &FieldPath, errors: &mut Errors) {
    let label = |text: &str, field: &FieldPath, prefix: &str, errors: &mut Errors| {
        let reasons = names::service_label(text);
        if !reasons.is_empty() {
            errors.push(FieldError::invalid(field, text, format!("{prefix}{}", reasons.join(","))));
        }
    };
    if let Some(plural) = checks::required(accepted, "plural", path, errors) {
        label(plural, &path.child("plural"), "", errors);
    }
    let singular = accepted.text("singular");
    if !singular.is_empty() {
        label(singular, &path.child("singular"), "", errors);
    }
    let mixed = "may have mixed case, but should otherwise match: ";
    let kind = accepted.text("kind");
    for field in ["kind", "listKind"] {
        if let Some(text) = checks::required(accepted, field, path, errors) {
            let reasons = names::service_label(&text.to_lowercase());
            if !reasons.is_empty() {
                let why = format!("{mixed}{}", reasons.join(","));
                errors.push(FieldError::invalid(&path.child(field), text, why));
            }
        }
    }
    if !kind.is_empty() && kind == accepted.text("listKind") {
        let why = "kind and listKind may not be the same";
        errors.push(FieldError::invalid(&path.child("listKind"), kind, why));
    }
    for list in ["shortNames", "categories"] {
        for (index, name) in accepted.items(list).iter().enumerate() {
            label(name.as_str().unwrap_or_default(), &path.child(list).index(index), "", errors);
        }
    }
}

fn conversion(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    let conversion = &spec["conversion"];
    if !conversion.is_object() {
        return;
    }
    checks::one_of(conversion, "strategy", path, &["None", "Webhook"], errors);
    let field = path.child("webhook");
    match (conversion.text("strategy"), conversion.has("webhook")) {
        ("None", true) => {
            errors.push(FieldError::forbidden(&field, "should not be set when strategy is not set to Webhook"));
        }
        ("Webhook", false) => {
            let why = "required when strategy is set to Webhook";
            errors.push(FieldError::required(&field.child("clientConfig"), why));
        }
        ("Webhook", true) => {
            webhook::client(&conversion["webhook"]["clientConfig"], &field.child("clientConfig"), errors);
            if conversion["webhook"].items("conversionReviewVersions").is_empty() {
                errors.push(FieldError::required(&field.child("conversionReviewVersions"), ""));
            }
        }
        _ => {}
    }
}

pub(super) fn validate_update(new: &Value, old: &Value, errors: &mut Errors) {
    let established = old["status"]
        .items("conditions")
        .iter()
        .any(|condition| condition.text("type") == "Established" && condition.text("status") == "True");
    let path = FieldPath::new("spec");
    let mut fixed = vec![vec!["group"], vec!["names", "plural"]];
    if established {
        fixed.extend([vec!["scope"], vec!["names", "kind"]]);
    }
    for steps in fixed {
        let pick = |object: &Value| steps.iter().fold(object["spec"].clone(), |value, step| value[*step].clone());
        let field = steps.iter().fold(path.clone(), |path, step| path.child(step));
        checks::immutable(&pick(new), &pick(old), &field, errors);
    }
    let names: Vec<&str> = new["spec"].items("versions").iter().map(|version| version.text("name")).collect();
    for (index, stored) in new["status"].items("storedVersions").iter().enumerate() {
        let stored = stored.as_str().unwrap_or_default();
        if !names.contains(&stored) {
            let why = format!(
                "missing from spec.versions; {stored} was previously a storage version, and must remain in \
                 spec.versions until a storage migration ensures no data remains persisted in {stored} and removes \
                 {stored} from status.storedVersions"
            );
            errors.push(FieldError::invalid(&FieldPath::new("status.storedVersions").index(index), stored, why));
        }
    }
}
