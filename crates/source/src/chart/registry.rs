//! Charts in registries, as `helm push` puts them there.

use cowherd_version::Version;

use super::spool::{Download, Spool};
use super::{ChartProblem, index};
use crate::registry::{Descriptor, Manifest, Name, Registry, is_tag};
use crate::web::location::shown;
use crate::web::{Web, WebProblem};
use crate::{Digest, Range};

/// The configuration that makes a chart of an image: its Chart.yaml as JSON.
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";

/// The archive, as it is called today and as it was once.
const LAYERS: [&str; 2] = ["application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"];

/// Where the version of the chart may be written down.
const VERSION: &str = "org.opencontainers.image.version";

/// How many manifests of an index are looked at.
const MAX_MANIFESTS: usize = 8;

/// An archive that was pulled.
pub(super) struct Pulled {
    pub(super) archive: Download,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) digest: Digest,
    pub(super) cached: bool,
}

/// Pulls the chart at `path` of the registry at `host`: the version, tag or digest `wanted`, or the highest in that range.
pub(super) fn pull(
    web: Web<'_>,
    spool: &Spool<'_>,
    (host, path): (&str, &str),
    wanted: &str,
    plain_http: Option<bool>,
) -> Result<Pulled, ChartProblem> {
    let name = Name::parse(host, path)?;
    let registry = Registry::new(web, &name, plain_http.unwrap_or_else(|| name.is_local()));
    let wanted = Wanted::of(&name, wanted)?;
    let (version, reference) = match &wanted {
        Wanted::Digest(digest) => (name.tag.as_deref().map(version_of), digest.to_string()),
        Wanted::Tag(tag) => (Some(version_of(tag)), tag.clone()),
        Wanted::Range(range) => {
            let tag = highest(&registry, range)?;
            (Some(version_of(&tag)), tag)
        }
    };
    let manifest = chart_manifest(&registry, &reference, wanted.digest())?;
    let layer = layer(&manifest, shown(registry.base()))?;
    let digest = layer.digest(registry.base())?;
    let file = super::archive_file(registry.base(), &digest);
    let held = super::held(spool.cache, &file, digest);
    let cached = held.is_some();
    let archive = match held {
        Some(content) => Download { content, keep: None },
        None => {
            let content = spool.take(|to| registry.blob(layer, spool.limit, to).map(|()| digest))?;
            Download { content, keep: Some((file, String::new())) }
        }
    };
    let version = version.or_else(|| annotated_version(&manifest)).unwrap_or_else(|| digest.to_string());
    Ok(Pulled { archive, name: name.last().to_owned(), version, digest, cached })
}

/// What of a chart is wanted.
enum Wanted {
    Digest(Digest),
    Tag(String),
    Range(Range),
}

impl Wanted {
    /// As Helm has it: a digest goes before a tag, and what can be a version is a tag, also where part of it is missing.
    fn of(name: &Name, wanted: &str) -> Result<Self, ChartProblem> {
        let wanted = wanted.trim_start_matches('@');
        if let Some(digest) = wanted.starts_with("sha256:").then_some(wanted) {
            return digest.parse().map(Self::Digest).map_err(|cause| location(name, cause));
        }
        let tag = wanted.replace('+', "_");
        if let Some(given) = name.tag.as_ref().filter(|given| !tag.is_empty() && **given != tag) {
            return Err(location(name, format!("its tag is {given}, and the version that is asked for is {wanted}")));
        }
        if let Some(digest) = name.digest {
            return Ok(Self::Digest(digest));
        }
        let tag = if tag.is_empty() { name.tag.clone().unwrap_or_default() } else { tag };
        match (name.tag.is_some() || Version::parse(wanted).is_ok()) && is_tag(&tag) {
            true => Ok(Self::Tag(tag)),
            false => Ok(Self::Range(Range::parse(if wanted.is_empty() { "*" } else { wanted })?)),
        }
    }

    fn digest(&self) -> Option<Digest> {
        match self {
            Self::Digest(digest) => Some(*digest),
            _ => None,
        }
    }
}

fn location(name: &Name, cause: String) -> ChartProblem {
    WebProblem::Location { url: format!("oci://{}/{}", name.host, name.repository), cause }.into()
}

/// The version that a tag stands for: a tag cannot have a plus sign.
fn version_of(tag: &str) -> String {
    tag.replace('_', "+")
}

/// The tag with the highest version in a range. Others that are no versions stand beside them in any registry.
fn highest(registry: &Registry<'_>, range: &Range) -> Result<String, ChartProblem> {
    let mut versions = registry.tags(|tag| Some((Version::parse_strict(&version_of(&tag)).ok()?, tag)))?;
    versions.sort_by(|(a, _), (b, _)| b.compare(a));
    match versions.iter().find(|(version, _)| range.contains(version)) {
        Some((_, tag)) => Ok(tag.clone()),
        None => {
            let versions: Vec<String> = versions.iter().map(|(_, tag)| version_of(tag)).collect();
            Err(index::no_version(versions.iter().map(String::as_str)))
        }
    }
}

/// The manifest of the chart that `reference`, a tag or a digest, names.
fn chart_manifest(registry: &Registry<'_>, reference: &str, digest: Option<Digest>) -> Result<Manifest, ChartProblem> {
    let read = |reference: &str, digest| -> Result<Manifest, WebProblem> {
        let (content, _) = registry.manifest(reference, digest)?;
        Manifest::parse(&content, &registry.manifest_url(reference))
    };
    let manifest = read(reference, digest)?;
    if !manifest.is_index() {
        return Ok(manifest);
    }
    for descriptor in manifest.manifests.iter().take(MAX_MANIFESTS) {
        let digest = descriptor.digest(registry.base())?;
        let found = read(&digest.to_string(), Some(digest))?;
        if is_chart(&found) {
            return Ok(found);
        }
    }
    Err(registry.protocol("what is there is an index without a chart").into())
}

fn is_chart(manifest: &Manifest) -> bool {
    manifest.config_type() == Some(CONFIG)
}

/// The archive with the chart.
fn layer<'a>(manifest: &'a Manifest, url: &str) -> Result<&'a Descriptor, WebProblem> {
    let problem = |cause: &str| WebProblem::Protocol { url: url.to_owned(), cause: cause.to_owned() };
    if !is_chart(manifest) {
        return Err(problem("what is there is no chart; push it with `helm push`"));
    }
    let layer = manifest.layers.iter().find(|layer| LAYERS.contains(&layer.media_type.as_str()));
    layer.ok_or_else(|| problem("the chart has no layer with its archive"))
}

/// The version of the chart, if it is written down.
fn annotated_version(manifest: &Manifest) -> Option<String> {
    manifest.annotations().find(|(name, _)| *name == VERSION).map(|(_, version)| version.clone())
}
