//! What Flux's resources are like, as `gotk_resource_info`: the metric that Flux's dashboards ask for, with the labels that
//! kube-state-metrics gives it as Flux sets it up.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::Resource;
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, LabelSetEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;

use super::Metrics;
use crate::Key;

/// How many objects of a kind are told of. What there is beyond that is in nobody's metrics, and logged.
const MOST: usize = 20_000;
/// How long a value may be, in bytes. A longer one is cut.
const LONGEST: usize = 256;

/// What is told of all resources. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Resources(Arc<Mutex<HashMap<Cow<'static, str>, OfKind>>>);

/// The objects of a kind.
#[derive(Debug)]
struct OfKind {
    group: Cow<'static, str>,
    version: Cow<'static, str>,
    objects: HashMap<Key, Description>,
    /// Whether it was said that there are too many.
    is_full: bool,
}

/// What is told of an object beside its kind, namespace and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description(Vec<(&'static str, Box<str>)>);

impl Description {
    /// Of an object that is ready or not (`True`, `False` or `Unknown`), if that is known, and whose spec says so of being suspended.
    pub fn new(ready: Option<&str>, suspended: Option<bool>) -> Self {
        let suspended = suspended.map(|suspended| if suspended { "true" } else { "false" });
        Self::default().with("ready", ready).with("suspended", suspended)
    }

    /// The same, with a label more, if it has a value.
    #[must_use]
    pub fn with(mut self, label: &'static str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            let end = value.floor_char_boundary(LONGEST);
            self.0.push((label, escaped(value.get(..end).unwrap_or_default()).into()));
        }
        self
    }
}

/// The value as the text of metrics has it between quotes, which the library leaves to who gives it.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

impl Metrics {
    /// What is told of resources.
    pub fn resources(&self) -> Resources {
        let about = "The current state of a resource of Flux";
        self.register("gotk_resource_info", about, Resources::default())
    }
}

impl Resources {
    /// The object is so.
    pub fn tell<K: Resource<DynamicType = ()>>(&self, object: &K, description: Description) {
        let key = Key::of(object);
        let mut kinds = self.kinds();
        let of_kind = kinds.entry(K::kind(&())).or_insert_with(|| OfKind {
            group: K::group(&()),
            version: K::version(&()),
            objects: HashMap::new(),
            is_full: false,
        });
        if of_kind.objects.len() < MOST || of_kind.objects.contains_key(&key) {
            of_kind.objects.insert(key, description);
        } else if !of_kind.is_full {
            of_kind.is_full = true;
            tracing::warn!(kind = %K::kind(&()), most = MOST, "there are more objects than metrics tell of");
        }
    }

    /// The object is gone, or no concern of ours any more.
    pub fn forget<K: Resource<DynamicType = ()>>(&self, key: &Key) {
        self.of_kind::<K>(|objects| drop(objects.remove(key)));
    }

    /// There are these, and no others.
    pub fn keep_only<K: Resource<DynamicType = ()>>(&self, keys: &HashSet<Key>) {
        self.of_kind::<K>(|objects| objects.retain(|key, _| keys.contains(key)));
    }

    fn of_kind<K: Resource<DynamicType = ()>>(&self, change: impl FnOnce(&mut HashMap<Key, Description>)) {
        if let Some(of_kind) = self.kinds().get_mut(&K::kind(&())) {
            change(&mut of_kind.objects);
        }
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<Cow<'static, str>, OfKind>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The labels of an object, as kube-state-metrics names them.
struct Labels<'a> {
    kind: &'a str,
    of_kind: &'a OfKind,
    key: &'a Key,
    description: &'a Description,
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let mut labels = vec![
            ("customresource_group", &*self.of_kind.group),
            ("customresource_kind", self.kind),
            ("customresource_version", &*self.of_kind.version),
            ("exported_namespace", &self.key.namespace),
            ("name", &self.key.name),
        ];
        labels.extend(self.description.0.iter().map(|(label, value)| (*label, &**value)));
        labels.encode(encoder)
    }
}

impl EncodeMetric for Resources {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for (kind, of_kind) in self.kinds().iter() {
            for (key, description) in &of_kind.objects {
                encoder.encode_family(&Labels { kind, of_kind, key, description })?.encode_gauge(&1_i64)?;
            }
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use kube::api::ObjectMeta;

    use super::*;

    fn object(name: &str) -> ConfigMap {
        let metadata =
            ObjectMeta { name: Some(name.to_owned()), namespace: Some("n".to_owned()), ..ObjectMeta::default() };
        ConfigMap { metadata, ..ConfigMap::default() }
    }

    fn told(metrics: &Metrics) -> Vec<String> {
        let text = metrics.text();
        let mut lines: Vec<_> =
            text.lines().filter(|line| line.starts_with("gotk_resource_info")).map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn an_object_is_told_as_it_is_until_it_is_gone() {
        let metrics = Metrics::default();
        let resources = metrics.resources();
        resources.tell(&object("a"), Description::new(None, None));
        resources.tell(&object("a"), Description::new(Some("True"), Some(true)).with("revision", Some("a\\ \"b\"\n")));
        metrics.resources().tell(&object("b"), Description::new(Some("False"), None).with("revision", None));
        let line = |name: &str, rest: &str| {
            format!(
                "gotk_resource_info{{customresource_group=\"\",customresource_kind=\"ConfigMap\",\
                 customresource_version=\"v1\",exported_namespace=\"n\",name=\"{name}\",{rest}}} 1"
            )
        };
        let a = line("a", "ready=\"True\",suspended=\"true\",revision=\"a\\\\ \\\"b\\\"\\n\"");
        assert_eq!(told(&metrics), [a.clone(), line("b", "ready=\"False\"")]);
        resources.forget::<ConfigMap>(&Key::new("n", "b"));
        assert_eq!(told(&metrics), [a]);
        resources.keep_only::<ConfigMap>(&HashSet::from([Key::new("n", "b")]));
        assert!(told(&metrics).is_empty());
    }

    #[test]
    fn there_is_a_bound_to_how_many_are_told_and_to_how_much_is_said_of_each() {
        let metrics = Metrics::default();
        let resources = metrics.resources();
        for number in 0..MOST + 10 {
            resources.tell(&object(&number.to_string()), Description::default());
        }
        assert_eq!(told(&metrics).len(), MOST);
        // Those that are told go on being so.
        let long = "ü".repeat(LONGEST);
        resources.tell(&object("7"), Description::new(None, None).with("url", Some(&long)));
        let of_long = told(&metrics).into_iter().find(|line| line.contains("ü")).unwrap();
        assert_eq!(of_long.matches('ü').count(), LONGEST / 2);
    }
}
