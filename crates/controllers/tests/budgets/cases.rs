//! The cases. After the last step it is looked at what the budget's status says, and what was told.

use serde_json::{Value, json};

/// A history of one namespace with one budget.
#[derive(Clone)]
pub struct Case {
    pub name: &'static str,
    pub steps: Vec<Step>,
}

/// Something that happens.
#[derive(Clone)]
pub enum Step {
    /// An object of a kind with a scale, or none, comes; its owner's name.
    Owner(&'static str, &'static str, i32, Option<&'static str>),
    /// A Pod with the label `app: web` comes, controlled by an object of this name if any; whether it becomes ready.
    Pod(&'static str, Option<&'static str>, bool),
    /// The budget comes with this spec, beside its selector of `app: web`.
    Budget(Value),
    /// The budget's spec changes.
    Change(Value),
    /// A Pod becomes ready.
    Ready(&'static str),
    /// A Pod is deleted, at once.
    Delete(&'static str),
    /// A Pod that the API has just let go, though it is not being deleted.
    LetGo(&'static str),
    /// It is looked at what there is.
    Look,
}

use Step::{Budget, Change, Delete, LetGo, Look, Owner, Pod, Ready};

fn case(name: &'static str, steps: Vec<Step>) -> Case {
    Case { name, steps }
}

/// A Deployment of three with two ReplicaSets, as in a rollout.
fn rollout() -> Vec<Step> {
    vec![
        Owner("Deployment", "web", 3, None),
        Owner("ReplicaSet", "old", 2, Some("web")),
        Owner("ReplicaSet", "new", 2, Some("web")),
        Pod("a", Some("old"), true),
        Pod("b", Some("old"), true),
        Pod("c", Some("new"), true),
        Pod("d", Some("new"), false),
    ]
}

pub fn all() -> Vec<Case> {
    let with = |mut steps: Vec<Step>, more: Vec<Step>| {
        steps.extend(more);
        steps
    };
    vec![
        case("a budget without pods allows nothing", vec![Budget(json!({ "minAvailable": 1 }))]),
        case("a budget that says nothing allows nothing", vec![Pod("a", None, true), Budget(json!({}))]),
        case(
            "pods without a controller count for a number that must be available",
            vec![
                Budget(json!({ "minAvailable": 1 })),
                Pod("a", None, true),
                Pod("b", None, true),
                Pod("c", None, false),
            ],
        ),
        case(
            "pods without a controller count for nothing else",
            vec![Pod("a", None, true), Pod("b", None, true), Budget(json!({ "maxUnavailable": 1 }))],
        ),
        case(
            "more may have to be available than there are",
            vec![Pod("a", None, true), Budget(json!({ "minAvailable": 5 }))],
        ),
        case(
            "a deployment is counted once in a rollout",
            with(rollout(), vec![Budget(json!({ "maxUnavailable": 1 }))]),
        ),
        case("a percentage is of the deployment", with(rollout(), vec![Budget(json!({ "minAvailable": "50%" }))])),
        case(
            "a percentage of what may go is rounded up",
            with(rollout(), vec![Budget(json!({ "maxUnavailable": "10%" }))]),
        ),
        case("all may go", with(rollout(), vec![Budget(json!({ "maxUnavailable": "100%" }))])),
        case("none may go", with(rollout(), vec![Budget(json!({ "maxUnavailable": 0 }))])),
        case("more may go than there are", with(rollout(), vec![Budget(json!({ "maxUnavailable": 9 }))])),
        case(
            "a replica set of nobody has its own scale",
            vec![
                Owner("ReplicaSet", "rs", 4, None),
                Pod("a", Some("rs"), true),
                Budget(json!({ "maxUnavailable": 4 })),
            ],
        ),
        case(
            "a stateful set has its scale",
            vec![
                Owner("StatefulSet", "db", 3, None),
                Pod("a", Some("db"), true),
                Pod("b", Some("db"), true),
                Pod("c", Some("db"), true),
                Budget(json!({ "maxUnavailable": 1 })),
            ],
        ),
        case(
            "a replication controller has its scale",
            vec![
                Owner("ReplicationController", "rc", 2, None),
                Pod("a", Some("rc"), true),
                Budget(json!({ "minAvailable": "1%" })),
            ],
        ),
        case(
            "scales are added",
            vec![
                Owner("StatefulSet", "db", 3, None),
                Owner("ReplicaSet", "rs", 2, None),
                Pod("a", Some("db"), true),
                Pod("b", Some("rs"), true),
                Pod("c", None, true),
                Budget(json!({ "maxUnavailable": "50%" })),
            ],
        ),
        case(
            "what has no scale makes it unknown",
            vec![Owner("DaemonSet", "ds", 0, None), Pod("a", Some("ds"), true), Budget(json!({ "maxUnavailable": 1 }))],
        ),
        case(
            "what has no scale does not matter for a number",
            vec![Owner("DaemonSet", "ds", 0, None), Pod("a", Some("ds"), true), Budget(json!({ "minAvailable": 0 }))],
        ),
        case(
            "a config map has no scale",
            vec![
                Owner("ConfigMap", "map", 0, None),
                Pod("a", Some("map"), true),
                Budget(json!({ "minAvailable": "50%" })),
            ],
        ),
        case(
            "a controller that is not there makes it unknown",
            vec![Pod("a", Some("nowhere"), true), Budget(json!({ "maxUnavailable": 1 }))],
        ),
        case(
            "a controller of a kind that nobody knows makes it unknown",
            vec![Pod("a", Some("unknown"), true), Budget(json!({ "maxUnavailable": 1 }))],
        ),
        case(
            "what was unknown is known when the pod is gone",
            vec![
                Pod("a", Some("nowhere"), true),
                Pod("b", None, true),
                Budget(json!({ "maxUnavailable": 1 })),
                Look,
                Delete("a"),
            ],
        ),
        case(
            "who becomes ready counts, and who goes does not",
            vec![
                Owner("ReplicaSet", "rs", 2, None),
                Pod("a", Some("rs"), true),
                Pod("b", Some("rs"), false),
                Budget(json!({ "maxUnavailable": 1 })),
                Look,
                Ready("b"),
                Look,
                Delete("a"),
            ],
        ),
        case(
            "another spec is another status",
            vec![
                Pod("a", None, true),
                Pod("b", None, true),
                Budget(json!({ "minAvailable": 1 })),
                Look,
                Change(json!({ "minAvailable": 2 })),
                Look,
                Change(json!({ "minAvailable": 0 })),
            ],
        ),
        case(
            "who was let go is not healthy any more",
            vec![
                Pod("a", None, true),
                Pod("b", None, true),
                Pod("c", None, true),
                Budget(json!({ "minAvailable": 1 })),
                Look,
                LetGo("a"),
            ],
        ),
    ]
}
