//! Requests in the name of somebody else.

use serde_json::{Value, json};

use crate::cluster::{Asked, Cluster, Recorded};

const WHO: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

type Headers = &'static [(&'static str, &'static [u8])];

/// Who acts: an admin, or a service account that may act for jane, the herders, a scope, a uid and another account.
const CASES: &[(&str, Headers)] = &[
    ("admin", &[]),
    ("admin", &[("impersonate-user", b"jane")]),
    ("admin", &[("impersonate-user", "jan\u{e9}".as_bytes())]),
    (
        "admin",
        &[("impersonate-user", b"jane"), ("impersonate-group", b"a"), ("impersonate-group", "\u{fc}".as_bytes())],
    ),
    ("admin", &[("impersonate-user", b"jane"), ("impersonate-group", b"system:unauthenticated")]),
    ("admin", &[("impersonate-user", b"jane"), ("impersonate-group", b"system:authenticated")]),
    ("admin", &[("impersonate-user", b"jane"), ("impersonate-uid", b"7")]),
    ("admin", &[("impersonate-user", b"jane"), ("impersonate-extra-scopes", b"a"), ("impersonate-extra-scopes", b"b")]),
    ("admin", &[("impersonate-user", b"jane"), ("impersonate-extra-acme.com%2fproject", b"p")]),
    ("admin", &[("impersonate-user", b"jane"), ("impersonate-extra-x%zz", b"p")]),
    ("admin", &[("impersonate-user", b"system:anonymous")]),
    ("admin", &[("impersonate-user", b"system:anonymous"), ("impersonate-group", b"a")]),
    ("admin", &[("impersonate-user", b"system:serviceaccount:walk:maker")]),
    ("admin", &[("impersonate-user", b"system:serviceaccount:walk:maker"), ("impersonate-group", b"a")]),
    ("admin", &[("impersonate-user", b"system:serviceaccount:walk:maker:more")]),
    ("admin", &[("impersonate-user", b"system:serviceaccount:walk")]),
    ("admin", &[("impersonate-user", b"system:serviceaccount:Walk:maker")]),
    ("admin", &[("impersonate-group", b"a")]),
    ("admin", &[("impersonate-uid", b"7")]),
    ("admin", &[("impersonate-extra-scopes", b"a")]),
    ("actor", &[]),
    ("actor", &[("impersonate-user", b"jane")]),
    ("actor", &[("impersonate-user", b"jane"), ("impersonate-group", b"herders")]),
    ("actor", &[("impersonate-user", b"jane"), ("impersonate-group", b"herders"), ("impersonate-group", b"masters")]),
    ("actor", &[("impersonate-user", b"jane"), ("impersonate-group", b"system:masters")]),
    ("actor", &[("impersonate-user", b"jane"), ("impersonate-uid", b"7")]),
    ("actor", &[("impersonate-user", b"jane"), ("impersonate-uid", b"8")]),
    ("actor", &[("impersonate-user", b"jane"), ("impersonate-extra-scopes", b"view")]),
    (
        "actor",
        &[("impersonate-user", b"jane"), ("impersonate-extra-scopes", b"view"), ("impersonate-extra-scopes", b"edit")],
    ),
    ("actor", &[("impersonate-user", b"jane"), ("impersonate-extra-other", b"view")]),
    ("actor", &[("impersonate-user", b"joe")]),
    ("actor", &[("impersonate-user", "jan\u{e9}".as_bytes())]),
    ("actor", &[("impersonate-user", b"system:serviceaccount:walk:maker")]),
    ("actor", &[("impersonate-user", b"system:serviceaccount:other:maker")]),
    ("actor", &[("impersonate-user", b"system:serviceaccount:walk:actor")]),
    ("nobody", &[("impersonate-user", b"jane")]),
];

/// Who somebody is, as the server knows them, or why it does not answer.
async fn who(cluster: &Cluster, actor: &str, headers: Headers) -> Value {
    let mut headers = headers.to_vec();
    let token;
    let client = match actor {
        "admin" => &cluster.admin,
        "actor" => {
            let path = "/api/v1/namespaces/walk/serviceaccounts/actor/token";
            let asked = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}});
            let made = cluster.ask("POST", path, asked).await;
            token = format!("Bearer {}", made.document["status"]["token"].as_str().unwrap());
            headers.push(("authorization", token.as_bytes()));
            &cluster.nobody
        }
        _ => &cluster.nobody,
    };
    let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let answered = Asked { method: "POST", path: WHO, headers, body }.of(client).await;
    let mut user = answered.document["status"]["userInfo"].clone();
    if let Some(user) = user.as_object_mut() {
        // What a certificate or a token is called, and what a service account was given, is each cluster's own.
        let own = [actor == "admin" && !headers_name_anybody(&user["username"]), actor == "actor"];
        if own.contains(&true) && user.get("uid").is_some_and(|uid| uid != "7") {
            user.remove("uid");
        }
        if let Some(extra) = user.get_mut("extra").and_then(Value::as_object_mut) {
            extra.retain(|key, _| !key.starts_with("authentication.kubernetes.io/"));
        }
        if user.get("extra").is_some_and(|extra| extra == &json!({})) {
            user.remove("extra");
        }
    }
    match answered.code {
        // What else is wrong with a request is said in words of our own.
        201 | 403 => json!({"code": answered.code, "user": user, "message": answered.message()}),
        code => json!({"code": code}),
    }
}

fn headers_name_anybody(name: &Value) -> bool {
    name != "kubernetes-admin"
}

#[tokio::test(flavor = "multi_thread")]
async fn who_acts_for_another_is_whom_kubernetes_takes_them_for() {
    let ours = Cluster::ours().await;
    let mut recorded = Recorded::open("impersonation").await;
    let mut others = Vec::new();
    for (actor, headers) in CASES {
        let shown: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))).collect();
        let asked = format!("{actor}, {}", shown.join(", "));
        let real = recorded.answer(&asked, |real| async move { who(&real, actor, headers).await }).await;
        let ours = who(&ours, actor, headers).await;
        if ours != real {
            others.push(format!("{asked}\n  ours {ours}\n  real {real}"));
        }
    }
    recorded.keep();
    assert!(others.is_empty(), "{} are otherwise:\n{}", others.len(), others.join("\n"));
}

#[tokio::test]
async fn an_impersonation_that_cannot_be_read_is_not_a_request_of_ones_own() {
    let ours = Cluster::ours().await;
    let cases: &[Headers] = &[
        &[("impersonate-user", b"jan\xe9")],
        &[("impersonate-user", b"")],
        &[("impersonate-user", b"jane"), ("impersonate-user", b"joe")],
        &[("impersonate-user", b"jane"), ("impersonate-group", b"\xfc")],
        &[("impersonate-user", b"jane"), ("impersonate-uid", b"\xfc")],
        &[("impersonate-user", b"jane"), ("impersonate-extra-x", b"\xfc")],
        &[("impersonate-group", b"\xfc")],
    ];
    for headers in cases {
        assert_eq!(who(&ours, "admin", headers).await, json!({"code": 400}), "{headers:?}");
    }
    let odd: Headers = &[("authorization", b"Bearer \xfc")];
    assert_eq!(who(&ours, "nobody", odd).await, json!({"code": 401}));
}
