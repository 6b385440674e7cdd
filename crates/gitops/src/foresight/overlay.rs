//! The cluster as it would be: what a revision changes of its objects goes before what it has.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cowherd_apply::mask::Mask;
use cowherd_apply::{Action, Coming, Foreseen, Manifest, ObjectId};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

/// By whom a request is made that is made on behalf of somebody.
const IMPERSONATED: &str = "impersonate-user";

/// What a revision changes, as far as it is known by now. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Overlay(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    objects: HashMap<Place, Value>,
    changed: HashSet<ObjectId>,
    coming: Coming,
    mask: Mask,
}

/// Where the API has an object, whatever the version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    group: String,
    plural: String,
    namespace: String,
    name: String,
}

impl Overlay {
    /// Takes in what would become of objects.
    pub(super) fn take(&self, foreseen: &[Foreseen]) {
        let is_change = |one: &&Foreseen| matches!(one.diff.action, Action::Created | Action::Configured);
        let mut known = self.known();
        for one in foreseen.iter().filter(is_change) {
            let id = &one.diff.object.id;
            if one.diff.action == Action::Created
                && let Ok(manifest) = Manifest::new(one.after.clone())
            {
                known.coming.take(&manifest);
            }
            // What a Secret had is in objects that were made of it.
            one.before.iter().chain([&one.after]).for_each(|object| known.mask.add(object));
            known.changed.insert(id.clone());
            if let Some(plural) = &one.plural {
                known.put(plural, id, one.after.clone());
            }
        }
    }

    /// An object that would be there, too, which is no change by itself.
    pub(super) fn put(&self, plural: &str, id: &ObjectId, object: Value) {
        self.known().put(plural, id, object);
    }

    /// Whether the revision changes the object.
    pub(super) fn changes(&self, id: &ObjectId) -> bool {
        self.known().changed.contains(id)
    }

    /// Kinds and namespaces that come with the revision.
    pub(super) fn coming(&self) -> Coming {
        self.known().coming.clone()
    }

    /// What the Secrets hold that it changes, before and after.
    pub(super) fn mask(&self) -> Mask {
        self.known().mask.clone()
    }

    /// A client that sees the cluster as it would be, where it asks for single objects. On whose behalf somebody else asks what
    /// the cluster lets them see is for the cluster to say.
    pub(super) fn client(&self, cluster: Client) -> Client {
        let (overlay, namespace) = (self.clone(), cluster.default_namespace().to_owned());
        let service = service_fn(move |request: http::Request<Body>| {
            let (cluster, found) = (cluster.clone(), overlay.answer(&request));
            async move {
                match found {
                    Some(object) => Ok(response(&object)),
                    None => cluster.send(request).await,
                }
            }
        });
        Client::new(service, namespace)
    }

    fn answer(&self, request: &http::Request<Body>) -> Option<Value> {
        if request.method() != http::Method::GET || request.headers().contains_key(IMPERSONATED) {
            return None;
        }
        let (version, place) = Place::read(request.uri().path())?;
        let mut object = self.known().objects.get(&place)?.clone();
        object["apiVersion"] = version.into();
        Some(object)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn put(&mut self, plural: &str, id: &ObjectId, object: Value) {
        let ObjectId { group, namespace, name, .. } = id.clone();
        self.objects.insert(Place { group, plural: plural.to_owned(), namespace, name }, settled(object));
    }
}

impl Place {
    /// The API version, and the place, that a path means. `None` where it means no single object.
    fn read(path: &str) -> Option<(String, Self)> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", (*version).to_owned(), rest),
            ["apis", group, version, rest @ ..] => (*group, format!("{group}/{version}"), rest),
            _ => return None,
        };
        let (namespace, plural, name) = match rest {
            ["namespaces", namespace, plural, name] => (*namespace, *plural, *name),
            [plural, name] => ("", *plural, *name),
            _ => return None,
        };
        let [group, plural, namespace, name] = [group, plural, namespace, name].map(str::to_owned);
        Some((version, Self { group, plural, namespace, name }))
    }
}

/// An object as the API has it: texts of a Secret that nobody has sent yet are encoded.
fn settled(mut object: Value) -> Value {
    if object["kind"] == "Secret"
        && let Some(Value::Object(texts)) = object.as_object_mut().and_then(|fields| fields.remove("stringData"))
    {
        let encoded = |text: Value| json!(BASE64_STANDARD.encode(text.as_str().unwrap_or_default()));
        for (key, text) in texts {
            object["data"][key] = encoded(text);
        }
    }
    object
}

fn response(object: &Value) -> http::Response<Body> {
    let mut response = http::Response::new(Body::from(object.to_string().into_bytes()));
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use cowherd_apply::{Diff, Versioned};
    use k8s_openapi::api::core::v1::{ConfigMap, Secret};
    use kube::Api;

    use super::*;

    fn nowhere() -> Client {
        let service = service_fn(|request: http::Request<Body>| async move {
            Err::<http::Response<Body>, _>(std::io::Error::other(format!("asked {}", request.uri())))
        });
        Client::new(service, "default")
    }

    fn foreseen(action: Action, plural: &str, before: Option<Value>, after: Value) -> Foreseen {
        let object: Versioned = Manifest::new(after.clone()).unwrap().versioned().clone();
        let diff = Diff { object, action, fields: Vec::new() };
        Foreseen { diff, plural: Some(plural.to_owned()), before, after }
    }

    #[tokio::test]
    async fn what_a_revision_changes_goes_before_what_the_cluster_has() {
        let overlay = Overlay::default();
        let map = |name: &str| {
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "n" },
            "data": { "a": "new" } })
        };
        overlay.take(&[
            foreseen(Action::Created, "configmaps", None, map("made")),
            foreseen(Action::Unchanged, "configmaps", Some(map("same")), map("same")),
        ]);
        let maps: Api<ConfigMap> = Api::namespaced(overlay.client(nowhere()), "n");
        assert_eq!(maps.get("made").await.unwrap().data.unwrap()["a"], "new");
        for asked in [maps.get("same").await.err(), maps.delete("made", &Default::default()).await.err()] {
            assert!(asked.unwrap().to_string().contains("asked /api/v1/namespaces/n/configmaps/"));
        }
        let id = |name: &str| ObjectId {
            kind: "ConfigMap".into(),
            namespace: "n".into(),
            name: name.into(),
            ..ObjectId::default()
        };
        assert!(overlay.changes(&id("made")) && !overlay.changes(&id("same")));
    }

    #[tokio::test]
    async fn a_secret_that_nobody_has_sent_yet_is_read_and_hidden_as_it_was_too() {
        let overlay = Overlay::default();
        let secret = |field: &str, value: &str| {
            json!({ "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "s", "namespace": "n" }, field: { "key": value } })
        };
        let before = secret("data", &BASE64_STANDARD.encode("hunter2-before"));
        overlay.take(&[foreseen(Action::Configured, "secrets", Some(before), secret("stringData", "hunter2-after"))]);
        let secrets: Api<Secret> = Api::namespaced(overlay.client(nowhere()), "n");
        assert_eq!(secrets.get("s").await.unwrap().data.unwrap()["key"].0, b"hunter2-after");
        assert_eq!(overlay.mask().text("hunter2-before, hunter2-after"), "*****, *****");
    }

    #[tokio::test]
    async fn who_asks_on_behalf_of_another_sees_what_the_cluster_lets_them_see() {
        let overlay = Overlay::default();
        let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "made", "namespace": "n" } });
        overlay.take(&[foreseen(Action::Created, "configmaps", None, map)]);
        let account = cowherd_apply::Account::service_account("n", "deployer");
        let clients = cowherd_apply::Clients::from(overlay.client(nowhere()));
        let maps: Api<ConfigMap> = Api::namespaced(clients.on_behalf_of(Some(&account)).unwrap(), "n");
        assert!(maps.get("made").await.unwrap_err().to_string().contains("asked "));
    }
}
