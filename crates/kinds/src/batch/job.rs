//! Jobs.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::Value;

use crate::age::human_duration;
use crate::apps::workload::{CONTAINERS, IMAGES, SELECTOR, wide_cells};
use crate::checks::{self, Errors};
use crate::core::pod;
use crate::json::{Fill, Read, same};
use crate::kind::Kind;
use crate::labels;
use crate::strategy::{Generations, Rules};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    categories: &["all"],
    status: true,
    generations: Generations::SPEC,
    rules: Rules {
        default,
        create,
        validate,
        validate_update,
        columns: COLUMNS,
        cells,
        fields: |job| vec![("status.successful", table::count(&job["status"]["succeeded"]).to_string())],
        ..Rules::PLAIN
    },
    ..Kind::namespaced(super::V1, "Job", "jobs", "job", "io.k8s.api.batch.v1.Job")
};

const COLUMNS: &[Column] = &[
    NAME,
    Column::text("Status", "How far the Job is."),
    Column::text("Completions", "How many Pods ended well, of how many wanted."),
    Column::text("Duration", "How long the Job ran, or has been running."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

const UID_LABELS: [&str; 2] = ["batch.kubernetes.io/controller-uid", "controller-uid"];
const NAME_LABELS: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];

fn default(job: &mut Value) {
    let Some(spec) = job.ensure("spec") else { return };
    spec.ensure("template");
    pod::default_template(spec.inner("template"));
    if let Some(template) = spec.inner("template")
        && template["metadata"].as_object().is_some_and(serde_json::Map::is_empty)
    {
        // The labels that the server adds would belong to whoever is said to have given the metadata.
        template.take_out("metadata");
    }
    if !spec.has("completions") && !spec.has("parallelism") {
        spec.put("completions", 1);
    }
    spec.fill("parallelism", 1);
    let limit = if spec.has("backoffLimitPerIndex") { i32::MAX } else { 6 };
    spec.fill("backoffLimit", limit);
    spec.fill("completionMode", "NonIndexed");
    spec.fill("suspend", false);
    spec.fill("manualSelector", false);
    let replaced = if spec["podFailurePolicy"].is_object() { "Failed" } else { "TerminatingOrFailed" };
    spec.fill("podReplacementPolicy", replaced);
    for rule in spec.inner("podFailurePolicy").into_iter().flat_map(|policy| policy.each("rules")) {
        rule.each("onPodConditions").for_each(|condition| condition.fill_zero("status", "True"));
    }
    take_labels(job);
}

/// A Job without labels has those of its Pods.
fn take_labels(job: &mut Value) {
    let labels = job["spec"]["template"]["metadata"]["labels"].clone();
    let unlabelled = job["metadata"].entries("labels").next().is_none();
    if unlabelled
        && labels.as_object().is_some_and(|labels| !labels.is_empty())
        && let Some(metadata) = job.ensure("metadata")
    {
        metadata.put("labels", labels);
    }
}

/// The Job's Pods carry its name and id, by which it finds them.
fn create(job: &mut Value) {
    let name = job["metadata"].text("name").to_owned();
    let uid = job["metadata"].text("uid").to_owned();
    let Some(spec) = job.inner("spec") else { return };
    if spec.flag("manualSelector") || uid.is_empty() {
        return;
    }
    let labels = spec.ensure("template").and_then(|template| template.ensure("metadata")?.ensure("labels"));
    if let Some(labels) = labels {
        UID_LABELS.into_iter().for_each(|label| labels.put(label, uid.as_str()));
        NAME_LABELS.into_iter().for_each(|label| labels.put(label, name.as_str()));
    }
    if let Some(found) = spec.ensure("selector").and_then(|selector| selector.ensure("matchLabels")) {
        found.put(UID_LABELS[0], uid);
    }
    take_labels(job);
}

fn validate(job: &Value, errors: &mut Errors) {
    let spec = &job["spec"];
    let path = FieldPath::new("spec");
    validate_spec(spec, &path, errors);
    if !spec["selector"].is_object() {
        errors.push(FieldError::required(&path.child("selector"), ""));
        return;
    }
    errors.extend(labels::validate_selector(&spec["selector"], &path.child("selector")));
    let found = &spec["template"]["metadata"]["labels"];
    if !labels::selects(&spec["selector"], found) {
        let field = path.child("template").child("metadata").child("labels");
        errors.push(FieldError::invalid(&field, found.clone(), "`selector` does not match template `labels`"));
    }
}

/// Checks the spec of a Job, or of the Jobs that a CronJob makes.
pub(super) fn validate_spec(spec: &Value, path: &FieldPath, errors: &mut Errors) {
    let counts = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ];
    checks::not_negative(spec, &counts, path, errors);
    let mode = spec.text("completionMode");
    checks::optional_one_of(mode, &path.child("completionMode"), &["NonIndexed", "Indexed"], errors);
    if mode == "Indexed" && !spec.has("completions") {
        let why = "when completion mode is Indexed";
        errors.push(FieldError::required(&path.child("completions"), why));
    }
    let replaced = spec.text("podReplacementPolicy");
    let allowed = ["Failed", "TerminatingOrFailed"];
    checks::optional_one_of(replaced, &path.child("podReplacementPolicy"), &allowed, errors);
    let template = path.child("template");
    pod::validate_template(&spec["template"], &template, errors);
    let field = template.child("spec").child("restartPolicy");
    match spec["template"]["spec"].text("restartPolicy") {
        "OnFailure" if spec["podFailurePolicy"].is_object() => {
            let why = "only \"Never\" is supported when podFailurePolicy is specified";
            errors.push(FieldError::invalid(&field, "OnFailure", why));
        }
        "OnFailure" | "Never" => {}
        "Always" => errors.push(FieldError::required(&field, "valid values: \"OnFailure\", \"Never\"")),
        other => errors.push(checks::not_supported(&field, other, &["OnFailure", "Never"])),
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut Errors) {
    let (new, old) = (&new["spec"], &old["spec"]);
    let path = FieldPath::new("spec");
    for field in ["selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy"] {
        checks::immutable(&new[field], &old[field], &path.child(field), errors);
    }
    // An Indexed Job may grow together with its parallelism.
    let elastic = new.text("completionMode") == "Indexed" && new["completions"] == new["parallelism"];
    if !elastic {
        checks::immutable(&new["completions"], &old["completions"], &path.child("completions"), errors);
    }
    // Before a Job starts, a queue may still say where its Pods go.
    if !old.flag("suspend") || !same(&without_placement(new), &without_placement(old)) {
        checks::immutable(&new["template"], &old["template"], &path.child("template"), errors);
    }
}

fn without_placement(spec: &Value) -> Value {
    let mut template = spec["template"].clone();
    if let Some(metadata) = template.inner("metadata") {
        metadata.take_out("labels");
        metadata.take_out("annotations");
    }
    if let Some(spec) = template.inner("spec") {
        for field in ["nodeSelector", "affinity", "tolerations", "schedulingGates"] {
            spec.take_out(field);
        }
    }
    template
}

fn cells(job: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&job["spec"], &job["status"]);
    let done = status.number("succeeded").unwrap_or_default();
    let completions = match (spec.number("completions"), spec.number("parallelism").unwrap_or_default()) {
        (Some(wanted), _) => format!("{done}/{wanted}"),
        (None, parallel) if parallel > 1 => format!("{done}/1 of {parallel}"),
        (None, _) => format!("{done}/1"),
    };
    let mut cells = vec![
        table::name(job),
        state(job).into(),
        completions.into(),
        duration(status, now).into(),
        table::age(job, now),
    ];
    cells.extend(wide_cells(spec));
    cells
}

fn state(job: &Value) -> &'static str {
    let conditions = job["status"].items("conditions");
    let holds = |kind: &str| conditions.iter().any(|one| one.text("type") == kind && one.text("status") == "True");
    if holds("Complete") {
        "Complete"
    } else if holds("Failed") {
        "Failed"
    } else if job["metadata"].has("deletionTimestamp") {
        "Terminating"
    } else if holds("Suspended") {
        "Suspended"
    } else if holds("FailureTarget") {
        "FailureTarget"
    } else if holds("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

fn duration(status: &Value, now: Timestamp) -> String {
    let time = |field| status.text(field).parse::<Timestamp>().ok();
    let Some(start) = time("startTime") else { return String::new() };
    human_duration(time("completionTime").unwrap_or(now).duration_since(start))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::texts;

    fn hello() -> Value {
        json!({
            "metadata": {"name": "hello", "namespace": "default", "uid": "1-2-3"},
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "b:1"}]}}},
        })
    }

    #[test]
    fn a_job_gets_a_selector_of_its_own() {
        let mut job = hello();
        KIND.default(&mut job);
        KIND.prepare_create(&mut job);
        assert_eq!(texts(&KIND.validate_create(&job)), [""; 0]);
        assert_eq!(job["spec"]["selector"], json!({"matchLabels": {"batch.kubernetes.io/controller-uid": "1-2-3"}}));
        assert_eq!(job["spec"]["template"]["metadata"]["labels"]["job-name"], "hello");
        assert_eq!((&job["spec"]["completions"], &job["spec"]["backoffLimit"]), (&json!(1), &json!(6)));
    }

    #[test]
    fn a_job_ends() {
        let mut job = hello();
        job["spec"]["template"]["spec"].take_out("restartPolicy");
        KIND.default(&mut job);
        KIND.prepare_create(&mut job);
        assert_eq!(
            texts(&KIND.validate_create(&job)),
            ["spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""]
        );
    }

    #[test]
    fn the_template_is_immutable() {
        let mut old = hello();
        KIND.default(&mut old);
        KIND.prepare_create(&mut old);
        let mut new = old.clone();
        new["spec"]["template"]["spec"]["containers"][0]["image"] = json!("b:2");
        let errors = texts(&KIND.validate_update(&new, &old));
        assert_eq!(errors.len(), 1);
        assert!(
            errors[0].starts_with("spec.template: Invalid value: {") && errors[0].ends_with(": field is immutable")
        );
        new = old.clone();
        new["spec"]["suspend"] = json!(true);
        assert!(KIND.validate_update(&new, &old).is_empty());
    }
}
