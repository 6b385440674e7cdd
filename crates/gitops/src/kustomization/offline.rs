//! What a Kustomization makes of a tree where there is no cluster to ask: for whoever reviews a repository.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use cowherd_api::flux::kustomize::v1::{DependencyReference, Kustomization, SubstituteReference};
use cowherd_api::supported::{self, Refused};
use cowherd_apply::mask::Mask;
use cowherd_apply::{Manifest, ObjectId};
use cowherd_render::{Cause, Helm, RemoteSource, Rendered, Unrendered};
use cowherd_sops::Keys;
use cowherd_source::Access;
use cowherd_tree::{Reads, Recorder, Tree, TreeError, TreePath};
use serde_json::Value;

use super::decryption::{self, Opener, is_encrypted};
use super::owner::{deletion, settings};
use super::producer::{BuildError, Kustomize, rendered};
use super::variables::Variables;
use crate::owner::{Deletion, SettingsError};
use crate::producer::Growth;
use crate::remotes::Brought;
use crate::source::SourceKind;
use crate::{Elsewhere, NamespacedName};

/// A Kustomization, read as the agents read it; but what they refuse is noted, and left out.
#[derive(Clone, Debug)]
pub struct Plan {
    kustomize: Kustomize,
    depends_on: Vec<NamespacedName>,
    waits_for: Vec<NamespacedName>,
    default_namespace: Option<String>,
    prunes: bool,
    deletes: bool,
    refused: Vec<Refused>,
}

/// The values of variables, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// Values by the names of their variables.
    pub values: BTreeMap<String, String>,
    /// Whether there may be more. Then what has no value here stays as it is written.
    pub are_partial: bool,
}

/// What came of a tree.
#[derive(Clone)]
pub struct Made {
    /// The objects, in kustomize's order.
    pub objects: Vec<Manifest>,
    /// What some of the objects failed with. They are missing from `objects`.
    pub problems: Vec<OfflineProblem>,
    /// The variables without value and default, by the objects that name them.
    pub unset: Vec<(ObjectId, BTreeSet<String>)>,
    /// The Secrets that are encrypted, and stay so.
    pub encrypted: Vec<ObjectId>,
    /// All objects that are encrypted, and stay so, those among them that no Kustomization fails for.
    pub closed: Vec<ObjectId>,
    /// What was decrypted: it must not be shown.
    pub secrets: Vec<String>,
    /// What a person should know of the kustomizations.
    pub warnings: Vec<String>,
    /// The files among them that only other programs make manifests of.
    pub unrendered: Vec<Unrendered>,
    /// What was read.
    pub reads: Reads,
    /// What was used from elsewhere, with its revision.
    pub remotes: BTreeMap<RemoteSource, String>,
}

/// Why there are no objects, or not all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfflineProblem {
    /// What is wrong, with what to do. It may show values of variables.
    pub text: String,
    /// The file at fault, where it is known and in the tree.
    pub file: Option<TreePath>,
    /// The line in it, counted from 1.
    pub line: Option<usize>,
    /// The same without the place.
    pub cause: String,
    /// The object that failed alone, as it was rendered.
    pub object: Option<Box<Value>>,
    /// Whether something else that is named is not there.
    pub lacks_another: bool,
    /// The field of the object, or of the kustomization in the file, where that is known.
    pub field: Option<Box<str>>,
}

impl Plan {
    /// What `kustomization` asks for.
    ///
    /// # Errors
    /// When a field has a value that means nothing.
    pub fn read(kustomization: &Kustomization) -> Result<Self, String> {
        let waits_for =
            dependencies(kustomization, |dependency| dependency.ready_expr.as_deref().is_none_or(str::is_empty));
        let mut kustomization = kustomization.clone();
        let refused = without_refused(&mut kustomization);
        let told = |error: SettingsError| error.to_string();
        let settings = settings(&kustomization).map_err(told)?;
        let namespace = NamespacedName::of(&kustomization).namespace;
        Ok(Self {
            kustomize: Kustomize::read(&namespace, &kustomization.spec).map_err(told)?,
            depends_on: dependencies(&kustomization, |_| true),
            waits_for,
            default_namespace: settings.default_namespace,
            prunes: settings.prune,
            deletes: !matches!(deletion(&kustomization), Deletion::Orphan(_)),
            refused,
        })
    }

    /// The fields that the agents refuse.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// The directory.
    pub fn path(&self) -> &str {
        self.kustomize.path()
    }

    /// The Kustomizations that must be ready before.
    pub fn depends_on(&self) -> &[NamespacedName] {
        &self.depends_on
    }

    /// Those of them that must be ready as their conditions say, and not as an expression decides it.
    pub fn waits_for(&self) -> &[NamespacedName] {
        &self.waits_for
    }

    /// Where values of variables come from.
    pub fn substitute_from(&self) -> &[SubstituteReference] {
        self.kustomize.substitute_from()
    }

    /// The values that stand in the Kustomization itself.
    pub fn substitute(&self) -> &BTreeMap<String, String> {
        self.kustomize.substitute()
    }

    /// Whether variables are replaced.
    pub fn substitutes(&self) -> bool {
        self.kustomize.substitutes()
    }

    /// The namespace of objects that name none.
    pub fn default_namespace(&self) -> Option<&str> {
        self.default_namespace.as_deref()
    }

    /// Whether objects that are no longer described are deleted.
    pub fn prunes(&self) -> bool {
        self.prunes
    }

    /// Whether the objects go with the Kustomization.
    pub fn deletes_with_it(&self) -> bool {
        self.deletes
    }

    /// All that objects are made from besides the tree, in one text.
    pub fn key(&self, values: &Values) -> String {
        format!("{} {}", values.are_partial, self.kustomize.parameters(&values.values))
    }

    /// The objects that the tree means, with what it names elsewhere as far as `access` allows. Blocks the thread.
    ///
    /// # Errors
    /// When there are no objects at all. Where some fail, the others are there.
    pub fn make(
        &self,
        tree: &dyn Tree,
        values: &Values,
        helm: &Helm,
        elsewhere: &Elsewhere,
        access: &Access,
        keys: &Keys,
    ) -> Result<Made, OfflineProblem> {
        let recorder = Recorder::new(tree);
        // What no key here opens, a reviewer's for example, stays as it is.
        let mut opener = Opener::lenient(keys);
        let decrypts = self.kustomize.decrypts() && !keys.is_empty();
        let rendered = self.rendered(&recorder, helm, (elsewhere, access), decrypts.then_some(&mut opener));
        let Rendered { objects, remotes, mut warnings, unrendered } =
            rendered.map_err(|error| OfflineProblem::from(error).masked(&opener.found))?;
        warnings.extend(opener.found.changed.iter().map(|file| {
            format!("{file} was changed since sops encrypted it: its message authentication code is wrong")
        }));
        let mut made = Made {
            objects: Vec::with_capacity(objects.len()),
            problems: Vec::new(),
            unset: Vec::new(),
            encrypted: Vec::new(),
            closed: Vec::new(),
            secrets: Vec::new(),
            warnings,
            unrendered,
            reads: recorder.into_reads(),
            remotes,
        };
        // Which of the values are secret is known to a cluster alone.
        let variables = Variables { values: values.values.clone(), ..Variables::default() };
        let mut growth = Growth::default();
        for object in objects {
            let opened = match decrypts {
                true => decryption::opened(object.clone(), &mut opener).map_err(BuildError::from),
                false => Ok(object.clone()),
            };
            let finished = opened.and_then(|opened| {
                let substituted = self.kustomize.substituted(opened, &variables, values.are_partial, &mut growth)?;
                Ok((self.kustomize.finished(substituted.object, &mut growth)?, substituted.unset))
            });
            match finished {
                Ok((manifest, unset)) => {
                    if !unset.is_empty() {
                        made.unset.push((manifest.id().clone(), unset));
                    }
                    if is_encrypted(&manifest) {
                        made.encrypted.push(manifest.id().clone());
                    }
                    if decryption::is_closed(manifest.object()) {
                        made.closed.push(manifest.id().clone());
                    }
                    made.objects.push(manifest);
                }
                Err(error) => {
                    let object = Some(Box::new(object));
                    made.problems.push(OfflineProblem { object, ..error.into() });
                }
            }
        }
        made.problems = made.problems.into_iter().map(|problem| problem.masked(&opener.found)).collect();
        made.secrets = opener.found.secrets;
        Ok(made)
    }

    fn rendered(
        &self,
        tree: &Recorder<'_>,
        helm: &Helm,
        (elsewhere, access): (&Elsewhere, &Access),
        mut opener: Option<&mut Opener<'_>>,
    ) -> Result<Rendered, BuildError> {
        let mut brought = Brought::default();
        loop {
            match rendered(tree, &self.kustomize, helm, &brought, &AtomicBool::new(false), opener.as_deref_mut()) {
                Err(BuildError::Render(error)) => elsewhere.bring(&brought.explain(error)?, access, &mut brought),
                done => return done,
            }
        }
    }
}

impl OfflineProblem {
    /// A problem of which no more is known than how it is told.
    pub fn new(text: String) -> Self {
        Self { cause: text.clone(), text, file: None, line: None, object: None, lacks_another: false, field: None }
    }
}

impl OfflineProblem {
    /// The same without these values.
    fn masked(mut self, found: &decryption::Found) -> Self {
        if found.any {
            let mut mask = Mask::default();
            found.hide(&mut mask);
            (self.text, self.cause) = (mask.text(&self.text), mask.text(&self.cause));
        }
        self
    }
}

impl From<BuildError> for OfflineProblem {
    fn from(error: BuildError) -> Self {
        // Nobody has told what is in Secrets of a cluster.
        let text = error.text().told(&Mask::default());
        match &error {
            BuildError::Render(error) if error.remote.is_none() => {
                let named = error.field.as_ref().map_or_else(String::new, |field| format!("{field}: "));
                let (file, line, field) = (Some(error.file.clone()), error.line, error.field.as_deref().map(Box::from));
                let cause = format!("{named}{}", error.cause);
                let lacks_another = matches!(*error.cause, Cause::Read(TreeError::NotFound(_)) | Cause::NoTarget(_));
                Self { file, line, field, cause, lacks_another, ..Self::new(text) }
            }
            BuildError::Manifest(error) => Self { field: Some(error.field().into()), ..Self::new(text) },
            _ => Self::new(text),
        }
    }
}

/// The Kustomizations that one depends on, as far as they count.
fn dependencies(of: &Kustomization, counts: impl Fn(&DependencyReference) -> bool) -> Vec<NamespacedName> {
    let own = NamespacedName::of(of).namespace;
    let named = |dependency: &DependencyReference| {
        NamespacedName::new(dependency.namespace.clone().unwrap_or_else(|| own.clone()), &dependency.name)
    };
    of.spec.depends_on.iter().filter(|dependency| counts(dependency)).map(named).collect()
}

/// Takes away what the agents refuse, and tells it.
fn without_refused(kustomization: &mut Kustomization) -> Vec<Refused> {
    let spec = &mut kustomization.spec;
    let written = serde_json::to_value(&*spec).unwrap_or_default();
    if let Some(decryption) = &mut spec.decryption {
        decryption.service_account_name = None;
    }
    spec.ignore.clear();
    spec.build_metadata.clear();
    // What is wrong with expressions is told by itself, with their fields.
    spec.health_check_exprs.clear();
    for dependency in &mut spec.depends_on {
        dependency.ready_expr = None;
    }
    if SourceKind::read(SourceKind::OF_MANIFESTS, &spec.source_ref.kind).is_none() {
        spec.source_ref.kind = "GitRepository".to_owned();
    }
    supported::refused(supported::KUSTOMIZATION, &written).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowherd_tree::MemoryTree;
    use serde_json::json;

    fn plan(spec: serde_json::Value) -> Plan {
        let mut full = json!({ "interval": "10m", "prune": true, "path": "app",
            "sourceRef": { "kind": "GitRepository", "name": "s" } });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let object = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": "a", "namespace": "n" }, "spec": full });
        Plan::read(&serde_json::from_value(object).unwrap()).unwrap()
    }

    fn make(plan: &Plan, file: &str, values: &Values) -> Result<Made, OfflineProblem> {
        let tree = MemoryTree::new([("app/a.yaml", file.to_owned())]).unwrap();
        plan.make(&tree, values, &Helm::default(), &Elsewhere::nothing(), &Access::own(), &Keys::default())
    }

    #[test]
    fn what_the_agents_refuse_is_noted_and_the_rest_is_made() {
        let plan = plan(
            json!({ "buildMetadata": ["originAnnotations"], "decryption": { "provider": "sops" }, "targetNamespace": "apps" }),
        );
        let refused: Vec<&str> = plan.refused().iter().map(|refused| refused.entry.field).collect();
        assert_eq!(refused, ["buildMetadata"]);
        let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: eA==}\nsops: {mac: x}\n";
        let made = make(&plan, secret, &Values::default()).unwrap();
        assert_eq!(made.encrypted[0].to_string(), "Secret/apps/s");
        assert_eq!(made.objects.len(), 1);
    }

    #[test]
    fn one_broken_object_hides_no_other_and_what_is_not_known_stays() {
        let plan = plan(json!({ "postBuild": { "substitute": { "known": "1" } } }));
        let file = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: good}\ndata: {a: \"${known}${unknown}\"}\n---\n\
                    apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\ndata: {a: \"${known\"}\n";
        let values = Values { values: plan.substitute().clone(), are_partial: true };
        let made = make(&plan, file, &values).unwrap();
        assert_eq!(made.objects[0].object()["data"]["a"], "1${unknown}");
        assert_eq!(made.unset[0].1.iter().collect::<Vec<_>>(), ["unknown"]);
        assert!(made.problems[0].text.contains("ConfigMap/bad"), "{:?}", made.problems);
        assert_eq!(made.problems[0].object.as_ref().unwrap()["metadata"]["name"], "bad");
    }

    #[test]
    fn a_broken_file_is_named_with_its_line() {
        let problem = make(&plan(json!({})), "a: 1\nb: [\n", &Values::default()).err().unwrap();
        assert_eq!(problem.file.unwrap().as_str(), "app/a.yaml");
        assert!(problem.line.is_some() && !problem.cause.contains("app/a.yaml"));
    }
}
