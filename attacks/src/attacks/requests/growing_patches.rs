//! Patches that are small and make much of little: copies of copies, long lists that are merged by key, endless tests.

use anyhow::Result;
use kube::Client;
use serde_json::{Value, json};

use crate::stage::ask::{ask, post};
use crate::stage::{CONFIG_MAPS, Limits, Stage, config_map, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "growing-patches",
    about: "patches that copy what they copied, merge long lists, test and move without end",
    budget: Budget::USUAL.with_memory(768),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

async fn play(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    let path = format!("{CONFIG_MAPS}/patched");
    post(&tenant, CONFIG_MAPS, &config_map("patched", "x")).await?.expect(201)?;
    let double: Vec<Value> = (0..64)
        .flat_map(|_| [json!({"op": "copy", "from": "/metadata", "path": "/metadata/annotations"})])
        .chain((0..64).map(|n| json!({"op": "copy", "from": "/data", "path": format!("/data/x{n}")})))
        .collect();
    let tests = vec![json!({"op": "test", "path": "/data/text", "value": "x"}); 40_000];
    let moves: Vec<Value> = (0..20_000)
        .map(|n| json!({"op": "move", "from": if n % 2 == 0 { "/data" } else { "/x" }, "path": if n % 2 == 0 { "/x" } else { "/data" }}))
        .collect();
    let deep = json!([{"op": "add", "path": format!("/{}", "a/".repeat(200_000)), "value": 1}]);
    for patch in [json!(double), json!(tests), json!(moves), deep] {
        let answer = ask(&tenant, "PATCH", &path, "application/json-patch+json", serde_json::to_vec(&patch)?).await?;
        holds(answer.code < 500 && answer.size < 3 << 20, (answer.code, answer.size))?;
    }
    let count = stage.pick(4_000, 60_000);
    let names =
        |prefix: &str| (0..count).map(|n| json!({"name": format!("{prefix}{n}"), "value": "v"})).collect::<Vec<_>>();
    let pod = |env: Vec<Value>| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "long"}, "spec": {"containers": [
            {"name": "c", "image": "x", "env": env}]}})
    };
    let pods = "/api/v1/namespaces/tenant/pods";
    post(&tenant, pods, &pod(names("a"))).await?.expect(201)?;
    let deletions: Vec<Value> = (0..count).map(|n| json!({"name": format!("a{n}"), "$patch": "delete"})).collect();
    for (kind, patch) in [
        ("application/strategic-merge-patch+json", json!({"spec": {"containers": [{"name": "c", "env": deletions}]}})),
        ("application/strategic-merge-patch+json", json!({"spec": {"containers": [{"name": "c", "env": names("b")}]}})),
        ("application/apply-patch+yaml", pod(names("c"))),
        ("application/apply-patch+yaml", pod(names("a"))),
    ] {
        let path =
            format!("{pods}/long?fieldManager=attacker{}", if kind.contains("apply") { "&force=true" } else { "" });
        let answer = ask(&tenant, "PATCH", &path, kind, serde_json::to_vec(&patch)?).await?;
        holds(answer.code < 500, (answer.code, answer.message()))?;
    }
    long_words(stage, &tenant, count).await?;
    // Owners without end of one field.
    for manager in 0..stage.pick(20, 500) {
        let path = format!("{path}?fieldManager=manager-{manager}");
        let body = serde_json::to_vec(&config_map("patched", "x"))?;
        let answer = ask(&tenant, "PATCH", &path, "application/apply-patch+yaml", body).await?;
        holds(answer.code < 500, answer.code)?;
    }
    Ok(())
}

/// Words that say of each of many what becomes of it: each of them compared with each field would take minutes.
async fn long_words(stage: &Stage, tenant: &Client, count: usize) -> Result<()> {
    let named = |name: &str, prefix: &str| {
        let keys: serde_json::Map<String, Value> = (0..count).map(|n| (format!("{prefix}{n}"), json!(""))).collect();
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": keys})
    };
    let names = |prefix: &str| (0..count).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>();
    let mut finalized = config_map("finalized", "x");
    finalized["metadata"]["finalizers"] =
        (0..stage.pick(4_000, 40_000)).map(|n| json!(format!("example.org/a{n}"))).collect();
    post(tenant, CONFIG_MAPS, &named("retained", "a")).await?.expect(201)?;
    post(tenant, CONFIG_MAPS, &finalized).await?.expect(201)?;
    for (name, patch) in [
        ("retained", json!({"data": {"$retainKeys": names("b")}})),
        ("finalized", json!({"metadata": {"$deleteFromPrimitiveList/finalizers": names("example.org/b")}})),
        ("finalized", json!({"metadata": {"$setElementOrder/finalizers": names("example.org/b")}})),
    ] {
        let kind = "application/strategic-merge-patch+json";
        let path = format!("{CONFIG_MAPS}/{name}");
        let answer = ask(tenant, "PATCH", &path, kind, serde_json::to_vec(&patch)?).await?;
        holds(answer.code < 500, (answer.code, answer.message()))?;
    }
    Ok(())
}
