//! What cowherd does of the APIs that people come with: one table, which the agents and commands obey, and
//! docs/supported.md is made of.

use serde_json::Value;

use crate::flux::annotations::{
    ASSUME_READY, CHECKSUM_FROM, CONVERT_KUBE_CONFIG_FROM, COPY_FROM, DECRYPT, DEFAULT_NAMESPACE, DRIFT_DETECTION,
    FORCE, FORCE_REQUESTED_AT, GENERATOR_RECONCILE, PRUNE, PRUNE_APPROVED, PRUNE_PROTECTION, RECONCILE,
    RECONCILE_REQUESTED_AT, RESET_REQUESTED_AT, SET_EVERY, SET_FORCE, SET_PRUNE, SET_RECONCILE, SET_TIMEOUT, SSA,
    SUBSTITUTE, WATCH,
};

/// A kind of another project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// The API group.
    pub group: &'static str,
    /// The name, as manifests write it.
    pub kind: &'static str,
    /// The versions that its definition serves, the one to write first; none of a kind that cowherd does not act on.
    pub versions: &'static [&'static str],
    /// The words that name it on a command line, as the definition of its project has them.
    pub words: &'static [&'static str],
    /// Whether cowherd acts on it.
    pub is_done: bool,
}

/// The kinds that cowherd knows of. Where one is not done yet, a definition would not help: nothing would act on its
/// objects.
pub const KINDS: &[Kind] = &[
    done(
        "kustomize.toolkit.fluxcd.io",
        "Kustomization",
        &["v1", "v1beta2"],
        &["kustomization", "kustomizations", "ks"],
    ),
    done(
        "source.toolkit.fluxcd.io",
        "GitRepository",
        &["v1", "v1beta2"],
        &["gitrepository", "gitrepositories", "gitrepo"],
    ),
    done(
        "source.toolkit.fluxcd.io",
        "OCIRepository",
        &["v1", "v1beta2"],
        &["ocirepository", "ocirepositories", "ocirepo"],
    ),
    done(
        "source.toolkit.fluxcd.io",
        "HelmRepository",
        &["v1", "v1beta2"],
        &["helmrepository", "helmrepositories", "helmrepo"],
    ),
    done("source.toolkit.fluxcd.io", "HelmChart", &["v1", "v1beta2"], &["helmchart", "helmcharts", "hc"]),
    done("source.toolkit.fluxcd.io", "Bucket", &["v1", "v1beta2"], &["bucket", "buckets"]),
    done("source.toolkit.fluxcd.io", "ExternalArtifact", &["v1"], &["externalartifact", "externalartifacts", "ea"]),
    done(
        "source.extensions.fluxcd.io",
        "ArtifactGenerator",
        &["v1beta1"],
        &["artifactgenerator", "artifactgenerators", "ag"],
    ),
    done("helm.toolkit.fluxcd.io", "HelmRelease", &["v2", "v2beta2"], &["helmrelease", "helmreleases", "hr"]),
    done("fluxcd.controlplane.io", "ResourceSet", &["v1"], &["resourceset", "resourcesets", "rset"]),
    done(
        "fluxcd.controlplane.io",
        "ResourceSetInputProvider",
        &["v1"],
        &["resourcesetinputprovider", "resourcesetinputproviders", "rsip"],
    ),
    done("fluxcd.controlplane.io", "FluxInstance", &["v1"], &["fluxinstance", "fluxinstances"]),
    done("fluxcd.controlplane.io", "FluxReport", &["v1"], &["fluxreport", "fluxreports"]),
    done("notification.toolkit.fluxcd.io", "Alert", &["v1beta3", "v1beta2"], &["alert", "alerts"]),
    done("notification.toolkit.fluxcd.io", "Provider", &["v1beta3", "v1beta2"], &["provider", "providers"]),
    done("notification.toolkit.fluxcd.io", "Receiver", &["v1", "v1beta2"], &["receiver", "receivers"]),
    done(
        "image.toolkit.fluxcd.io",
        "ImageRepository",
        &["v1", "v1beta2"],
        &["imagerepository", "imagerepositories", "imgrepo", "imagerepo"],
    ),
    done(
        "image.toolkit.fluxcd.io",
        "ImagePolicy",
        &["v1", "v1beta2"],
        &["imagepolicy", "imagepolicies", "imgpol", "imagepol"],
    ),
    done(
        "image.toolkit.fluxcd.io",
        "ImageUpdateAutomation",
        &["v1", "v1beta2"],
        &["imageupdateautomation", "imageupdateautomations", "iua", "imgupd", "imgauto"],
    ),
    not_yet("argoproj.io", "Application", &["application", "applications", "app", "apps"]),
    not_yet("argoproj.io", "ApplicationSet", &["applicationset", "applicationsets", "appset", "appsets"]),
    not_yet("argoproj.io", "AppProject", &["appproject", "appprojects", "appproj", "appprojs"]),
    not_yet("cluster.x-k8s.io", "Cluster", &["cluster", "clusters", "cl"]),
    not_yet("cluster.x-k8s.io", "Machine", &["machine", "machines", "ma"]),
    not_yet("cluster.x-k8s.io", "MachineDeployment", &["machinedeployment", "machinedeployments", "md"]),
    not_yet("cluster.x-k8s.io", "MachinePool", &["machinepool", "machinepools", "mp"]),
    not_yet("cluster.x-k8s.io", "MachineSet", &["machineset", "machinesets", "ms"]),
];

const fn done(
    group: &'static str,
    kind: &'static str,
    versions: &'static [&'static str],
    words: &'static [&'static str],
) -> Kind {
    Kind { group, kind, versions, words, is_done: true }
}

const fn not_yet(group: &'static str, kind: &'static str, words: &'static [&'static str]) -> Kind {
    Kind { group, kind, versions: &[], words, is_done: false }
}

/// The kind of this group and name, if cowherd knows of it.
pub fn find(group: &str, kind: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|known| known.group == group && known.kind == kind)
}

impl Kind {
    /// The API version to write, where cowherd acts on the kind.
    pub fn api_version(&self) -> Option<String> {
        self.versions.first().map(|version| format!("{}/{version}", self.group))
    }
}

/// A field that a kind had in versions that were before the one to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Former {
    /// The API group.
    pub group: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// The path of the field, as mistakes name it; behind a list stands `[]`.
    pub field: &'static str,
    /// What to write instead.
    pub instead: &'static str,
}

/// The fields that Flux's kinds had in former versions.
pub const FORMER: &[Former] = &[
    former("kustomize.toolkit.fluxcd.io", "Kustomization", "spec.patchesStrategicMerge", "write spec.patches"),
    former("kustomize.toolkit.fluxcd.io", "Kustomization", "spec.patchesJson6902", "write spec.patches"),
    former("kustomize.toolkit.fluxcd.io", "Kustomization", "spec.validation", "leave it out, the API validates"),
    former("source.toolkit.fluxcd.io", "GitRepository", "spec.gitImplementation", "leave it out, there is one alone"),
    former("source.toolkit.fluxcd.io", "GitRepository", "spec.accessFrom", NOBODY),
    former("source.toolkit.fluxcd.io", "Bucket", "spec.accessFrom", NOBODY),
    former("source.toolkit.fluxcd.io", "HelmChart", "spec.accessFrom", NOBODY),
    former("source.toolkit.fluxcd.io", "HelmChart", "spec.valuesFile", "write spec.valuesFiles"),
    former("helm.toolkit.fluxcd.io", "HelmRelease", "spec.chart.spec.valuesFile", "write spec.chart.spec.valuesFiles"),
    former(
        "helm.toolkit.fluxcd.io",
        "HelmRelease",
        "spec.postRenderers[].kustomize.patchesStrategicMerge",
        "write patches beside it",
    ),
    former(
        "helm.toolkit.fluxcd.io",
        "HelmRelease",
        "spec.postRenderers[].kustomize.patchesJson6902",
        "write patches beside it",
    ),
];

/// Why nobody misses a field that was to restrict who may refer to something.
const NOBODY: &str = "leave it out, it restricted nobody";

const fn former(group: &'static str, kind: &'static str, field: &'static str, instead: &'static str) -> Former {
    Former { group, kind, field, instead }
}

/// What to write instead of a field of this path that the kind had in former versions; the path may have the places of items.
pub fn instead_of(group: &str, kind: &str, field: &str) -> Option<&'static str> {
    let is_it = |former: &&Former| (former.group, former.kind) == (group, kind) && is_path(former.field, field);
    FORMER.iter().find(is_it).map(|former| former.instead)
}

/// Whether a path is the one with `[]` behind lists, where it has the places of items.
fn is_path(path: &str, with_places: &str) -> bool {
    let mut plain = String::new();
    let mut is_place = false;
    for letter in with_places.chars() {
        is_place = letter == '[' || is_place && letter != ']';
        if !is_place || letter == '[' {
            plain.push(letter);
        }
    }
    plain == path
}

/// What to do about an object of a kind that is served as `served` alone, to stand behind what is wrong: the version, and what of the
/// fields is another one there.
pub fn write_instead(kind: &str, served: &str) -> String {
    let group = served.split_once('/').map_or("", |(group, _)| group);
    let fields = FORMER.iter().filter(|former| (former.group, former.kind) == (group, kind));
    let fields: Vec<String> =
        fields.map(|former| format!("for {}: {}", former.field.trim_start_matches("spec."), former.instead)).collect();
    let fields = if fields.is_empty() { String::new() } else { format!(" ({})", fields.join("; ")) };
    format!("write apiVersion: {served}{fields}")
}

/// Whether a group is one of Kubernetes itself, so that no definition brings its kinds: those whose name has no dot,
/// and those below `k8s.io` that the project's own API server serves. Others there, as `gateway.networking.k8s.io`,
/// come as definitions.
pub fn is_of_kubernetes(group: &str) -> bool {
    let Some(rest) = group.strip_suffix(".k8s.io") else { return !group.contains('.') };
    KUBERNETES.contains(&rest)
}

/// The groups of kube-apiserver 1.35 below `k8s.io`.
const KUBERNETES: &[&str] = &[
    "admissionregistration",
    "apiextensions",
    "apiregistration",
    "authentication",
    "authorization",
    "certificates",
    "coordination",
    "discovery",
    "events",
    "flowcontrol.apiserver",
    "internal.apiserver",
    "networking",
    "node",
    "rbac.authorization",
    "resource",
    "scheduling",
    "storage",
    "storagemigration",
];

/// A field that the agents do not act on. They refuse an object that sets it, for what it asks for would not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The path below `spec`, its parts between dots; behind a list stands `[]`.
    pub field: &'static str,
    /// The texts of the field that are acted on; without any, whatever is not empty is refused.
    pub but: &'static [&'static str],
    /// What to do instead.
    pub instead: &'static str,
}

/// What is not done of a Kustomization.
pub const KUSTOMIZATION: &[Unsupported] = &[
    Unsupported {
        field: "sourceRef.kind",
        but: &["GitRepository", "OCIRepository", "Bucket", "ExternalArtifact"],
        instead: "use a GitRepository, an OCIRepository, a Bucket or an ExternalArtifact",
    },
    not_done(
        "decryption.serviceAccountName",
        "no key service is asked; put keys of age or OpenPGP into decryption.secretRef",
    ),
    not_done("ignore", "leave the fields out of the manifests"),
    not_done("buildMetadata", "remove it"),
];

/// What is not done of a GitRepository.
pub const GIT_REPOSITORY: &[Unsupported] = &[
    Unsupported {
        field: "provider",
        but: &["generic", "github"],
        instead: "use credentials in a Secret and the provider generic",
    },
    not_done("serviceAccountName", "use credentials in a Secret"),
];

/// What is not done of an OCIRepository.
pub const OCI_REPOSITORY: &[Unsupported] = &[
    Unsupported {
        field: "provider",
        but: &["generic"],
        instead: "use credentials in a Secret and the provider generic",
    },
    Unsupported {
        field: "verify.provider",
        but: &["cosign"],
        instead: "sign with cosign; nothing is fetched that is not verified",
    },
];

/// What is not done of a HelmRepository.
pub const HELM_REPOSITORY: &[Unsupported] = &[
    Unsupported {
        field: "provider",
        but: &["generic"],
        instead: "use credentials in a Secret and the provider generic",
    },
    not_done("accessFrom", "it restricts nobody in Flux either; --no-cross-namespace-refs restricts everybody"),
];

/// What is not done of a HelmChart.
pub const HELM_CHART: &[Unsupported] = &[
    Unsupported {
        field: "sourceRef.kind",
        but: &["HelmRepository", "GitRepository", "Bucket"],
        instead: "use a HelmRepository, a GitRepository or a Bucket",
    },
    not_done("verify", "signatures would go unverified, so nothing is fetched; remove it to go on without"),
];

/// What is not done of a Bucket.
pub const BUCKET: &[Unsupported] = &[
    Unsupported {
        field: "provider",
        but: &["generic", "aws"],
        instead: "use the provider generic where the storage speaks S3 and gives keys for that, as Google's does; else push an artifact \
                  to a registry for an OCIRepository",
    },
    not_done("serviceAccountName", "put accesskey and secretkey into the Secret of secretRef"),
    not_done("sts", "put accesskey and secretkey into the Secret of secretRef"),
];

/// What is not done of an ExternalArtifact: all of it is.
pub const EXTERNAL_ARTIFACT: &[Unsupported] = &[];

/// What is not done of an ArtifactGenerator.
pub const ARTIFACT_GENERATOR: &[Unsupported] = &[Unsupported {
    field: "sources[].kind",
    but: &["GitRepository", "OCIRepository", "Bucket", "HelmChart", "ExternalArtifact"],
    instead: "use a GitRepository, an OCIRepository, a Bucket, a HelmChart or an ExternalArtifact",
}];

/// What is not done of a ResourceSet.
pub const RESOURCE_SET: &[Unsupported] =
    &[not_done("steps", "write a ResourceSet for each step, the later ones with dependsOn and ready: true")];

/// What is not done of a ResourceSetInputProvider.
pub const INPUT_PROVIDER: &[Unsupported] = &[
    Unsupported {
        field: "type",
        but: &[
            "Static",
            "GitHubBranch",
            "GitHubTag",
            "GitHubPullRequest",
            "GitLabBranch",
            "GitLabTag",
            "GitLabMergeRequest",
            "GiteaBranch",
            "GiteaTag",
            "GiteaPullRequest",
            "OCIArtifactTag",
        ],
        instead: "use one of the types that are, such as OCIArtifactTag with credentials for a cloud's registry, or Static",
    },
    not_done("schedule", "let fluxcd.controlplane.io/reconcileEvery say how often it is looked"),
];

/// What is not done of a FluxInstance: nothing is refused.
pub const FLUX_INSTANCE: &[Unsupported] = &[];

/// A field that has no effect, since what it is about is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Its path below `spec`.
    pub field: &'static str,
    /// The value that holds in any case, as JSON.
    pub holds: Option<&'static str>,
    /// Why it has none.
    pub because: &'static str,
}

/// What has no effect of a FluxInstance: its condition `WithoutEffect` names what of it is said.
pub const IDLE_OF_FLUX_INSTANCE: &[Idle] = &[
    idle("distribution", None, "cowherd is there already"),
    idle("components", None, "cowherd does the work of all of which it does any"),
    idle("sharding", None, "the flag `--watch-label-selector` of cowherd says it"),
    idle("storage", None, "cowherd keeps artifacts in its data directory"),
    idle("migrateResources", Some("true"), "cowherd stores objects in one version"),
    idle("cluster.domain", Some("\"cluster.local\""), "nothing has an address there"),
    idle("cluster.networkPolicy", Some("true"), "`cowherd install` brings its own"),
    idle("cluster.type", Some("\"kubernetes\""), "there are no controllers that differ by it"),
    idle("cluster.size", None, "the limits of cowherd do not follow from it"),
    idle("cluster.objectLevelWorkloadIdentity", Some("false"), NO_CLOUD),
    idle("cluster.multitenantWorkloadIdentity", Some("false"), NO_CLOUD),
    idle("cluster.tenantDefaultDecryptionServiceAccount", None, NO_CLOUD),
    idle("cluster.tenantDefaultKubeConfigServiceAccount", None, NO_CLOUD),
];

const NO_CLOUD: &str = "nobody authenticates with a cloud";

const fn idle(field: &'static str, holds: Option<&'static str>, because: &'static str) -> Idle {
    Idle { field, holds, because }
}

/// What is not done of a HelmRelease.
pub const HELM_RELEASE: &[Unsupported] = &[
    Unsupported {
        field: "chart.spec.sourceRef.kind",
        but: &["HelmRepository", "GitRepository", "Bucket"],
        instead: "use a HelmRepository, a GitRepository or a Bucket",
    },
    not_done("chart.spec.verify", "signatures would go unverified, so nothing is released; remove it to go on without"),
    Unsupported {
        field: "chartRef.kind",
        but: &["HelmChart", "OCIRepository", "ExternalArtifact"],
        instead: "use a HelmChart, an OCIRepository or an ExternalArtifact",
    },
    Unsupported {
        field: "upgrade.serverSideApply",
        but: &["enabled", "auto"],
        instead: "objects are applied on the server's side",
    },
    Unsupported {
        field: "rollback.serverSideApply",
        but: &["enabled", "auto"],
        instead: "objects are applied on the server's side",
    },
    not_done("install.skipCRDs", "write install.crds: Skip"),
    not_done("upgrade.preserveValues", "write all values in the HelmRelease, or name them in valuesFrom"),
    not_done("rollback.recreate", "Flux does nothing about it any more; remove it"),
    not_done("driftDetection.ignore[].target.version", "name the kind and the group"),
    not_done("driftDetection.ignore[].target.labelSelector", "name the objects by kind, namespace and name"),
    not_done("driftDetection.ignore[].target.annotationSelector", "name the objects by kind, namespace and name"),
];

/// What is not done of a Provider.
pub const PROVIDER: &[Unsupported] = &[
    Unsupported {
        field: "type",
        but: &[
            "alertmanager",
            "bitbucket",
            "bitbucketserver",
            "datadog",
            "discord",
            "generic",
            "generic-hmac",
            "gitea",
            "github",
            "githubdispatch",
            "gitlab",
            "googlechat",
            "grafana",
            "incident.io",
            "lark",
            "matrix",
            "msteams",
            "opsgenie",
            "otel",
            "pagerduty",
            "rocket",
            "slack",
            "telegram",
            "webex",
            "zoom",
            "zulip",
        ],
        instead: "have a generic Provider tell a service of yours, which passes it on",
    },
    not_done("serviceAccountName", "no Provider of a cloud is supported; remove it"),
];

/// What is not done of an Alert: all of it is.
pub const ALERT: &[Unsupported] = &[];

/// What is not done of a Receiver.
pub const RECEIVER: &[Unsupported] = &[
    Unsupported {
        field: "type",
        but: &[
            "acr",
            "bitbucket",
            "cdevents",
            "dockerhub",
            "generic",
            "generic-hmac",
            "github",
            "gitlab",
            "harbor",
            "nexus",
            "quay",
        ],
        instead: "have it sent by generic-hmac, or let the interval do",
    },
    not_done("oidcProviders", "use a type with a token in a Secret"),
];

/// What is not done of an ImageRepository.
pub const IMAGE_REPOSITORY: &[Unsupported] = &[Unsupported {
    field: "provider",
    but: &["generic"],
    instead: "use credentials in a Secret and the provider generic",
}];

/// What is not done of an ImagePolicy: all of it is.
pub const IMAGE_POLICY: &[Unsupported] = &[];

/// What is not done of an ImageUpdateAutomation.
pub const IMAGE_UPDATE_AUTOMATION: &[Unsupported] = &[
    Unsupported { field: "sourceRef.kind", but: &["GitRepository"], instead: "use a GitRepository" },
    Unsupported { field: "update.strategy", but: &["Setters"], instead: "use Setters" },
    Unsupported {
        field: "git.commit.signingKey.type",
        but: &["ssh"],
        instead: "sign with a key of SSH (type: ssh, with identity in the Secret); nothing is pushed unsigned",
    },
];

/// An annotation, or a label, that people set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Its key.
    pub key: &'static str,
    /// The values that mean something.
    pub values: &'static str,
    /// What it says; without that it is not done yet, and does nothing.
    pub says: Option<&'static str>,
}

/// The annotations of objects in manifests. Where it says so, the object that is there may have them, too.
pub const ON_OBJECTS: &[Annotation] = &[
    says(
        RECONCILE,
        "`disabled`",
        "The object is neither applied nor deleted: in the manifest, or on the object that is there, set by hand. Once it does not \
         have it any more it is put right at once.",
    ),
    says(
        SSA,
        "`Override`, `Merge`, `IfNotPresent`, `Ignore`",
        "`Override`, the default, takes away fields that were written with kubectl; `Merge` leaves them. `IfNotPresent` applies the \
         object only while there is none. `Ignore` is as `reconcile: disabled`, in both places.",
    ),
    says(
        PRUNE,
        "`disabled`",
        "The object stays when it leaves the repository, in the manifest or on the object that is there.",
    ),
    says(SET_PRUNE, "`disabled`", "As `kustomize.toolkit.fluxcd.io/prune`, as objects of ResourceSets say it."),
    says(SET_FORCE, "`enabled`", "As `kustomize.toolkit.fluxcd.io/force`; on a ResourceSet: for all of its objects."),
    says(
        COPY_FROM,
        "`NAMESPACE/NAME`",
        "In a ResourceSet: a ConfigMap or Secret has what that one holds, as far as the ResourceSet's account may read it.",
    ),
    says(
        CONVERT_KUBE_CONFIG_FROM,
        "`NAMESPACE/NAME`, `NAMESPACE/NAME:KEY`",
        "In a ResourceSet: a ConfigMap has the `address` and the `ca.crt` of the cluster that the kubeconfig in that Secret is for.",
    ),
    says(
        CHECKSUM_FROM,
        "`KIND/NAMESPACE/NAME`, several with commas between them",
        "In a ResourceSet, wherever there is metadata: `fluxcd.controlplane.io/checksum` beside it is that of what those ConfigMaps and \
         Secrets hold.",
    ),
    says(FORCE, "`enabled`", "The object is deleted and made anew when a field would change that cannot."),
    says(
        DRIFT_DETECTION,
        "`disabled`",
        "An object of a release counts as it should be, however it is: in the chart, or on the object that is there.",
    ),
    says(SUBSTITUTE, "`disabled`", "Variables of `postBuild` are not replaced in it."),
    says(
        DECRYPT,
        "`Disabled`",
        "An object that is encrypted with SOPS, or a Secret with values that are, is applied as it is written.",
    ),
    says(
        ASSUME_READY,
        "`enabled`, `unattended`",
        "Beyond Flux: the object counts as ready as soon as it is applied, or as long as nothing acts on it or runs its Pods.",
    ),
];

/// The annotations of Kustomizations and sources, and the label of what they read.
pub const ON_RESOURCES: &[Annotation] = &[
    says(
        RECONCILE_REQUESTED_AT,
        "any other than before, such as a time",
        "It is reconciled now, as by `cowherd reconcile`.",
    ),
    says(
        SET_RECONCILE,
        "`disabled`",
        "On a ResourceSet or a ResourceSetInputProvider: it rests. On an object of a ResourceSet: it is left out.",
    ),
    says(
        SET_EVERY,
        "a duration",
        "On a ResourceSet, an hour by default, or a ResourceSetInputProvider, ten minutes: how often it is looked at what nothing \
         tells of.",
    ),
    says(
        SET_TIMEOUT,
        "a duration",
        "On a ResourceSet: how long applying and health checks may take, five minutes by default.",
    ),
    says(GENERATOR_RECONCILE, "`disabled`", "On an ArtifactGenerator: it rests, and what it made stays."),
    says(
        FORCE_REQUESTED_AT,
        "what `reconcile.fluxcd.io/requestedAt` says",
        "On a HelmRelease: it is released again, whatever changed.",
    ),
    says(
        RESET_REQUESTED_AT,
        "what `reconcile.fluxcd.io/requestedAt` says",
        "On a HelmRelease: its failures are forgotten, so that it is tried again.",
    ),
    says("event.toolkit.fluxcd.io/*", "any", "Its events have the annotation as well."),
    Annotation { key: WATCH, values: "`Enabled`, a label of a ConfigMap or Secret", says: None },
    says(
        DEFAULT_NAMESPACE,
        "a name",
        "Beyond Flux, on a Kustomization: where objects are that name no namespace. Without it they are refused, as by Flux.",
    ),
    says(
        PRUNE_PROTECTION,
        "`disabled`",
        "Beyond Flux, on a Kustomization: it prunes whatever its revision does not describe, as with Flux.",
    ),
    says(
        PRUNE_APPROVED,
        "what its condition `PruneProtected` says",
        "Beyond Flux, on a Kustomization: approves of what waits there to be pruned, once.",
    ),
];

const fn says(key: &'static str, values: &'static str, says: &'static str) -> Annotation {
    Annotation { key, values, says: Some(says) }
}

const fn not_done(field: &'static str, instead: &'static str) -> Unsupported {
    Unsupported { field, but: &[], instead }
}

/// A field of an object that the agents do not act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What the table says of it.
    pub entry: &'static Unsupported,
    /// The value, where others would be acted on.
    pub value: Option<String>,
}

impl Refused {
    /// What is wrong with the field, to stand behind its name.
    pub fn problem(&self) -> String {
        let instead = self.entry.instead;
        match &self.value {
            Some(value) => format!("{value:?} is not supported yet; {instead}"),
            None => format!("is not supported yet; {instead}"),
        }
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "spec.{} {}", self.entry.field, self.problem())
    }
}

/// The fields of a spec that the table says are not acted on, in its order.
pub fn refused(table: &'static [Unsupported], spec: &Value) -> impl Iterator<Item = Refused> {
    table.iter().filter_map(|entry| {
        let parts: Vec<&str> = entry.field.split('.').collect();
        let value = reach(spec, &parts, &|value| is_refused(entry, value))?;
        let value = value.as_str().filter(|_| !entry.but.is_empty()).map(str::to_owned);
        Some(Refused { entry, value })
    })
}

/// The first value at the end of the path that is wanted.
fn reach<'a>(value: &'a Value, path: &[&str], wanted: &dyn Fn(&Value) -> bool) -> Option<&'a Value> {
    let Some((part, rest)) = path.split_first() else { return wanted(value).then_some(value) };
    match part.strip_suffix("[]") {
        Some(list) => value.get(list)?.as_array()?.iter().find_map(|item| reach(item, rest, wanted)),
        None => reach(value.get(part)?, rest, wanted),
    }
}

fn is_refused(entry: &Unsupported, value: &Value) -> bool {
    let is_empty = match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        // Even an empty object asks for something.
        Value::Object(_) | Value::Number(_) => false,
    };
    match entry.but {
        [] => !is_empty,
        but => value.as_str().is_some_and(|text| !but.contains(&text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(table: &'static [Unsupported], spec: Value) -> Option<String> {
        refused(table, &spec).next().map(|refused| refused.to_string())
    }

    #[test]
    fn what_is_empty_or_acted_on_is_not_refused() {
        let spec = json!({ "sourceRef": { "kind": "GitRepository" }, "dependsOn": [{ "name": "a", "readyExpr": "" }],
            "healthCheckExprs": [], "decryption": { "provider": "sops", "secretRef": { "name": "a" } } });
        assert_eq!(told(KUSTOMIZATION, spec), None);
        assert_eq!(told(GIT_REPOSITORY, json!({ "provider": "generic", "recurseSubmodules": false })), None);
        assert_eq!(told(GIT_REPOSITORY, json!({})), None);
    }

    #[test]
    fn what_is_refused_is_named_with_what_to_do_instead() {
        for (table, spec, begins) in [
            (
                KUSTOMIZATION,
                json!({ "sourceRef": { "kind": "HelmRepository" } }),
                "spec.sourceRef.kind \"HelmRepository\" is not supported",
            ),
            (
                KUSTOMIZATION,
                json!({ "decryption": { "provider": "sops", "serviceAccountName": "a" } }),
                "spec.decryption.serviceAccountName is not supported yet; no",
            ),
            (
                HELM_RELEASE,
                json!({ "driftDetection": { "ignore": [{}, { "target": { "labelSelector": "a" } }] } }),
                "spec.driftDetection.ignore[].target.labelSelector is not",
            ),
            (KUSTOMIZATION, json!({ "buildMetadata": ["originAnnotations"] }), "spec.buildMetadata is not"),
            (GIT_REPOSITORY, json!({ "provider": "aws" }), "spec.provider \"aws\" is not"),
        ] {
            let text = told(table, spec).unwrap();
            assert!(text.starts_with(begins), "{text}");
        }
    }

    #[test]
    fn each_word_names_one_kind() {
        let mut words: Vec<&str> = KINDS.iter().flat_map(|kind| kind.words).copied().collect();
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
    }

    #[test]
    fn what_is_to_be_written_instead_of_former_fields_is_known_wherever_they_are() {
        let release = |field: &str| instead_of("helm.toolkit.fluxcd.io", "HelmRelease", field);
        assert_eq!(
            release("spec.postRenderers[2].kustomize.patchesStrategicMerge"),
            Some("write patches beside it"),
            "in an item of a list"
        );
        assert_eq!(release("spec.chart.spec.valuesFile"), Some("write spec.chart.spec.valuesFiles"));
        assert_eq!(release("spec.chart.spec.valuesFiles"), None);
        assert_eq!(instead_of("example.com", "HelmRelease", "spec.chart.spec.valuesFile"), None);
    }

    #[test]
    fn the_version_to_write_is_told_with_what_changed_in_it() {
        let told = write_instead("Kustomization", "kustomize.toolkit.fluxcd.io/v1");
        assert!(told.starts_with("write apiVersion: kustomize.toolkit.fluxcd.io/v1 (for patches"), "{told}");
        assert!(told.contains("; for validation: leave it out"), "{told}");
        assert_eq!(write_instead("CronJob", "batch/v1"), "write apiVersion: batch/v1");
        assert_eq!(write_instead("Pod", "v1"), "write apiVersion: v1");
    }
}
