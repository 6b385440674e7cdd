//! Deployments.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::Value;

use super::workload::{self, CONTAINERS, IMAGES, SELECTOR};
use crate::checks::{self, Errors};
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::strategy::{Generations, Rules};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["deploy"],
    categories: &["all"],
    status: true,
    // By these, its ReplicaSets are found.
    status_keeps: &["labels"],
    scale: true,
    generations: Generations::SpecAndAnnotations,
    rules: Rules {
        default,
        validate,
        validate_update: workload::keeps_selector,
        columns: COLUMNS,
        cells,
        ..Rules::PLAIN
    },
    ..Kind::namespaced(super::V1, "Deployment", "deployments", "deployment", "io.k8s.api.apps.v1.Deployment")
};

const COLUMNS: &[Column] = &[
    NAME,
    Column::text("Ready", "How many Pods are ready, of how many wanted."),
    Column::number("Up-to-date", "How many Pods have the newest template."),
    Column::number("Available", "How many Pods have been ready for long enough."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

fn default(deployment: &mut Value) {
    let Some(spec) = workload::default_spec(deployment) else { return };
    spec.fill("replicas", 1);
    spec.fill("revisionHistoryLimit", 10);
    spec.fill("progressDeadlineSeconds", 600);
    let Some(strategy) = spec.ensure("strategy") else { return };
    strategy.fill_zero("type", "RollingUpdate");
    if strategy.text("type") == "RollingUpdate"
        && let Some(rolling) = strategy.ensure("rollingUpdate")
    {
        rolling.fill("maxUnavailable", "25%");
        rolling.fill("maxSurge", "25%");
    }
}

fn validate(deployment: &Value, errors: &mut Errors) {
    let spec = &deployment["spec"];
    let path = FieldPath::new("spec");
    checks::not_negative(spec, &["replicas"], &path, errors);
    workload::validate(spec, "empty selector is invalid for deployment", errors);
    strategy(&spec["strategy"], &path.child("strategy"), errors);
    checks::not_negative(spec, &["minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"], &path, errors);
    if let Some(deadline) = spec.number("progressDeadlineSeconds")
        && deadline <= spec.number("minReadySeconds").unwrap_or_default()
    {
        let field = path.child("progressDeadlineSeconds");
        errors.push(FieldError::invalid(&field, deadline, "must be greater than minReadySeconds"));
    }
}

fn strategy(strategy: &Value, path: &FieldPath, errors: &mut Errors) {
    let rolling = &strategy["rollingUpdate"];
    let field = path.child("rollingUpdate");
    match strategy.text("type") {
        "Recreate" if rolling.is_object() => {
            let why = "may not be specified when strategy `type` is 'Recreate'";
            errors.push(FieldError::forbidden(&field, why));
        }
        "Recreate" => {}
        "RollingUpdate" if rolling.is_object() => rolling_update(rolling, &field, errors),
        "RollingUpdate" => errors.push(FieldError::required(&field, "this should be defaulted and never be nil")),
        other => {
            errors.push(checks::not_supported(&path.child("type"), other, &["Recreate", "RollingUpdate"]));
        }
    }
}

fn rolling_update(rolling: &Value, path: &FieldPath, errors: &mut Errors) {
    let (unavailable, surge) = (path.child("maxUnavailable"), path.child("maxSurge"));
    checks::count_or_percent(&rolling["maxUnavailable"], &unavailable, errors);
    checks::count_or_percent(&rolling["maxSurge"], &surge, errors);
    if checks::is_none_at_all(&rolling["maxUnavailable"]) && checks::is_none_at_all(&rolling["maxSurge"]) {
        let value = rolling["maxUnavailable"].clone();
        errors.push(FieldError::invalid(&unavailable, value, "may not be 0 when `maxSurge` is 0"));
    }
    checks::at_most_hundred_percent(&rolling["maxUnavailable"], &unavailable, errors);
}

fn cells(deployment: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&deployment["spec"], &deployment["status"]);
    let ready = status.number("readyReplicas").unwrap_or_default();
    let wanted = spec.number("replicas").unwrap_or_default();
    let mut cells = vec![
        table::name(deployment),
        format!("{ready}/{wanted}").into(),
        table::count(&status["updatedReplicas"]),
        table::count(&status["availableReplicas"]),
        table::age(deployment, now),
    ];
    cells.extend(workload::wide_cells(spec));
    cells
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::texts;

    fn nginx() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "nginx", "namespace": "default", "labels": {"app": "nginx"}},
            "spec": {
                "replicas": 3,
                "selector": {"matchLabels": {"app": "nginx"}},
                "template": {
                    "metadata": {"labels": {"app": "nginx"}},
                    "spec": {"containers": [{"name": "nginx", "image": "nginx:1.14.2", "ports": [{"containerPort": 80}]}]},
                },
            },
        })
    }

    #[test]
    fn a_typical_deployment_is_filled_in() {
        let mut deployment = nginx();
        KIND.default(&mut deployment);
        KIND.prepare_create(&mut deployment);
        assert!(KIND.validate_create(&deployment).is_empty());
        assert_eq!(deployment["metadata"]["generation"], 1);
        assert_eq!(
            deployment["spec"],
            json!({
                "replicas": 3, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
                "selector": {"matchLabels": {"app": "nginx"}},
                "template": {
                    "metadata": {"labels": {"app": "nginx"}},
                    "spec": {
                        "containers": [{
                            "name": "nginx", "image": "nginx:1.14.2", "imagePullPolicy": "IfNotPresent",
                            "ports": [{"containerPort": 80, "protocol": "TCP"}], "resources": {},
                            "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                        }],
                        "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
                        "securityContext": {}, "terminationGracePeriodSeconds": 30,
                    },
                },
            })
        );
    }

    fn wrong(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut deployment = nginx();
        change(&mut deployment);
        KIND.default(&mut deployment);
        texts(&KIND.validate_create(&deployment))
    }

    #[test]
    fn wrong_deployments_are_refused_in_kubernetes_words() {
        assert_eq!(
            wrong(|deployment| {
                deployment["spec"].take_out("selector");
            }),
            ["spec.selector: Required value"]
        );
        assert_eq!(
            wrong(|deployment| deployment["spec"]["template"]["metadata"]["labels"] = json!({"app": "x"})),
            ["spec.template.metadata.labels: Invalid value: {\"app\":\"x\"}: `selector` does not match template \
                 `labels`"]
        );
        assert_eq!(
            wrong(|deployment| deployment["spec"]["strategy"] = json!({"type": "Recreate", "rollingUpdate": {}})),
            ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"]
        );
        assert_eq!(
            wrong(|deployment| deployment["spec"]["strategy"] =
                json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}})),
            ["spec.strategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": may not be 0 when `maxSurge` is 0"]
        );
        assert_eq!(
            wrong(|deployment| deployment["spec"]["replicas"] = json!(-1)),
            ["spec.replicas: Invalid value: -1: must be greater than or equal to 0"]
        );
        assert_eq!(
            wrong(|deployment| deployment["spec"]["template"]["spec"]["restartPolicy"] = json!("Never")),
            ["spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""]
        );
    }

    #[test]
    fn the_generation_counts_what_is_wanted_and_the_status_stays() {
        let mut old = nginx();
        KIND.default(&mut old);
        KIND.prepare_create(&mut old);
        old["status"] = json!({"replicas": 3});
        let mut new = old.clone();
        new.take_out("status");
        new["metadata"]["labels"] = json!({"a": "b"});
        KIND.prepare_update(&mut new, &old, None);
        assert_eq!((&new["metadata"]["generation"], &new["status"]), (&json!(1), &json!({"replicas": 3})));
        new["spec"]["replicas"] = json!(5);
        KIND.prepare_update(&mut new, &old, None);
        assert_eq!(new["metadata"]["generation"], 2);

        let mut status = old.clone();
        status["spec"]["replicas"] = json!(9);
        status["status"] = json!({"replicas": 4});
        KIND.prepare_update(&mut status, &old, Some("status"));
        assert_eq!((&status["spec"]["replicas"], &status["status"]["replicas"]), (&json!(3), &json!(4)));
        assert_eq!(status["metadata"]["generation"], 1);
    }

    #[test]
    fn the_selector_is_immutable() {
        let mut old = nginx();
        KIND.default(&mut old);
        let mut new = old.clone();
        new["spec"]["selector"] = json!({"matchLabels": {"app": "nginx", "tier": "web"}});
        new["spec"]["template"]["metadata"]["labels"] = json!({"app": "nginx", "tier": "web"});
        assert_eq!(
            texts(&KIND.validate_update(&new, &old)),
            ["spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"nginx\",\"tier\":\"web\"}}: field is \
                 immutable"]
        );
    }

    #[test]
    fn a_row_reads_as_kubectl_shows_it() {
        let mut deployment = nginx();
        deployment["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
        deployment["status"] = json!({"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 1});
        let now = "2026-01-04T04:00:00Z".parse().expect("a time");
        assert_eq!(
            KIND.row(&deployment, now),
            [
                json!("nginx"),
                json!("2/3"),
                json!(3),
                json!(1),
                json!("3d4h"),
                json!("nginx"),
                json!("nginx:1.14.2"),
                json!("app=nginx")
            ]
        );
    }
}
