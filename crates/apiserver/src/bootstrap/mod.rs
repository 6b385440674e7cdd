//! What every cluster has from the start.

mod mark;
mod rbac;

pub use rbac::default_roles;

use futures::future::try_join_all;
use serde_json::{Value, json};

use crate::{
    claims::ServiceNetwork,
    rest::{WriteOptions, create_object, read_failed},
    server::ApiServer,
    status::ApiResult,
};

/// Makes what is missing, as much of it as possible at the same time: the store flushes once for all who wait.
pub async fn run(server: &ApiServer) -> ApiResult<()> {
    let namespaces = ["kube-system", "default", "kube-public", "kube-node-lease"].map(|name| {
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        ensure(server, "", "namespaces", namespace)
    });
    let classes = priority_classes().map(|class| ensure(server, "scheduling.k8s.io", "priorityclasses", class));
    let service = async {
        try_join_all(namespaces).await?;
        ensure(server, "", "services", kubernetes_service(server.config().service_network)).await
    };
    futures::try_join!(service, try_join_all(classes), rbac::run(server))?;
    Ok(())
}

/// The Service by which Pods find the API.
fn kubernetes_service(network: ServiceNetwork) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": "kubernetes", "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": network.api(),
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    })
}

fn priority_classes() -> [Value; 2] {
    let class = |name: &str, value: i64, what: &str| {
        json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
            "metadata": {"name": name}, "value": value, "description": what,
        })
    };
    [
        class("system-cluster-critical", 2_000_000_000, "For Pods that the cluster needs, on whatever node."),
        class("system-node-critical", 2_000_001_000, "For Pods that their node needs."),
    ]
}

async fn ensure(server: &ApiServer, group: &str, plural: &str, object: Value) -> ApiResult<()> {
    let resource = server.built_in(group, "v1", plural)?;
    let key = resource.key(crate::object::namespace(&object), crate::object::name(&object));
    // Whether it is there is all that matters: to read it would take the types of everything apart, at every start.
    if server.store().get(&key).await.map_err(read_failed)?.is_none() {
        create_object(server, &resource, object, &WriteOptions::internal("kube-apiserver")).await?;
    }
    Ok(())
}
