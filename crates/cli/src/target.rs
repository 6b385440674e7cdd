//! The resource that a command is about: `kustomization apps`, `ks/apps`, `source git flux-system`, or just `apps`.

use anyhow::Result;
use cowherd_api::supported;
use cowherd_text::near;

use crate::failure::misuse;

/// The kinds that the agents reconcile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `kustomize.toolkit.fluxcd.io/v1`
    Kustomization,
    /// `source.toolkit.fluxcd.io/v1`
    GitRepository,
    /// `source.toolkit.fluxcd.io/v1`
    OCIRepository,
    /// `source.toolkit.fluxcd.io/v1`
    Bucket,
    /// `source.toolkit.fluxcd.io/v1`
    HelmRepository,
    /// `source.toolkit.fluxcd.io/v1`
    HelmChart,
    /// `source.toolkit.fluxcd.io/v1`
    ExternalArtifact,
    /// `source.extensions.fluxcd.io/v1beta1`
    ArtifactGenerator,
    /// `helm.toolkit.fluxcd.io/v2`
    HelmRelease,
    /// `fluxcd.controlplane.io/v1`
    FluxInstance,
    /// `fluxcd.controlplane.io/v1`
    ResourceSet,
    /// `fluxcd.controlplane.io/v1`
    ResourceSetInputProvider,
    /// `notification.toolkit.fluxcd.io/v1beta3`
    Alert,
    /// `notification.toolkit.fluxcd.io/v1beta3`
    Provider,
    /// `notification.toolkit.fluxcd.io/v1`
    Receiver,
    /// `image.toolkit.fluxcd.io/v1`
    ImageRepository,
    /// `image.toolkit.fluxcd.io/v1`
    ImagePolicy,
    /// `image.toolkit.fluxcd.io/v1`
    ImageUpdateAutomation,
}

impl Kind {
    /// The kinds of sources, and what makes some of others.
    pub const SOURCES: [Self; 8] = [
        Self::GitRepository,
        Self::OCIRepository,
        Self::Bucket,
        Self::HelmRepository,
        Self::HelmChart,
        Self::ArtifactGenerator,
        Self::ExternalArtifact,
        Self::ResourceSetInputProvider,
    ];

    /// The kinds that bring objects to the cluster.
    pub const OWNERS: [Self; 4] = [Self::Kustomization, Self::HelmRelease, Self::ResourceSet, Self::FluxInstance];

    /// The kinds by which the world is told of events, and tells of changes.
    pub const NOTIFICATIONS: [Self; 3] = [Self::Alert, Self::Provider, Self::Receiver];

    /// The kinds by which the latest images are written to Git.
    pub const IMAGES: [Self; 3] = [Self::ImageRepository, Self::ImagePolicy, Self::ImageUpdateAutomation];

    /// The kind of source that manifests call so.
    pub fn source(name: &str) -> Option<Self> {
        Self::SOURCES.into_iter().find(|kind| kind.name() == name)
    }

    /// The name of the kind as manifests write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kustomization => "Kustomization",
            Self::GitRepository => "GitRepository",
            Self::OCIRepository => "OCIRepository",
            Self::Bucket => "Bucket",
            Self::HelmRepository => "HelmRepository",
            Self::HelmChart => "HelmChart",
            Self::ExternalArtifact => "ExternalArtifact",
            Self::ArtifactGenerator => "ArtifactGenerator",
            Self::HelmRelease => "HelmRelease",
            Self::FluxInstance => "FluxInstance",
            Self::ResourceSet => "ResourceSet",
            Self::ResourceSetInputProvider => "ResourceSetInputProvider",
            Self::Alert => "Alert",
            Self::Provider => "Provider",
            Self::Receiver => "Receiver",
            Self::ImageRepository => "ImageRepository",
            Self::ImagePolicy => "ImagePolicy",
            Self::ImageUpdateAutomation => "ImageUpdateAutomation",
        }
    }

    /// The API group of the kind.
    pub fn group(self) -> &'static str {
        match self {
            Self::Kustomization => "kustomize.toolkit.fluxcd.io",
            Self::HelmRelease => "helm.toolkit.fluxcd.io",
            Self::ArtifactGenerator => "source.extensions.fluxcd.io",
            Self::FluxInstance | Self::ResourceSet | Self::ResourceSetInputProvider => "fluxcd.controlplane.io",
            Self::GitRepository
            | Self::OCIRepository
            | Self::Bucket
            | Self::HelmRepository
            | Self::HelmChart
            | Self::ExternalArtifact => "source.toolkit.fluxcd.io",
            Self::Alert | Self::Provider | Self::Receiver => "notification.toolkit.fluxcd.io",
            Self::ImageRepository | Self::ImagePolicy | Self::ImageUpdateAutomation => "image.toolkit.fluxcd.io",
        }
    }

    /// The version of the kind.
    pub fn version(self) -> &'static str {
        match self {
            Self::HelmRelease => "v2",
            Self::Alert | Self::Provider => "v1beta3",
            Self::ArtifactGenerator => "v1beta1",
            _ => "v1",
        }
    }

    /// The name of the kind in paths.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Kustomization => "kustomizations",
            Self::GitRepository => "gitrepositories",
            Self::OCIRepository => "ocirepositories",
            Self::Bucket => "buckets",
            Self::HelmRepository => "helmrepositories",
            Self::HelmChart => "helmcharts",
            Self::ExternalArtifact => "externalartifacts",
            Self::ArtifactGenerator => "artifactgenerators",
            Self::HelmRelease => "helmreleases",
            Self::FluxInstance => "fluxinstances",
            Self::ResourceSet => "resourcesets",
            Self::ResourceSetInputProvider => "resourcesetinputproviders",
            Self::Alert => "alerts",
            Self::Provider => "providers",
            Self::Receiver => "receivers",
            Self::ImageRepository => "imagerepositories",
            Self::ImagePolicy => "imagepolicies",
            Self::ImageUpdateAutomation => "imageupdateautomations",
        }
    }

    /// The kind that a word names as kubectl takes it: singular, plural or short, in any case, with or without its
    /// group behind a dot. `None` where the word names none of the agents' kinds.
    ///
    /// # Errors
    /// When the word names a kind of another project that the agents do not reconcile.
    pub fn of_word(word: &str) -> Result<Option<Self>> {
        let word = word.to_ascii_lowercase();
        let (name, group) = word.split_once('.').unwrap_or((&word, ""));
        // As Flux's commands call them.
        let name = name.strip_prefix("alert-").filter(|rest| rest.starts_with("provider")).unwrap_or(name);
        let Some(known) = supported::KINDS.iter().find(|kind| kind.words.contains(&name)) else { return Ok(None) };
        let kind = match known.kind {
            "Kustomization" => Self::Kustomization,
            "GitRepository" => Self::GitRepository,
            "OCIRepository" => Self::OCIRepository,
            "Bucket" => Self::Bucket,
            "HelmRepository" => Self::HelmRepository,
            "HelmChart" => Self::HelmChart,
            "ExternalArtifact" => Self::ExternalArtifact,
            "ArtifactGenerator" => Self::ArtifactGenerator,
            "HelmRelease" => Self::HelmRelease,
            "FluxInstance" => Self::FluxInstance,
            "FluxReport" if group.is_empty() || group == known.group => {
                misuse!("a FluxReport is only read: `kubectl get fluxreport flux --namespace flux-system -o yaml`")
            }
            "ResourceSet" => Self::ResourceSet,
            "ResourceSetInputProvider" => Self::ResourceSetInputProvider,
            "Alert" => Self::Alert,
            "Provider" => Self::Provider,
            "Receiver" => Self::Receiver,
            "ImageRepository" => Self::ImageRepository,
            "ImagePolicy" => Self::ImagePolicy,
            "ImageUpdateAutomation" => Self::ImageUpdateAutomation,
            _ if group.is_empty() || group == known.group => {
                misuse!("the kind {} is not supported yet; those that are: {SUPPORTED}", known.kind)
            }
            _ => return Ok(None),
        };
        let with_version = group.split_once('.').is_some_and(|(_, behind)| behind == kind.group());
        Ok((group.is_empty() || group == kind.group() || with_version).then_some(kind))
    }

    /// The kind of image automation that Flux's commands call so behind `image`.
    fn of_images(word: &str) -> Option<Self> {
        match word {
            "repository" | "repositories" => Some(Self::ImageRepository),
            "policy" | "policies" => Some(Self::ImagePolicy),
            "update" | "updates" => Some(Self::ImageUpdateAutomation),
            _ => None,
        }
    }

    /// The kind that the leading words name, and the words behind it. `None` where the first word is no kind.
    pub fn take(words: &[String]) -> Result<Option<(Self, &[String])>> {
        let Some(first) = words.first() else { return Ok(None) };
        if matches!(first.to_ascii_lowercase().as_str(), "source" | "sources") {
            return match words.get(1).map(String::as_str) {
                Some("git") => Ok(Some((Self::GitRepository, &words[2..]))),
                Some("oci") => Ok(Some((Self::OCIRepository, &words[2..]))),
                Some("bucket") => Ok(Some((Self::Bucket, &words[2..]))),
                Some("helm") => Ok(Some((Self::HelmRepository, &words[2..]))),
                Some("chart") => Ok(Some((Self::HelmChart, &words[2..]))),
                Some("external") => Ok(Some((Self::ExternalArtifact, &words[2..]))),
                Some(other) => {
                    misuse!(
                        "sources of kind {other:?} are not supported; the kinds that are: git, oci, bucket, helm, chart, external"
                    )
                }
                None => misuse!(
                    "name the kind of source: `source git`, `source oci`, `source bucket`, `source helm`, `source chart` or `source external`"
                ),
            };
        }
        let second = words.get(1).map(String::as_str);
        if matches!(first.to_ascii_lowercase().as_str(), "image" | "images")
            && let Some(kind) = second.and_then(Self::of_images)
        {
            return Ok(Some((kind, &words[2..])));
        }
        if matches!(first.to_ascii_lowercase().as_str(), "artifact" | "artifacts")
            && matches!(second, Some("generator" | "generators"))
        {
            return Ok(Some((Self::ArtifactGenerator, &words[2..])));
        }
        // Alone, or where names follow; a single word may as well be the name of a Kustomization.
        match Self::of_word(first) {
            Err(_) if words.len() == 1 => Ok(None),
            found => Ok(found?.map(|kind| (kind, &words[1..]))),
        }
    }
}

/// What can be named instead.
const SUPPORTED: &str = "kustomizations, helmreleases, fluxinstances, resourcesets, resourcesetinputproviders, sources git, sources oci, sources bucket, sources helm, sources chart, sources external, artifact \
     generators, alerts, providers, receivers, image repositories, image policies, image updates (for others: kubectl)";

/// The shortest word that is taken for a mistyped kind: shorter ones are near to too much.
const SHORTEST: usize = 5;

/// The kind that somebody may have meant who mistyped one: `; did you mean kustomizations?`
pub fn hint(word: &str) -> String {
    let words = supported::KINDS.iter().flat_map(|kind| kind.words).copied();
    let words = words.filter(|word| word.len() >= SHORTEST && matches!(Kind::of_word(word), Ok(Some(_))));
    near::said(near::names(word, words).get(..1).unwrap_or_default())
}

/// How many names are told.
const MOST_TOLD: usize = 10;

/// The words of a command line that name resources.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// The kind that was named, or Kustomization.
    pub kind: Kind,
    /// The names; none where only a kind, or nothing, was given.
    pub names: Vec<String>,
}

impl Target {
    /// Reads `[KIND] [NAME…]` or `KIND/NAME…`; without a kind, the names are those of Kustomizations.
    ///
    /// # Errors
    /// When a kind is named that no agent reconciles, or more than one.
    pub fn parse(words: &[String]) -> Result<Self> {
        if words.iter().any(|word| word.contains('/')) {
            return Self::parse_pairs(words);
        }
        let Some((kind, names)) = Kind::take(words)? else {
            // With names behind it, it was meant to be a kind.
            if let (Some(first), true) = (words.first(), words.len() > 1)
                && !hint(first).is_empty()
            {
                misuse!("unknown kind {first:?}{}", hint(first));
            }
            return Ok(Self { kind: Kind::Kustomization, names: words.to_vec() });
        };
        Ok(Self { kind, names: names.to_vec() })
    }

    /// The same of words that must name something, unless `all` is meant.
    ///
    /// # Errors
    /// When nothing is named, or something beside `all`, besides.
    pub fn named(words: &[String], all: bool) -> Result<Self> {
        let target = Self::parse(words)?;
        if all && !target.names.is_empty() {
            misuse!(
                "{} is named beside --all, which means every {} of the namespace; leave one of them out",
                cowherd_text::listed(&target.names, MOST_TOLD),
                target.kind.word(),
            );
        }
        if target.names.is_empty() && !all {
            misuse!("name a {}, or use --all", target.kind.word());
        }
        Ok(target)
    }

    fn parse_pairs(words: &[String]) -> Result<Self> {
        let mut target: Option<Self> = None;
        for word in words {
            let Some((kind, name)) = word.split_once('/').filter(|(kind, name)| !kind.is_empty() && !name.is_empty())
            else {
                misuse!("{word:?} is no KIND/NAME, which the other words are");
            };
            let Some(kind) = Kind::of_word(kind)? else {
                misuse!("unknown kind {kind:?} in {word:?}; the kinds are: {SUPPORTED}{}", hint(kind));
            };
            let target = target.get_or_insert_with(|| Self { kind, names: Vec::new() });
            if target.kind != kind {
                misuse!("{} and {} are named together; name one kind at a time", target.kind.name(), kind.name());
            }
            target.names.push(name.to_owned());
        }
        Ok(target.unwrap_or(Self { kind: Kind::Kustomization, names: Vec::new() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(words: &[&str]) -> Result<Target> {
        Target::parse(&names(words))
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn flux_words_and_bare_names_are_understood() {
        let apps = Target { kind: Kind::Kustomization, names: names(&["apps"]) };
        assert_eq!(target(&["apps"]).unwrap(), apps);
        assert_eq!(target(&["kustomization", "apps"]).unwrap(), apps);
        assert_eq!(target(&["ks", "apps"]).unwrap(), apps);
        let source = Target { kind: Kind::GitRepository, names: names(&["flux-system"]) };
        assert_eq!(target(&["source", "git", "flux-system"]).unwrap(), source);
        let oci = Target { kind: Kind::OCIRepository, names: names(&["apps"]) };
        assert_eq!(target(&["source", "oci", "apps"]).unwrap(), oci);
        assert_eq!(target(&["ocirepo/apps"]).unwrap(), oci);
        for (words, kind) in [
            (&["source", "helm", "apps"][..], Kind::HelmRepository),
            (&["source", "chart", "apps"], Kind::HelmChart),
            (&["source", "bucket", "apps"], Kind::Bucket),
            (&["buckets", "apps"], Kind::Bucket),
            (&["source", "external", "apps"], Kind::ExternalArtifact),
            (&["artifact", "generator", "apps"], Kind::ArtifactGenerator),
            (&["ag/apps"], Kind::ArtifactGenerator),
            (&["image", "repository", "apps"], Kind::ImageRepository),
            (&["images", "policy", "apps"], Kind::ImagePolicy),
            (&["image", "update", "apps"], Kind::ImageUpdateAutomation),
            (&["iua/apps"], Kind::ImageUpdateAutomation),
            (&["hr", "apps"], Kind::HelmRelease),
            (&["helmrelease/apps"], Kind::HelmRelease),
        ] {
            assert_eq!(target(words).unwrap(), Target { kind, names: names(&["apps"]) });
        }
        assert!(target(&["source", "image", "x"]).is_err());
        assert_eq!(target(&[]).unwrap().names, names(&[]));
    }

    #[test]
    fn either_names_or_all_of_a_kind_are_meant() {
        let named = |words: &[&str], all| Target::named(&names(words), all);
        assert_eq!(named(&["ks", "infra"], false).unwrap().names, names(&["infra"]));
        assert_eq!(named(&["ks"], true).unwrap().names, names(&[]));
        assert!(named(&["ks"], false).is_err());
        for words in [&["ks", "infra"][..], &["infra"], &["ks/infra"], &["source", "git", "infra"]] {
            let error = named(words, true).unwrap_err();
            assert!(error.is::<crate::failure::Misuse>(), "{words:?}: {error}");
            assert!(error.to_string().starts_with("infra is named beside --all"), "{error}");
        }
    }

    #[test]
    fn a_kind_and_a_name_may_be_one_word_as_kubectl_has_it() {
        let apps = Target { kind: Kind::Kustomization, names: names(&["apps", "infra"]) };
        for kind in ["ks", "Kustomization", "kustomizations.kustomize.toolkit.fluxcd.io"] {
            assert_eq!(target(&[&format!("{kind}/apps"), "ks/infra"]).unwrap(), apps);
        }
        let versioned = target(&["gitrepositories.v1.source.toolkit.fluxcd.io/flux-system"]).unwrap();
        assert_eq!(versioned, Target { kind: Kind::GitRepository, names: names(&["flux-system"]) });
        for (words, told) in [
            (&["ks/apps", "gitrepo/flux-system"][..], "one kind at a time"),
            (&["ks/apps", "infra"], "no KIND/NAME"),
            (&["/apps"], "no KIND/NAME"),
            (&["deploy/web"], "unknown kind \"deploy\""),
            (&["kustomizations.example.com/apps"], "unknown kind"),
            (&["appproj/podinfo"], "AppProject is not supported yet"),
        ] {
            let error = target(words).unwrap_err().to_string();
            assert!(error.contains(told), "{words:?}: {error}");
        }
    }

    #[test]
    fn a_kind_that_is_not_supported_is_no_name() {
        let error = target(&["appproj", "podinfo"]).unwrap_err().to_string();
        assert!(error.contains("AppProject is not supported yet"), "{error}");
        assert_eq!(target(&["appproj"]).unwrap().names, names(&["appproj"]), "a Kustomization may be called so");
        assert_eq!(target(&["alert-provider", "slack"]).unwrap().kind, Kind::Provider);
        assert_eq!(target(&["receiver/github"]).unwrap().kind, Kind::Receiver);
    }
}
