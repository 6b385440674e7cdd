//! The annotations, labels, finalizers and names that Flux's tools agree on.

/// Set to a new value (a time, say) to ask for a reconciliation at once.
pub const RECONCILE_REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";
/// The label and annotation with the name of the Kustomization that applied an object.
pub const OWNER_NAME: &str = "kustomize.toolkit.fluxcd.io/name";
/// The label and annotation with the namespace of the Kustomization that applied an object.
pub const OWNER_NAMESPACE: &str = "kustomize.toolkit.fluxcd.io/namespace";
/// `disabled` keeps an object when it leaves the repository.
pub const PRUNE: &str = "kustomize.toolkit.fluxcd.io/prune";
/// `disabled` leaves an object alone altogether.
pub const RECONCILE: &str = "kustomize.toolkit.fluxcd.io/reconcile";
/// How an object is applied: `Override` (the default), `Merge`, `IfNotPresent` or `Ignore`.
pub const SSA: &str = "kustomize.toolkit.fluxcd.io/ssa";
/// `enabled` recreates an object when a field that cannot change would have to.
pub const FORCE: &str = "kustomize.toolkit.fluxcd.io/force";
/// `disabled` exempts an object from variable substitution.
pub const SUBSTITUTE: &str = "kustomize.toolkit.fluxcd.io/substitute";
/// `Disabled` exempts an encrypted object from decryption.
pub const DECRYPT: &str = "kustomize.toolkit.fluxcd.io/decrypt";
/// The checksum that early versions of Flux left on objects.
pub const CHECKSUM: &str = "kustomize.toolkit.fluxcd.io/checksum";
/// The label that makes a ConfigMap or Secret trigger what reads it: `Enabled`.
pub const WATCH: &str = "reconcile.fluxcd.io/watch";

/// The value that switches [`PRUNE`], [`RECONCILE`] and [`SUBSTITUTE`] off.
pub const DISABLED: &str = "disabled";
/// The value that switches [`FORCE`] on.
pub const ENABLED: &str = "enabled";

/// Beyond Flux: the namespace of a Kustomization's objects that name none themselves. Without it they are refused, as
/// Flux refuses them.
pub const DEFAULT_NAMESPACE: &str = "cowherd.dev/default-namespace";

/// Beyond Flux: `disabled` lets a Kustomization prune whatever its revision does not describe, as Flux does.
pub const PRUNE_PROTECTION: &str = "cowherd.dev/prune-protection";
/// Beyond Flux: the identity, as its condition `PruneProtected` tells it, of what a Kustomization may prune.
pub const PRUNE_APPROVED: &str = "cowherd.dev/prune-approved";

/// Beyond Flux: `enabled` has an object count as ready as soon as it is applied, [`UNATTENDED`] as long as nothing acts on it.
pub const ASSUME_READY: &str = "cowherd.dev/assume-ready";
/// What nothing acts on, and what waits for Pods that no node runs.
pub const UNATTENDED: &str = "unattended";

/// What begins the annotations of an object that its events have, too.
pub const EVENT_PREFIX: &str = "event.toolkit.fluxcd.io/";
/// Beyond Flux, on events and in histories: who wrote the revision.
pub const AUTHOR: &str = "cowherd.dev/author";
/// Beyond Flux, on events and in histories: the first line of what the author said of it.
pub const SUBJECT: &str = "cowherd.dev/subject";
/// Beyond Flux, in histories: the revision that brought what there is, where later ones changed nothing of it. Author and subject are
/// those of this one.
pub const SINCE: &str = "cowherd.dev/since-revision";
/// Beyond Flux, on events: why a revision was brought to the cluster then.
pub const CAUSE: &str = "cowherd.dev/cause";

/// The finalizer of Flux's resources.
pub const FINALIZER: &str = "finalizers.fluxcd.io";
/// The field manager with which Kustomizations apply objects.
pub const FIELD_MANAGER: &str = "kustomize-controller";
/// The field manager with which the status of Kustomizations is written.
pub const KUSTOMIZE_STATUS_MANAGER: &str = "gotk-kustomize-controller";
/// The field manager with which HelmReleases apply objects, and with which their status is written.
pub const HELM_FIELD_MANAGER: &str = "helm-controller";
/// The label with the name of the HelmRelease that released an object.
pub const RELEASE_NAME: &str = "helm.toolkit.fluxcd.io/name";
/// The label with the namespace of the HelmRelease that released an object.
pub const RELEASE_NAMESPACE: &str = "helm.toolkit.fluxcd.io/namespace";
/// Set to the value of [`RECONCILE_REQUESTED_AT`], it has a HelmRelease released again whatever changed.
pub const FORCE_REQUESTED_AT: &str = "reconcile.fluxcd.io/forceAt";
/// Set to the value of [`RECONCILE_REQUESTED_AT`], it has a HelmRelease forget its failures.
pub const RESET_REQUESTED_AT: &str = "reconcile.fluxcd.io/resetAt";
/// `disabled` has an object of a release count as it should be, however it is.
pub const DRIFT_DETECTION: &str = "helm.toolkit.fluxcd.io/driftDetection";
/// The field manager with which the status of sources is written.
pub const SOURCE_STATUS_MANAGER: &str = "source-controller";
/// `disabled` has an ArtifactGenerator rest.
pub const GENERATOR_RECONCILE: &str = "source.extensions.fluxcd.io/reconcile";
/// The label with the uid of the ArtifactGenerator that made an ExternalArtifact.
pub const GENERATOR: &str = "source.extensions.fluxcd.io/generator";
/// The finalizer of ArtifactGenerators.
pub const GENERATOR_FINALIZER: &str = "source.extensions.fluxcd.io/finalizer";
/// The field manager with which ExternalArtifacts and the status of ArtifactGenerators are written.
pub const GENERATOR_FIELD_MANAGER: &str = "source-watcher";
/// `disabled` has a resource of the Flux Operator rest, and leaves an object of a ResourceSet out.
pub const SET_RECONCILE: &str = "fluxcd.controlplane.io/reconcile";
/// How often a resource of the Flux Operator is looked at.
pub const SET_EVERY: &str = "fluxcd.controlplane.io/reconcileEvery";
/// How long a reconciliation of it may take.
pub const SET_TIMEOUT: &str = "fluxcd.controlplane.io/reconcileTimeout";
/// `disabled` keeps an object when its ResourceSet no longer describes it.
pub const SET_PRUNE: &str = "fluxcd.controlplane.io/prune";
/// `enabled` recreates an object, or all of a ResourceSet, when a field that cannot change would have to.
pub const SET_FORCE: &str = "fluxcd.controlplane.io/force";
/// `NAMESPACE/NAME` of the ConfigMap or Secret of which one of a ResourceSet is a copy.
pub const COPY_FROM: &str = "fluxcd.controlplane.io/copyFrom";
/// `NAMESPACE/NAME` or `NAMESPACE/NAME:KEY` of the Secret with the kubeconfig of whose cluster a ConfigMap says where it is.
pub const CONVERT_KUBE_CONFIG_FROM: &str = "fluxcd.controlplane.io/convertKubeConfigFrom";
/// `KIND/NAMESPACE/NAME`, with commas between several, of what a checksum is written beside it.
pub const CHECKSUM_FROM: &str = "fluxcd.controlplane.io/checksumFrom";
/// That checksum.
pub const SET_CHECKSUM: &str = "fluxcd.controlplane.io/checksum";
/// The label with the name of the ResourceSet that applied an object.
pub const SET_NAME: &str = "resourceset.fluxcd.controlplane.io/name";
/// The label with the namespace of the ResourceSet that applied an object.
pub const SET_NAMESPACE: &str = "resourceset.fluxcd.controlplane.io/namespace";
/// The label with the name of the FluxInstance that applied an object.
pub const INSTANCE_NAME: &str = "fluxcd.controlplane.io/name";
/// The label with the namespace of the FluxInstance that applied an object.
pub const INSTANCE_NAMESPACE: &str = "fluxcd.controlplane.io/namespace";
/// The finalizer of the Flux Operator's resources.
pub const OPERATOR_FINALIZER: &str = "fluxcd.controlplane.io/finalizer";
/// The field manager with which ResourceSets apply objects, and with which the status of the Flux Operator's resources is written.
pub const OPERATOR_FIELD_MANAGER: &str = "flux-operator";
/// What an artifact says under this name is the revision that it was made of.
pub const ORIGIN_REVISION: &str = "org.opencontainers.image.revision";
