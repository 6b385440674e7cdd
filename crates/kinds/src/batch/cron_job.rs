//! CronJobs.

use cowherd_schema::{FieldError, FieldPath};
use jiff::Timestamp;
use serde_json::Value;

use super::{job, schedule};
use crate::apps::workload::{CONTAINERS, IMAGES, SELECTOR, wide_cells};
use crate::checks::{self, Errors};
use crate::core::pod;
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::names;
use crate::strategy::{Generations, Rules};
use crate::table::{self, AGE, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["cj"],
    categories: &["all"],
    status: true,
    generations: Generations::SPEC,
    rules: Rules { default, validate, columns: COLUMNS, cells, ..Rules::PLAIN },
    ..Kind::namespaced(super::V1, "CronJob", "cronjobs", "cronjob", "io.k8s.api.batch.v1.CronJob")
};

const COLUMNS: &[Column] = &[
    NAME,
    Column::text("Schedule", "When Jobs start, in cron's format."),
    Column::text("Timezone", "The time zone of the schedule."),
    Column::text("Suspend", "Whether no more Jobs start."),
    Column::number("Active", "How many Jobs run."),
    Column::text("Last Schedule", "How long ago a Job was last started."),
    AGE,
    CONTAINERS,
    IMAGES,
    SELECTOR,
];

/// Jobs get the CronJob's name and eleven more characters.
const LONGEST_NAME: usize = 63 - 11;

fn default(cron: &mut Value) {
    let Some(spec) = cron.ensure("spec") else { return };
    spec.fill_zero("concurrencyPolicy", "Allow");
    spec.fill("suspend", false);
    spec.fill("successfulJobsHistoryLimit", 3);
    spec.fill("failedJobsHistoryLimit", 1);
    let Some(template) = spec.ensure("jobTemplate") else { return };
    template.ensure("metadata");
    if let Some(job) = template.ensure("spec") {
        job.ensure("template");
        pod::default_template(job.inner("template"));
    }
}

fn validate(cron: &Value, errors: &mut Errors) {
    let spec = &cron["spec"];
    let path = FieldPath::new("spec");
    let name = cron["metadata"].text("name");
    if name.len() > LONGEST_NAME {
        let why = "must be no more than 52 characters";
        errors.push(FieldError::invalid(&FieldPath::new("metadata.name"), name, why));
    }
    let zone = &spec["timeZone"];
    if let Some(text) = checks::required(spec, "schedule", &path, errors) {
        let field = path.child("schedule");
        if let Err(why) = schedule::check(text) {
            errors.push(FieldError::invalid(&field, text, why));
        }
        if text.contains("TZ") && zone.is_string() {
            let why = "cannot use both timeZone field and TZ or CRON_TZ in schedule";
            errors.push(FieldError::invalid(&field, text, why));
        } else if text.contains("TZ") {
            let why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
            errors.push(FieldError::invalid(&field, text, why));
        }
    }
    if let Some(zone) = zone.as_str() {
        time_zone(zone, &path.child("timeZone"), errors);
    }
    let policies = ["Allow", "Forbid", "Replace"];
    checks::one_of(spec, "concurrencyPolicy", &path, &policies, errors);
    let counts = ["startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"];
    checks::not_negative(spec, &counts, &path, errors);
    let template = path.child("jobTemplate").child("spec");
    let jobs = &spec["jobTemplate"]["spec"];
    job::validate_spec(jobs, &template, errors);
    if jobs.has("selector") {
        let why = "`selector` will be auto-generated";
        errors.push(FieldError::invalid(&template.child("selector"), jobs["selector"].clone(), why));
    }
    if jobs.flag("manualSelector") {
        let field = template.child("manualSelector");
        errors.push(checks::not_supported(&field, "true", &["nil", "false"]));
    }
}

fn time_zone(zone: &str, path: &FieldPath, errors: &mut Errors) {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte);
    if zone.is_empty() {
        errors.push(FieldError::invalid(path, zone, "timeZone must be nil or non-empty string"));
    } else if zone.eq_ignore_ascii_case("local") {
        errors.push(FieldError::invalid(
            path,
            zone,
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
        ));
    } else if !zone.bytes().all(valid) || !zone.split('/').all(|part| names::label_value(part).is_empty()) {
        errors.push(FieldError::invalid(path, zone, format!("unknown time zone {zone}")));
    }
}

fn cells(cron: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&cron["spec"], &cron["status"]);
    let suspended = match spec["suspend"].as_bool() {
        Some(true) => "True",
        Some(false) => "False",
        None => "<unset>",
    };
    let last = match &status["lastScheduleTime"] {
        Value::Null => "<none>".to_owned(),
        time => table::since(time, now),
    };
    let mut cells = vec![
        table::name(cron),
        spec.text("schedule").into(),
        table::or(spec.text("timeZone"), "<none>").into(),
        suspended.into(),
        status.items("active").len().into(),
        last.into(),
        table::age(cron, now),
    ];
    cells.extend(wide_cells(&spec["jobTemplate"]["spec"]));
    cells
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::checks::texts;

    #[test]
    fn a_schedule_must_be_one() {
        let mut cron = json!({
            "metadata": {"name": "nightly", "namespace": "default"},
            "spec": {"schedule": "0 3 * *", "jobTemplate": {"spec": {"template": {"spec": {
                "restartPolicy": "OnFailure", "containers": [{"name": "a", "image": "b"}]}}}}},
        });
        KIND.default(&mut cron);
        assert_eq!(
            texts(&KIND.validate_create(&cron)),
            ["spec.schedule: Invalid value: \"0 3 * *\": expected exactly 5 fields, found 4: [0 3 * *]"]
        );
        cron["spec"]["schedule"] = json!("0 3 * * *");
        assert_eq!(texts(&KIND.validate_create(&cron)), [""; 0]);
        assert_eq!(cron["spec"]["successfulJobsHistoryLimit"], 3);
    }
}
