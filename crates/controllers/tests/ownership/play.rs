//! Plays a case on a cluster.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};

use crate::beside::{PATIENCE, Play};
use crate::case::{Policy, Ref, Step, Thing};
use crate::see::{self, Known, Names};

/// What is there, a line for each object and event.
pub type Seen = Vec<String>;

/// A case that is being played, in two namespaces of its own.
pub struct Playing {
    client: Client,
    names: Names,
    things: BTreeMap<&'static str, Thing>,
    witnesses: usize,
}

impl Play for Playing {
    type Step = Step;
    type Seen = Seen;

    async fn start(client: &Client, number: usize, steps: &[Step]) -> Self {
        let names = Names { home: format!("case-{number}"), away: format!("case-{number}-away"), known: Known::new() };
        for namespace in [&names.home, &names.away] {
            let object = serde_json::from_value(json!({ "metadata": { "name": namespace } })).unwrap();
            Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &object).await.unwrap();
        }
        let created = steps.iter().filter_map(|step| match step {
            Step::Create(thing) => Some((thing.name, thing.clone())),
            _ => None,
        });
        Self { client: client.clone(), names, things: created.collect(), witnesses: 0 }
    }

    fn is_look(step: &Step) -> bool {
        matches!(step, Step::Look)
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Create(thing) => self.create(thing).await,
            Step::SetOwners(name, owners) => {
                let owners: Vec<Value> = owners.iter().map(|owner| self.reference(owner)).collect();
                self.patch(name, json!({ "metadata": { "ownerReferences": owners } })).await;
            }
            Step::Delete(name, policy) => {
                let params = match policy {
                    Policy::Background => DeleteParams::background(),
                    Policy::Foreground => DeleteParams::foreground(),
                    Policy::Orphan => DeleteParams::orphan(),
                };
                let (api, name) = self.api(name);
                match api.delete(&name, &params).await {
                    // The case may have led there already.
                    Err(kube::Error::Api(status)) if status.code == 404 => {}
                    result => drop(result.unwrap()),
                }
            }
            Step::Release(name) => {
                let (api, object) = self.api(name);
                let found = api.get_metadata(&object).await.unwrap();
                let kept: Vec<&String> = found.finalizers().iter().filter(|name| !name.contains("hold")).collect();
                self.patch(name, json!({ "metadata": { "finalizers": kept } })).await;
            }
            Step::Look => {}
        }
    }

    async fn see(&self) -> Seen {
        see::all(&self.client, &self.names).await
    }

    /// Waits until the collector has looked at objects that came after all that happened so far.
    async fn witness(&mut self) -> bool {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.names.home);
        for _ in 0..3 {
            self.witnesses += 1;
            let name = format!("witness-{}", self.witnesses);
            let witness = serde_json::from_value(json!({ "metadata": {
                "name": name,
                "ownerReferences": [{ "apiVersion": "v1", "kind": "ConfigMap", "name": "nobody", "uid": name }],
            } }));
            api.create(&PostParams::default(), &witness.unwrap()).await.unwrap();
            let start = Instant::now();
            while api.get_metadata_opt(&name).await.unwrap().is_some() {
                assert!(start.elapsed() < PATIENCE, "the collector does not collect {name}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        true
    }
}

impl Playing {
    async fn create(&mut self, thing: &Thing) {
        let (api_version, kind, _) = thing.kind.names();
        let (api, name) = self.api(thing.name);
        let owners: Vec<Value> = thing.owners.iter().map(|owner| self.reference(owner)).collect();
        let mut object = json!({
            "apiVersion": api_version, "kind": kind,
            "metadata": { "name": name, "finalizers": thing.finalizers, "ownerReferences": owners },
        });
        if kind == "HorizontalPodAutoscaler" {
            object["spec"] = json!({
                "maxReplicas": 2, "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "none" },
            });
        }
        let object: DynamicObject = serde_json::from_value(object).unwrap();
        let created = api.create(&PostParams::default(), &object).await.unwrap();
        self.names.known.insert(created.uid().unwrap(), thing.name.to_owned());
    }

    fn reference(&self, owner: &Ref) -> Value {
        let known = owner.to.map(|name| &self.things[name]);
        let uid = owner.to.and_then(|name| self.names.known.iter().find(|(_, known)| *known == name));
        let names = known.map(|thing| thing.kind.names());
        json!({
            "apiVersion": owner.api_version.or(names.map(|names| names.0)),
            "kind": owner.kind.or(names.map(|names| names.1)),
            "name": owner.name.map(str::to_owned).or(known.map(|thing| self.names.of(thing))),
            "uid": uid.map_or("0-0-0", |(uid, _)| uid),
            "blockOwnerDeletion": owner.blocking,
        })
    }

    async fn patch(&self, name: &str, patch: Value) {
        let (api, name) = self.api(name);
        api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await.unwrap();
    }

    fn api(&self, name: &str) -> (Api<DynamicObject>, String) {
        let thing = &self.things[name];
        (see::api(&self.client, thing.kind, self.names.namespace(thing)), self.names.of(thing))
    }
}
