//! Events: what controllers did, for people who look.

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client, Resource, ResourceExt};

use crate::conditions::now;

/// Writes the events of one controller.
#[derive(Clone)]
pub struct Recorder {
    client: Client,
    component: &'static str,
}

impl Recorder {
    /// A recorder for the controller of this name.
    pub fn new(client: Client, component: &'static str) -> Self {
        Self { client, component }
    }

    /// Says that something normal happened to an object. Events are a courtesy: when one cannot be written, the
    /// work goes on.
    pub async fn normal<K: Resource<DynamicType = ()>>(&self, object: &K, reason: &str, message: &str) {
        self.publish(object, "Normal", reason, message).await;
    }

    /// Says that something went wrong with an object.
    pub async fn warning<K: Resource<DynamicType = ()>>(&self, object: &K, reason: &str, message: &str) {
        self.publish(object, "Warning", reason, message).await;
    }

    async fn publish<K: Resource<DynamicType = ()>>(&self, object: &K, kind: &str, reason: &str, message: &str) {
        let namespace = object.namespace().unwrap_or_else(|| "default".to_owned());
        let event = Event {
            metadata: ObjectMeta {
                name: Some(name(&object.name_any())),
                namespace: Some(namespace.clone()),
                ..Default::default()
            },
            involved_object: ObjectReference {
                api_version: Some(K::api_version(&()).into_owned()),
                kind: Some(K::kind(&()).into_owned()),
                name: object.meta().name.clone(),
                namespace: object.meta().namespace.clone(),
                uid: object.meta().uid.clone(),
                resource_version: object.meta().resource_version.clone(),
                ..Default::default()
            },
            source: Some(EventSource { component: Some(self.component.to_owned()), host: None }),
            type_: Some(kind.to_owned()),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            first_timestamp: Some(now()),
            last_timestamp: Some(now()),
            count: Some(1),
            reporting_component: Some(self.component.to_owned()),
            ..Default::default()
        };
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        if let Err(error) = api.create(&PostParams::default(), &event).await {
            tracing::debug!(%error, reason, "an event could not be written");
        }
    }
}

/// The name of an event about the object of this name: unique by the time, as those of Kubernetes' own controllers.
fn name(object: &str) -> String {
    const LONGEST: usize = 253;
    let unique = format!(".{:x}", jiff::Timestamp::now().as_nanosecond());
    let object: String = object.chars().take(LONGEST - unique.len()).collect();
    // A name that was cut may end in what no part of a name ends in.
    format!("{}{unique}", object.trim_end_matches(['.', '-']))
}
