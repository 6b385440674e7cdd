//! A chart of a repository of charts, or of a registry.

use std::sync::Arc;

use cowherd_api::flux::source::v1::{HelmChart, HelmRepository};
use cowherd_source::{ChartSource, Charts};
use cowherd_tree::{Subtree, Tree};
use kube::Api;

use super::super::{Artifact, Shared, Source as _, SourceName, helm_repository};
use super::error::Error;
use super::fetch::{none_yet, version_metadata};
use super::packaging::{Packaged, copy, read, set_values, set_version, with_metadata};
use super::values_files;
use crate::fetches::Purpose;
use crate::remotes::only_directory;

/// Fetches the chart from the repository, of which `index` was seen.
pub(super) async fn fetch(
    shared: &Shared,
    object: &HelmChart,
    repository: &SourceName,
    index: Option<&Artifact>,
) -> Result<Packaged, Error> {
    check_name(&object.spec.chart)?;
    let found = get(shared, repository).await?;
    if index.is_none() && !found.is_static() {
        return Err(none_yet(repository));
    }
    let charts = shared.config.elsewhere.charts().ok_or(helm_repository::Error::NoPlace)?;
    let mut source = helm_repository::asked(shared, &found, &object.spec.chart).await?;
    source.version = object.spec.version.clone().unwrap_or_default();
    let host = source.repository.host().to_owned();
    let purpose = Purpose { namespace: repository.name.namespace.clone(), host, is_own: false };
    source.tenant = shared.fetches.tenant(&purpose);
    let object = object.clone();
    let work = move |cancel| {
        source.cancel = cancel;
        package(&charts, &source, &object)
    };
    shared.fetches.run(&purpose, work).await?
}

/// The repository that the chart names.
async fn get(shared: &Shared, name: &SourceName) -> Result<HelmRepository, Error> {
    let missing = || format!("helmrepositories.source.toolkit.fluxcd.io \"{}\" not found", name.name.name);
    if !cowherd_apply::is_path_segment(&name.name.name) {
        return Err(Error::Source(missing()));
    }
    let api: Api<HelmRepository> = Api::namespaced(shared.client.clone(), &name.name.namespace);
    match api.get_opt(&name.name.name).await {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(Error::Source(missing())),
        Err(kube::Error::Api(status)) => Err(Error::Source(status.message.clone())),
        Err(other) => Err(Error::Source(other.to_string())),
    }
}

/// Fetches the chart, and makes of it what is asked for. Blocks the thread.
fn package(charts: &Charts, source: &ChartSource, object: &HelmChart) -> Result<Packaged, Error> {
    let unreadable = |error: &dyn std::fmt::Display| Error::Package(error.to_string());
    let fetched = charts.fetch(source)?;
    let directory = only_directory(fetched.tree.as_ref()).map_err(|error| unreadable(&error))?;
    let packed: Arc<dyn Tree> = fetched.tree;
    let found = Subtree::new(packed, directory);
    let chart = read(&found).map_err(|error| unreadable(&error))?;
    let name = chart.metadata.name;
    let Some(metadata) = version_metadata(object, None) else {
        let (version, digest) = (fetched.version, fetched.digest.to_string());
        let (tree, values_files) = (Arc::new(found), Vec::new());
        return Ok(Packaged { tree, digest, name, version, is_repackaged: false, values_files });
    };
    let (values, values_files) = values_files::merge(object, &found)?;
    let mut tree = copy(&found, &cowherd_tree::TreePath::root())?;
    let version = with_metadata(&chart.metadata.version, &metadata)?;
    set_version(&mut tree, &version)?;
    set_values(&mut tree, &values)?;
    let digest = format!("sha256:{}", tree.id());
    Ok(Packaged { tree: Arc::new(tree), digest, name, version, is_repackaged: true, values_files })
}

/// Whether a chart can have this name: it becomes a part of a URL.
fn check_name(name: &str) -> Result<(), Error> {
    let is_part = |part: &str| {
        let is_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
        !part.is_empty() && !part.starts_with('.') && !part.contains("..") && part.bytes().all(is_of_name)
    };
    let name_without_slash = name.strip_suffix('/').unwrap_or(name);
    if name_without_slash.split('/').all(is_part) {
        return Ok(());
    }
    Err(Error::Reference(format!(
        "invalid chart name '{name}': a valid name must be lower case letters and numbers and MAY be separated with dashes (-), \
         slashes (/) or periods (.)"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_helm_takes_for_one() {
        for good in ["web", "kube-prometheus-stack", "team/web", "a.b"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "Web", "../web", "a//b", "web?x=1", "web#x", "a..b", "a b", "./charts/web"] {
            assert!(check_name(bad).unwrap_err().to_string().starts_with("invalid chart reference: "), "{bad}");
        }
    }
}
