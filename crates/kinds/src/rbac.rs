//! The group rbac.authorization.k8s.io: roles and who has them.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::{Fill, Read, same};
use crate::kind::Kind;
use crate::labels;
use crate::names::{self, NameRule};
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME, NAME_AND_CREATION};

const GROUP: &str = "rbac.authorization.k8s.io";
const V1: (&str, &str) = (GROUP, "v1");

pub(crate) const CLUSTER_ROLE: Kind = Kind {
    names: NameRule::PathSegment,
    rules: Rules { validate: |role, errors| validate_role(role, false, errors), ..ROLE_RULES },
    ..Kind::cluster(V1, "ClusterRole", "clusterroles", "clusterrole", "io.k8s.api.rbac.v1.ClusterRole")
};

pub(crate) const CLUSTER_ROLE_BINDING: Kind = Kind {
    names: NameRule::PathSegment,
    rules: Rules { validate: |binding, errors| validate_binding(binding, &["ClusterRole"], errors), ..BINDING_RULES },
    ..Kind::cluster(
        V1,
        "ClusterRoleBinding",
        "clusterrolebindings",
        "clusterrolebinding",
        "io.k8s.api.rbac.v1.ClusterRoleBinding",
    )
};

pub(crate) const ROLE: Kind = Kind {
    names: NameRule::PathSegment,
    rules: Rules { validate: |role, errors| validate_role(role, true, errors), ..ROLE_RULES },
    ..Kind::namespaced(V1, "Role", "roles", "role", "io.k8s.api.rbac.v1.Role")
};

pub(crate) const ROLE_BINDING: Kind = Kind {
    names: NameRule::PathSegment,
    rules: Rules {
        validate: |binding, errors| validate_binding(binding, &["Role", "ClusterRole"], errors),
        ..BINDING_RULES
    },
    ..Kind::namespaced(V1, "RoleBinding", "rolebindings", "rolebinding", "io.k8s.api.rbac.v1.RoleBinding")
};

const ROLE_RULES: Rules = Rules {
    columns: NAME_AND_CREATION,
    cells: |role, _| vec![table::name(role), table::created_at(role)],
    ..Rules::PLAIN
};

const BINDING_RULES: Rules = Rules {
    default: default_binding,
    validate_update: keeps_role,
    columns: &[
        NAME,
        Column::text("Role", "The role that is given."),
        AGE,
        Column::wide("Users", "The users that have it."),
        Column::wide("Groups", "The groups that have it."),
        Column::wide("ServiceAccounts", "The ServiceAccounts that have it."),
    ],
    cells: binding_cells,
    ..Rules::PLAIN
};

fn default_binding(binding: &mut Value) {
    if let Some(role) = binding.inner("roleRef") {
        role.fill_zero("apiGroup", GROUP);
    }
    for subject in binding.each("subjects") {
        if matches!(subject.text("kind"), "User" | "Group") {
            subject.fill_zero("apiGroup", GROUP);
        }
    }
}

fn validate_role(role: &Value, namespaced: bool, errors: &mut Errors) {
    for (index, rule) in role.items("rules").iter().enumerate() {
        validate_rule(rule, namespaced, &FieldPath::new("rules").index(index), errors);
    }
    let aggregation = &role["aggregationRule"];
    if aggregation.is_object() {
        let path = FieldPath::new("aggregationRule.clusterRoleSelectors");
        let selectors = aggregation.items("clusterRoleSelectors");
        if selectors.is_empty() {
            let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
            errors.push(FieldError::required(&path, why));
        }
        for (index, selector) in selectors.iter().enumerate() {
            errors.extend(labels::validate_selector(selector, &path.index(index)));
        }
    }
}

fn validate_rule(rule: &Value, namespaced: bool, path: &FieldPath, errors: &mut Errors) {
    let none = |field: &str| rule.items(field).is_empty();
    if none("verbs") {
        errors.push(FieldError::required(&path.child("verbs"), "verbs must contain at least one value"));
    }
    if !none("nonResourceURLs") {
        let field = path.child("nonResourceURLs");
        let urls = &rule["nonResourceURLs"];
        if namespaced {
            let why = "namespaced rules cannot apply to non-resource URLs";
            errors.push(FieldError::invalid(&field, urls.clone(), why));
        }
        if !none("apiGroups") || !none("resources") || !none("resourceNames") {
            let why = "rules cannot apply to both regular resources and non-resource URLs";
            errors.push(FieldError::invalid(&field, urls.clone(), why));
        }
        return;
    }
    if none("apiGroups") {
        let why = "resource rules must supply at least one api group";
        errors.push(FieldError::required(&path.child("apiGroups"), why));
    }
    if none("resources") {
        let why = "resource rules must supply at least one resource";
        errors.push(FieldError::required(&path.child("resources"), why));
    }
}

fn validate_binding(binding: &Value, kinds: &[&str], errors: &mut Errors) {
    let role = &binding["roleRef"];
    let path = FieldPath::new("roleRef");
    if role.text("apiGroup") != GROUP {
        errors.push(checks::not_supported(&path.child("apiGroup"), role.text("apiGroup"), &[GROUP]));
    }
    if !kinds.contains(&role.text("kind")) {
        errors.push(checks::not_supported(&path.child("kind"), role.text("kind"), kinds));
    }
    checks::required_form(role, "name", &path, |text| names::path_segment(text, false), errors);
    let namespaced = kinds.contains(&"Role");
    for (index, subject) in binding.items("subjects").iter().enumerate() {
        validate_subject(subject, namespaced, &FieldPath::new("subjects").index(index), errors);
    }
}

fn validate_subject(subject: &Value, namespaced: bool, path: &FieldPath, errors: &mut Errors) {
    let name = checks::required(subject, "name", path, errors);
    let group = subject.text("apiGroup");
    match subject.text("kind") {
        "ServiceAccount" => {
            if let Some(name) = name {
                checks::refuse(name, &path.child("name"), names::subdomain(name), errors);
            }
            if !group.is_empty() {
                errors.push(checks::not_supported(&path.child("apiGroup"), group, &[""]));
            }
            // In a namespace, an account is of this one unless it says otherwise.
            if !namespaced || subject["namespace"] == "" {
                checks::required(subject, "namespace", path, errors);
            }
        }
        "User" | "Group" if group != GROUP => {
            errors.push(checks::not_supported(&path.child("apiGroup"), group, &[GROUP]));
        }
        "User" | "Group" => {}
        other => {
            let kinds = ["ServiceAccount", "User", "Group"];
            errors.push(checks::not_supported(&path.child("kind"), other, &kinds));
        }
    }
}

fn keeps_role(new: &Value, old: &Value, errors: &mut Errors) {
    if !same(&new["roleRef"], &old["roleRef"]) {
        let why = "cannot change roleRef";
        errors.push(FieldError::invalid(&FieldPath::new("roleRef"), new["roleRef"].clone(), why));
    }
}

fn binding_cells(binding: &Value, now: Timestamp) -> Vec<Value> {
    let subjects = |kind: &str| {
        let found = binding.items("subjects").iter().filter(|subject| subject.text("kind") == kind);
        let names: Vec<String> = found
            .map(|subject| match (kind, subject.text("name")) {
                ("ServiceAccount", name) => format!("{}/{name}", subject.text("namespace")),
                (_, name) => name.to_owned(),
            })
            .collect();
        Value::from(names.join(", "))
    };
    let role = &binding["roleRef"];
    vec![
        table::name(binding),
        format!("{}/{}", role.text("kind"), role.text("name")).into(),
        table::age(binding, now),
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount"),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::texts;

    #[test]
    fn groups_of_api_are_filled_in_and_the_role_stays() {
        let mut binding = json!({
            "metadata": {"name": "system:admins", "namespace": "default"},
            "roleRef": {"kind": "Role", "name": "admin"},
            "subjects": [{"kind": "User", "name": "ann"}, {"kind": "ServiceAccount", "name": "bot", "namespace": "x"}],
        });
        ROLE_BINDING.default(&mut binding);
        assert!(ROLE_BINDING.validate_create(&binding).is_empty());
        assert_eq!(binding["roleRef"]["apiGroup"], GROUP);
        assert_eq!(binding["subjects"][0]["apiGroup"], GROUP);
        assert!(binding["subjects"][1].get("apiGroup").is_none());
        let mut new = binding.clone();
        new["roleRef"]["name"] = json!("other");
        assert_eq!(
            texts(&ROLE_BINDING.validate_update(&new, &binding)),
            [
                "roleRef: Invalid value: {\"apiGroup\":\"rbac.authorization.k8s.io\",\"kind\":\"Role\",\"name\":\"other\"}: \
                 cannot change roleRef"
            ]
        );
    }

    #[test]
    fn rules_say_what_may_be_done_with_what() {
        let role = json!({
            "metadata": {"name": "a", "namespace": "b"},
            "rules": [{"apiGroups": [""], "resources": ["pods"]}, {"verbs": ["get"], "nonResourceURLs": ["/x"]}]});
        assert_eq!(
            texts(&ROLE.validate_create(&role)),
            [
                "rules[0].verbs: Required value: verbs must contain at least one value",
                "rules[1].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs"
            ]
        );
    }
}
