//! What kubectl writes, the kinds understand.

use std::process::Command;

use cowherd_kinds::find_kind;
use cowherd_schema::builtin;
use serde_json::{Value, json};

fn kubectl(arguments: &[&str]) -> Value {
    let output = Command::new("kubectl")
        .args(["create", "--dry-run=client", "-o", "json"])
        .args(arguments)
        .env("KUBECONFIG", "/dev/null")
        .output()
        .expect("kubectl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("kubectl writes JSON")
}

#[test]
fn what_kubectl_creates_is_valid_once_filled_in() {
    let commands: &[&[&str]] = &[
        &["namespace", "shop"],
        &["deployment", "web", "--image=nginx:1.27", "--replicas=2", "--port=80"],
        &["job", "once", "--image=busybox", "--", "true"],
        &["cronjob", "nightly", "--image=busybox", "--schedule=0 3 * * *", "--", "true"],
        &["configmap", "settings", "--from-literal=color=blue"],
        &["secret", "generic", "login", "--from-literal=password=hunter2"],
        &[
            "secret",
            "docker-registry",
            "pull",
            "--docker-server=r.example",
            "--docker-username=u",
            "--docker-password=p",
        ],
        &["service", "clusterip", "web", "--tcp=80:8080"],
        &["service", "nodeport", "web", "--tcp=80:8080", "--node-port=30080"],
        &["service", "loadbalancer", "web", "--tcp=80:8080"],
        &["service", "externalname", "db", "--external-name=db.example.com"],
        &["service", "clusterip", "peers", "--clusterip=None"],
        &["serviceaccount", "bot"],
        &["ingress", "web", "--rule=web.example.com/*=web:80,tls=cert", "--class=nginx"],
        &["rolebinding", "readers", "--role=reader", "--user=ann", "--serviceaccount=default:bot"],
        &["clusterrolebinding", "readers", "--clusterrole=reader", "--group=all"],
        &["quota", "limits", "--hard=cpu=1,pods=10"],
        &["poddisruptionbudget", "web", "--selector=app=web", "--min-available=50%"],
        &["priorityclass", "high", "--value=1000"],
    ];
    for command in commands {
        let mut object = kubectl(command);
        let api_version = object["apiVersion"].as_str().expect("an apiVersion").to_owned();
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let kind = find_kind(group, version, object["kind"].as_str().expect("a kind")).expect("a known kind");
        if kind.namespaced {
            object["metadata"]["namespace"] = json!("default");
        }
        object["metadata"]["uid"] = json!("6f1c2f4e-0000-4000-8000-000000000000");
        kind.default(&mut object);
        kind.prepare_create(&mut object);
        assert_eq!(kind.validate_create(&object), [], "{command:?}");
        let schema = builtin::definition(kind.definition).expect("a schema");
        assert_eq!(schema.unknown_fields(&object), [], "{command:?}");
        assert!(!object.to_string().contains("null"), "{command:?}: {object}");
    }
}
