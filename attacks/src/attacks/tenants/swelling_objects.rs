//! Little that is put into many objects, or often into one: values of variables, of releases and of others.

use anyhow::Result;
use serde_json::{Value, json};

use crate::stage::ask::post;
use crate::stage::{CONFIG_MAPS, Limits, Stage, config_map, holds};
use crate::{Attack, Budget};

/// The attack.
pub static ATTACK: Attack = Attack {
    name: "swelling-objects",
    about: "a large value for variables of many objects, for a release again and again, and for many copies",
    budget: Budget::USUAL.with_memory(768),
    limits: Limits::NONE,
    play: |stage| Box::pin(play(stage)),
};

/// Bytes of the value.
const LARGE: usize = 800_000;

async fn play(stage: &Stage) -> Result<()> {
    variables(stage).await?;
    values(stage).await?;
    copies(stage).await
}

/// Each of many objects has it several times.
async fn variables(stage: &Stage) -> Result<()> {
    let (repository, url) = stage.repository("variables");
    let object = |number: usize| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: v{number}, namespace: tenant}}\ndata: {{a: '${{a}}', b: '${{a}}', c: '${{a}}'}}\n"
        )
    };
    repository.commit("app/a.yaml", &(0..stage.pick(400, 1_500)).map(object).collect::<String>());
    let spec = json!({"postBuild": {"substitute": {"a": "a".repeat(LARGE)}}});
    let (status, message) = stage.deliver("variables", &url, spec).await?;
    holds(status == "False" && message.contains("in all objects together"), message)?;
    stage.forget("variables").await
}

/// A release names it again and again.
async fn values(stage: &Stage) -> Result<()> {
    let (tenant, count) = (stage.people().tenant, stage.pick(250, 5_000));
    let (repository, url) = stage.repository("release");
    repository.commit("app/Chart.yaml", "apiVersion: v2\nname: app\nversion: 1.0.0\n");
    repository.commit("app/templates/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: release}\n");
    let mut large = config_map("values", "");
    large["data"] = json!({"values.yaml": format!("a: {}\n", "a".repeat(LARGE))});
    post(&tenant, CONFIG_MAPS, &large).await?.expect(201)?;
    // Its Kustomization has nothing to do with it, and fails.
    stage.follow("release", &url, json!({"path": "./none"})).await?;
    let references: Vec<Value> = (0..count).map(|_| json!({"kind": "ConfigMap", "name": "values"})).collect();
    let release = json!({"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "release"},
        "spec": {"interval": "1h", "valuesFrom": references,
            "chart": {"spec": {"chart": "./app", "sourceRef": {"kind": "GitRepository", "name": "release"}}}}});
    let releases = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/tenant/helmreleases";
    post(&tenant, releases, &release).await?.expect(201)?;
    let (status, message) = stage.judged(&format!("{releases}/release")).await?;
    holds(status == "False" && message.contains("spec.valuesFrom"), message)
}

/// Each of many objects is a copy of it.
async fn copies(stage: &Stage) -> Result<()> {
    let tenant = stage.people().tenant;
    let count = stage.pick(400, 5_000);
    let template = format!(
        "<<range $i := until {count}>>---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: copy-<<$i>>\n  namespace: tenant\n  annotations: \
         {{fluxcd.controlplane.io/copyFrom: tenant/values}}\n<<end>>"
    );
    let set = json!({"apiVersion": "fluxcd.controlplane.io/v1", "kind": "ResourceSet", "metadata": {"name": "copies"},
        "spec": {"resourcesTemplate": template}});
    let sets = "/apis/fluxcd.controlplane.io/v1/namespaces/tenant/resourcesets";
    post(&tenant, sets, &set).await?.expect(201)?;
    let (status, message) = stage.judged(&format!("{sets}/copies")).await?;
    holds(status == "False" && message.contains("what is copied from others"), message)
}
