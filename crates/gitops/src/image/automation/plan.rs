//! What an ImageUpdateAutomation asks for.

use std::collections::BTreeMap;

use cowherd_api::flux::image::v1::{GitSpec, ImageRef, ImageUpdateAutomation};
use cowherd_api::flux::source::v1::{GitRepository, GitRepositoryRef};
use cowherd_api::supported;
use cowherd_imagepolicy::Automation;
use cowherd_source::{Identity, RefUpdate};
use kube::ResourceExt as _;

use super::refspec::{WrongRefspec, of_branch, target};
use crate::source::{SourceName, git};

/// The branch that is checked out where nothing else is said.
const DEFAULT_BRANCH: &str = "master";

/// What an ImageUpdateAutomation asks for, whatever there is.
pub(super) struct Plan {
    /// Which automation it is.
    pub(super) automation: Automation,
    /// The directory whose files are changed, or the file.
    pub(super) path: String,
    pub(super) author: Identity,
    pub(super) template: String,
    pub(super) values: BTreeMap<String, String>,
    /// The branch to which commits go.
    pub(super) branch: String,
    /// Whether that is another one than the one that is changed.
    pub(super) is_other_branch: bool,
    /// The references that are to stand at a commit.
    pub(super) updates: Vec<RefUpdate>,
    /// The refspecs, as they are told.
    pub(super) refspecs: Vec<String>,
    /// What the server is told.
    pub(super) options: Vec<String>,
    /// The latest images, by the policies that chose them.
    pub(super) images: BTreeMap<String, ImageRef>,
}

/// Why nothing can be done, in Flux's words where it has some.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unplanned {
    /// A field asks for what is not done.
    #[error("{0}")]
    Unsupported(supported::Refused),
    /// It does not say what a commit is.
    #[error("source kind 'GitRepository' necessitates field .spec.git: invalid source configuration")]
    NoGit,
    /// It does not say how files are changed.
    #[error("no update strategy")]
    NoStrategy,
    /// It does not say where commits go.
    #[error(
        "failed configuring source manager: push spec not provided, and cannot be inferred from .spec.git.checkout.ref or \
         GitRepository .spec.ref"
    )]
    NoBranch,
    /// The refspec is none.
    #[error("{0}")]
    Refspec(#[from] WrongRefspec),
}

/// The GitRepository that an automation names.
pub(super) fn source(object: &ImageUpdateAutomation) -> SourceName {
    let reference = &object.spec.source_ref;
    let given = reference.namespace.clone().filter(|namespace| !namespace.is_empty());
    let namespace = given.unwrap_or_else(|| object.namespace().unwrap_or_default());
    SourceName::new(git::KIND, namespace, reference.name.clone())
}

/// What is checked out: what the automation says, or else what the GitRepository follows.
pub(super) fn checkout<'a>(git: &'a GitSpec, repository: &'a GitRepository) -> Option<&'a GitRepositoryRef> {
    git.checkout.as_ref().map(|checkout| &checkout.reference).or(repository.spec.reference.as_ref())
}

/// What the spec refuses, whatever there is; else what it says of Git.
pub(super) fn git_of(object: &ImageUpdateAutomation) -> Result<&GitSpec, Unplanned> {
    let spec = serde_json::to_value(&object.spec).unwrap_or_default();
    if let Some(refused) = supported::refused(supported::IMAGE_UPDATE_AUTOMATION, &spec).next() {
        return Err(Unplanned::Unsupported(refused));
    }
    object.spec.update.as_ref().ok_or(Unplanned::NoStrategy)?;
    object.spec.git.as_ref().ok_or(Unplanned::NoGit)
}

impl Plan {
    /// What the automation asks for.
    pub(super) fn new(
        object: &ImageUpdateAutomation,
        repository: &GitRepository,
        images: BTreeMap<String, ImageRef>,
    ) -> Result<Self, Unplanned> {
        let git = git_of(object)?;
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let checkout = checkout(git, repository);
        let checked_out = checkout.and_then(|reference| given(&reference.branch));
        let push = git.push.clone().unwrap_or_default();
        let (branch, is_other_branch) = match given(&push.branch) {
            Some(branch) => {
                let of_checkout = if checkout.is_some() { checked_out } else { Some(DEFAULT_BRANCH.to_owned()) };
                let is_other = of_checkout.as_ref() != Some(&branch);
                (branch, is_other)
            }
            None => (checked_out.ok_or(Unplanned::NoBranch)?, false),
        };
        // A branch that is checked out and was deleted meanwhile is not brought back.
        let is_of_branch = checkout.is_some_and(|of| {
            [&of.name, &of.semver, &of.tag, &of.commit].into_iter().all(|other| given(other).is_none())
        });
        let must_exist = !is_other_branch && is_of_branch;
        let mut updates = vec![RefUpdate { name: of_branch(&branch), is_forced: false, must_exist }];
        let refspec = given(&push.refspec);
        if let Some(refspec) = &refspec {
            let (name, is_forced) = target(refspec, &branch)?;
            match updates.iter_mut().find(|update| update.name == name) {
                Some(update) => update.is_forced = is_forced,
                None => updates.push(RefUpdate { name, is_forced, must_exist: false }),
            }
        }
        let path = object.spec.update.as_ref().and_then(|update| given(&update.path)).unwrap_or_default();
        let author = Identity {
            name: given(&git.commit.author.name).unwrap_or_default(),
            email: git.commit.author.email.clone(),
        };
        Ok(Self {
            automation: Automation { namespace: object.namespace().unwrap_or_default(), name: object.name_any() },
            path,
            author,
            template: given(&git.commit.message_template).unwrap_or_default(),
            values: git.commit.message_template_values.clone(),
            branch,
            is_other_branch,
            updates,
            refspecs: refspec.into_iter().collect(),
            options: push.options.iter().map(|(key, value)| option(key, value)).collect(),
            images,
        })
    }

    /// Whether a commit may be due although nothing of what was seen last has changed.
    pub(super) fn is_always_due(&self) -> bool {
        self.is_other_branch || !self.refspecs.is_empty()
    }
}

/// An option of a push, as Git sends it.
fn option(key: &str, value: &str) -> String {
    let line = |text: &str| text.replace(['\n', '\r', '\0'], " ");
    if value.is_empty() { line(key) } else { format!("{}={}", line(key), line(value)) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plan(git: Value, of_repository: Value) -> Result<Plan, Unplanned> {
        let mut spec = json!({ "sourceRef": { "kind": "GitRepository", "name": "r" }, "interval": "1m",
            "git": { "commit": { "author": { "email": "bot@example.com" } } } });
        spec["git"].as_object_mut().unwrap().extend(git.as_object().unwrap().clone());
        let metadata = json!({ "name": "a", "namespace": "n" });
        let object = serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap();
        let spec = json!({ "url": "https://example.com/r", "interval": "1m", "ref": of_repository });
        let repository = serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap();
        Plan::new(&object, &repository, BTreeMap::new())
    }

    fn branch(git: Value, of_repository: Value) -> (String, bool) {
        let plan = plan(git, of_repository).unwrap();
        (plan.branch.clone(), plan.is_other_branch)
    }

    #[test]
    fn commits_go_where_flux_pushes_them() {
        let main = || json!({ "branch": "main" });
        assert_eq!(branch(json!({}), main()), ("main".to_owned(), false));
        assert_eq!(branch(json!({ "push": { "branch": "main" } }), main()), ("main".to_owned(), false));
        assert_eq!(branch(json!({ "push": { "branch": "auto" } }), main()), ("auto".to_owned(), true));
        assert_eq!(branch(json!({ "checkout": { "ref": { "branch": "dev" } } }), main()), ("dev".to_owned(), false));
        assert_eq!(branch(json!({ "push": { "branch": "master" } }), Value::Null), ("master".to_owned(), false));
        assert_eq!(branch(json!({ "push": { "branch": "auto" } }), json!({ "tag": "v1" })), ("auto".to_owned(), true));
        assert!(matches!(plan(json!({}), json!({ "tag": "v1" })), Err(Unplanned::NoBranch)));
        assert!(matches!(plan(json!({}), Value::Null), Err(Unplanned::NoBranch)));
    }

    #[test]
    fn what_is_not_done_is_refused_by_name() {
        let signed = |more: Value| {
            let mut key = json!({ "secretRef": { "name": "k" } });
            key.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            plan(json!({ "commit": { "author": { "email": "a@b" }, "signingKey": key } }), json!({ "branch": "main" }))
        };
        for of in [json!({}), json!({ "type": "gpg" })] {
            let error = signed(of).err().unwrap().to_string();
            assert!(error.starts_with("spec.git.commit.signingKey.type \"gpg\" is not supported yet; "), "{error}");
        }
        assert!(signed(json!({ "type": "ssh" })).is_ok());
    }

    #[test]
    fn only_a_plus_overwrites() {
        let updates = |push: Value| plan(json!({ "push": push }), json!({ "branch": "main" })).unwrap().updates;
        let exist = |push: Value| updates(push).iter().map(|update| update.must_exist).collect::<Vec<_>>();
        assert_eq!(exist(json!({})), [true]);
        assert_eq!(exist(json!({ "branch": "auto" })), [false]);
        assert_eq!(exist(json!({ "refspec": "HEAD:refs/for/main" })), [true, false]);
        let forced: Vec<bool> = updates(json!({ "branch": "auto" })).iter().map(|update| update.is_forced).collect();
        assert_eq!(forced, [false]);
        let pushed = updates(json!({ "refspec": "+refs/heads/main:refs/heads/copy" }));
        assert_eq!(pushed[1], RefUpdate { name: "refs/heads/copy".to_owned(), is_forced: true, must_exist: false });
        assert!(!pushed[0].is_forced);
    }
}
