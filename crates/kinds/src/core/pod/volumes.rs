//! What the volumes of a Pod may say.

use std::collections::BTreeSet;

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use super::containers;
use crate::checks::{self, Errors};
use crate::json::Read;
use crate::names;

/// The names of the volumes that containers can mount.
pub(super) type Volumes<'a> = BTreeSet<&'a str>;

const FIELDS: [&str; 5] =
    ["metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.annotations"];
const HOST_PATH_TYPES: [&str; 7] =
    ["BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];

pub(super) fn validate<'a>(volumes: &'a [Value], path: &FieldPath, errors: &mut Errors) -> Volumes<'a> {
    let mut taken = Volumes::new();
    for (index, volume) in volumes.iter().enumerate() {
        let path = path.index(index);
        sources(volume, &path, errors);
        checks::required_form(volume, "name", &path, names::label, errors);
        let name = volume.text("name");
        if !name.is_empty() && !taken.insert(name) {
            errors.push(FieldError::duplicate(&path.child("name"), name));
        }
    }
    taken
}

fn sources(volume: &Value, path: &FieldPath, errors: &mut Errors) {
    let Some(fields) = volume.as_object() else { return };
    let mut found = fields.iter().filter(|(name, value)| *name != "name" && !value.is_null()).collect::<Vec<_>>();
    // An emptyDir beside something else is what stays; the other one is the mistake.
    found.sort_by_key(|(name, _)| name.as_str() != "emptyDir");
    if found.is_empty() {
        errors.push(FieldError::required(path, "must specify a volume type"));
    }
    for (index, (name, source)) in found.into_iter().enumerate() {
        let path = path.child(name);
        if index > 0 {
            errors.push(FieldError::forbidden(&path, "may not specify more than 1 volume type"));
        } else {
            self::source(name, source, &path, errors);
        }
    }
}

/// Checks one source, of a Pod or of a PersistentVolume.
pub(crate) fn source(name: &str, source: &Value, path: &FieldPath, errors: &mut Errors) {
    match name {
        "emptyDir" if source.has("sizeLimit") => {
            checks::quantity(&source["sizeLimit"], &path.child("sizeLimit"), errors);
        }
        "hostPath" => {
            if let Some(target) = checks::required(source, "path", path, errors) {
                no_steps_back(target, &path.child("path"), errors);
            }
            checks::optional_one_of(source.text("type"), &path.child("type"), &HOST_PATH_TYPES, errors);
        }
        "secret" => {
            checks::required(source, "secretName", path, errors);
            files(source, path, errors);
        }
        "configMap" => {
            checks::required(source, "name", path, errors);
            files(source, path, errors);
        }
        "persistentVolumeClaim" => {
            checks::required(source, "claimName", path, errors);
        }
        "nfs" => {
            checks::required(source, "server", path, errors);
            if let Some(target) = checks::required(source, "path", path, errors)
                && !target.starts_with('/')
            {
                errors.push(FieldError::invalid(&path.child("path"), target, "must be an absolute path"));
            }
        }
        "csi" => checks::required_form(source, "driver", path, names::subdomain, errors),
        "downwardAPI" => {
            file_mode(&source["defaultMode"], &path.child("defaultMode"), errors);
            downward_files(source, path, errors);
        }
        "projected" => projected(source, path, errors),
        "image" => {
            checks::required(source, "reference", path, errors);
            let policy = source.text("pullPolicy");
            let allowed = ["Always", "IfNotPresent", "Never"];
            checks::optional_one_of(policy, &path.child("pullPolicy"), &allowed, errors);
        }
        "ephemeral" => {
            let path = path.child("volumeClaimTemplate");
            match &source["volumeClaimTemplate"] {
                Value::Null => errors.push(FieldError::required(&path, "")),
                claim => super::validate_claim_template_spec(&claim["spec"], &path.child("spec"), errors),
            }
        }
        _ => {}
    }
}

fn projected(projected: &Value, path: &FieldPath, errors: &mut Errors) {
    file_mode(&projected["defaultMode"], &path.child("defaultMode"), errors);
    for (index, source) in projected.items("sources").iter().enumerate() {
        let path = path.child("sources").index(index);
        for name in ["secret", "configMap"] {
            if source[name].is_object() {
                checks::required(&source[name], "name", &path.child(name), errors);
                files(&source[name], &path.child(name), errors);
            }
        }
        if source["downwardAPI"].is_object() {
            downward_files(&source["downwardAPI"], &path.child("downwardAPI"), errors);
        }
        let token = &source["serviceAccountToken"];
        if token.is_object() {
            let path = path.child("serviceAccountToken");
            let seconds = token.number("expirationSeconds").unwrap_or(3600);
            let field = path.child("expirationSeconds");
            if seconds < 600 {
                errors.push(FieldError::invalid(&field, seconds, "may not specify a duration less than 10 minutes"));
            } else if seconds > 1 << 32 {
                errors.push(FieldError::invalid(
                    &field,
                    seconds,
                    "may not specify a duration larger than 2^32 seconds",
                ));
            }
            if let Some(target) = checks::required(token, "path", &path, errors) {
                descending(target, &path.child("path"), errors);
            }
        }
    }
}

fn files(source: &Value, path: &FieldPath, errors: &mut Errors) {
    file_mode(&source["defaultMode"], &path.child("defaultMode"), errors);
    for (index, item) in source.items("items").iter().enumerate() {
        let path = path.child("items").index(index);
        checks::required(item, "key", &path, errors);
        if let Some(target) = checks::required(item, "path", &path, errors) {
            descending(target, &path.child("path"), errors);
            if target.starts_with("..") && !target.starts_with("../") && target != ".." {
                errors.push(FieldError::invalid(&path.child("path"), target, "must not start with '..'"));
            }
        }
        file_mode(&item["mode"], &path.child("mode"), errors);
    }
}

fn downward_files(source: &Value, path: &FieldPath, errors: &mut Errors) {
    for item in source.items("items") {
        if let Some(target) = checks::required(item, "path", path, errors) {
            descending(target, &path.child("path"), errors);
        }
        match (item["fieldRef"].is_object(), item["resourceFieldRef"].is_object()) {
            (true, true) => {
                let why = "fieldRef and resourceFieldRef can not be specified simultaneously";
                errors.push(FieldError::invalid(path, "resource", why));
            }
            (true, false) => {
                containers::field_reference(&item["fieldRef"], &path.child("fieldRef"), &FIELDS, errors);
            }
            (false, true) => {
                let field = path.child("resourceFieldRef");
                checks::required(&item["resourceFieldRef"], "containerName", &field, errors);
                checks::required(&item["resourceFieldRef"], "resource", &field, errors);
            }
            (false, false) => {
                errors.push(FieldError::required(path, "one of fieldRef and resourceFieldRef is required"));
            }
        }
        file_mode(&item["mode"], &path.child("mode"), errors);
    }
}

fn file_mode(mode: &Value, path: &FieldPath, errors: &mut Errors) {
    if mode.as_i64().is_some_and(|mode| !(0..=0o777).contains(&mode)) {
        let why = "must be a number between 0 and 0777 (octal), both inclusive";
        errors.push(FieldError::invalid(path, mode.clone(), why));
    }
}

/// A path that stays below the place where it starts.
pub(super) fn descending(target: &str, path: &FieldPath, errors: &mut Errors) {
    if target.starts_with('/') {
        errors.push(FieldError::invalid(path, target, "must be a relative path"));
    }
    no_steps_back(target, path, errors);
}

fn no_steps_back(target: &str, path: &FieldPath, errors: &mut Errors) {
    if target.split('/').any(|part| part == "..") {
        errors.push(FieldError::invalid(path, target, "must not contain '..'"));
    }
}
