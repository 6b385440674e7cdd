//! Brings references to renamed objects up to date.

mod places;

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Cause, RenderError};

use super::config::Config;
use crate::kustomize::fields::field_path::{FieldSpec, Leaf, walk};
use crate::kustomize::objects::resource::{NO_NAMESPACE, Resource, group_and_version, text};
use crate::kustomize::objects::set::ResourceSet;
use places::Place;
pub(crate) use places::Target;

/// A kind, and the fields that name objects of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct BackReferences {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    #[serde(rename = "fieldSpecs")]
    pub(crate) referrers: Vec<FieldSpec>,
}

impl BackReferences {
    /// The kind that the fields name.
    pub(crate) fn target(&self) -> Target<'_> {
        Target { group: &self.group, version: &self.version, kind: &self.kind }
    }
}

/// The references that kustomize knows.
pub(crate) fn known() -> Vec<BackReferences> {
    places::known()
}

/// The references that objects of a kind hold.
fn places_of<'a>(config: &'a Config, kind: &str, group: &str, version: &str) -> Vec<Place<'a>> {
    let Some(known) = config.name_references() else { return places::of(kind, group, version) };
    let of_kind = |known: &'a BackReferences| {
        let referrers = known.referrers.iter().filter(move |referrer| referrer.fits(group, version, kind));
        referrers.map(|referrer| Place { target: known.target(), path: &referrer.path })
    };
    known.iter().flat_map(of_kind).collect()
}

/// Writes the current names of objects where other objects refer to them by an earlier one.
pub(crate) fn update(resources: &mut ResourceSet, config: &Config) -> Result<(), RenderError> {
    resources.iter().try_for_each(check_subjects)?;
    let renamed = Renamed::among(resources);
    if renamed.objects.is_empty() {
        return Ok(());
    }
    for resource in resources.iter_mut() {
        let kind = resource.original_id().kind.to_owned();
        let (group, version) = group_and_version(resource.api_version());
        let places = places_of(config, &kind, group, version);
        if places.is_empty() {
            continue;
        }
        let referrer = Referrer::new(resource);
        let (file, line, id) = (resource.file.clone(), resource.line, resource.id().to_string());
        for Place { target, path } in places {
            let mut set = |value: &mut Value| renamed.update(value, &target, path, &referrer);
            walk(&mut resource.value, Some(path), Leaf::Never, &mut set).map_err(|error| {
                let cause = Cause::Invalid(format!("updating name reference in {path:?} field of {id}: {error}"));
                RenderError { line, ..RenderError::new(&file, cause) }
            })?;
        }
    }
    Ok(())
}

/// Refuses a role binding whose service account's namespace is there and no text.
fn check_subjects(resource: &Resource) -> Result<(), RenderError> {
    if resource.kind() != "RoleBinding" {
        return Ok(());
    }
    let subjects = resource.value.get("subjects").and_then(Value::as_array);
    let blank = |subject: &Value| {
        subject["kind"] == "ServiceAccount" && subject.get("namespace").is_some_and(|namespace| !namespace.is_string())
    };
    if !subjects.is_some_and(|subjects| subjects.iter().any(blank)) {
        return Ok(());
    }
    let message = format!("the namespace of a subject of {} is blank; name it or leave it out", resource.id());
    let error = RenderError::new(&resource.file, Cause::Invalid(message));
    Err(RenderError { line: resource.line, ..error })
}

/// An object that references may mean.
struct Candidate {
    group: String,
    version: String,
    name: String,
    kind: String,
    /// As written.
    namespace: String,
    effective_namespace: String,
    original_namespace: String,
    /// Kind and name before each change.
    previous: Vec<(String, String)>,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
}

/// The objects that have had another name or namespace, by every name they had.
struct Renamed {
    objects: Vec<Candidate>,
    by_name: HashMap<String, Vec<usize>>,
}

/// The object that refers.
struct Referrer {
    effective_namespace: String,
    prefixes: Vec<String>,
    suffixes: Vec<String>,
    /// Group and kind of what a role binding binds.
    role: Option<(String, String)>,
    /// The namespaces of the service accounts that a role binding binds to.
    subject_namespaces: HashSet<String>,
}

impl Referrer {
    fn new(resource: &Resource) -> Self {
        let role = &resource.value["roleRef"];
        let role = match (&role["apiGroup"], &role["kind"]) {
            (Value::String(group), Value::String(kind)) => Some((group.clone(), kind.clone())),
            _ => None,
        };
        let subjects = resource.value["subjects"].as_array().filter(|_| resource.kind() == "RoleBinding");
        let accounts = subjects.into_iter().flatten().filter(|subject| subject["kind"] == "ServiceAccount");
        Self {
            effective_namespace: resource.effective_namespace().to_owned(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
            role,
            subject_namespaces: accounts
                .filter_map(|subject| subject["namespace"].as_str().map(str::to_owned))
                .collect(),
        }
    }
}

impl Renamed {
    fn among(resources: &ResourceSet) -> Self {
        let mut renamed = Self { objects: Vec::new(), by_name: HashMap::new() };
        for resource in resources.iter().filter(|resource| !resource.previous.is_empty()) {
            let names: HashSet<&str> = resource.previous.iter().map(|id| id.name.as_str()).collect();
            for name in names {
                renamed.by_name.entry(name.to_owned()).or_default().push(renamed.objects.len());
            }
            let (group, version) = group_and_version(resource.api_version());
            renamed.objects.push(Candidate {
                group: group.to_owned(),
                version: version.to_owned(),
                name: resource.name().to_owned(),
                kind: resource.kind().to_owned(),
                namespace: resource.namespace().to_owned(),
                effective_namespace: resource.effective_namespace().to_owned(),
                original_namespace: resource.original_id().namespace.to_owned(),
                previous: resource.previous.iter().map(|id| (id.kind.clone(), id.name.clone())).collect(),
                prefixes: resource.prefixes.clone(),
                suffixes: resource.suffixes.clone(),
            });
        }
        renamed
    }

    /// Updates the reference in `value`: a name, a mapping with a name and possibly a namespace, or a list of either.
    fn update(&self, value: &mut Value, target: &Target, path: &str, referrer: &Referrer) -> Result<(), String> {
        match value {
            Value::String(name) => {
                let found = self.find(name, target, path, referrer, None, |a, b| a.name == b.name)?;
                if let Some(found) = found {
                    name.clone_from(&found.name);
                }
                Ok(())
            }
            Value::Object(map) => self.update_map(map, target, path, referrer),
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.update(item, target, path, referrer)),
            _ => Ok(()),
        }
    }

    fn update_map(
        &self,
        map: &mut Map<String, Value>,
        target: &Target,
        path: &str,
        referrer: &Referrer,
    ) -> Result<(), String> {
        let Some(name) = map.get("name") else {
            return Err("path config error; no 'name' field in node".into());
        };
        let namespace = map.get("namespace").map(|namespace| text(Some(namespace)));
        let identical = |a: &Candidate, b: &Candidate| a.name == b.name && a.namespace == b.namespace;
        let Some(found) = self.find(text(Some(name)), target, path, referrer, namespace, identical)? else {
            return Ok(());
        };
        map.insert("name".into(), found.name.as_str().into());
        if !found.namespace.is_empty() {
            map.insert("namespace".into(), found.namespace.as_str().into());
        }
        Ok(())
    }

    /// The object that `name` means; `None` where it is not among the renamed ones.
    fn find(
        &self,
        name: &str,
        target: &Target,
        path: &str,
        referrer: &Referrer,
        namespace: Option<&str>,
        identical: impl Fn(&Candidate, &Candidate) -> bool,
    ) -> Result<Option<&Candidate>, String> {
        let named = self.by_name.get(name).into_iter().flatten().filter_map(|index| self.objects.get(*index));
        let mut found: Vec<&Candidate> = named.filter(|object| referrer.reaches(object)).collect();
        if let Some(namespace) = namespace {
            let originally = |object: &&Candidate| object.original_namespace == namespace;
            // An object of that name may have been there originally; whatever else was there counts, too.
            if self.objects.iter().any(|object| originally(&object)) {
                found.retain(originally);
            } else {
                found.retain(|object| object.effective_namespace == namespace && namespace != NO_NAMESPACE);
            }
        }
        found.retain(|object| target.selects(object));
        if path.ends_with("roleRef/name")
            && let Some((group, kind)) = &referrer.role
        {
            let role = Target { group, version: "", kind };
            found.retain(|object| role.selects(object));
        }
        found.retain(|object| referrer.may_name(object));
        if found.len() > 1 {
            found.retain(|object| referrer.shares_affixes(object, true));
        }
        if found.len() > 1 {
            found.retain(|object| referrer.shares_affixes(object, false));
        }
        let Some((first, others)) = found.split_first() else {
            return Ok(None);
        };
        if others.iter().all(|other| identical(first, other)) {
            return Ok(Some(first));
        }
        let names: Vec<String> = found.iter().map(|object| format!("{} {}", object.kind, object.name)).collect();
        Err(format!("found multiple possible referrals: {}", names.join(", ")))
    }
}

impl Target<'_> {
    fn selects(&self, object: &Candidate) -> bool {
        let fits = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        fits(self.group, &object.group)
            && fits(self.version, &object.version)
            && object.previous.iter().any(|(kind, _)| fits(self.kind, kind))
    }
}

impl Referrer {
    fn is_cluster_scoped(&self) -> bool {
        self.effective_namespace == NO_NAMESPACE
    }

    /// Whether the object can be meant at all from where the referrer stands.
    fn reaches(&self, object: &Candidate) -> bool {
        self.is_cluster_scoped()
            || object.effective_namespace == NO_NAMESPACE
            || object.effective_namespace == self.effective_namespace
            || self.subject_namespaces.contains(&object.namespace)
    }

    /// Whether the object is in the referrer's namespace, or need not be.
    fn may_name(&self, object: &Candidate) -> bool {
        self.is_cluster_scoped()
            || object.effective_namespace == NO_NAMESPACE
            || object.kind == "ServiceAccount"
            || object.effective_namespace == self.effective_namespace
    }

    /// Whether the names of both were changed by the same kustomizations.
    fn shares_affixes(&self, object: &Candidate, or_has_none: bool) -> bool {
        let shares = |a: &[String], b: &[String]| {
            let either_empty = a.is_empty() || b.is_empty();
            (or_has_none && either_empty) || same_end(a, b)
        };
        shares(&self.prefixes, &object.prefixes) && shares(&self.suffixes, &object.suffixes)
    }
}

/// Whether the shorter list is the end of the longer one; an empty one is the end of an empty one only.
fn same_end(a: &[String], b: &[String]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.is_empty() { long.is_empty() } else { long.ends_with(short) }
}
