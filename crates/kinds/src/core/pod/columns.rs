//! What `kubectl get pods` prints.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::json::Read;
use crate::table::{self, AGE, Column, NAME};

pub(super) const COLUMNS: &[Column] = &[
    NAME,
    Column::text("Ready", "How many of the Pod's containers are ready, of how many."),
    Column::text("Status", "What the Pod does, or why it does not."),
    Column::text("Restarts", "How often containers were started again, and when last."),
    AGE,
    Column::wide("IP", "The Pod's IP address."),
    Column::wide("Node", "The node that the Pod runs on."),
    Column::wide("Nominated Node", "The node on which other Pods make room for this one."),
    Column::wide("Readiness Gates", "How many of the conditions that the Pod's readiness waits for hold."),
];

pub(super) fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let summary = Summary::of(pod);
    let nominated = table::or(status.text("nominatedNodeName"), "<none>");
    let ip = match status.items("podIPs").first() {
        Some(first) => first.text("ip"),
        None => status.text("podIP"),
    };
    vec![
        table::name(pod),
        format!("{}/{}", summary.ready, summary.total).into(),
        summary.reason.into(),
        restarts(summary.restarts, summary.last_restart, now).into(),
        table::age(pod, now),
        table::or(ip, "<none>").into(),
        table::or(spec.text("nodeName"), "<none>").into(),
        nominated.into(),
        readiness_gates(pod).into(),
    ]
}

fn restarts(count: i64, last: Option<Timestamp>, now: Timestamp) -> String {
    match last {
        Some(last) if count != 0 => {
            format!("{count} ({} ago)", crate::age::human_duration(now.duration_since(last)))
        }
        _ => count.to_string(),
    }
}

fn readiness_gates(pod: &Value) -> String {
    let gates = pod["spec"].items("readinessGates");
    if gates.is_empty() {
        return "<none>".to_owned();
    }
    let holds = |gate: &&Value| condition(&pod["status"], gate.text("conditionType")).text("status") == "True";
    format!("{}/{}", gates.iter().filter(holds).count(), gates.len())
}

fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    status.items("conditions").iter().find(|condition| condition.text("type") == kind).unwrap_or(&Value::Null)
}

/// A Pod in a few words.
struct Summary {
    ready: usize,
    total: usize,
    reason: String,
    restarts: i64,
    last_restart: Option<Timestamp>,
}

impl Summary {
    fn of(pod: &Value) -> Self {
        let (spec, status) = (&pod["spec"], &pod["status"]);
        let reason = match status.text("reason") {
            "" => status.text("phase"),
            reason => reason,
        };
        let mut summary = Self {
            ready: 0,
            total: spec.items("containers").len(),
            reason: reason.to_owned(),
            restarts: 0,
            last_restart: None,
        };
        let gated = condition(status, "PodScheduled");
        if gated.text("reason") == "SchedulingGated" {
            summary.reason = "SchedulingGated".to_owned();
        }
        let sidecar_restarts = summary.add_init_containers(spec, status);
        if !summary.initializing() || condition(status, "Initialized").text("status") == "True" {
            // Once initialized, what counts are the restarts of what still runs.
            (summary.restarts, summary.last_restart) = sidecar_restarts;
            summary.add_containers(status);
        }
        summary.note_end(pod);
        summary
    }

    /// Whether an init container is what the Pod waits for.
    fn initializing(&self) -> bool {
        self.reason.starts_with("Init:")
    }

    /// Returns the restarts of the init containers that go on running beside the others.
    fn add_init_containers(&mut self, spec: &Value, status: &Value) -> (i64, Option<Timestamp>) {
        let containers = spec.items("initContainers");
        let restarted = || containers.iter().filter(|one| one.text("restartPolicy") == "Always");
        let named: HashSet<&str> = restarted().map(|one| one.text("name")).collect();
        let is_sidecar = |name: &str| named.contains(name);
        self.total += restarted().count();
        let mut sidecars = (0, None);
        let mut decided = false;
        for (index, one) in status.items("initContainerStatuses").iter().enumerate() {
            let (restarts, last) = restarts_of(one);
            self.restarts += restarts;
            self.last_restart = self.last_restart.max(last);
            let sidecar = is_sidecar(one.text("name"));
            if sidecar {
                sidecars = (sidecars.0 + restarts, sidecars.1.max(last));
            }
            let terminated = &one["state"]["terminated"];
            let waiting = one["state"]["waiting"].text("reason");
            if terminated.is_object() && terminated.number("exitCode").unwrap_or_default() == 0 {
                continue;
            }
            if sidecar && one.flag("started") {
                self.ready += usize::from(one.flag("ready"));
                continue;
            }
            if decided {
                continue;
            }
            decided = true;
            self.reason = if terminated.is_object() {
                format!("Init:{}", end_of(terminated))
            } else if !waiting.is_empty() && waiting != "PodInitializing" {
                format!("Init:{waiting}")
            } else {
                format!("Init:{index}/{}", containers.len())
            };
        }
        sidecars
    }

    fn add_containers(&mut self, status: &Value) {
        let mut running = false;
        for one in status.items("containerStatuses").iter().rev() {
            let (restarts, last) = restarts_of(one);
            self.restarts += restarts;
            self.last_restart = self.last_restart.max(last);
            let waiting = one["state"]["waiting"].text("reason");
            let terminated = &one["state"]["terminated"];
            if !waiting.is_empty() {
                waiting.clone_into(&mut self.reason);
            } else if terminated.is_object() {
                self.reason = end_of(terminated);
            } else if one.flag("ready") && one["state"]["running"].is_object() {
                running = true;
                self.ready += 1;
            }
        }
        if self.reason == "Completed" && running {
            let ready = condition(status, "Ready").text("status") == "True";
            self.reason = if ready { "Running" } else { "NotReady" }.to_owned();
        }
    }

    fn note_end(&mut self, pod: &Value) {
        if !pod["metadata"].has("deletionTimestamp") {
            return;
        }
        if pod["status"].text("reason") == "NodeLost" {
            self.reason = "Unknown".to_owned();
        } else if !matches!(pod["status"].text("phase"), "Succeeded" | "Failed") {
            self.reason = "Terminating".to_owned();
        }
    }
}

fn restarts_of(status: &Value) -> (i64, Option<Timestamp>) {
    let finished = status["lastState"]["terminated"].text("finishedAt").parse().ok();
    (status.number("restartCount").unwrap_or_default(), finished)
}

/// Why a container ended.
fn end_of(terminated: &Value) -> String {
    match terminated.text("reason") {
        "" => match terminated.number("signal").unwrap_or_default() {
            0 => format!("ExitCode:{}", terminated.number("exitCode").unwrap_or_default()),
            signal => format!("Signal:{signal}"),
        },
        reason => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(pod: Value) -> String {
        let now = "2026-01-01T01:00:00Z".parse().expect("a time");
        let cells = cells(&pod, now);
        let texts: Vec<&str> = cells.iter().filter_map(Value::as_str).collect();
        texts.join(" | ")
    }

    #[test]
    fn a_pod_that_waits_for_a_node_is_pending() {
        let pod = json!({
            "metadata": {"name": "web", "creationTimestamp": "2026-01-01T00:54:30Z"},
            "spec": {"containers": [{"name": "a"}, {"name": "b"}]},
            "status": {"phase": "Pending"},
        });
        assert_eq!(row(pod), "web | 0/2 | Pending | 0 | 5m30s | <none> | <none> | <none> | <none>");
    }

    #[test]
    fn a_crashing_container_shows_through() {
        let pod = json!({
            "metadata": {"name": "web", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"nodeName": "n1", "containers": [{"name": "a"}, {"name": "b"}]},
            "status": {"phase": "Running", "podIP": "10.0.0.1", "containerStatuses": [
                {"name": "a", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                 "lastState": {"terminated": {"finishedAt": "2026-01-01T00:59:00Z"}}},
                {"name": "b", "restartCount": 0, "ready": true, "state": {"running": {}}},
            ]},
        });
        assert_eq!(row(pod), "web | 1/2 | CrashLoopBackOff | 3 (60s ago) | 60m | 10.0.0.1 | n1 | <none> | <none>");
    }

    #[test]
    fn init_containers_come_first() {
        let pod = json!({
            "metadata": {"name": "web", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"containers": [{"name": "a"}], "initContainers": [{"name": "i"}, {"name": "j"}]},
            "status": {"phase": "Pending", "initContainerStatuses": [
                {"name": "i", "state": {"terminated": {"exitCode": 0}}},
                {"name": "j", "state": {"waiting": {"reason": "PodInitializing"}}},
            ]},
        });
        assert_eq!(row(pod), "web | 0/1 | Init:1/2 | 0 | 60m | <none> | <none> | <none> | <none>");
    }

    #[test]
    fn a_deleted_pod_terminates() {
        let pod = json!({
            "metadata": {"name": "web", "deletionTimestamp": "2026-01-01T00:59:00Z"},
            "spec": {"containers": [{"name": "a"}]},
            "status": {"phase": "Running"},
        });
        assert!(row(pod).contains("| Terminating |"));
    }
}
