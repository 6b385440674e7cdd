//! ValidatingAdmissionPolicies and their bindings.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::strategy::{ALL_METADATA, Generations, Rules};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const POLICY: Kind = Kind {
    categories: &["api-extensions"],
    status: true,
    status_keeps: ALL_METADATA,
    generations: Generations::SPEC,
    rules: Rules {
        default: |policy| {
            if let Some(spec) = policy.ensure("spec") {
                spec.fill("failurePolicy", "Fail");
                if let Some(constraints) = spec.inner("matchConstraints") {
                    default_match(constraints);
                }
            }
        },
        validate: validate_policy,
        columns: &[
            NAME,
            Column::number("Validations", "How many rules it holds."),
            Column::text("ParamKind", "The kind of its parameters."),
            AGE,
        ],
        cells: |policy, now| {
            let spec = &policy["spec"];
            let kind = &spec["paramKind"];
            let kind = match kind.is_object() {
                true => format!("{}/{}", kind.text("apiVersion"), kind.text("kind")),
                false => "<unset>".to_owned(),
            };
            vec![table::name(policy), spec.items("validations").len().into(), kind.into(), table::age(policy, now)]
        },
        ..Rules::PLAIN
    },
    ..Kind::cluster(
        super::V1,
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        "validatingadmissionpolicy",
        "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy",
    )
};

pub(crate) const BINDING: Kind = Kind {
    categories: &["api-extensions"],
    generations: Generations::SPEC,
    rules: Rules {
        default: |binding| {
            if let Some(resources) = binding.inner("spec").and_then(|spec| spec.inner("matchResources")) {
                default_match(resources);
            }
        },
        validate: validate_binding,
        columns: &[
            NAME,
            Column::text("PolicyName", "The policy that it puts to work."),
            Column::text("ParamRef", "The policy's parameters."),
            AGE,
        ],
        cells: |binding, now| {
            let spec = &binding["spec"];
            let reference = &spec["paramRef"];
            let reference = match (reference.text("name"), reference.text("namespace")) {
                ("", _) if reference["selector"].is_object() => "<selector>".to_owned(),
                ("", _) => "<unset>".to_owned(),
                (name, "") => name.to_owned(),
                (name, namespace) => format!("{namespace}/{name}"),
            };
            let policy: Value = spec.text("policyName").into();
            vec![table::name(binding), policy, reference.into(), table::age(binding, now)]
        },
        ..Rules::PLAIN
    },
    ..Kind::cluster(
        super::V1,
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        "validatingadmissionpolicybinding",
        "io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding",
    )
};

fn default_match(resources: &mut Value) {
    resources.fill("matchPolicy", "Equivalent");
    resources.ensure("namespaceSelector");
    resources.ensure("objectSelector");
    for list in ["resourceRules", "excludeResourceRules"] {
        resources.each(list).for_each(|rule| rule.fill("scope", "*"));
    }
}

fn validate_policy(policy: &Value, errors: &mut Errors) {
    let spec = &policy["spec"];
    let path = FieldPath::new("spec");
    checks::one_of(spec, "failurePolicy", &path, &["Fail", "Ignore"], errors);
    if !spec["matchConstraints"].is_object() {
        errors.push(FieldError::required(&path.child("matchConstraints"), ""));
    } else if spec["matchConstraints"].items("resourceRules").is_empty() {
        let field = path.child("matchConstraints").child("resourceRules");
        errors.push(FieldError::required(&field, ""));
    }
    if spec.items("validations").is_empty() && spec.items("auditAnnotations").is_empty() {
        let why = "validations or auditAnnotations must contain at least one item";
        errors.push(FieldError::required(&path.child("validations"), why));
    }
    for (index, validation) in spec.items("validations").iter().enumerate() {
        let path = path.child("validations").index(index);
        if validation.text("expression").trim().is_empty() {
            errors.push(FieldError::required(&path.child("expression"), "expression is not specified"));
        }
    }
}

fn validate_binding(binding: &Value, errors: &mut Errors) {
    let spec = &binding["spec"];
    let path = FieldPath::new("spec");
    checks::required_form(spec, "policyName", &path, crate::names::subdomain, errors);
    let actions = spec.items("validationActions");
    let field = path.child("validationActions");
    if actions.is_empty() {
        errors.push(FieldError::required(&field, "at least one validation action is required"));
    }
    for (index, action) in actions.iter().enumerate() {
        let text = action.as_str().unwrap_or_default();
        let field = field.index(index);
        checks::optional_one_of(text, &field, &["Audit", "Deny", "Warn"], errors);
        if actions.iter().take(index).any(|earlier| earlier == action) {
            errors.push(FieldError::duplicate(&field, text));
        }
    }
}
