//! How long the reconciliations of each object took.
//!
//! There are thousands of objects, and a histogram as the library has it holds the bounds of its buckets each time.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, LabelSetEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::Metrics;
use crate::Key;

/// How many bounds there are, as Flux has them.
const BOUNDS: usize = 10;
/// The first of them, in seconds.
const FIRST: f64 = 10e-3;
/// The last of them, in seconds.
const LAST: f64 = 1800.0;
/// Of how many objects it is told how long they took.
const MOST: usize = 50_000;

/// How long reconciliations took, as Flux's controllers tell it: a histogram for each object. Clones are the same ones.
#[derive(Clone, Debug, Default)]
pub struct Durations(Arc<Mutex<HashMap<Object, Histogram>>>);

/// Kind, namespace and name, in one text: none of them holds a slash.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Object(Box<str>);

/// The reconciliations of an object: how long all of them took, in seconds, and how many of them how long.
#[derive(Clone, Copy, Debug, Default)]
struct Histogram {
    sum: f64,
    /// By the first bound that they did not exceed; the last are beyond all bounds.
    counts: [u32; BOUNDS + 1],
}

/// The bound of this place, in seconds.
fn bound(place: usize) -> f64 {
    let growth = (LAST / FIRST).powf(1.0 / (BOUNDS - 1) as f64);
    FIRST * growth.powf(place as f64)
}

impl Metrics {
    /// How long reconciliations of objects took, each as long as the object is there.
    pub fn durations(&self) -> Durations {
        let about = "How long reconciliations of an object took";
        self.register("gotk_reconcile_duration_seconds", about, Durations::default())
    }
}

impl Durations {
    /// A reconciliation of the object took so long.
    pub fn observe(&self, kind: &str, name: &Key, time: Duration) {
        let (mut all, object) = (self.all(), Object::new(kind, name));
        if all.len() < MOST || all.contains_key(&object) {
            all.entry(object).or_default().observe(time.as_secs_f64());
        }
    }

    /// Forgets an object, which is gone.
    pub fn remove(&self, kind: &str, name: &Key) {
        self.all().remove(&Object::new(kind, name));
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Object, Histogram>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Object {
    fn new(kind: &str, name: &Key) -> Self {
        Self(format!("{kind}/{}/{}", name.namespace, name.name).into())
    }
}

impl Histogram {
    fn observe(&mut self, seconds: f64) {
        self.sum += seconds;
        let place = (0..BOUNDS).find(|place| seconds <= bound(*place)).unwrap_or(BOUNDS);
        self.counts[place] = self.counts[place].saturating_add(1);
    }
}

impl EncodeLabelSet for Object {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let mut parts = self.0.splitn(3, '/');
        let mut part = || parts.next().unwrap_or_default();
        let (kind, namespace, name) = (part(), part(), part());
        [("kind", kind), ("name", name), ("namespace", namespace)].encode(encoder)
    }
}

impl EncodeMetric for Durations {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (object, histogram) in self.all().iter() {
            let counts = histogram.counts.iter().map(|count| u64::from(*count));
            let bounds = (0..BOUNDS).map(bound).chain([f64::MAX]);
            let buckets: Vec<(f64, u64)> = bounds.zip(counts.clone()).collect();
            let mut encoder = encoder.encode_family(object)?;
            encoder.encode_histogram::<NoLabelSet>(histogram.sum, counts.sum(), &buckets, None)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;
    use prometheus_client::metrics::family::Family;
    use prometheus_client::metrics::histogram::{self, exponential_buckets_range};
    use prometheus_client::registry::{Metric, Registry};

    use super::*;

    fn text(metric: impl Metric) -> Vec<String> {
        let mut registry = Registry::default();
        registry.register("took", "How long", metric);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn histograms_read_as_those_of_the_library() {
        let (ours, names) = (Durations::default(), [("n", "a"), ("n", "b"), ("", "c"), ("n", "gone")]);
        type Labels = [(&'static str, String); 3];
        let theirs = Family::<Labels, histogram::Histogram, fn() -> histogram::Histogram>::new_with_constructor(|| {
            histogram::Histogram::new(exponential_buckets_range(10e-3, 1800.0, 10))
        });
        for (number, (namespace, name)) in names.into_iter().enumerate() {
            let labels =
                [("kind", "Kustomization".to_owned()), ("name", name.to_owned()), ("namespace", namespace.to_owned())];
            for nanos in [0, 1, 10_000_000, 10_000_001, 5_000_000_000, 60_000_000_000, 1_800_000_000_000] {
                let time = Duration::from_nanos(nanos * (number as u64 + 1));
                ours.observe("Kustomization", &Key::new(namespace, name), time);
                theirs.get_or_create(&labels).observe(time.as_secs_f64());
            }
        }
        assert_eq!(text(ours.clone()), text(theirs.clone()));
        ours.remove("Kustomization", &Key::new("n", "gone"));
        ours.remove("GitRepository", &Key::new("n", "a"));
        let told = text(ours);
        assert!(told.iter().any(|line| line.contains("\"a\"")) && !told.iter().any(|line| line.contains("gone")));
    }
}
