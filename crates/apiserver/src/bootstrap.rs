//! What every cluster has from the start.

use serde_json::{Value, json};

use crate::{
    rest::{WriteOptions, create_object, load},
    server::ApiServer,
    status::ApiResult,
};

/// Makes what is missing.
pub async fn run(server: &ApiServer) -> ApiResult<()> {
    for name in ["kube-system", "default", "kube-public", "kube-node-lease"] {
        ensure(server, "", "namespaces", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
            .await?;
    }
    let kubernetes = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": "10.96.0.1",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    });
    ensure(server, "", "services", kubernetes).await?;
    for (name, value) in [("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)] {
        let description = match name {
            "system-cluster-critical" => {
                "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."
            }
            _ => "Used for system critical pods that must not be moved from their current node.",
        };
        let class = json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
            "metadata": {"name": name}, "value": value, "description": description,
        });
        ensure(server, "scheduling.k8s.io", "priorityclasses", class).await?;
    }
    Ok(())
}

async fn ensure(server: &ApiServer, group: &str, plural: &str, object: Value) -> ApiResult<()> {
    let resource = server.built_in(group, "v1", plural)?;
    let key = resource.key(crate::object::namespace(&object), crate::object::name(&object));
    if load(server, &resource, &key).await?.is_none() {
        create_object(server, &resource, object, &WriteOptions::internal("kube-apiserver")).await?;
    }
    Ok(())
}
