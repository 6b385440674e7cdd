//! What a control plane says of itself to Prometheus.

use cowherd_apiserver::User;
use cowherd_controlplane::{Budgets, ControlPlane};
use http_body_util::BodyExt;
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::Api;
use kube::api::{ApiResource, DynamicObject, PostParams};
use kube::core::GroupVersionKind;
use serde_json::json;

use crate::exposition::parse;
use crate::repository::{self, converged, follow, until};

/// Who has reconciled something by the time that all is converged, and with what result.
const RECONCILED: [(&str, &str); 3] =
    [("kustomization", "requeue_after"), ("gitrepository", "requeue_after"), ("replicaset-controller", "success")];

/// The code, the media type and the text of `/metrics`.
async fn scrape(plane: &ControlPlane, user: &str, accept: &str) -> (u16, String, String) {
    let request = http::Request::get("/metrics").header("accept", accept).body(kube::client::Body::empty()).unwrap();
    let answer = plane.client_as(User::known(user, &[])).send(request).await.unwrap();
    let code = answer.status().as_u16();
    let media_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    (code, media_type, String::from_utf8(text.to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_monitor_reads_what_is_measured_under_the_names_that_are_known() {
    let directory = tempfile::tempdir().unwrap();
    let repository = repository::make(&directory.path().join("repository"));
    let plane = follow(directory.path().join("plane"), &repository, &Budgets::default()).await;
    converged(&plane).await;

    assert_eq!(scrape(&plane, "prometheus", "*/*").await.0, 403);
    let binding = json!({
        "metadata": { "name": "prometheus" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:monitoring" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "prometheus" }],
    });
    let bindings: Api<ClusterRoleBinding> = Api::all(plane.client());
    bindings.create(&PostParams::default(), &serde_json::from_value(binding).unwrap()).await.unwrap();

    // What was done is counted when it has ended, which may be after all have seen it.
    for controller in RECONCILED {
        until(&format!("{controller:?} is counted"), async || {
            let metrics = parse(&scrape(&plane, "prometheus", "*/*").await.2);
            let labels = [("controller", controller.0), ("result", controller.1)];
            let count =
                metrics["controller_runtime_reconcile_total"].value("controller_runtime_reconcile_total", &labels);
            if count >= Some(1.0) { Ok(()) } else { Err(format!("{count:?}")) }
        })
        .await;
    }
    let (code, media_type, text) = scrape(&plane, "prometheus", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1").await;
    assert_eq!((code, media_type.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
    let metrics = parse(&text);
    for (name, kind) in [
        ("controller_runtime_reconcile_total", "counter"),
        ("controller_runtime_reconcile_errors_total", "counter"),
        ("controller_runtime_reconcile_panics_total", "counter"),
        ("controller_runtime_reconcile_timeouts_total", "counter"),
        ("controller_runtime_reconcile_time_seconds", "histogram"),
        ("controller_runtime_max_concurrent_reconciles", "gauge"),
        ("controller_runtime_active_workers", "gauge"),
        ("workqueue_depth", "gauge"),
        ("workqueue_adds_total", "counter"),
        ("workqueue_retries_total", "counter"),
        ("workqueue_queue_duration_seconds", "histogram"),
        ("workqueue_work_duration_seconds", "histogram"),
        ("workqueue_unfinished_work_seconds", "gauge"),
        ("workqueue_longest_running_processor_seconds", "gauge"),
        ("gotk_reconcile_duration_seconds", "histogram"),
        ("gotk_resource_info", "gauge"),
        ("process_cpu_seconds_total", "counter"),
        ("process_resident_memory_bytes", "gauge"),
        ("cowherd_loop_restarts_total", "counter"),
    ] {
        let metric = metrics.get(name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(metric.kind, kind, "{name}");
    }
    for name in ["state", "events of kustomize-controller", "events of replicaset-controller"] {
        let restarts = &metrics["cowherd_loop_restarts_total"];
        let restarts = restarts.value("cowherd_loop_restarts_total", &[("name", name)]);
        assert_eq!(restarts, Some(0.0), "{name} is a loop that would be started again");
    }
    for (controller, _) in RECONCILED {
        let adds = metrics["workqueue_adds_total"].value("workqueue_adds_total", &[("name", controller)]);
        assert!(adds >= Some(1.0), "{controller}");
    }
    for kind in ["Kustomization", "GitRepository"] {
        let labels = [("kind", kind), ("name", "fleet"), ("namespace", "flux-system")];
        let took = &metrics["gotk_reconcile_duration_seconds"];
        let (count, sum) =
            (took.value("gotk_reconcile_duration_seconds_count", &labels), "gotk_reconcile_duration_seconds_sum");
        assert!(count >= Some(1.0) && took.value(sum, &labels) > Some(0.0), "{kind}");
        let all = took.value("gotk_reconcile_duration_seconds_bucket", &[labels[0], labels[1], ("le", "+Inf")]);
        assert_eq!(all, count);
    }

    let (code, media_type, text) = scrape(&plane, "prometheus", "application/openmetrics-text;version=1.0.0").await;
    assert_eq!((code, media_type.as_str()), (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(text.ends_with("# EOF\n") && text.contains("# TYPE workqueue_adds counter\n"));

    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"));
    let kustomizations: Api<DynamicObject> = Api::namespaced_with(plane.client(), "flux-system", &resource);
    kustomizations.delete("fleet", &Default::default()).await.unwrap();
    until("nothing is said of what is gone", async || {
        let (_, _, text) = scrape(&plane, "prometheus", "").await;
        let labels = [("kind", "Kustomization"), ("name", "fleet")];
        let known =
            parse(&text)["gotk_reconcile_duration_seconds"].value("gotk_reconcile_duration_seconds_count", &labels);
        if known.is_none() { Ok(()) } else { Err(format!("{known:?}")) }
    })
    .await;
    plane.stop().await;
}
