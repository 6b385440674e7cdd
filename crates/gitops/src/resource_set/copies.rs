//! What objects of a ResourceSet take from ConfigMaps and Secrets that are there: annotations name them.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cowherd_api::flux::annotations::{CHECKSUM_FROM, CONVERT_KUBE_CONFIG_FROM, COPY_FROM};
use cowherd_apply::mask::Mask;
use cowherd_apply::{ObjectId, Versioned, is_path_segment};
use cowherd_yaml::{Dialect, Limits, parse_first_document};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};
use serde_json::{Map, Value};

use super::checksums;
use crate::producer::{Growth, TooMuch};
use crate::target::Target;

/// The annotations that ask for it.
pub(super) const ANNOTATIONS: [&str; 3] = [COPY_FROM, CONVERT_KUBE_CONFIG_FROM, CHECKSUM_FROM];

/// From how many objects one ResourceSet may take something.
const MOST: usize = 1_000;
/// What is counted of it.
const READ: &str = "what the objects take from others";
const COPIED: &str = "what is copied from others";
/// How large a kubeconfig may be, in bytes.
const LARGEST: usize = 256 * 1024;

/// A ConfigMap or a Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Held {
    pub(super) kind: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// Why nothing is taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    #[error("invalid {annotation} annotation value '{value}' must be in the format '{format}'")]
    Malformed { annotation: &'static str, value: String, format: &'static str },
    #[error("unsupported kind '{0}' in {CHECKSUM_FROM}, only ConfigMap and Secret are allowed")]
    Kind(String),
    #[error("failed to copy data from {0}: {1}")]
    Unread(Held, String),
    #[error("kubeconfig {0} does not have '{1}' field")]
    NoKey(Held, String),
    #[error("failed to extract fields from kubeconfig {0}: {1}")]
    NoKubeConfig(Held, &'static str),
    #[error("its objects take something from more than {MOST} others; split the ResourceSet")]
    TooMany,
    #[error("{0}")]
    TooMuch(#[from] TooMuch),
}

impl CopyError {
    /// Whether nothing in the ResourceSet has to change for it to work.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Unread(..) | Self::NoKey(..) | Self::NoKubeConfig(..))
    }
}

/// What ConfigMaps and Secrets hold, by key.
pub(super) type Data = BTreeMap<String, Vec<u8>>;

/// What a ConfigMap or a Secret has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Content {
    data: Data,
    /// The keys of a ConfigMap that hold no text.
    binary: Vec<String>,
    /// The type of a Secret.
    type_: Option<String>,
}

impl Content {
    /// How many bytes it has.
    fn weight(&self) -> usize {
        self.data.iter().map(|(key, value)| key.len() + value.len()).sum()
    }
}

/// What is taken, as it is in the cluster.
#[derive(Clone, Debug, Default)]
pub(super) struct Copied {
    contents: BTreeMap<Held, Content>,
    /// What must not be shown of it.
    pub(super) mask: Mask,
}

/// Reads what the objects name: with the rights of the account for which they are applied, or of the agents.
pub(super) async fn read(client: &Client, target: &Target, objects: &[Value]) -> Result<Copied, CopyError> {
    let (mut copied, mut growth) = (Copied::default(), Growth::default());
    for held in named(objects)? {
        let content = match held.kind {
            "Secret" => {
                let secret: Secret = get(client, target, &held).await?;
                let data: Data =
                    secret.data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
                data.values().for_each(|value| copied.mask.add_text(&String::from_utf8_lossy(value)));
                Content { data, binary: Vec::new(), type_: secret.type_ }
            }
            _ => {
                let map: ConfigMap = get(client, target, &held).await?;
                let binary: Data =
                    map.binary_data.unwrap_or_default().into_iter().map(|(key, value)| (key, value.0)).collect();
                let keys = binary.keys().cloned().collect();
                let texts = map.data.unwrap_or_default().into_iter().map(|(key, text)| (key, text.into_bytes()));
                Content { data: texts.chain(binary).collect(), binary: keys, type_: None }
            }
        };
        growth.add(READ, content.weight())?;
        copied.contents.insert(held, content);
    }
    Ok(copied)
}

/// All that the objects name, but for what they are themselves.
fn named(objects: &[Value]) -> Result<Vec<Held>, CopyError> {
    let mut all = std::collections::BTreeSet::new();
    for object in objects {
        all.extend(copy_from(object)?);
        all.extend(convert_from(object)?.map(|(held, _)| held));
    }
    let own: std::collections::BTreeSet<Held> = objects.iter().filter_map(itself).collect();
    let mut summed = Vec::new();
    objects.iter().try_for_each(|object| checksums::named(object, &mut summed))?;
    all.extend(summed.into_iter().filter(|held| !own.contains(held)));
    if all.len() > MOST { Err(CopyError::TooMany) } else { Ok(all.into_iter().collect()) }
}

async fn get<K>(client: &Client, target: &Target, held: &Held) -> Result<K, CopyError>
where
    K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    K: Clone + fmt::Debug + serde::de::DeserializeOwned,
{
    let failed = |cause: String| CopyError::Unread(held.clone(), cause);
    let missing = || failed("not found".to_owned());
    let Some(account) = &target.account else {
        let api: Api<K> = Api::namespaced(client.clone(), &held.namespace);
        let found = api.get_opt(&held.name).await;
        return found.map_err(|error| failed(error.to_string()))?.ok_or_else(missing);
    };
    let id = ObjectId {
        namespace: held.namespace.clone(),
        name: held.name.clone(),
        group: String::new(),
        kind: held.kind.to_owned(),
    };
    let object = Versioned { id, version: "v1".to_owned() };
    let found =
        target.applier.look(&object, Some(account)).await.map_err(|error| failed(error.told(&Mask::default())))?;
    serde_json::from_value(found.ok_or_else(missing)?).map_err(|error| failed(error.to_string()))
}

/// Which ConfigMap or Secret an object is, if it is one.
pub(super) fn itself(object: &Value) -> Option<Held> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let kind = (text("/apiVersion") == "v1").then(|| kind(text("/kind"))).flatten()?;
    Some(Held { kind, namespace: text("/metadata/namespace").to_owned(), name: text("/metadata/name").to_owned() })
}

/// The kind of this name, if it is one that holds data.
pub(super) fn kind(name: &str) -> Option<&'static str> {
    ["ConfigMap", "Secret"].into_iter().find(|kind| *kind == name)
}

fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get("metadata")?.get("annotations")?.get(name)?.as_str()
}

/// The ConfigMap or Secret of which an object is to be a copy.
fn copy_from(object: &Value) -> Result<Option<Held>, CopyError> {
    let Some((Held { kind, .. }, value)) = itself(object).zip(annotation(object, COPY_FROM)) else { return Ok(None) };
    let malformed =
        || CopyError::Malformed { annotation: COPY_FROM, value: value.to_owned(), format: "namespace/name" };
    place(kind, value).map(Some).ok_or_else(malformed)
}

/// The Secret with the kubeconfig of which a ConfigMap is to say where the cluster is, and the key in it, where one is said.
fn convert_from(object: &Value) -> Result<Option<(Held, Option<&str>)>, CopyError> {
    let value = annotation(object, CONVERT_KUBE_CONFIG_FROM);
    let Some((Held { kind: "ConfigMap", .. }, value)) = itself(object).zip(value) else { return Ok(None) };
    let (named, key) = match value.split_once('/').and_then(|(_, rest)| rest.rsplit_once(':')) {
        Some((_, key)) => (&value[..value.len() - key.len() - 1], Some(key)),
        None => (value, None),
    };
    let malformed = || CopyError::Malformed {
        annotation: CONVERT_KUBE_CONFIG_FROM,
        value: value.to_owned(),
        format: "namespace/name' or 'namespace/name:key",
    };
    place("Secret", named).map(|held| Some((held, key))).ok_or_else(malformed)
}

fn place(kind: &'static str, text: &str) -> Option<Held> {
    let (namespace, name) = text.split_once('/')?;
    let is_name = |text: &str| !text.is_empty() && is_path_segment(text);
    let held = Held { kind, namespace: namespace.to_owned(), name: name.to_owned() };
    (is_name(namespace) && is_name(name)).then_some(held)
}

impl Copied {
    pub(super) fn is_empty(&self) -> bool {
        self.contents.is_empty()
    }

    /// What is another one where anything of it is.
    pub(super) fn identity(&self) -> String {
        let mut bytes = Vec::new();
        for (held, content) in &self.contents {
            bytes.extend_from_slice(held.to_string().as_bytes());
            let type_ = content.type_.as_deref().unwrap_or_default().as_bytes();
            let parts = content.data.iter().flat_map(|(key, value)| [key.as_bytes(), value.as_slice()]);
            for part in std::iter::once(type_).chain(parts) {
                bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
                bytes.extend_from_slice(part);
            }
        }
        if self.contents.is_empty() { String::new() } else { crate::source::digest(&bytes) }
    }

    /// Fills in what the objects ask for.
    pub(super) fn fill(&self, objects: &mut [Value]) -> Result<(), CopyError> {
        let mut growth = Growth::default();
        for object in objects.iter_mut() {
            if let Some(held) = copy_from(object)? {
                growth.add(COPIED, self.content(&held)?.weight())?;
                self.copy(&held, object)?;
            }
            if let Some((held, key)) = convert_from(object)? {
                let (address, authority) = self.converted(&held, key)?;
                growth.add(COPIED, address.len() + authority.len())?;
                let data = map(object, "data");
                data.entry("address").or_insert(Value::String(address));
                data.entry("ca.crt").or_insert(Value::String(authority));
            }
        }
        checksums::fill(objects, |held| self.content(held).map(|content| content.data.clone()))
    }

    fn content(&self, held: &Held) -> Result<&Content, CopyError> {
        self.contents.get(held).ok_or_else(|| CopyError::Unread(held.clone(), "not found".to_owned()))
    }

    fn copy(&self, held: &Held, object: &mut Value) -> Result<(), CopyError> {
        let Content { data, binary, type_ } = self.content(held)?;
        if held.kind == "ConfigMap" {
            let (bytes, texts): (Vec<_>, Vec<_>) = data.iter().partition(|(key, _)| binary.contains(key));
            let text = |(key, value): (&String, &Vec<u8>)| {
                (key.clone(), Value::String(String::from_utf8_lossy(value).into_owned()))
            };
            *map(object, "data") = texts.into_iter().map(text).collect();
            if !bytes.is_empty() {
                *map(object, "binaryData") = bytes.into_iter().map(encoded).collect();
            }
            return Ok(());
        }
        if let Some(object) = object.as_object_mut() {
            object.remove("stringData");
            let of = type_.clone().filter(|type_| !type_.is_empty()).unwrap_or_else(|| "Opaque".to_owned());
            object.entry("type").or_insert(Value::String(of));
        }
        map(object, "data").extend(data.iter().map(encoded));
        Ok(())
    }

    /// The address and the authority of the cluster that a kubeconfig names first.
    fn converted(&self, held: &Held, key: Option<&str>) -> Result<(String, String), CopyError> {
        let data = &self.content(held)?.data;
        let keys = key.map_or_else(|| vec!["kubeconfig", "value"], |key| vec![key]);
        let found = keys.iter().find_map(|key| data.get(*key));
        let found = found.ok_or_else(|| CopyError::NoKey(held.clone(), keys.join("' or '")))?;
        let wrong = |what| CopyError::NoKubeConfig(held.clone(), what);
        let limits = Limits { bytes: LARGEST, ..Limits::default() };
        let document = parse_first_document(found, Dialect::Kubernetes, &limits).ok().flatten();
        let kubeconfig = document.ok_or_else(|| wrong("it is no YAML"))?.value;
        let cluster = kubeconfig.pointer("/clusters/0/cluster").ok_or_else(|| wrong("it names no cluster"))?;
        let text = |field: &str| cluster.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        let server = text("server").ok_or_else(|| wrong("its first cluster has no server"))?;
        let authority = text("certificate-authority-data");
        let authority = authority.ok_or_else(|| wrong("its first cluster has no certificate-authority-data"))?;
        let decoded = BASE64_STANDARD.decode(authority).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let decoded = decoded.ok_or_else(|| wrong("certificate-authority-data is not base64 of a text"))?;
        Ok((server.to_owned(), decoded))
    }
}

fn encoded((key, value): (&String, &Vec<u8>)) -> (String, Value) {
    (key.clone(), Value::String(BASE64_STANDARD.encode(value)))
}

/// The map that a field of the object is, or becomes.
fn map<'a>(object: &'a mut Value, field: &str) -> &'a mut Map<String, Value> {
    let slot = &mut object[field];
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    match slot {
        Value::Object(map) => map,
        _ => unreachable!("it is one since the line before"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn held(kind: &'static str, name: &str) -> Held {
        Held { kind, namespace: "n".to_owned(), name: name.to_owned() }
    }

    fn content(data: &[(&str, &str)]) -> Content {
        let data = data.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect();
        Content { data, ..Content::default() }
    }

    fn copied(contents: impl IntoIterator<Item = (Held, Content)>) -> Copied {
        Copied { contents: contents.into_iter().collect(), mask: Mask::default() }
    }

    fn object(kind: &str, annotation: &str, value: &str, more: Value) -> Value {
        let mut object = json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "copy", "namespace": "m",
            "annotations": { annotation: value } } });
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object
    }

    fn filled(copied: &Copied, object: Value) -> Result<Value, String> {
        let mut objects = [object];
        copied.fill(&mut objects).map_err(|error| error.to_string())?;
        let [object] = objects;
        Ok(object)
    }

    #[test]
    fn a_copy_has_what_the_other_holds_and_the_type_that_it_says_itself() {
        let secret = Content { type_: Some("kubernetes.io/tls".to_owned()), ..content(&[("a", "1")]) };
        let binary = Content { binary: vec!["b".to_owned()], ..content(&[("a", "1"), ("b", "2")]) };
        let copied = copied([(held("Secret", "s"), secret), (held("ConfigMap", "m"), binary)]);
        let found = filled(&copied, object("Secret", COPY_FROM, "n/s", json!({ "stringData": { "x": "y" } }))).unwrap();
        assert_eq!(
            (&found["type"], &found["data"], &found["stringData"]),
            (&json!("kubernetes.io/tls"), &json!({ "a": "MQ==" }), &Value::Null)
        );
        let found = filled(&copied, object("Secret", COPY_FROM, "n/s", json!({ "type": "Opaque" }))).unwrap();
        assert_eq!(found["type"], "Opaque");
        let found = filled(&copied, object("ConfigMap", COPY_FROM, "n/m", json!({ "data": { "x": "y" } }))).unwrap();
        assert_eq!((&found["data"], &found["binaryData"]), (&json!({ "a": "1" }), &json!({ "b": "Mg==" })));
        let other = object("Deployment", COPY_FROM, "n/s", json!({}));
        assert_eq!(filled(&copied, other.clone()).unwrap(), other);
    }

    #[test]
    fn a_kubeconfig_gives_the_address_and_the_authority_of_its_first_cluster() {
        let kubeconfig = "clusters: [{name: a, cluster: {server: 'https://a', certificate-authority-data: Y2E=}}]\n";
        let copied = copied([(held("Secret", "k"), content(&[("value", kubeconfig), ("mine", "clusters: []")]))]);
        let of = |value: &str, more| filled(&copied, object("ConfigMap", CONVERT_KUBE_CONFIG_FROM, value, more));
        assert_eq!(of("n/k", json!({})).unwrap()["data"], json!({ "address": "https://a", "ca.crt": "ca" }));
        let own = json!({ "data": { "address": "https://b", "x": "y" } });
        assert_eq!(of("n/k:value", own).unwrap()["data"], json!({ "address": "https://b", "ca.crt": "ca", "x": "y" }));
        for (value, says) in [
            ("n/k:mine", "names no cluster"),
            ("n/k:other", "does not have 'other' field"),
            ("n", "must be in the format 'namespace/name' or 'namespace/name:key'"),
            ("n/k/x", "must be in the format"),
        ] {
            let error = of(value, json!({})).unwrap_err();
            assert!(error.contains(says), "{value}: {error}");
        }
    }

    #[test]
    fn what_would_be_another_request_is_no_place() {
        for wrong in ["n", "/s", "n/", "n/s/x", "../n/s", "n/..", "n/s?x=1"] {
            assert!(named(&[object("Secret", COPY_FROM, wrong, json!({}))]).is_err(), "{wrong}");
        }
        assert_eq!(named(&[object("Secret", COPY_FROM, "n/s", json!({}))]).unwrap(), [held("Secret", "s")]);
    }

    #[test]
    fn only_what_holds_data_copies_and_no_more_than_a_thousand_others_are_asked_for() {
        let from = |count: usize| -> Vec<Value> {
            (0..count).map(|number| object("Secret", COPY_FROM, &format!("n/s{number}"), json!({}))).collect()
        };
        assert_eq!(named(&from(MOST)).unwrap().len(), MOST);
        assert!(named(&from(MOST + 1)).unwrap_err().to_string().contains("more than 1000 others"));
        let mut other = object("Secret", COPY_FROM, "n/s", json!({}));
        other["apiVersion"] = json!("example.com/v1");
        assert_eq!(named(&[other, object("Pod", COPY_FROM, "n/s", json!({}))]).unwrap(), []);
        assert_eq!(named(&[object("Secret", CONVERT_KUBE_CONFIG_FROM, "n/s", json!({}))]).unwrap(), []);
    }

    #[test]
    fn what_is_copied_into_all_objects_is_bounded() {
        let large = "x".repeat(1 << 20);
        let copied = copied([(held("Secret", "s"), content(&[("a", &large)]))]);
        let of = |count: usize| {
            let mut objects = vec![object("Secret", COPY_FROM, "n/s", json!({})); count];
            copied.fill(&mut objects).map_err(|error| error.to_string())
        };
        of(20).unwrap();
        let error = of(70).unwrap_err();
        assert!(error.starts_with("what is copied from others would be more than 64 MiB"), "{error}");
    }

    #[test]
    fn another_content_has_another_identity() {
        let of = |value: &str| copied([(held("Secret", "s"), content(&[("a", value)]))]).identity();
        assert_eq!(of("1"), of("1"));
        assert_ne!(of("1"), of("2"));
        assert_eq!(Copied::default().identity(), "");
    }
}
