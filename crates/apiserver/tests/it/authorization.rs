//! Who may do what.

use crate::support::{Served, local, request::*};
use cowherd_apiserver::User;
use serde_json::{Value, json};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
}

fn binding(role: &str, subject: Value) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}, "subjects": [subject],
    })
}

#[tokio::test]
async fn nobody_may_do_what_no_role_allows() {
    let (server, _directory) = local().await;
    let jane = server.client_as(User::authenticated("jane", ["herders"]), "test");
    let (code, status) = get(&jane, MAPS).await;
    let words = "configmaps is forbidden: User \"jane\" cannot list resource \"configmaps\" in API group \"\" in the namespace \"default\"";
    assert_eq!((code, message(&status)), (403, words));
    let (_, status) = get(&jane, "/apis/apps/v1/deployments").await;
    let words = "deployments.apps is forbidden: User \"jane\" cannot list resource \"deployments\" in API group \"apps\" at the cluster scope";
    assert_eq!(message(&status), words);
    assert_eq!(get(&jane, "/apis").await.0, 200);
}

#[tokio::test]
async fn roles_allow_what_they_name_where_they_are_bound() {
    let (server, _directory) = local().await;
    let admin = server.client();
    let jane = server.client_as(User::authenticated("jane", ["herders"]), "test");
    let group = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "herders"});
    let (code, made) = post(&admin, &format!("{RBAC}/namespaces/default/rolebindings"), binding("view", group)).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!(get(&jane, MAPS).await.0, 200);
    assert_eq!(get(&jane, "/api/v1/namespaces/kube-system/configmaps").await.0, 403);
    assert_eq!(get(&jane, "/api/v1/namespaces/default/secrets").await.0, 403);
    assert_eq!(post(&jane, MAPS, map("a")).await.0, 403);
    let review =
        json!({"spec": {"resourceAttributes": {"verb": "list", "resource": "configmaps", "namespace": "default"}}});
    let (_, verdict) = post(&jane, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review).await;
    assert_eq!(verdict["status"]["allowed"], true);
}

#[tokio::test]
async fn an_apply_that_makes_an_object_needs_the_right_to_create() {
    let (server, _directory) = local().await;
    let admin = server.client();
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "patcher"},
        "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]}],
    });
    post(&admin, &format!("{RBAC}/clusterroles"), role).await;
    let jane = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"});
    post(&admin, &format!("{RBAC}/namespaces/default/rolebindings"), binding("patcher", jane)).await;
    let jane = server.client_as(User::authenticated("jane", []), "test");
    let (code, status) = apply(&jane, &format!("{MAPS}/a?fieldManager=me"), map("a")).await;
    assert_eq!(code, 403);
    assert!(message(&status).contains("cannot create resource \"configmaps\""), "{status}");
    post(&admin, MAPS, map("a")).await;
    assert_eq!(apply(&jane, &format!("{MAPS}/a?fieldManager=me"), map("a")).await.0, 200);
}

#[tokio::test]
async fn nobody_gives_away_rights_without_leave() {
    let (server, _directory) = local().await;
    let admin = server.client();
    let jane = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"});
    post(&admin, &format!("{RBAC}/namespaces/default/rolebindings"), binding("admin", jane.clone())).await;
    let client = server.client_as(User::authenticated("jane", []), "test");
    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    let (code, status) = post(&client, &bindings, binding("cluster-admin", jane)).await;
    assert_eq!(code, 403, "{status}");
    assert!(message(&status).contains("attempting to grant RBAC permissions"), "{status}");
    assert_eq!(post(&client, MAPS, map("a")).await.0, 201);
}

#[tokio::test]
async fn a_question_in_a_namespace_is_about_that_namespace() {
    let (server, _directory) = local().await;
    let admin = server.client();
    let jane = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"});
    post(&admin, &format!("{RBAC}/namespaces/default/rolebindings"), binding("admin", jane)).await;
    let client = server.client_as(User::authenticated("jane", []), "test");
    let uri = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews";
    let about = |attributes: Value| json!({"spec": {"user": "jane", "resourceAttributes": attributes}});
    let (code, review) =
        post(&client, uri, about(json!({"verb": "get", "resource": "pods", "namespace": "default"}))).await;
    assert_eq!((code, &review["status"]["allowed"]), (201, &json!(true)), "{review}");
    for other in [json!({"verb": "get", "resource": "pods", "namespace": "kube-system"}), json!({"verb": "get"})] {
        let (code, status) = post(&client, uri, about(other)).await;
        assert_eq!(code, 400, "{status}");
    }
    let path = json!({"spec": {"user": "jane", "nonResourceAttributes": {"verb": "get", "path": "/"}}});
    assert_eq!(post(&client, uri, path).await.0, 400);
}

#[tokio::test]
async fn rules_and_verdicts_are_those_of_the_roles() {
    let (server, _directory) = local().await;
    let admin = server.client();
    let jane = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"});
    post(&admin, &format!("{RBAC}/namespaces/default/rolebindings"), binding("view", jane)).await;
    let client = server.client_as(User::authenticated("jane", ["herders"]), "test");
    let uri = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let rules = async |namespace: &str| post(&client, uri, json!({"spec": {"namespace": namespace}})).await.1;
    let here = rules("default").await;
    let with = |review: &Value, resource: &str| {
        let rules = review["status"]["resourceRules"].as_array().unwrap().clone();
        rules.iter().any(|rule| rule["resources"].as_array().unwrap().contains(&json!(resource)))
    };
    assert!(with(&here, "configmaps") && with(&here, "selfsubjectreviews") && !with(&here, "secrets"), "{here}");
    assert!(!with(&rules("kube-system").await, "configmaps"));
    let paths = here["status"]["nonResourceRules"].as_array().unwrap();
    assert!(
        paths.iter().any(|rule| rule["nonResourceURLs"].as_array().unwrap().contains(&json!("/healthz"))),
        "{here}"
    );
    assert!(paths.iter().all(|rule| rule.get("resources").is_none()), "{here}");
    let uri = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let verdict = async |spec: Value| post(&admin, uri, json!({"spec": spec})).await.1["status"]["allowed"].clone();
    let of = |verb: &str, resource: &str, namespace: &str| json!({"verb": verb, "resource": resource, "namespace": namespace});
    assert_eq!(verdict(json!({"user": "jane", "resourceAttributes": of("list", "pods", "default")})).await, true);
    assert_eq!(verdict(json!({"user": "jane", "resourceAttributes": of("create", "pods", "default")})).await, false);
    assert_eq!(verdict(json!({"user": "joe", "resourceAttributes": of("list", "pods", "default")})).await, false);
    assert_eq!(verdict(json!({"groups": ["system:masters"], "resourceAttributes": of("get", "x", "")})).await, true);
    let path = json!({"verb": "get", "path": "/apis"});
    let known = json!({"groups": ["system:authenticated"], "nonResourceAttributes": path});
    assert_eq!(verdict(known).await, true);
    assert_eq!(verdict(json!({"user": "jane", "nonResourceAttributes": path})).await, false);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_may_act_for_others() {
    let served = Served::start().await;
    let can = async |args: &[&str]| served.run(&[&["auth", "can-i"], args].concat()).await.stdout;
    assert_eq!(can(&["list", "pods", "--as=jane"]).await, "no\n");
    served.kubectl(&["create", "rolebinding", "b", "--clusterrole=edit", "--serviceaccount=default:robot"]).await;
    assert_eq!(can(&["create", "pods", "--as=system:serviceaccount:default:robot"]).await, "yes\n");
    assert_eq!(can(&["create", "pods", "--as=system:serviceaccount:default:other"]).await, "no\n");
    let whoami = served.kubectl(&["auth", "whoami", "--as=system:serviceaccount:default:robot"]).await;
    assert!(whoami.contains("system:serviceaccounts:default"), "{whoami}");
    let refused = served.run(&["get", "nodes", "--as=jane"]).await.refused();
    assert!(refused.contains("nodes is forbidden: User \"jane\" cannot list resource \"nodes\""), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_good_while_its_service_account_exists() {
    let served = Served::start().await;
    served.kubectl(&["create", "serviceaccount", "robot"]).await;
    served.kubectl(&["create", "rolebinding", "b", "--clusterrole=edit", "--serviceaccount=default:robot"]).await;
    let token = served.kubectl(&["create", "token", "robot"]).await.trim().to_owned();
    let authority = served.path("pki/ca.crt");
    let server = format!("https://{}", served.address);
    let as_robot = |args: &[&str]| {
        let mut command = std::process::Command::new("kubectl");
        command.args(["--kubeconfig=/dev/null", "--server", &server, "--token", &token, "--certificate-authority"]);
        command.arg(&authority).args(args).env("HOME", served.directory.path());
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    let whoami = String::from_utf8(as_robot(&["auth", "whoami"]).await.unwrap().stdout).unwrap();
    assert!(whoami.contains("system:serviceaccount:default:robot"), "{whoami}");
    assert!(as_robot(&["create", "configmap", "a"]).await.unwrap().status.success());
    assert!(!as_robot(&["get", "nodes"]).await.unwrap().status.success());
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}});
    let client = served.server.client();
    let uri = "/apis/authentication.k8s.io/v1/tokenreviews";
    assert_eq!(post(&client, uri, review.clone()).await.1["status"]["authenticated"], true);
    served.kubectl(&["delete", "serviceaccount", "robot"]).await;
    assert_eq!(post(&client, uri, review).await.1["status"]["authenticated"], false);
    assert!(!as_robot(&["auth", "whoami"]).await.unwrap().status.success());
}

#[tokio::test]
async fn roles_of_other_groups_give_no_rights_and_are_none_of_its_business() {
    let (server, _directory) = local().await;
    let admin = server.client();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "roles.farm.example"},
        "spec": {"group": "farm.example", "scope": "Namespaced", "names": {"plural": "roles", "kind": "Role"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]},
    });
    let (code, made) = post(&admin, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition).await;
    assert_eq!(code, 201, "{made}");
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "farmer"},
        "rules": [{"apiGroups": ["farm.example"], "resources": ["roles"], "verbs": ["create"]}],
    });
    post(&admin, &format!("{RBAC}/clusterroles"), role).await;
    let jane = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"});
    post(&admin, &format!("{RBAC}/namespaces/default/rolebindings"), binding("farmer", jane)).await;
    let client = server.client_as(User::authenticated("jane", []), "test");
    let milker = json!({"apiVersion": "farm.example/v1", "kind": "Role", "metadata": {"name": "milker"},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]});
    let (code, made) = post(&client, "/apis/farm.example/v1/namespaces/default/roles", milker).await;
    assert_eq!(code, 201, "{made}");
    assert_eq!(get(&client, MAPS).await.0, 403);
}
