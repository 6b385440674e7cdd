//! Server-side apply as its users see it.

use cowherd_patch::managed::{Applier, ApplyError, FieldSet, Updater, apply, apply_except, update};
use cowherd_schema::Schema;
use serde_json::{Value, json};

const EARLY: &str = "2024-01-01T00:00:00Z";
const LATE: &str = "2024-01-01T01:00:00Z";

fn schema() -> Schema {
    let labels = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let metadata = json!({ "type": "object", "properties": {
        "name": { "type": "string" }, "namespace": { "type": "string" }, "uid": { "type": "string" },
        "resourceVersion": { "type": "string" }, "creationTimestamp": { "type": "string" },
        "labels": labels, "annotations": labels, "managedFields": { "type": "array", "items": { "type": "object" } },
        "finalizers": { "type": "array", "items": { "type": "string" }, "x-kubernetes-list-type": "set" },
    } });
    let port = json!({ "type": "object", "properties": {
        "containerPort": { "type": "integer" }, "name": { "type": "string" },
        "protocol": { "type": "string", "default": "TCP" },
    } });
    let container = json!({ "type": "object", "properties": {
        "name": { "type": "string" }, "image": { "type": "string" }, "imagePullPolicy": { "type": "string" },
        "args": { "type": "array", "items": { "type": "string" } },
        "resources": { "type": "object", "properties": { "limits": labels, "requests": labels } },
        "ports": { "type": "array", "items": port, "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["containerPort", "protocol"] },
    } });
    let source = json!({ "type": "object", "properties": {
        "apiVersion": { "type": "string" }, "kind": { "type": "string" }, "metadata": metadata,
        "spec": { "type": "object", "properties": {
            "replicas": { "type": "integer" }, "paused": { "type": "boolean" },
            "selector": { "type": "object", "x-kubernetes-map-type": "atomic",
                "properties": { "matchLabels": labels } },
            "strategy": { "type": "object", "properties": {
                "type": { "type": "string" },
                "rollingUpdate": { "type": "object", "properties": { "maxSurge": { "x-kubernetes-int-or-string": true } } },
            } },
            "template": { "type": "object", "properties": {
                "metadata": metadata,
                "spec": { "type": "object", "properties": { "containers": { "type": "array", "items": container,
                    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"] } } },
            } },
            "anything": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
        } },
        "status": { "type": "object", "properties": { "replicas": { "type": "integer" } } },
    } });
    Schema::from_openapi(&source).expect("a schema")
}

fn by<'a>(manager: &'a str, now: &'a str) -> Applier<'a> {
    Applier { manager, force: false, subresource: None, api_version: "apps/v1", now }
}

fn writer<'a>(manager: &'a str, now: &'a str) -> Updater<'a> {
    Updater { manager, subresource: None, api_version: "apps/v1", now }
}

fn deployment(spec: Value) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "shop" }, "spec": spec })
}

fn nginx(image: &str) -> Value {
    deployment(json!({
        "replicas": 2,
        "selector": { "matchLabels": { "app": "web" } },
        "template": {
            "metadata": { "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "nginx", "image": image, "ports": [{ "containerPort": 80 }] }] },
        },
    }))
}

fn entry<'a>(object: &'a Value, manager: &str) -> Option<&'a Value> {
    object.pointer("/metadata/managedFields")?.as_array()?.iter().find(|entry| entry["manager"] == manager)
}

fn message(result: Result<Value, ApplyError>) -> String {
    result.expect_err("a refusal").to_string()
}

#[test]
fn a_first_apply_makes_the_object_and_owns_what_it_gives() {
    let made = apply(None, &nginx("nginx:1"), &schema(), &by("flux", EARLY)).unwrap();
    let mut without = made.clone();
    without["metadata"].as_object_mut().unwrap().remove("managedFields");
    assert_eq!(without, nginx("nginx:1"));
    assert_eq!(
        made["metadata"]["managedFields"],
        json!([{
            "apiVersion": "apps/v1", "fieldsType": "FieldsV1", "manager": "flux", "operation": "Apply", "time": EARLY,
            "fieldsV1": { "f:spec": {
                "f:replicas": {}, "f:selector": {},
                "f:template": {
                    "f:metadata": { "f:labels": { "f:app": {} } },
                    "f:spec": { "f:containers": { "k:{\"name\":\"nginx\"}": {
                        ".": {}, "f:image": {}, "f:name": {},
                        "f:ports": { "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": { ".": {}, "f:containerPort": {} } },
                    } } },
                },
            } },
        }])
    );
}

#[test]
fn an_apply_that_changes_nothing_returns_the_live_object() {
    let mut live = apply(None, &nginx("nginx:1"), &schema(), &by("flux", EARLY)).unwrap();
    live["metadata"]["uid"] = json!("7");
    live["metadata"]["creationTimestamp"] = json!(EARLY);
    live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
    live["spec"]["template"]["spec"]["containers"][0]["ports"][0]["protocol"] = json!("TCP");
    let mut again = nginx("nginx:1");
    again["metadata"]["creationTimestamp"] = Value::Null;
    assert_eq!(apply(Some(&live), &again, &schema(), &by("flux", LATE)).unwrap(), live);
}

#[test]
fn a_field_that_is_no_longer_given_is_removed() {
    let live = apply(None, &nginx("nginx:1"), &schema(), &by("flux", EARLY)).unwrap();
    let mut less = nginx("nginx:1");
    less["spec"].as_object_mut().unwrap().remove("replicas");
    less["spec"]["template"]["spec"]["containers"][0].as_object_mut().unwrap().remove("ports");
    let result = apply(Some(&live), &less, &schema(), &by("flux", LATE)).unwrap();
    assert_eq!(result["spec"], less["spec"]);
    assert_eq!(entry(&result, "flux").unwrap()["time"], LATE);
    assert!(entry(&result, "flux").unwrap()["fieldsV1"]["f:spec"].get("f:replicas").is_none());
}

#[test]
fn a_field_that_somebody_else_owns_too_stays() {
    let live = apply(None, &nginx("nginx:1"), &schema(), &by("flux", EARLY)).unwrap();
    let shared = deployment(json!({ "replicas": 2 }));
    let live = apply(Some(&live), &shared, &schema(), &by("scaler", EARLY)).unwrap();
    let mut less = nginx("nginx:1");
    less["spec"].as_object_mut().unwrap().remove("replicas");
    let result = apply(Some(&live), &less, &schema(), &by("flux", LATE)).unwrap();
    assert_eq!(result["spec"]["replicas"], 2);
    let result = apply(Some(&result), &deployment(json!({})), &schema(), &by("scaler", LATE)).unwrap();
    assert!(result["spec"].get("replicas").is_none());
    assert!(entry(&result, "scaler").is_some_and(|entry| entry["fieldsV1"] == json!({ "f:spec": {} })));
}

#[test]
fn an_item_that_is_no_longer_given_goes_with_its_defaults() {
    let two = deployment(json!({ "template": { "spec": { "containers": [
        { "name": "a", "image": "a:1" }, { "name": "b", "image": "b:1" }] } } }));
    let mut live = apply(None, &two, &schema(), &by("flux", EARLY)).unwrap();
    live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
    let one = deployment(json!({ "template": { "spec": { "containers": [{ "name": "b", "image": "b:1" }] } } }));
    let result = apply(Some(&live), &one, &schema(), &by("flux", LATE)).unwrap();
    assert_eq!(result["spec"], one["spec"]);
}

#[test]
fn a_value_of_another_owner_is_a_conflict_that_force_wins() {
    let live = apply(None, &nginx("nginx:1"), &schema(), &by("flux", EARLY)).unwrap();
    let mut scaled = live.clone();
    scaled["spec"]["replicas"] = json!(5);
    let live = update(Some(&live), scaled, &schema(), &writer("kubectl", EARLY));
    assert!(entry(&live, "flux").unwrap()["fieldsV1"]["f:spec"].get("f:replicas").is_none());

    let refused = apply(Some(&live), &nginx("nginx:1"), &schema(), &by("flux", LATE));
    assert_eq!(
        message(refused),
        "Apply failed with 1 conflict: conflict with \"kubectl\" using apps/v1: .spec.replicas"
    );
    let forced = Applier { force: true, ..by("flux", LATE) };
    let result = apply(Some(&live), &nginx("nginx:1"), &schema(), &forced).unwrap();
    assert_eq!(result["spec"]["replicas"], 2);
    assert!(entry(&result, "kubectl").is_none());
}

#[test]
fn kubectl_takes_over_what_it_applied_by_itself_and_nobody_changed() {
    let mut applied = nginx("nginx:1");
    applied["metadata"]["annotations"] =
        json!({ "kubectl.kubernetes.io/last-applied-configuration": nginx("nginx:1").to_string() });
    let live = update(None, applied, &schema(), &writer("kubectl-client-side-apply", EARLY));

    let refused = apply(Some(&live), &nginx("nginx:2"), &schema(), &by("flux", LATE));
    assert!(message(refused).contains("conflict with \"kubectl-client-side-apply\" using apps/v1"));
    let result = apply(Some(&live), &nginx("nginx:2"), &schema(), &by("kubectl", LATE)).unwrap();
    assert_eq!(result["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:2");

    let mut scaled = live.clone();
    scaled["spec"]["replicas"] = json!(5);
    let live = update(Some(&live), scaled, &schema(), &writer("somebody", EARLY));
    let refused = apply(Some(&live), &nginx("nginx:2"), &schema(), &by("kubectl", LATE));
    assert_eq!(
        message(refused),
        "Apply failed with 1 conflict: conflict with \"somebody\" using apps/v1: .spec.replicas"
    );
}

#[test]
fn several_conflicts_are_listed_by_owner() {
    let mut live = apply(None, &nginx("nginx:1"), &schema(), &by("b", EARLY)).unwrap();
    live["spec"]["paused"] = json!(true);
    let before = json!({ "metadata": live["metadata"], "spec": {} });
    live = update(Some(&before), live, &schema(), &writer("a", EARLY));
    let live = apply(Some(&live), &nginx("nginx:1"), &schema(), &Applier { force: true, ..by("b", EARLY) }).unwrap();
    let mut other = nginx("nginx:2");
    other["spec"]["paused"] = json!(false);
    let ApplyError::Conflict(conflicts) = apply(Some(&live), &other, &schema(), &by("c", LATE)).unwrap_err() else {
        panic!("no conflict");
    };
    assert_eq!(conflicts[0].message(), "conflict with \"a\" using apps/v1");
    assert_eq!(
        ApplyError::Conflict(conflicts).to_string(),
        "Apply failed with 3 conflicts: conflicts with \"a\" using apps/v1:\n- .spec.paused\n\
         - .spec.template.spec.containers[name=\"nginx\"].image\nconflicts with \"b\":\n\
         - .spec.template.spec.containers[name=\"nginx\"].image"
    );
}

#[test]
fn what_was_there_before_belongs_to_before_first_apply() {
    let mut live = nginx("nginx:1");
    live["metadata"]["uid"] = json!("7");
    let refused = apply(Some(&live), &nginx("nginx:2"), &schema(), &by("flux", EARLY));
    assert_eq!(
        message(refused),
        "Apply failed with 1 conflict: conflict with \"before-first-apply\" using apps/v1: \
         .spec.template.spec.containers[name=\"nginx\"].image"
    );
    let shared = apply(Some(&live), &nginx("nginx:1"), &schema(), &by("flux", EARLY)).unwrap();
    assert_eq!(entry(&shared, "before-first-apply").unwrap()["operation"], "Update");
    assert_eq!(entry(&shared, "flux").unwrap()["operation"], "Apply");
}

#[test]
fn ignored_fields_are_neither_changed_nor_owned() {
    let status = FieldSet::of_fields(&[&["status"]]);
    let live = apply(None, &nginx("nginx:1"), &schema(), &by("flux", EARLY)).unwrap();
    let mut with_status = nginx("nginx:1");
    with_status["status"] = json!({ "replicas": 9 });
    let result = apply_except(Some(&live), &with_status, &schema(), &by("flux", LATE), &status).unwrap();
    assert_eq!(result, live);
}

#[test]
fn an_update_can_forget_the_owners_but_not_confuse_them() {
    let live = apply(None, &nginx("nginx:1"), &schema(), &by("flux", EARLY)).unwrap();
    for reset in [json!([]), json!([{}])] {
        let mut new = live.clone();
        new["metadata"]["managedFields"] = reset;
        let result = update(Some(&live), new, &schema(), &writer("kubectl", LATE));
        assert!(result["metadata"].get("managedFields").is_none());
    }
    for other in [json!([{ "operation": "Guess" }]), json!(7), Value::Null] {
        let mut new = live.clone();
        new["metadata"]["managedFields"] = other;
        assert_eq!(update(Some(&live), new, &schema(), &writer("kubectl", LATE)), live);
    }
    let mut new = live.clone();
    new["metadata"]["managedFields"][0]["manager"] = json!("argocd");
    assert_eq!(update(Some(&live), new.clone(), &schema(), &writer("kubectl", LATE)), new);
}

#[test]
fn an_update_records_what_the_writer_changed() {
    let live = update(None, nginx("nginx:1"), &schema(), &writer("kubectl", EARLY));
    assert_eq!(live["metadata"]["managedFields"][0]["operation"], "Update");
    let mut new = live.clone();
    new["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:2");
    new["spec"].as_object_mut().unwrap().remove("replicas");
    let result = update(Some(&live), new, &schema(), &writer("controller", LATE));
    let container = "/fieldsV1/f:spec/f:template/f:spec/f:containers/k:{\"name\":\"nginx\"}";
    assert_eq!(entry(&result, "controller").unwrap().pointer(container).unwrap(), &json!({ "f:image": {} }));
    let before = entry(&result, "kubectl").unwrap();
    assert_eq!(before["time"], EARLY);
    assert!(before.pointer(container).unwrap().get("f:image").is_none());
    assert!(before["fieldsV1"]["f:spec"].get("f:replicas").is_none());
}

#[test]
fn the_metadata_of_a_template_in_which_nothing_stands_is_nobodys_who_did_not_apply_it() {
    let schema = cowherd_schema::builtin::definition("io.k8s.api.batch.v1.Job").expect("a built-in kind");
    let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "once" },
        "spec": { "template": { "metadata": {}, "spec": { "restartPolicy": "Never", "securityContext": {} } } } });
    let template =
        |object: &Value, manager: &str| entry(object, manager).unwrap()["fieldsV1"]["f:spec"]["f:template"].clone();
    let written = update(None, job.clone(), schema, &writer("kubectl-create", EARLY));
    assert_eq!(template(&written, "kubectl-create").get("f:metadata"), None);
    assert_eq!(template(&written, "kubectl-create")["f:spec"]["f:securityContext"], json!({}));
    let applied = apply(None, &job, schema, &by("kubectl", EARLY)).unwrap();
    assert_eq!(template(&applied, "kubectl")["f:metadata"], json!({}));
}

#[test]
fn many_updaters_become_few() {
    let mut live = update(None, nginx("nginx:1"), &schema(), &writer("first", "2024-01-01T00:00:00Z"));
    for number in 0..20 {
        let mut new = live.clone();
        new["metadata"]["labels"][format!("label-{number}")] = json!("x");
        let time = format!("2024-01-02T00:00:{number:02}Z");
        live = update(Some(&live), new, &schema(), &writer(&format!("updater-{number}"), &time));
    }
    let entries = live["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(entries.len(), 10);
    assert!(entry(&live, "ancient-changes").is_some());
}

#[test]
fn a_configuration_that_does_not_fit_the_schema_is_refused() {
    let unknown = deployment(json!({ "replica": 1 }));
    assert_eq!(
        message(apply(None, &unknown, &schema(), &by("flux", EARLY))),
        "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replica: \
         field not declared in schema"
    );
    let twice = deployment(json!({ "template": { "spec": { "containers": [{ "name": "a" }, { "name": "a" }] } } }));
    assert!(
        message(apply(None, &twice, &schema(), &by("flux", EARLY)))
            .ends_with(".spec.template.spec.containers: duplicate entries for key [name=\"a\"]")
    );
    let nameless = deployment(json!({ "template": { "spec": { "containers": [{ "image": "a" }] } } }));
    assert!(message(apply(None, &nameless, &schema(), &by("flux", EARLY))).contains("omits all key fields [\"name\"]"));
    let mut owned = nginx("nginx:1");
    owned["metadata"]["managedFields"] = json!([]);
    assert_eq!(message(apply(None, &owned, &schema(), &by("flux", EARLY))), "metadata.managedFields must be nil");
}

#[test]
fn items_keep_the_applied_order_and_those_of_others_their_place() {
    let names = |names: &[&str]| {
        let items: Vec<Value> = names.iter().map(|name| json!({ "name": name })).collect();
        deployment(json!({ "template": { "spec": { "containers": items } } }))
    };
    let order = |live: &[&str], applied: &[&str]| -> Vec<String> {
        let live = update(None, names(live), &schema(), &writer("kubectl", EARLY));
        let result = apply(Some(&live), &names(applied), &schema(), &by("flux", LATE)).unwrap();
        let items = result["spec"]["template"]["spec"]["containers"].as_array().unwrap();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(order(&["a", "b"], &["b", "a"]), ["b", "a"]);
    assert_eq!(order(&["a", "injected"], &["a", "c"]), ["a", "injected", "c"]);
    assert_eq!(order(&["injected", "a"], &["c", "a"]), ["injected", "c", "a"]);
    assert_eq!(order(&["a", "x", "b"], &["a", "b"]), ["a", "x", "b"]);
}

#[test]
fn unknown_parts_merge_by_field_and_their_lists_are_replaced() {
    let one = deployment(json!({ "anything": { "a": { "x": 1 }, "list": [1, 2] } }));
    let live = apply(None, &one, &schema(), &by("one", EARLY)).unwrap();
    let two = deployment(json!({ "anything": { "a": { "y": 1 } } }));
    let live = apply(Some(&live), &two, &schema(), &by("two", EARLY)).unwrap();
    assert_eq!(live["spec"]["anything"], json!({ "a": { "x": 1, "y": 1 }, "list": [1, 2] }));
    let list = deployment(json!({ "anything": { "list": [1, 2, 3] } }));
    assert!(message(apply(Some(&live), &list, &schema(), &by("two", LATE))).ends_with(": .spec.anything.list"));
}
