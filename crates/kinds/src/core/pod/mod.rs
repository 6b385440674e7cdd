//! Pods, and the Pod templates of workloads.

mod affinity;
mod columns;
mod containers;
mod defaults;
mod probes;
mod qos;
mod security;
mod spec;
mod update;
mod volumes;

use cowherd_schema::FieldPath;
use serde_json::{Value, json};

use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::strategy::{Generations, Rules};

pub(crate) use affinity::node_selector as validate_node_selector;
pub(crate) use defaults::{template as default_template, volume_source as default_volume_source};
pub(crate) use spec::{validate_claim_template_spec, validate_template};
pub(crate) use volumes::source as validate_volume_source;

pub(crate) const KIND: Kind = Kind {
    short_names: &["po"],
    categories: &["all"],
    status: true,
    status_keeps: &["ownerReferences"],
    generations: Generations::SPEC,
    rules: Rules {
        default: defaults::pod,
        create,
        update: |pod, _| pod.inner("spec").into_iter().for_each(tolerate_lost_nodes),
        validate: |pod, errors| spec::validate_pod(pod, &FieldPath::new("spec"), errors),
        validate_update: update::validate,
        columns: columns::COLUMNS,
        cells: columns::cells,
        fields,
    },
    ..Kind::namespaced(super::V1, "Pod", "pods", "pod", "io.k8s.api.core.v1.Pod")
};

fn create(pod: &mut Value) {
    let class = qos::class(&pod["spec"]);
    pod.put("status", json!({"phase": "Pending", "qosClass": class}));
    if let Some(spec) = pod.inner("spec") {
        spec.fill_zero("serviceAccountName", "default");
        spec.fill_zero("serviceAccount", "default");
        tolerate_lost_nodes(spec);
    }
}

/// A Pod stays on a node that is lost for five minutes, unless it says otherwise.
fn tolerate_lost_nodes(spec: &mut Value) {
    for taint in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let tolerated = spec.items("tolerations").iter().any(|toleration| {
            (toleration.text("key").is_empty() || toleration.text("key") == taint)
                && matches!(toleration.text("effect"), "" | "NoExecute")
        });
        if tolerated {
            continue;
        }
        spec.fill("tolerations", Vec::<Value>::new());
        if let Some(tolerations) = spec.as_object_mut().and_then(|map| map.get_mut("tolerations")?.as_array_mut()) {
            let toleration = json!({
                "key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            });
            tolerations.push(toleration);
        }
    }
}

fn fields(pod: &Value) -> Vec<(&'static str, String)> {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let account = spec.text("serviceAccountName");
    let ip = match status.items("podIPs").first() {
        Some(first) => first.text("ip"),
        None => status.text("podIP"),
    };
    vec![
        ("spec.nodeName", spec.text("nodeName").to_owned()),
        ("spec.restartPolicy", spec.text("restartPolicy").to_owned()),
        ("spec.schedulerName", spec.text("schedulerName").to_owned()),
        ("spec.serviceAccountName", account.to_owned()),
        ("spec.hostNetwork", spec.flag("hostNetwork").to_string()),
        ("status.phase", status.text("phase").to_owned()),
        ("status.podIP", ip.to_owned()),
        ("status.nominatedNodeName", status.text("nominatedNodeName").to_owned()),
    ]
}
