//! What kubectl's users expect of the API.

mod support;

use support::{NGINX, Served};

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_is_applied_shown_changed_and_deleted() {
    let served = Served::start().await;
    let applied = served.kubectl_with(&["apply", "-f", "-"], NGINX).await.ok();
    assert_eq!(applied, "deployment.apps/nginx created\n");
    let again = served.kubectl_with(&["apply", "-f", "-"], NGINX).await.ok();
    assert_eq!(again, "deployment.apps/nginx unchanged\n");
    let changed = NGINX.replace("nginx:1.27", "nginx:1.28");
    let diff = served.kubectl_with(&["diff", "-f", "-"], &changed).await;
    assert!(diff.stdout.contains("-      - image: nginx:1.27\n+      - image: nginx:1.28"), "{diff:?}");
    let configured = served.kubectl_with(&["apply", "-f", "-"], &changed).await.ok();
    assert_eq!(configured, "deployment.apps/nginx configured\n");
    let table = served.kubectl(&["get", "deploy"]).await;
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]);
    assert_eq!(lines[1][..4], ["nginx", "0/2", "0", "0"]);
    let described = served.kubectl(&["describe", "deployment", "nginx"]).await;
    assert!(described.contains("Image:         nginx:1.28"), "{described}");
    assert_eq!(served.kubectl(&["scale", "deploy/nginx", "--replicas=5"]).await, "deployment.apps/nginx scaled\n");
    assert_eq!(served.kubectl(&["get", "deploy/nginx", "-o", "jsonpath={.spec.replicas}"]).await, "5");
    assert_eq!(served.kubectl(&["delete", "deploy", "nginx"]).await, "deployment.apps \"nginx\" deleted\n");
    let gone = served.run(&["get", "deploy", "nginx"]).await.refused();
    assert_eq!(gone, "Error from server (NotFound): deployments.apps \"nginx\" not found\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_finds_out_what_there_is() {
    let served = Served::start().await;
    let resources = served.kubectl(&["api-resources"]).await;
    assert!(resources.lines().any(|line| line.starts_with("deployments ") && line.contains("deploy")), "{resources}");
    let versions = served.kubectl(&["api-versions"]).await;
    assert!(versions.lines().any(|line| line == "apps/v1"), "{versions}");
    let explained = served.kubectl(&["explain", "deployment.spec.replicas"]).await;
    assert!(explained.contains("FIELD: replicas <integer>"), "{explained}");
    assert_eq!(served.kubectl(&["get", "--raw", "/readyz"]).await, "ok");
    let version = served.kubectl(&["version"]).await;
    assert!(version.contains("Server Version: v1.35.0+cowherd"), "{version}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kubectl_sends_in_binary_form_is_understood() {
    let served = Served::start().await;
    let whoami = served.kubectl(&["auth", "whoami"]).await;
    assert!(whoami.contains("kubernetes-admin") && whoami.contains("system:masters"), "{whoami}");
    assert_eq!(served.kubectl(&["auth", "can-i", "delete", "nodes"]).await, "yes\n");
    assert_eq!(served.kubectl(&["create", "namespace", "herd"]).await, "namespace/herd created\n");
    served.kubectl(&["create", "deployment", "web", "--image=nginx", "--replicas=0", "--port=80", "-n", "herd"]).await;
    let replicas = served.kubectl(&["get", "deploy", "web", "-n", "herd", "-o", "jsonpath={.spec.replicas}"]).await;
    assert_eq!(replicas, "0");
    served.kubectl(&["create", "secret", "generic", "key", "--from-literal=a=b", "-n", "herd"]).await;
    assert_eq!(served.kubectl(&["get", "secret", "key", "-n", "herd", "-o", "jsonpath={.data.a}"]).await, "Yg==");
    served.kubectl(&["create", "quota", "q", "--hard=cpu=1,pods=2", "-n", "herd"]).await;
    assert_eq!(served.kubectl(&["get", "quota", "q", "-n", "herd", "-o", "jsonpath={.spec.hard.pods}"]).await, "2");
    served.kubectl(&["create", "service", "nodeport", "web", "--tcp=80:http", "-n", "herd"]).await;
    let port = served.kubectl(&["get", "svc", "web", "-n", "herd", "-o", "jsonpath={.spec.ports[0].targetPort}"]).await;
    assert_eq!(port, "http");
    served.kubectl(&["create", "ingress", "web", "--rule=example.org/*=web:80", "-n", "herd"]).await;
    served.kubectl(&["create", "cronjob", "tick", "--image=busybox", "--schedule=* * * * *", "-n", "herd"]).await;
    served.kubectl(&["create", "role", "r", "--verb=get", "--resource=pods", "-n", "herd"]).await;
    served.kubectl(&["create", "rolebinding", "r", "--role=r", "--user=jane", "-n", "herd"]).await;
    served
        .kubectl(&["create", "poddisruptionbudget", "p", "--selector=app=web", "--min-available=50%", "-n", "herd"])
        .await;
    let least = served.kubectl(&["get", "pdb", "p", "-n", "herd", "-o", "jsonpath={.spec.minAvailable}"]).await;
    assert_eq!(least, "50%");
}
