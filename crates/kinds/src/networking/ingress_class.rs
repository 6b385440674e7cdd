//! IngressClasses.

use cowherd_schema::{ErrorKind, FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::names;
use crate::strategy::{Generations, Rules};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    generations: Generations::SPEC,
    rules: Rules {
        default: |class| {
            if let Some(parameters) = class.inner("spec").and_then(|spec| spec.inner("parameters")) {
                parameters.fill("scope", "Cluster");
            }
        },
        validate,
        validate_update: |new, old, errors| {
            let (new, old) = (&new["spec"]["controller"], &old["spec"]["controller"]);
            checks::immutable(new, old, &FieldPath::new("spec.controller"), errors);
        },
        columns: &[
            NAME,
            Column::text("Controller", "Who serves Ingresses of this class."),
            Column::text("Parameters", "The object that holds more settings."),
            AGE,
        ],
        cells,
        ..Rules::PLAIN
    },
    ..Kind::cluster(
        super::V1,
        "IngressClass",
        "ingressclasses",
        "ingressclass",
        "io.k8s.api.networking.v1.IngressClass",
    )
};

const LONGEST_CONTROLLER: usize = 250;

fn validate(class: &Value, errors: &mut Errors) {
    let spec = &class["spec"];
    let path = FieldPath::new("spec");
    if let Some(controller) = checks::required(spec, "controller", &path, errors) {
        self::controller(controller, &path.child("controller"), errors);
    }
    let parameters = &spec["parameters"];
    if !parameters.is_object() {
        return;
    }
    let path = path.child("parameters");
    checks::optional_form(parameters, "apiGroup", &path, names::subdomain, errors);
    for field in ["kind", "name"] {
        checks::required_form(parameters, field, &path, |text| names::path_segment(text, false), errors);
    }
    checks::one_of(parameters, "scope", &path, &["Cluster", "Namespace"], errors);
    let field = path.child("namespace");
    match (parameters.text("scope"), parameters["namespace"].as_str()) {
        ("Namespace", None) => {
            errors.push(FieldError::required(&field, "`parameters.scope` is set to 'Namespace'"));
        }
        ("Namespace", Some(namespace)) => checks::refuse(namespace, &field, names::label(namespace), errors),
        ("Cluster", Some(_)) => {
            errors.push(FieldError::forbidden(&field, "`parameters.scope` is set to 'Cluster'"));
        }
        _ => {}
    }
}

fn controller(controller: &str, path: &FieldPath, errors: &mut Errors) {
    if controller.len() > LONGEST_CONTROLLER {
        let why = format!("may not be more than {LONGEST_CONTROLLER} bytes");
        errors.push(FieldError::new(ErrorKind::TooLong, path, None, why));
    }
    match controller.split_once('/') {
        Some((domain, rest)) if !domain.is_empty() && !rest.is_empty() => {
            checks::refuse(domain, path, names::subdomain(domain), errors);
        }
        _ => {
            let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
            errors.push(FieldError::invalid(path, controller, why));
        }
    }
}

fn cells(class: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &class["spec"];
    let parameters = &spec["parameters"];
    let shown = match (parameters.is_object(), parameters.text("apiGroup")) {
        (false, _) => "<none>".to_owned(),
        (true, "") => format!("{}/{}", parameters.text("kind"), parameters.text("name")),
        (true, group) => format!("{}.{group}/{}", parameters.text("kind"), parameters.text("name")),
    };
    vec![table::name(class), spec.text("controller").into(), shown.into(), table::age(class, now)]
}
