//! Where charts come from: repositories, registries, and files of a Git repository.

use cowherd_gitserver::artifact::{Artifact, Repository, packed};
use cowherd_gitserver::files::Behaviour;
use cowherd_gitserver::registry::{Access, Registry};
use cowherd_gitserver::storage::Storage;
use serde_json::{Value, json};

use super::{MAP, SOURCE, Shop, condition};
use crate::world::FLUX;

impl Shop {
    /// Waits until the condition Ready of a source says this; the status.
    async fn source_says(&self, kind: &str, name: &str, reason: &str, text: &str) -> Value {
        self.world
            .until(&format!("{kind} {name} says {reason} {text:?}"), async || {
                let object =
                    self.world.get(SOURCE, kind, Some("apps"), name).await.ok_or("it does not exist".to_owned())?;
                let status = object["status"].clone();
                let ready = condition(&status, "Ready");
                let message = ready["message"].as_str().unwrap_or_default();
                match ready["reason"] == reason && message.contains(text) {
                    true => Ok(status),
                    false => Err(status.to_string()),
                }
            })
            .await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_asked_by_the_credentials_that_it_names() {
    let shop = Shop::open().await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    // jane:open-sesame
    let authorization = Some("Basic amFuZTpvcGVuLXNlc2FtZQ==".to_owned());
    shop.server.behave(Behaviour { authorization, ..Behaviour::default() });
    shop.add_repository_with(json!({ "secretRef": { "name": "jane" } })).await;
    shop.add_release(json!({})).await;
    let missing = "failed to get the Secret 'jane' of spec.secretRef";
    shop.source_says("HelmRepository", "charts", "AuthenticationFailed", missing).await;
    shop.says("False", "SourceNotReady", "HelmChart 'apps/apps-web' is not ready").await;
    let secret = json!({ "metadata": { "name": "jane", "namespace": "apps" },
        "stringData": { "username": "jane", "password": "open-sesame" } });
    shop.world.create("v1", "Secret", secret).await;
    shop.released(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_index_and_what_is_no_chart_is_said() {
    let shop = Shop::open().await;
    std::fs::write(shop.root.join("index.yaml"), "<html>").unwrap();
    shop.add_repository().await;
    shop.source_says("HelmRepository", "charts", "IndexationFailed", "failed to load Helm repository from index YAML")
        .await;
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    let chart = json!({ "spec": { "chart": "web", "version": "2.x", "sourceRef": { "kind": "HelmRepository", "name": "charts" } } });
    shop.add_release(json!({ "chart": chart })).await;
    let status =
        shop.source_says("HelmChart", "apps-web", "ChartPullError", "no version of the chart is in this range").await;
    assert_eq!(condition(&status, "FetchFailed")["status"], "True");
    shop.patch_release(json!({ "chart": { "spec": { "version": "1.x" } } })).await;
    shop.released(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_this_machine_is_reached_on_nobodys_word() {
    let mut shop = Shop::open().await;
    shop.world.kill_agents().await;
    shop.world.policy.access = Default::default();
    shop.world.start_agents();
    shop.sell("1.0.0", &[("templates/map.yaml", MAP)]);
    shop.add_repository().await;
    shop.source_says("HelmRepository", "charts", "AccessDenied", "--allow-network").await;
    assert_eq!(shop.server.seen(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_of_a_registry_is_pulled_and_its_repository_says_nothing() {
    let shop = Shop::open().await;
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "charts/web");
    push(&repository, "1.2.0", "one");
    let url = format!("oci://{}/charts", registry.host);
    shop.add_repository_with(json!({ "url": url, "type": "oci", "insecure": true, "interval": "1m" })).await;
    let chart = json!({ "spec": { "chart": "web", "version": "1.x", "interval": "1h",
        "sourceRef": { "kind": "HelmRepository", "name": "charts" } } });
    shop.add_release(json!({ "chart": chart })).await;
    let status = shop.released(1).await;
    assert_eq!(status["history"][0]["chartVersion"], "1.2.0");
    let place = shop.world.get(SOURCE, "HelmRepository", Some("apps"), "charts").await.unwrap();
    assert_eq!(place["status"]["observedGeneration"], Value::Null, "{place}");
    assert_eq!(place["status"]["conditions"], Value::Null, "{place}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_of_a_registry_may_be_the_chart_and_its_digest_is_part_of_the_version() {
    let shop = Shop::open().await;
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "charts/web");
    let digest = push(&repository, "1.2.0", "one");
    let spec = json!({ "interval": "1h", "url": format!("oci://{}/charts/web", registry.host), "insecure": true,
        "layerSelector": { "mediaType": LAYER, "operation": "copy" }, "ref": { "tag": "1.2.0" } });
    let object = json!({ "metadata": { "name": "web", "namespace": "apps" }, "spec": spec });
    shop.world.create(SOURCE, "OCIRepository", object).await;
    shop.add_release(json!({ "chart": null, "chartRef": { "kind": "OCIRepository", "name": "web" } })).await;
    let status = shop.released(1).await;
    let short = &digest["sha256:".len()..][..12];
    assert_eq!(status["history"][0]["chartVersion"], format!("1.2.0+{short}"));
    assert_eq!(status["history"][0]["ociDigest"], digest);
    // Another artifact under the same tag is another chart.
    push(&repository, "1.2.0", "two");
    shop.reconcile(SOURCE, "OCIRepository", "web", "1").await;
    shop.released(2).await;
    assert_eq!(shop.map().await.unwrap()["data"]["key"], "two");
}

const LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// Pushes the chart `web`, whose value is this, as `helm push` does; the digest of its manifest.
fn push(to: &Repository<'_>, version: &str, value: &str) -> String {
    let chart = format!("apiVersion: v2\nname: web\nversion: {version}\n");
    let values = format!("key: {value}\n");
    let archive =
        packed(&[("web/Chart.yaml", chart.as_str()), ("web/values.yaml", &values), ("web/templates/map.yaml", MAP)]);
    let config = format!("{{\"name\":\"web\",\"version\":{version:?},\"apiVersion\":\"v2\"}}");
    let descriptor = cowherd_gitserver::artifact::descriptor;
    let config_media = "application/vnd.cncf.helm.config.v1+json";
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{},\"layers\":[{}]}}",
        descriptor(config_media, &to.blob(config.as_bytes()), config.len()),
        descriptor(LAYER, &to.blob(&archive), archive.len())
    );
    to.manifest(version, "application/vnd.oci.image.manifest.v1+json", manifest.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_may_lie_in_the_repository_beside_the_release() {
    let shop = Shop::open().await;
    let repository = &shop.world.repository;
    let chart = |version: &str| format!("apiVersion: v2\nname: web\nversion: {version}\n");
    repository.write("charts/web/Chart.yaml", &chart("1.0.0"));
    repository.write("charts/web/values.yaml", "key: one\n");
    repository.write("charts/web/templates/map.yaml", MAP);
    repository.write("prod.yaml", "key: prod\n");
    repository.commit("a chart");
    shop.world.follow_repository().await;
    let of = |more: Value| {
        let mut spec = json!({ "chart": "./charts/web", "interval": "1h",
            "sourceRef": { "kind": "GitRepository", "name": FLUX, "namespace": FLUX } });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "spec": spec })
    };
    shop.add_release(json!({ "chart": of(json!({})) })).await;
    let status = shop.released(1).await;
    assert_eq!(
        (&status["helmChart"], &status["history"][0]["chartVersion"]),
        (&json!("flux-system/apps-web"), &json!("1.0.0"))
    );

    // A commit that changes nothing of the version is no other chart.
    repository.write("charts/web/values.yaml", "key: two\n");
    repository.commit("the same version");
    repository.write("charts/web/Chart.yaml", &chart("1.1.0"));
    repository.commit("another version");
    shop.reconcile_flux("GitRepository", FLUX, "1").await;
    let status = shop.released(2).await;
    assert_eq!(status["history"][0]["chartVersion"], "1.1.0");
    assert_eq!(shop.map().await.unwrap()["data"]["key"], "two");

    shop.patch_release(json!({ "chart": of(json!({ "valuesFiles": ["prod.yaml"] })) })).await;
    let status = shop.released(3).await;
    let version = status["history"][0]["chartVersion"].as_str().unwrap();
    assert!(version.starts_with("1.1.0+"), "{version}");
    assert_eq!(shop.map().await.unwrap()["data"]["key"], "prod");
}

impl Shop {
    async fn reconcile_flux(&self, kind: &str, name: &str, at: &str) {
        let patch = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": at } } });
        self.world.patch(SOURCE, kind, FLUX, name, patch).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_artifact_of_plain_files_is_a_chart_too() {
    let shop = Shop::open().await;
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let repository = Repository::new(&registry.host, "fleet/web");
    let chart = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
    Artifact::of(&[("Chart.yaml", chart), ("values.yaml", "key: one\n"), ("templates/map.yaml", MAP)])
        .push(&repository, "latest");
    let spec = json!({ "interval": "1h", "url": repository.url(), "insecure": true });
    shop.world
        .create(SOURCE, "OCIRepository", json!({ "metadata": { "name": "web", "namespace": "apps" }, "spec": spec }))
        .await;
    shop.add_release(json!({ "chart": null, "chartRef": { "kind": "OCIRepository", "name": "web" } })).await;
    shop.released(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_may_be_among_the_objects_of_a_bucket_with_values_beside_it() {
    let shop = Shop::open().await;
    let storage = Storage::start("charts");
    storage.put("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.2.0\n");
    storage.put("web/values.yaml", "key: none\n");
    storage.put("web/templates/map.yaml", MAP);
    storage.put("values/prod.yaml", "key: one\n");
    let spec = json!({ "interval": "1h", "endpoint": storage.endpoint(), "insecure": true, "bucketName": "charts" });
    let object = json!({ "metadata": { "name": "charts", "namespace": "apps" }, "spec": spec });
    shop.world.create(SOURCE, "Bucket", object).await;
    let chart = json!({ "spec": { "chart": "./web", "reconcileStrategy": "Revision", "interval": "1h",
        "valuesFiles": ["web/values.yaml", "values/prod.yaml"], "sourceRef": { "kind": "Bucket", "name": "charts" } } });
    shop.add_release(json!({ "chart": chart })).await;
    let status = shop.released(1).await;
    let version = status["history"][0]["chartVersion"].as_str().unwrap().to_owned();
    let bucket = shop.world.get(SOURCE, "Bucket", Some("apps"), "charts").await.unwrap();
    let short: String = bucket["status"]["artifact"]["revision"].as_str().unwrap().chars().skip(7).take(12).collect();
    assert_eq!(version, format!("1.2.0+{short}.1"));
    assert_eq!(shop.world.value("apps", "web").await.as_deref(), Some("one"));
    storage.put("values/prod.yaml", "key: two\n");
    shop.reconcile(SOURCE, "Bucket", "charts", "1").await;
    shop.released(2).await;
    assert_eq!(shop.world.value("apps", "web").await.as_deref(), Some("two"));
}
