//! What kubectl's users expect of the API.

use crate::support::{NGINX, Served};

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
    let deleted = served.kubectl(&["delete", "deploy", "nginx"]).await;
    // Newer versions of kubectl say from where.
    assert_eq!(deleted.replace(" from default namespace", ""), "deployment.apps \"nginx\" deleted\n");
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

#[tokio::test(flavor = "multi_thread")]
async fn server_side_apply_and_its_conflicts() {
    let served = Served::start().await;
    let apply = ["apply", "--server-side", "-f", "-"];
    let applied = served.kubectl_with(&apply, NGINX).await.ok();
    assert_eq!(applied, "deployment.apps/nginx serverside-applied\n");
    served.kubectl(&["set", "image", "deploy/nginx", "nginx=nginx:9"]).await;
    let refused = served.kubectl_with(&apply, NGINX).await.refused();
    assert!(
        refused.contains(
            "conflict with \"kubectl-set\" using apps/v1: .spec.template.spec.containers[name=\"nginx\"].image"
        ),
        "{refused}"
    );
    served.kubectl_with(&["apply", "--server-side", "--force-conflicts", "-f", "-"], NGINX).await.ok();
    let image =
        served.kubectl(&["get", "deploy/nginx", "-o", "jsonpath={.spec.template.spec.containers[0].image}"]).await;
    assert_eq!(image, "nginx:1.27");
    let diff = served.kubectl_with(&["diff", "--server-side", "-f", "-"], NGINX).await;
    assert!(diff.success, "{diff:?}");
    let wrong = NGINX.replace("replicas: 2", "replica: 2");
    let refused = served.kubectl_with(&["apply", "--server-side", "-f", "-"], &wrong).await.refused();
    assert!(refused.contains(".spec.replica: field not declared in schema"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_edits_labels_and_annotations() {
    let served = Served::start().await;
    served.kubectl_with(&["apply", "-f", "-"], NGINX).await.ok();
    let patch = r#"{"spec":{"template":{"spec":{"containers":[{"name":"nginx","image":"nginx:2"}]}}}}"#;
    assert_eq!(served.kubectl(&["patch", "deploy", "nginx", "-p", patch]).await, "deployment.apps/nginx patched\n");
    served.kubectl(&["patch", "deploy", "nginx", "--type=merge", "-p", r#"{"spec":{"replicas":4}}"#]).await;
    let json = r#"[{"op":"replace","path":"/spec/replicas","value":6}]"#;
    served.kubectl(&["patch", "deploy", "nginx", "--type=json", "-p", json]).await;
    let read = "jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image}";
    assert_eq!(served.kubectl(&["get", "deploy", "nginx", "-o", read]).await, "6 nginx:2");
    assert_eq!(served.kubectl(&["label", "deploy", "nginx", "tier=web"]).await, "deployment.apps/nginx labeled\n");
    let refused = served.run(&["label", "deploy", "nginx", "tier=db"]).await.refused();
    assert!(refused.contains("'tier' already has a value (web), and --overwrite is false"), "{refused}");
    served.kubectl(&["annotate", "deploy", "nginx", "note=hello"]).await;
    assert_eq!(
        served.kubectl(&["get", "deploy", "-l", "tier in (web)", "-o", "name"]).await,
        "deployment.apps/nginx\n"
    );
    let mut edit = served.command(&["edit", "deploy", "nginx"]);
    edit.env("KUBE_EDITOR", "sed -i s/nginx:2/nginx:3/");
    let edited = tokio::task::spawn_blocking(move || edit.output().unwrap()).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&edited.stdout), "deployment.apps/nginx edited\n", "{edited:?}");
    assert_eq!(served.kubectl(&["get", "deploy", "nginx", "-o", read]).await, "6 nginx:3");
    let yaml = served.kubectl(&["get", "deploy", "nginx", "-o", "yaml"]).await;
    assert!(yaml.starts_with("apiVersion: apps/v1\nkind: Deployment\n"), "{yaml}");
    let replaced = served.kubectl_with(&["replace", "-f", "-"], &yaml.replace("hello", "bye")).await.ok();
    assert_eq!(replaced, "deployment.apps/nginx replaced\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn get_waits_and_watches() {
    let served = Served::start().await;
    served.kubectl_with(&["apply", "-f", "-"], NGINX).await.ok();
    let mut watch = served.command(&["get", "deploy", "-w", "--request-timeout=3s"]);
    let watching = tokio::task::spawn_blocking(move || watch.output().unwrap());
    tokio::time::sleep(std::time::Duration::from_millis(800)).await;
    served.kubectl(&["scale", "deploy/nginx", "--replicas=7"]).await;
    let wait = ["wait", "--for=jsonpath={.spec.replicas}=7", "deploy/nginx", "--timeout=5s"];
    assert_eq!(served.kubectl(&wait).await, "deployment.apps/nginx condition met\n");
    let watched = watching.await.unwrap();
    let printed = String::from_utf8_lossy(&watched.stdout).into_owned();
    let ready: Vec<&str> = printed.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(ready, ["READY", "0/2", "0/7"], "{watched:?}");
    let mut wait = served.command(&["wait", "--for=delete", "deploy/nginx", "--timeout=10s"]);
    let waiting = tokio::task::spawn_blocking(move || wait.output().unwrap());
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    served.kubectl(&["delete", "deploy/nginx"]).await;
    assert!(waiting.await.unwrap().status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_refused_in_the_words_that_people_know() {
    let served = Served::start().await;
    let unknown = served.kubectl_with(&["apply", "-f", "-"], &NGINX.replace("replicas", "replika")).await.refused();
    assert!(unknown.contains("strict decoding error: unknown field \"spec.replika\""), "{unknown}");
    let invalid =
        served.kubectl_with(&["apply", "-f", "-"], &NGINX.replace("replicas: 2", "replicas: -2")).await.refused();
    assert!(
        invalid.contains(
            "The Deployment \"nginx\" is invalid: spec.replicas: Invalid value: -2: must be greater than or equal to 0"
        ),
        "{invalid}"
    );
    let nowhere = served.kubectl_with(&["apply", "-n", "nowhere", "-f", "-"], NGINX).await.refused();
    assert!(
        nowhere.contains("Error from server (NotFound)") && nowhere.contains("namespaces \"nowhere\" not found"),
        "{nowhere}"
    );
    served.kubectl_with(&["apply", "-f", "-"], NGINX).await.ok();
    let selector = NGINX
        .replace("matchLabels: {app: nginx}", "matchLabels: {app: other}")
        .replace("labels: {app: nginx}}", "labels: {app: other}}");
    let immutable = served.kubectl_with(&["apply", "-f", "-"], &selector).await.refused();
    assert!(immutable.contains("field is immutable"), "{immutable}");
    let unknown = served.run(&["get", "cows"]).await.refused();
    assert_eq!(unknown, "error: the server doesn't have a resource type \"cows\"\n");
    let log = served.run(&["logs", "nope"]).await.refused();
    assert!(log.contains("pods \"nope\" not found"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_shows_no_certificate_is_nobody() {
    let served = Served::start().await;
    let server = format!("https://{}", served.address);
    let nobody = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, users: [{{name: u, user: {{token: x}}}}], \
         contexts: [{{name: c, context: {{cluster: c, user: u}}}}], \
         clusters: [{{name: c, cluster: {{server: \"{server}\", insecure-skip-tls-verify: true}}}}]}}"
    );
    let with_token = served.path("with-token");
    std::fs::write(&with_token, &nobody).unwrap();
    let without = served.path("without");
    std::fs::write(&without, nobody.replace("token: x", "username: someone, password: something")).unwrap();
    let get = |config: &std::path::Path, path: &'static str| {
        let mut command = std::process::Command::new("kubectl");
        command.arg("--kubeconfig").arg(config).args(["get", "--raw", path]).env("HOME", served.directory.path());
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let anonymous = |path| get(&without, path);
    let ready = anonymous("/readyz").await.unwrap();
    assert!(ready.status.success(), "{ready:?}");
    assert!(anonymous("/version").await.unwrap().status.success());
    let refused = anonymous("/api/v1/secrets").await.unwrap();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("User \"system:anonymous\" cannot list"), "{words}");
    // A token that is not good is refused even where nobody needs one.
    let refused = get(&with_token, "/readyz").await.unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("nauthorized"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_can_be_listed() {
    let served = Served::start().await;
    let kinds = served.kubectl(&["api-resources", "--verbs=list", "-o", "name"]).await;
    for kind in kinds.lines() {
        served.kubectl(&["get", kind, "-A"]).await;
    }
    assert!(kinds.lines().count() >= 45, "{kinds}");
    served.kubectl(&["get", "all,secrets,configmaps", "-A"]).await;
    served.kubectl(&["cluster-info"]).await;
}
