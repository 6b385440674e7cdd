//! The group autoscaling: HorizontalPodAutoscalers, in two versions of which v2 is kept.

mod v1;

use crate::kind::{Kind, StoredAs};

pub(crate) const V1: Kind = Kind {
    short_names: &["hpa"],
    categories: &["all"],
    status: true,
    stored_as: Some(StoredAs {
        group: "autoscaling",
        version: "v2",
        plural: "horizontalpodautoscalers",
        into: v1::into_v2,
        from: v1::from_v2,
    }),
    ..Kind::namespaced(
        ("autoscaling", "v1"),
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "horizontalpodautoscaler",
        "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler",
    )
};

pub(crate) const V2: Kind = Kind {
    short_names: &["hpa"],
    categories: &["all"],
    status: true,
    ..Kind::namespaced(
        ("autoscaling", "v2"),
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        "horizontalpodautoscaler",
        "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    )
};
