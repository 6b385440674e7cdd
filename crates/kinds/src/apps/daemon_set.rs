//! DaemonSets.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::workload::{self, CONTAINERS, IMAGES, SELECTOR};
use crate::checks::{self, Errors};
use crate::json::{Fill, Read, same};
use crate::kind::Kind;
use crate::labels;
use crate::strategy::{Generations, Rules};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["ds"],
    categories: &["all"],
    status: true,
    generations: Generations::SPEC,
    rules: Rules {
        default,
        create,
        update,
        validate,
        validate_update: workload::keeps_selector,
        columns: COLUMNS,
        cells,
        ..Rules::PLAIN
    },
    ..Kind::namespaced(super::V1, "DaemonSet", "daemonsets", "daemonset", "io.k8s.api.apps.v1.DaemonSet")
};

const COLUMNS: &[Column] = &[
    NAME,
    Column::number("Desired", "How many nodes should run a Pod."),
    Column::number("Current", "How many nodes have a Pod."),
    Column::number("Ready", "How many nodes have a Pod that is ready."),
    Column::number("Up-to-date", "How many nodes have a Pod with the newest template."),
    Column::number("Available", "How many nodes have a Pod that has been ready for long enough."),
    Column::text("Node Selector", "The labels of the nodes that should run a Pod."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

/// Where older clients read how often the template changed.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

fn default(set: &mut Value) {
    let Some(spec) = workload::default_spec(set) else { return };
    spec.fill("revisionHistoryLimit", 10);
    let Some(strategy) = spec.ensure("updateStrategy") else { return };
    strategy.fill_zero("type", "RollingUpdate");
    if strategy.text("type") == "RollingUpdate"
        && let Some(rolling) = strategy.ensure("rollingUpdate")
    {
        rolling.fill("maxUnavailable", 1);
        rolling.fill("maxSurge", 0);
    }
}

fn create(set: &mut Value) {
    set_template_generation(set, 1);
    let none = json!({
        "currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0,
    });
    set.put("status", none);
}

fn set_template_generation(set: &mut Value, generation: i64) {
    if let Some(annotations) = set.inner("metadata").and_then(|metadata| metadata.ensure("annotations")) {
        annotations.put(TEMPLATE_GENERATION, generation.to_string());
    }
}

fn update(new: &mut Value, old: &Value) {
    let before = old["metadata"]["annotations"].text(TEMPLATE_GENERATION).parse::<i64>().unwrap_or_default();
    let changed = !same(&new["spec"]["template"], &old["spec"]["template"]);
    set_template_generation(new, before.saturating_add(i64::from(changed)));
}

fn validate(set: &Value, errors: &mut Errors) {
    let spec = &set["spec"];
    let path = FieldPath::new("spec");
    workload::validate(spec, "empty selector is invalid for daemonset", errors);
    checks::not_negative(spec, &["minReadySeconds", "revisionHistoryLimit"], &path, errors);
    let strategy = &spec["updateStrategy"];
    let path = path.child("updateStrategy");
    match strategy.text("type") {
        "OnDelete" => {}
        "RollingUpdate" => rolling_update(&strategy["rollingUpdate"], &path.child("rollingUpdate"), errors),
        other => {
            errors.push(checks::not_supported(&path.child("type"), other, &["RollingUpdate", "OnDelete"]));
        }
    }
}

fn rolling_update(rolling: &Value, path: &FieldPath, errors: &mut Errors) {
    let (unavailable, surge) = (path.child("maxUnavailable"), path.child("maxSurge"));
    for (name, field) in [("maxUnavailable", &unavailable), ("maxSurge", &surge)] {
        checks::count_or_percent(&rolling[name], field, errors);
        checks::at_most_hundred_percent(&rolling[name], field, errors);
    }
    let none = |name: &str| checks::is_none_at_all(&rolling[name]);
    if none("maxUnavailable") && none("maxSurge") {
        let value = rolling["maxUnavailable"].clone();
        errors.push(FieldError::invalid(&unavailable, value, "cannot be 0 when maxSurge is 0"));
    } else if !none("maxUnavailable") && !none("maxSurge") {
        let value = rolling["maxSurge"].clone();
        errors.push(FieldError::invalid(&surge, value, "may not be set when maxUnavailable is non-zero"));
    }
}

fn cells(set: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&set["spec"], &set["status"]);
    let nodes = labels::format_map(&spec["template"]["spec"]["nodeSelector"]);
    let mut cells = vec![
        table::name(set),
        table::count(&status["desiredNumberScheduled"]),
        table::count(&status["currentNumberScheduled"]),
        table::count(&status["numberReady"]),
        table::count(&status["updatedNumberScheduled"]),
        table::count(&status["numberAvailable"]),
        table::or(&nodes, "<none>").into(),
        table::age(set, now),
    ];
    cells.extend(workload::wide_cells(spec));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_generation_counts_templates() {
        let mut old = json!({"metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": []}}}});
        KIND.default(&mut old);
        KIND.prepare_create(&mut old);
        assert_eq!(old["metadata"]["annotations"][TEMPLATE_GENERATION], "1");
        let mut new = old.clone();
        new["spec"]["minReadySeconds"] = json!(1);
        KIND.prepare_update(&mut new, &old, None);
        assert_eq!(new["metadata"]["annotations"][TEMPLATE_GENERATION], "1");
        new["spec"]["template"]["spec"]["hostPID"] = json!(true);
        KIND.prepare_update(&mut new, &old, None);
        assert_eq!(new["metadata"]["annotations"][TEMPLATE_GENERATION], "2");
    }
}
