//! What only a cluster with a feature gate of Kubernetes takes.

use serde_json::Value;

use super::finding::Severity;
use super::schemas::{Mistake, group_version_kind};

/// The metrics by which something without Pods can be scaled.
const WITHOUT_PODS: [&str; 2] = ["External", "Object"];

/// How bad a mistake of an object is, and what is to be said of it: what a cluster with a gate takes may be meant.
pub(super) fn judged(object: &Value, mistake: &Mistake) -> (Severity, String) {
    if !scales_to_zero(object, mistake) {
        return (Severity::Error, mistake.text.clone());
    }
    let mut metrics = object["spec"]["metrics"].as_array().into_iter().flatten();
    if metrics.any(|metric| metric["type"].as_str().is_some_and(|kind| WITHOUT_PODS.contains(&kind))) {
        let text = "spec.minReplicas: 0 is taken where the feature gate HPAScaleToZero is on, which a cluster does not have of itself, and \
                    the control plane of cowherd does not have: set it to 1, unless yours has it";
        return (Severity::Warning, text.to_owned());
    }
    let text = format!(
        "{}; where the feature gate HPAScaleToZero is on, it may be 0 with a metric of the type Object or External",
        mistake.text
    );
    (Severity::Error, text)
}

/// Whether it is that a HorizontalPodAutoscaler would leave no Pod.
fn scales_to_zero(object: &Value, mistake: &Mistake) -> bool {
    let (group, _, kind) = group_version_kind(object);
    let is_scaler = (group, kind) == ("autoscaling", "HorizontalPodAutoscaler");
    is_scaler && mistake.field == "spec.minReplicas" && object["spec"]["minReplicas"] == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::check::schemas::Kinds;

    /// How bad each of what is wrong with a HorizontalPodAutoscaler is, and what is said of it.
    fn told(least: i64, metric: &Value) -> Vec<(Severity, String)> {
        let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "web" });
        let spec = json!({ "scaleTargetRef": target, "minReplicas": least, "maxReplicas": 3, "metrics": [metric] });
        let scaler = json!({
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": { "name": "web", "namespace": "apps" },
            "spec": spec,
        });
        let mistakes = Kinds::new(std::iter::empty()).mistakes(&scaler, false);
        mistakes.iter().map(|mistake| judged(&scaler, mistake)).collect()
    }

    #[test]
    fn what_scales_to_zero_may_be_meant_where_a_gate_is_on() {
        let target = json!({ "type": "Value", "value": "3" });
        let queue = json!({ "type": "External", "external": { "metric": { "name": "queue" }, "target": target } });
        let found = told(0, &queue);
        assert!(found.len() == 1 && found[0].0 == Severity::Warning, "{found:?}");
        assert!(found[0].1.contains("HPAScaleToZero"), "{found:?}");
        assert!(told(1, &queue).is_empty());
        // No gate makes a negative number right, or has Pods measured that are not there.
        let found = told(-1, &queue);
        assert!(found.len() == 1 && found[0].0 == Severity::Error && !found[0].1.contains("gate"), "{found:?}");
        let target = json!({ "type": "Utilization", "averageUtilization": 80 });
        let found = told(0, &json!({ "type": "Resource", "resource": { "name": "cpu", "target": target } }));
        assert!(found.len() == 1 && found[0].0 == Severity::Error, "{found:?}");
        assert!(found[0].1.contains("with a metric of the type Object or External"), "{found:?}");
    }
}
