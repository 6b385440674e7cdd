//! ValidatingWebhookConfigurations and MutatingWebhookConfigurations.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::labels;
use crate::names;
use crate::strategy::{Generations, Rules};
use crate::table::{self, AGE, Column, NAME};

const WITH_WEBHOOKS: Generations = Generations::With(&["webhooks"]);

pub(crate) const MUTATING: Kind = Kind {
    categories: &["api-extensions"],
    generations: WITH_WEBHOOKS,
    rules: Rules {
        default: |configuration| {
            for webhook in configuration.each("webhooks") {
                default(webhook);
                webhook.fill("reinvocationPolicy", "Never");
            }
        },
        ..RULES
    },
    ..Kind::cluster(
        super::V1,
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        "mutatingwebhookconfiguration",
        "io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration",
    )
};

pub(crate) const VALIDATING: Kind = Kind {
    categories: &["api-extensions"],
    generations: WITH_WEBHOOKS,
    rules: Rules { default: |configuration| configuration.each("webhooks").for_each(default), ..RULES },
    ..Kind::cluster(
        super::V1,
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        "validatingwebhookconfiguration",
        "io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration",
    )
};

const RULES: Rules = Rules {
    validate,
    columns: &[NAME, Column::number("Webhooks", "How many webhooks it holds."), AGE],
    cells: |configuration, now| {
        let webhooks = configuration.items("webhooks").len();
        vec![table::name(configuration), webhooks.into(), table::age(configuration, now)]
    },
    ..Rules::PLAIN
};

fn default(webhook: &mut Value) {
    webhook.fill("failurePolicy", "Fail");
    webhook.fill("matchPolicy", "Equivalent");
    webhook.fill("timeoutSeconds", 10);
    webhook.ensure("namespaceSelector");
    webhook.ensure("objectSelector");
    webhook.each("rules").for_each(|rule| rule.fill("scope", "*"));
    if let Some(service) = webhook.inner("clientConfig").and_then(|client| client.inner("service")) {
        service.fill("port", 443);
    }
}

fn validate(configuration: &Value, errors: &mut Errors) {
    let mut taken = std::collections::BTreeSet::new();
    for (index, webhook) in configuration.items("webhooks").iter().enumerate() {
        let path = FieldPath::new("webhooks").index(index);
        self::webhook(webhook, &path, errors);
        let name = webhook.text("name");
        if !taken.insert(name) {
            errors.push(FieldError::duplicate(&path.child("name"), name));
        }
    }
}

fn webhook(webhook: &Value, path: &FieldPath, errors: &mut Errors) {
    let name = webhook.text("name");
    let field = path.child("name");
    let reasons = names::subdomain(name);
    if reasons.is_empty() && name.split('.').count() < 3 {
        let why = "should be a domain with at least three segments separated by dots";
        errors.push(FieldError::invalid(&field, name, why));
    }
    if name.is_empty() {
        errors.push(FieldError::required(&field, ""));
    } else {
        checks::refuse(name, &field, reasons, errors);
    }
    if webhook.items("admissionReviewVersions").is_empty() {
        let why = "must specify one of v1, v1beta1";
        errors.push(FieldError::required(&path.child("admissionReviewVersions"), why));
    }
    let effects = webhook.text("sideEffects");
    let allowed = ["None", "NoneOnDryRun"];
    if effects.is_empty() {
        let why = "must specify one of None, NoneOnDryRun";
        errors.push(FieldError::required(&path.child("sideEffects"), why));
    } else {
        checks::optional_one_of(effects, &path.child("sideEffects"), &allowed, errors);
    }
    checks::one_of(webhook, "failurePolicy", path, &["Fail", "Ignore"], errors);
    checks::one_of(webhook, "matchPolicy", path, &["Equivalent", "Exact"], errors);
    let seconds = webhook.number("timeoutSeconds").unwrap_or(10);
    if !(1..=30).contains(&seconds) {
        let why = "the timeout value must be between 1 and 30 seconds";
        errors.push(FieldError::invalid(&path.child("timeoutSeconds"), seconds, why));
    }
    for selector in ["namespaceSelector", "objectSelector"] {
        errors.extend(labels::validate_selector(&webhook[selector], &path.child(selector)));
    }
    client(&webhook["clientConfig"], &path.child("clientConfig"), errors);
    for (index, rule) in webhook.items("rules").iter().enumerate() {
        let path = path.child("rules").index(index);
        for list in ["operations", "apiGroups", "apiVersions", "resources"] {
            if rule.items(list).is_empty() {
                errors.push(FieldError::required(&path.child(list), ""));
            }
        }
        checks::one_of(rule, "scope", &path, &["*", "Cluster", "Namespaced"], errors);
    }
}

/// Where a webhook is reached, of an admission webhook or of a CustomResourceDefinition's conversion.
pub(crate) fn client(client: &Value, path: &FieldPath, errors: &mut Errors) {
    let service = &client["service"];
    match (client["url"].as_str(), service.is_object()) {
        (Some(_), true) | (None, false) => {
            errors.push(FieldError::required(path, "exactly one of url or service is required"));
        }
        (Some(url), false) if !url.starts_with("https://") => {
            let why = "'https' is the only allowed URL scheme; desired format: https://host[/path]";
            errors.push(FieldError::invalid(&path.child("url"), url, why));
        }
        (Some(_), false) => {}
        (None, true) => {
            let path = path.child("service");
            checks::required(service, "name", &path, errors);
            checks::required(service, "namespace", &path, errors);
            checks::port_number(service.number("port").unwrap_or(443), &path.child("port"), errors);
        }
    }
}
