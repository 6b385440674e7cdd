//! Looks at the index of a repository of charts.

use std::collections::BTreeMap;
use std::sync::Arc;

use cowherd_api::flux::source::v1::HelmRepository;
use cowherd_source::{ChartRepository, RepositoryIndex};
use serde_json::Map;

use super::super::{Artifact, Found, Shared, Stored, seal};
use super::asked::{asked, place};
use super::error::Error;
use super::name;
use crate::conditions::SUCCEEDED;
use crate::fetches::Purpose;

/// Looks at the index. It is not kept here: whoever takes a chart of it asks for what it says of that chart.
pub(super) async fn fetch(shared: &Shared, object: &HelmRepository) -> Result<Found, Error> {
    let charts = shared.config.elsewhere.charts().ok_or(Error::NoPlace)?;
    let mut source = asked(shared, object, "").await?;
    let repository = source.repository.clone();
    let name = name(object).name;
    let purpose = Purpose { namespace: name.namespace.clone(), host: repository.host().to_owned(), is_own: false };
    source.tenant = shared.fetches.tenant(&purpose);
    let work = move |cancel| {
        source.cancel = cancel;
        charts.index(&source)
    };
    let RepositoryIndex { digest, size } = shared.fetches.run(&purpose, work).await??;
    let revision = digest.to_string();
    let message = format!("stored artifact: revision '{revision}'");
    Ok(Found {
        path: format!("helmrepository/{}/{}/index-{}.yaml", name.namespace, name.name, digest.hex()),
        url: artifact_url(&repository, &revision),
        news: format!("stored fetched index of size {} from '{repository}'", human(size)),
        stored: Some(Stored { reason: SUCCEEDED, message }),
        metadata: BTreeMap::new(),
        verified: None,
        observed: Map::new(),
        artifact: Arc::new(artifact(revision)),
    })
}

/// The index that was seen before the start. Charts are asked for by what it says now, so nothing has to be here of it.
pub(super) fn held(shared: &Shared, object: &HelmRepository) -> Option<Arc<Artifact>> {
    let known = object.status.as_ref()?.artifact.as_ref()?;
    let is_same = known.url == artifact_url(&place(object).ok()?, &known.revision);
    let is_ours = seal::holds(&shared.config.seed, object, known);
    (is_same && is_ours).then(|| Arc::new(artifact(known.revision.clone())))
}

fn artifact(revision: String) -> Artifact {
    Artifact { digest: revision.clone(), revision, ..Artifact::nothing() }
}

fn artifact_url(repository: &ChartRepository, revision: &str) -> String {
    format!("{repository}@{revision}")
}

/// A size as Flux writes it: four digits, in powers of a thousand.
fn human(size: u64) -> String {
    let units = ["B", "kB", "MB", "GB"];
    let (mut size, mut unit) = (size as f64, 0);
    while size >= 1000.0 && unit + 1 < units.len() {
        size /= 1000.0;
        unit += 1;
    }
    let digits = if unit == 0 { 0 } else { 3usize.saturating_sub(size.log10() as usize) };
    let text = format!("{size:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_flux_writes_them() {
        for (size, text) in
            [(0, "0B"), (999, "999B"), (1000, "1kB"), (1234, "1.234kB"), (45_670, "45.67kB"), (20_000_000, "20MB")]
        {
            assert_eq!(human(size), text);
        }
    }
}
