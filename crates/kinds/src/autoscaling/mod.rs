//! The group autoscaling: HorizontalPodAutoscalers, in two versions of which v2 is kept.

mod columns;
mod v1;
mod v2;

use serde_json::Value;

use crate::json::{Fill, Read};
use crate::kind::{Kind, StoredAs};
use crate::strategy::Rules;

pub(crate) const V1: Kind = Kind {
    stored_as: Some(StoredAs {
        group: "autoscaling",
        version: "v2",
        plural: "horizontalpodautoscalers",
        into: v1::into_v2,
        from: v1::from_v2,
    }),
    rules: Rules {
        default: default_v1,
        validate: |scaler, errors| v2::validate(&v1::into_v2(scaler.clone()), errors),
        cells: |scaler, now| columns::cells(&v1::into_v2(scaler.clone()), now),
        ..RULES
    },
    ..kind("v1", "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler")
};

pub(crate) const V2: Kind = Kind { rules: RULES, ..kind("v2", "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler") };

const RULES: Rules = Rules {
    default: v2::default,
    create: |scaler| scaler.put("status", serde_json::json!({"currentReplicas": 0, "desiredReplicas": 0})),
    validate: v2::validate,
    columns: columns::COLUMNS,
    cells: columns::cells,
    ..Rules::PLAIN
};

const fn kind(version: &'static str, definition: &'static str) -> Kind {
    Kind {
        short_names: &["hpa"],
        categories: &["all"],
        status: true,
        ..Kind::namespaced(
            ("autoscaling", version),
            "HorizontalPodAutoscaler",
            "horizontalpodautoscalers",
            "horizontalpodautoscaler",
            definition,
        )
    }
}

fn default_v1(scaler: &mut Value) {
    let other_metrics = scaler["metadata"]["annotations"].has(v1::METRICS);
    if let Some(spec) = scaler.ensure("spec") {
        spec.fill("minReplicas", 1);
        if !other_metrics {
            spec.fill("targetCPUUtilizationPercentage", v2::CPU_PERCENT);
        }
    }
}
