//! Which sources are the repository itself.

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_api::flux::source::v1::GitRepository;
use cowherd_source::{BucketPlace, RepositoryUrl};
use kube::ResourceExt;
use serde_json::Value;

use crate::gitops::{self, NamespacedName, ROOT};

use super::artifact::{Artifact, Described, Part};
use super::world::World;

/// The kind of what an ArtifactGenerator makes.
const ARTIFACT: &str = "ExternalArtifact";
/// How many artifacts may be made of each other.
const MAX_CHAIN: usize = 16;

/// How the repository knows itself among the sources of Kustomizations.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Its addresses.
    pub urls: Vec<RepositoryUrl>,
    /// The branches that are meant where a source follows one; any where there are none.
    pub branches: Vec<String>,
    /// The sources that are the repository because somebody said so.
    pub own: Vec<NamespacedName>,
}

/// What a source is.
pub(super) enum Origin {
    /// The repository that is looked at, without the files that the patterns hide.
    Own {
        /// The patterns.
        ignore: Option<String>,
        /// What is made of it, where that is what counts.
        artifact: Option<Box<Artifact>>,
        /// What nothing but the path speaks for.
        is_guess: bool,
    },
    /// Something else, in words.
    Other(String),
}

impl Sources {
    /// Whether nothing that is known says what the source of `kustomization` is.
    pub fn is_unknown(&self, kustomization: &Kustomization, world: &World) -> bool {
        let (kind, name) = reference(kustomization);
        self.is_unknown_source(&kind, &name, world)
    }

    /// Whether nothing that is known says what a source is.
    pub fn is_unknown_source(&self, kind: &str, name: &NamespacedName, world: &World) -> bool {
        !self.is_own(name) && world.source(kind, name).is_none() && world.artifact(name).is_none()
    }

    /// Whether a source is known to be this repository as it is looked at, all of it.
    pub fn is_this(&self, kind: &str, name: &NamespacedName, world: &World) -> bool {
        matches!(self.named(kind, name, world), Origin::Own { ignore: None, artifact: None, is_guess: false })
    }

    /// What the source of `kustomization` is, as far as the repository says.
    pub(super) fn find(&self, kustomization: &Kustomization, world: &World) -> Origin {
        let (kind, name) = reference(kustomization);
        self.of(&kind, &name, world, 0)
    }

    /// What a source is, which may be an artifact that is made of others.
    fn of(&self, kind: &str, name: &NamespacedName, world: &World, depth: usize) -> Origin {
        match world.artifact(name).filter(|_| kind == ARTIFACT) {
            Some(_) if depth >= MAX_CHAIN => {
                Origin::Other(format!("its source {ARTIFACT} {name} is made of others without an end"))
            }
            Some(Ok(described)) => self.made(name, described, world, depth),
            Some(Err(why)) => Origin::Other(format!("its source is {kind} {name}, and {why}")),
            None => self.named(kind, name, world),
        }
    }

    /// What an artifact is that is made of sources: all of them have to be this repository.
    fn made(&self, name: &NamespacedName, described: Described, world: &World, depth: usize) -> Origin {
        let mut is_guess = false;
        let mut parts = Vec::new();
        for source in described.sources() {
            match self.of(source.kind, &source.name, world, depth + 1) {
                Origin::Own { ignore, artifact, is_guess: guessed } => {
                    is_guess |= guessed;
                    parts.push((source.alias, Part { ignore, artifact }));
                }
                Origin::Other(why) => {
                    let of = format!("{} {}", source.kind, source.name);
                    return Origin::Other(format!("its source {ARTIFACT} {name} is made of {of}: {why}"));
                }
            }
        }
        Origin::Own { ignore: None, artifact: Some(Box::new(described.of(parts))), is_guess }
    }

    fn named(&self, kind: &str, name: &NamespacedName, world: &World) -> Origin {
        let object = world.source(kind, name);
        let repository: Option<GitRepository> =
            object.filter(|_| kind == "GitRepository").and_then(|object| serde_json::from_value(object.clone()).ok());
        let ignore = repository.as_ref().and_then(|repository| repository.spec.ignore.clone());
        if self.is_own(name) {
            return Origin::Own { ignore, artifact: None, is_guess: false };
        }
        match (object, repository) {
            (_, Some(repository)) => match self.other(&repository) {
                Some(other) => {
                    let is_elsewhere = !self.is_known_as(&repository.spec.url);
                    let hint =
                        if is_elsewhere { "" } else { "; --source with this name takes it for what is looked at" };
                    Origin::Other(format!("its source {kind} {name} is {other}{hint}"))
                }
                None => Origin::Own { ignore, artifact: None, is_guess: false },
            },
            (Some(object), None) => Origin::Other(format!("its source is {kind} {name}{}", address(object))),
            (None, None) if kind == "GitRepository" => Origin::Own { ignore: None, artifact: None, is_guess: true },
            (None, None) => Origin::Other(format!("its source is {kind} {name}, which is not in the repository")),
        }
    }

    fn is_own(&self, name: &NamespacedName) -> bool {
        *name == NamespacedName::new(ROOT, ROOT) || self.own.contains(name)
    }

    /// Whether an address may be the repository's: it is one of its own, or it knows none.
    pub fn may_be(&self, url: &str) -> bool {
        self.urls.is_empty() || self.urls.iter().any(|own| same(&own.to_string(), url))
    }

    /// Whether an address is one of the repository's own.
    fn is_known_as(&self, url: &str) -> bool {
        self.urls.iter().any(|own| same(&own.to_string(), url))
    }

    /// What a GitRepository is, if not the repository that is looked at.
    pub(crate) fn other(&self, repository: &GitRepository) -> Option<String> {
        let url = &repository.spec.url;
        // An address that is none may hold whatever.
        let parsed = RepositoryUrl::parse(url).ok();
        let shown = parsed.as_ref().map_or_else(|| "an address that is none".to_owned(), ToString::to_string);
        if !self.is_known_as(url) {
            return Some(shown);
        }
        let reference = repository.spec.reference.clone().unwrap_or_default();
        // The first of these that is there counts, as for the agents.
        let fixed = [
            ("the commit", &reference.commit),
            ("the reference", &reference.name),
            ("the newest version of", &reference.semver),
            ("the tag", &reference.tag),
        ];
        if let Some((what, Some(which))) = fixed.into_iter().find(|(_, which)| which.is_some()) {
            return Some(format!("{what} {which} of this repository"));
        }
        let branch = reference.branch.unwrap_or_else(|| "master".to_owned());
        let is_ours = self.branches.is_empty() || self.branches.contains(&branch);
        if !is_ours {
            return Some(format!("the branch {branch} of this repository"));
        }
        let others = [
            ("spec.include", repository.spec.include.as_ref().is_some_and(|include| !include.is_empty())),
            ("spec.recurseSubmodules", repository.spec.recurse_submodules == Some(true)),
        ];
        let with = others.into_iter().find(|(_, is_set)| *is_set).map(|(field, _)| field)?;
        Some(format!("this repository with what is in it of others ({with}), which nobody fetches here"))
    }
}

/// The kind and the name of the source of a Kustomization.
pub(crate) fn reference(kustomization: &Kustomization) -> (String, NamespacedName) {
    let reference = &kustomization.spec.source_ref;
    let namespace = reference.namespace.clone().or_else(|| kustomization.namespace());
    (reference.kind.clone(), gitops::NamespacedName::new(namespace.unwrap_or_default(), &reference.name))
}

/// Where a source of another kind is.
fn address(object: &Value) -> String {
    let spec = &object["spec"];
    let text = |field: &str| spec[field].as_str();
    let url = text("url").and_then(|url| RepositoryUrl::parse(url).ok()).map(|url| url.to_string());
    let bucket = || {
        let is_insecure = spec["insecure"] == true;
        BucketPlace::parse(text("endpoint")?, text("bucketName")?, is_insecure).ok().map(|place| place.to_string())
    };
    url.or_else(bucket).map_or_else(String::new, |address| format!(" ({address})"))
}

/// Whether two addresses name one repository: whatever the scheme, the user and the ending.
fn same(one: &str, other: &str) -> bool {
    match (essence(one), essence(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// Host and path of an address.
fn essence(address: &str) -> Option<String> {
    let lower = address.to_ascii_lowercase();
    let rest = match lower.split_once("://") {
        Some((_, rest)) => rest.to_owned(),
        // `git@host:path`, as ssh has it.
        None => lower.replacen(':', "/", 1),
    };
    let rest = rest.split_once('/').map(|(host, path)| {
        let host = host.rsplit('@').next().unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        format!("{host}/{}", path.trim_matches('/').trim_end_matches(".git"))
    });
    rest.filter(|rest| !rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_repository_are_the_same() {
        assert!(same("https://github.com/org/fleet", "ssh://git@github.com/org/fleet.git"));
        assert!(same("git@github.com:Org/fleet.git", "https://user:token@github.com/org/fleet/"));
        assert!(same("ssh://git@example.com:2222/fleet", "https://example.com/fleet"));
        assert!(!same("https://github.com/org/fleet", "https://github.com/org/other"));
        assert!(!same("https://github.com/org/fleet", "https://gitlab.com/org/fleet"));
        assert!(!same("", ""));
    }
}
