//! What the ResourceSetInputProviders of the cluster give. Each is kept once, as the watch of all of them brings it, whoever takes it;
//! and so is what several ResourceSets are given together.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use bytes::Bytes;
use cowherd_api::flux::controlplane::v1::{Input, InputProviderReference, ResourceSetInputProvider};
use cowherd_runtime::Key;
use cowherd_tree::{MemoryTree, Tree};
use kube::api::ObjectMeta;
use tokio::sync::watch;

use crate::NamespacedName;
use crate::selector::{Labels, Selector};
use crate::source::{Artifact, digest};

/// The file that names the providers, in their order, and the directory that has a file for what each of them gives.
pub(super) const NAMES: &str = "providers.json";
pub(super) const GIVEN: &str = "given";

/// How many providers a ResourceSet may have, and how large what they give together may be, in bytes.
const MOST: usize = 1_000;
const LARGEST: usize = 16 * 1024 * 1024;

/// How much providers of one namespace may have given, now or before, that is still here, before those ResourceSets lose it that
/// have no use for it at the moment.
const MOST_HELD: usize = 256 * 1024 * 1024;

/// The providers of the cluster.
#[derive(Clone, Default)]
pub(crate) struct Providers(Arc<Shared>);

#[derive(Default)]
struct Shared {
    namespaces: Mutex<HashMap<String, Namespace>>,
    /// Whether all that were there at the start are known.
    is_listed: watch::Sender<bool>,
}

/// Those of a namespace.
#[derive(Default)]
struct Namespace {
    there: BTreeMap<String, Arc<Provider>>,
    /// Counts how often one of them gave something else than before, or others were there.
    changes: watch::Sender<u64>,
    /// What was made for ResourceSets of it, by its revision, for as long as anybody has it.
    made: HashMap<String, Weak<Artifact>>,
    /// How many bytes are held of what they give, and gave before.
    held: Arc<AtomicUsize>,
}

/// One of them, as it is.
#[derive(Debug)]
pub(super) struct Provider {
    labels: Labels,
    exports: Exports,
    /// What it gives as JSON, once somebody wants that.
    piece: OnceLock<Piece>,
}

#[derive(Debug)]
enum Exports {
    /// It never gave anything.
    NothingYet,
    /// The object cannot be read, for this reason.
    Unreadable(String),
    Inputs(Arc<ResourceSetInputProvider>),
}

/// What a provider gives, and its identity.
#[derive(Clone, Debug)]
struct Piece {
    bytes: Bytes,
    digest: String,
}

/// Bytes that count among those of a namespace for as long as anybody has them.
struct Counted {
    bytes: Vec<u8>,
    held: Arc<AtomicUsize>,
}

impl Counted {
    fn new(bytes: Vec<u8>, held: Arc<AtomicUsize>) -> Self {
        held.fetch_add(bytes.len(), Ordering::Relaxed);
        Self { bytes, held }
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl Provider {
    /// As the object says it. What it gives is kept as it was made for `before` where it is the same.
    fn of(object: &Arc<ResourceSetInputProvider>, before: Option<&Self>) -> Self {
        let has_exported = object.status.as_ref().is_some_and(|status| status.last_exported_revision.is_some());
        let exports = if has_exported { Exports::Inputs(object.clone()) } else { Exports::NothingYet };
        let labels = object.metadata.labels.clone().unwrap_or_default();
        let now = Self { labels, exports, piece: OnceLock::new() };
        match before.filter(|before| before.inputs() == now.inputs()) {
            Some(before) => Self { piece: before.piece.clone(), ..now },
            None => now,
        }
    }

    fn unreadable(metadata: &ObjectMeta, error: &str) -> Self {
        let labels = metadata.labels.clone().unwrap_or_default();
        Self { labels, exports: Exports::Unreadable(error.to_owned()), piece: OnceLock::new() }
    }

    fn inputs(&self) -> Option<&[Input]> {
        let Exports::Inputs(object) = &self.exports else { return None };
        object.status.as_ref().map(|status| status.exported_inputs.as_slice())
    }

    /// Whether the difference between the two is none to ResourceSets.
    fn is_like(&self, other: &Self) -> bool {
        let is_readable = |one: &Self| !matches!(one.exports, Exports::Unreadable(_));
        self.labels == other.labels && is_readable(self) == is_readable(other) && self.inputs() == other.inputs()
    }

    /// What it gives, if it ever gave something: what it has given nothing yet for would go otherwise.
    fn piece(&self, name: &str, held: &Arc<AtomicUsize>) -> Result<&Piece, String> {
        let inputs = match &self.exports {
            Exports::NothingYet => return Err(format!("ResourceSetInputProvider '{name}' has exported nothing yet")),
            Exports::Unreadable(error) => {
                return Err(format!("ResourceSetInputProvider '{name}' cannot be read: {error}; correct the object"));
            }
            Exports::Inputs(_) => self.inputs().unwrap_or_default(),
        };
        if self.piece.get().is_none() {
            let bytes = serde_json::to_vec(inputs).map_err(|error| error.to_string())?;
            let (digest, bytes) = (digest(&bytes), Bytes::from_owner(Counted::new(bytes, held.clone())));
            // Whoever was quicker has made the same.
            let _ = self.piece.set(Piece { bytes, digest });
        }
        self.piece.get().ok_or_else(|| "what it gives was not kept".to_owned())
    }
}

impl Providers {
    fn namespaces(&self) -> MutexGuard<'_, HashMap<String, Namespace>> {
        self.0.namespaces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A provider is there, in this state.
    pub(crate) fn see(&self, object: &Arc<ResourceSetInputProvider>) {
        self.put(NamespacedName::of(object.as_ref()), |before| Provider::of(object, before));
    }

    /// One is there that cannot be read, for this reason.
    pub(crate) fn see_unreadable(&self, metadata: &ObjectMeta, error: &str) {
        let namespace = metadata.namespace.clone().unwrap_or_default();
        let name = NamespacedName::new(namespace, metadata.name.clone().unwrap_or_default());
        self.put(name, |_| Provider::unreadable(metadata, error));
    }

    fn put(&self, name: NamespacedName, make: impl FnOnce(Option<&Provider>) -> Provider) {
        let mut namespaces = self.namespaces();
        let namespace = namespaces.entry(name.namespace).or_default();
        let before = namespace.there.get(&name.name);
        let now = make(before.map(Arc::as_ref));
        let is_other = before.is_none_or(|before| !before.is_like(&now));
        namespace.there.insert(name.name, Arc::new(now));
        if is_other {
            namespace.changes.send_modify(|count| *count += 1);
        }
    }

    /// One is gone.
    pub(crate) fn leave(&self, name: &NamespacedName) {
        let mut namespaces = self.namespaces();
        let Some(namespace) = namespaces.get_mut(&name.namespace) else { return };
        if namespace.there.remove(&name.name).is_some() {
            namespace.changes.send_modify(|count| *count += 1);
        }
        forget_empty(&mut namespaces);
    }

    /// These are all that there are.
    pub(crate) fn list(&self, keys: &HashSet<Key>) {
        let mut namespaces = self.namespaces();
        for (name, namespace) in namespaces.iter_mut() {
            let count = namespace.there.len();
            namespace.there.retain(|provider, _| keys.contains(&Key::new(name, provider)));
            if namespace.there.len() < count {
                namespace.changes.send_modify(|count| *count += 1);
            }
        }
        forget_empty(&mut namespaces);
        drop(namespaces);
        self.0.is_listed.send_replace(true);
    }

    /// Completes when all are known that are there.
    pub(super) async fn known(&self) {
        let mut is_listed = self.0.is_listed.subscribe();
        // The sender lives as long as this does.
        let _ = is_listed.wait_for(|is_listed| *is_listed).await;
    }

    /// Tells of what is different in the namespace from now on.
    pub(super) fn follow(&self, namespace: &str) -> watch::Receiver<u64> {
        let mut namespaces = self.namespaces();
        forget_empty(&mut namespaces);
        namespaces.entry(namespace.to_owned()).or_default().changes.subscribe()
    }

    /// Whether more is held of what the providers of the namespace give, and gave, than should be.
    pub(super) fn hold_too_much(&self, namespace: &str) -> bool {
        self.namespaces().get(namespace).is_some_and(|of| of.held.load(Ordering::Relaxed) > MOST_HELD)
    }

    /// The providers that a ResourceSet of the namespace refers to, in the order of their names, each once.
    ///
    /// # Errors
    /// When one is not there, or they are too many.
    pub(super) fn chosen<'r>(
        &self,
        namespace: &str,
        references: &'r [InputProviderReference],
    ) -> Result<BTreeMap<String, Arc<Provider>>, String> {
        let selector = |reference: &'r InputProviderReference| reference.selector.as_ref().map(Selector::from);
        let selectors: Vec<_> = references.iter().map(|reference| (reference, selector(reference))).collect();
        let namespaces = self.namespaces();
        let there = namespaces.get(namespace).map(|of| &of.there);
        let mut chosen = BTreeMap::new();
        for (reference, selector) in &selectors {
            match (reference.name.as_deref(), selector) {
                (Some(name), _) if !name.is_empty() => {
                    let provider = there.and_then(|there| there.get(name)).ok_or_else(|| {
                        let cause = "there is no such ResourceSetInputProvider";
                        format!("failed to get provider {namespace}/{name}: {cause}")
                    })?;
                    chosen.insert(name.to_owned(), provider.clone());
                }
                (_, Some(selector)) => {
                    let fits = |(_, provider): &(&String, &Arc<Provider>)| selector.selects(&provider.labels);
                    let fitting = there.into_iter().flatten().filter(fits);
                    chosen.extend(fitting.map(|(name, provider)| (name.clone(), provider.clone())));
                }
                // It is refused for that.
                _ => {}
            }
            if chosen.len() > MOST {
                return Err(format!("inputsFrom means more than {MOST} providers; split the ResourceSet"));
            }
        }
        Ok(chosen)
    }

    /// What these providers of the namespace give, which all have together who are given the same. It takes time that grows with what
    /// they give, where nobody asked for that before.
    ///
    /// # Errors
    /// When one of them gives nothing yet, or they give too much.
    pub(super) fn given(
        &self,
        namespace: &str,
        chosen: &BTreeMap<String, Arc<Provider>>,
    ) -> Result<Arc<Artifact>, String> {
        let held = self.namespaces().entry(namespace.to_owned()).or_default().held.clone();
        let mut pieces = Vec::with_capacity(chosen.len());
        let mut bytes = 0;
        for (name, provider) in chosen {
            let piece = provider.piece(name, &held)?;
            bytes += piece.bytes.len();
            if bytes > LARGEST {
                return Err(format!(
                    "the providers that inputsFrom means give more than {} MiB together; let them give less, or split the ResourceSet",
                    LARGEST >> 20
                ));
            }
            pieces.push((name, piece));
        }
        let identity: Vec<(&String, &String)> = pieces.iter().map(|(name, piece)| (*name, &piece.digest)).collect();
        let revision = digest(&json(&identity)?);
        let known = |of: &Namespace| of.made.get(&revision).and_then(Weak::upgrade);
        if let Some(artifact) = self.namespaces().get(namespace).and_then(known) {
            return Ok(artifact);
        }
        let artifact = Arc::new(artifact(revision.clone(), &pieces)?);
        let mut namespaces = self.namespaces();
        let made = &mut namespaces.entry(namespace.to_owned()).or_default().made;
        made.retain(|_, artifact| artifact.strong_count() > 0);
        made.insert(revision, Arc::downgrade(&artifact));
        Ok(artifact)
    }
}

/// Forgets the namespaces without providers that nobody follows.
fn forget_empty(namespaces: &mut HashMap<String, Namespace>) {
    namespaces.retain(|_, namespace| !namespace.there.is_empty() || namespace.changes.receiver_count() > 0);
}

fn artifact(revision: String, pieces: &[(&String, &Piece)]) -> Result<Artifact, String> {
    let names: Vec<&String> = pieces.iter().map(|(name, _)| *name).collect();
    let mut tree = MemoryTree::new([(NAMES, json(&names)?)]).map_err(|error| error.to_string())?;
    for (name, piece) in pieces {
        tree.insert(&format!("{GIVEN}/{name}"), piece.bytes.clone()).map_err(|error| error.to_string())?;
    }
    let tree: Arc<dyn Tree> = Arc::new(tree);
    Ok(Artifact { digest: revision.clone(), revision, all: tree.clone(), tree, ..Artifact::nothing() })
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, String> {
    serde_json::to_vec(value).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn provider(name: &str, labels: Value, status: Value) -> Arc<ResourceSetInputProvider> {
        let metadata = json!({ "name": name, "namespace": "n", "labels": labels });
        let object = json!({ "metadata": metadata, "spec": { "type": "Static" }, "status": status });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    /// A provider with the label, which gives the value.
    fn giving(name: &str, value: &str) -> Arc<ResourceSetInputProvider> {
        let status = json!({ "lastExportedRevision": "sha256:1", "exportedInputs": [{ "id": name, "v": value }] });
        provider(name, json!({ "lot": "1" }), status)
    }

    fn of_the_lot() -> Vec<InputProviderReference> {
        serde_json::from_value(json!([{ "selector": { "matchLabels": { "lot": "1" } } }])).unwrap()
    }

    /// What a ResourceSet of the namespace is given.
    fn given(providers: &Providers, references: &[InputProviderReference]) -> Result<Arc<Artifact>, String> {
        providers.given("n", &providers.chosen("n", references)?)
    }

    #[test]
    fn all_that_are_given_the_same_have_it_together_and_once() {
        let providers = Providers::default();
        let value = "A".repeat(900_000);
        (0..16).for_each(|number| providers.see(&giving(&format!("p{number}"), &value)));
        let sets: Vec<_> = (0..200).map(|_| given(&providers, &of_the_lot()).unwrap()).collect();
        assert!(sets.iter().all(|artifact| Arc::ptr_eq(artifact, &sets[0])));
        let held = || providers.namespaces()["n"].held.load(Ordering::Relaxed);
        assert!((14_400_000..15_000_000).contains(&held()), "{}", held());
        // Those that are given less of it have what they are given with the others.
        let two: Vec<InputProviderReference> =
            serde_json::from_value(json!([{ "name": "p3" }, { "name": "p4" }])).unwrap();
        let other = given(&providers, &two).unwrap();
        assert!(!Arc::ptr_eq(&other, &sets[0]) && held() < 15_000_000, "{}", held());
        // Other labels are another object, and give the same.
        let mut labelled = giving("p3", &value).as_ref().clone();
        labelled.metadata.labels.as_mut().unwrap().insert("a".to_owned(), "b".to_owned());
        providers.see(&Arc::new(labelled));
        assert!(Arc::ptr_eq(&given(&providers, &of_the_lot()).unwrap(), &sets[0]));
        // What nobody has any more is not held.
        drop((sets, other));
        (0..16).for_each(|number| providers.see(&giving(&format!("p{number}"), "")));
        assert_eq!(held(), 0);
    }

    #[test]
    fn what_is_given_is_bounded() {
        let providers = Providers::default();
        let value = "A".repeat(1_000_000);
        (0..17).for_each(|number| providers.see(&giving(&format!("p{number:02}"), &value)));
        let error = given(&providers, &of_the_lot()).err().unwrap();
        assert!(error.starts_with("the providers that inputsFrom means give more than 16 MiB together"), "{error}");
        providers.leave(&NamespacedName::new("n", "p00"));
        assert!(given(&providers, &of_the_lot()).is_ok());
        for number in 0..MOST {
            providers.see(&giving(&format!("x{number}"), ""));
        }
        assert!(given(&providers, &of_the_lot()).err().unwrap().contains("more than 1000 providers"));
    }

    #[test]
    fn a_provider_that_has_given_nothing_yet_is_waited_for_and_one_that_gives_nothing_is_not() {
        let providers = Providers::default();
        let of = |status: Value| {
            providers.see(&provider("p", json!({ "lot": "1" }), status));
            let given = given(&providers, &of_the_lot());
            given.map(|given| given.tree.read(&cowherd_tree::TreePath::parse("given/p").unwrap()).unwrap())
        };
        assert!(of(json!({})).unwrap_err().contains("'p' has exported nothing yet"));
        assert_eq!(of(json!({ "lastExportedRevision": "sha256:1" })).unwrap(), "[]");
        let one = json!({ "lastExportedRevision": "sha256:1", "exportedInputs": [{ "id": "1" }] });
        assert_eq!(of(one).unwrap(), r#"[{"id":"1"}]"#);
        let metadata = provider("p", json!({ "lot": "1" }), json!({})).metadata.clone();
        providers.see_unreadable(&metadata, "spec.type is 1");
        let error = given(&providers, &of_the_lot()).err().unwrap();
        assert!(error.contains("'p' cannot be read: spec.type is 1"), "{error}");
    }

    #[test]
    fn it_is_told_what_makes_a_difference_and_nothing_else() {
        let providers = Providers::default();
        let mut changes = providers.follow("n");
        let mut is_told = || {
            let is_told = changes.has_changed().unwrap();
            changes.mark_unchanged();
            is_told
        };
        providers.see(&giving("p", "1"));
        assert!(is_told());
        let mut other = giving("p", "1").as_ref().clone();
        other.metadata.annotations = Some(BTreeMap::from([("a".to_owned(), "b".to_owned())]));
        providers.see(&Arc::new(other));
        assert!(!is_told());
        providers.see(&giving("p", "2"));
        assert!(is_told());
        providers.list(&HashSet::from([Key::new("n", "p")]));
        assert!(!is_told());
        providers.list(&HashSet::new());
        assert!(is_told());
        providers.leave(&NamespacedName::new("n", "p"));
        assert!(!is_told());
    }
}
