//! What a Flux Kustomization adds to the directory that it names.

use serde::Deserialize;

/// Changes on top of a directory's own kustomization, as fields of Flux's Kustomization hold them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Overlay {
    /// The namespace of every namespaced object.
    pub target_namespace: Option<String>,
    /// Stands before every name.
    pub name_prefix: Option<String>,
    /// Stands behind every name.
    pub name_suffix: Option<String>,
    /// Patches, applied after those of the directory.
    pub patches: Vec<InlinePatch>,
    /// Image names, tags and digests; they refine the directory's entries of the same name.
    pub images: Vec<Image>,
    /// Components, as paths relative to the directory.
    pub components: Vec<String>,
    /// Components that are not there are left out rather than an error.
    pub ignore_missing_components: bool,
}

/// A patch written where it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct InlinePatch {
    /// A strategic merge patch or a list of JSON 6902 operations, as YAML or JSON.
    pub patch: String,
    /// The objects to patch; a strategic merge patch without one names its object itself.
    pub target: Option<Selector>,
}

/// Which objects a patch is for. Empty fields match everything; the others are regular expressions that must
/// match as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Selector {
    /// The API group.
    pub group: String,
    /// The API version.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The name, the original or the current one.
    pub name: String,
    /// The namespace, the original or the current one.
    pub namespace: String,
    /// A label selector.
    pub label_selector: String,
    /// A selector in the form of a label selector, over annotations.
    pub annotation_selector: String,
}

/// A change of container images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Image {
    /// The name of the images to change, without tag and digest.
    pub name: String,
    /// Replaces the name.
    pub new_name: String,
    /// Is added to the tag.
    pub tag_suffix: String,
    /// Replaces tag and digest.
    pub new_tag: String,
    /// Replaces tag and digest.
    pub digest: String,
}
