//! Which of what there is is meant: of tags, images and layers.

use super::{ArtifactProblem, ArtifactReference, ArtifactSource};
use crate::registry::{Descriptor, Manifest, Registry};

/// The layer of a chart. In its tags `_` stands for the `+` of a version, which a tag cannot have.
const CHART_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// How many tags are named where none fits.
const MAX_NAMED: usize = 5;

/// The tag that is meant; `None` where a digest is asked for.
pub(super) fn tag(registry: &Registry<'_>, source: &ArtifactSource) -> Result<Option<String>, ArtifactProblem> {
    let (range, filter) = match &source.reference {
        ArtifactReference::Digest(_) => return Ok(None),
        ArtifactReference::Tag(tag) => return Ok(Some(tag.clone())),
        ArtifactReference::SemVer(range, filter) => (range, filter),
    };
    let is_chart = source.media_type.as_deref() == Some(CHART_LAYER);
    let is_wanted = |tag: &String| filter.as_ref().is_none_or(|filter| filter.is_match(tag.as_bytes()));
    let tags = registry.tags(|tag| is_wanted(&tag).then(|| if is_chart { tag.replace('_', "+") } else { tag }))?;
    let Some(found) = range.highest(tags.iter().map(String::as_str)) else {
        let available = match tags.is_empty() {
            true => "there are no tags to choose from".to_owned(),
            false => format!("there are {}", cowherd_text::listed(&tags, MAX_NAMED)),
        };
        return Err(ArtifactProblem::NoVersion { range: range.to_string(), available });
    };
    Ok(Some(if is_chart { found.replace('+', "_") } else { found.to_owned() }))
}

/// The image of an index that is meant: the one for Linux on amd64, whatever this machine is, so that all take the same.
pub(super) fn image(index: &Manifest) -> Result<&Descriptor, ArtifactProblem> {
    index.manifests.iter().find(|image| image.is_default_platform()).ok_or(ArtifactProblem::NoImage)
}

/// The layer that is meant: the first, or the first of the media type.
pub(super) fn layer<'a>(manifest: &'a Manifest, wanted: Option<&str>) -> Result<&'a Descriptor, ArtifactProblem> {
    let Some(wanted) = wanted else { return manifest.layers.first().ok_or(ArtifactProblem::NoLayer) };
    manifest.layers.iter().find(|layer| layer.media_type == wanted).ok_or_else(|| {
        let types = cowherd_text::listed(manifest.layers.iter().map(|layer| &layer.media_type), MAX_NAMED);
        let available = if types.is_empty() { "none".to_owned() } else { types };
        ArtifactProblem::NoLayerOfType { wanted: wanted.to_owned(), available }
    })
}
