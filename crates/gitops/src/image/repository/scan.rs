//! Looks which tags an image has.

use std::time::Duration;

use cowherd_api::flux::image::v1::{ImageRepository, ImageRepositoryStatus, ScanResult};
use cowherd_api::supported;
use cowherd_source::{ImageName, ImageNameError, ImageSource, WebProblem};
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::super::Means;
use super::super::kind::{Done, Failed};
use super::super::scans::Tags;
use super::credentials;
use super::exclusions::Exclusions;
use crate::NamespacedName;
use crate::conditions::{ACCESS_DENIED, time};
use crate::fetches::Purpose;
use crate::source::MAX_TIMEOUT;
use crate::source::secrets::Unread;

/// How many tags the status names.
const LATEST: usize = 10;

/// The shortest time that a registry is given.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(1);

/// How often it is looked where the interval cannot be read.
const INTERVAL: Duration = Duration::from_secs(600);

/// Why a registry cannot be asked.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Unasked {
    /// What is to be asked for is no image.
    #[error("{0}")]
    Image(#[from] ImageNameError),
    /// Who we are cannot be read.
    #[error("failed to configure authentication options: {0}")]
    Credentials(#[from] Unread),
}

type Status = ImageRepositoryStatus;

/// Looks which tags there are, and tells those who choose of them.
pub(super) async fn scan(
    means: &Means,
    object: &ImageRepository,
    status: Status,
) -> Result<Done<Status>, Failed<Status>> {
    let spec = serde_json::to_value(&object.spec).unwrap_or_default();
    if let Some(refused) = supported::refused(supported::IMAGE_REPOSITORY, &spec).next() {
        return Err(Failed::unsupported(status, &refused));
    }
    let patterns = object.spec.exclusions();
    let exclusions = match Exclusions::new(&patterns) {
        Ok(exclusions) => exclusions,
        Err(cause) => return Err(Failed::stalled(status, "ReadOperationFailed", format!("scan failed: {cause}"))),
    };
    let (source, purpose) = match asked(means, object).await {
        Ok(asked) => asked,
        Err(error @ Unasked::Image(_)) => return Err(Failed::stalled(status, "ImageURLInvalid", error)),
        Err(error @ Unasked::Credentials(_)) => return Err(Failed::new(status, "AuthenticationFailed", error)),
    };
    let (images, image) = (means.images.clone(), source.image.to_string());
    let work = move |cancel| {
        let source = ImageSource { cancel, ..source };
        let mut tags = images.tags(&source, |tag| exclusions.let_through(tag))?;
        tags.sort_unstable_by(|a, b| b.cmp(a));
        Ok::<_, WebProblem>(tags)
    };
    let tags = match means.shared.fetches.run(&purpose, work).await {
        Ok(Ok(tags)) => tags,
        Ok(Err(problem)) => return Err(failed(status, &problem)),
        Err(broken) => return Err(Failed::new(status, "ReadOperationFailed", format!("scan failed: {broken}"))),
    };
    let revision = checksum(&tags);
    let count = tags.len();
    let scanned = ScanResult {
        revision: revision.clone(),
        tag_count: i64::try_from(count).unwrap_or(i64::MAX),
        scan_time: Some(time(Timestamp::now())),
        latest_tags: tags.iter().take(LATEST).cloned().collect(),
    };
    if let Err(too_many) = means.scans.put(&NamespacedName::of(object), Tags::new(image.clone(), &tags)) {
        return Err(Failed::new(status, "ReadOperationFailed", format!("scan failed: {too_many}")));
    }
    let status = Status {
        canonical_image_name: Some(image),
        observed_exclusion_list: patterns,
        last_scan_result: Some(scanned),
        ..status
    };
    let message = format!("successful scan: found {count} tags with checksum {revision}");
    Ok(Done { status, message, news: None, warnings: Vec::new(), pause: Some(interval(object)) })
}

/// What is said of a registry that gives no tags.
fn failed(status: Status, problem: &WebProblem) -> Failed<Status> {
    let reason = match problem {
        WebProblem::Forbidden { .. } => ACCESS_DENIED,
        _ => "ReadOperationFailed",
    };
    let again = if problem.may_pass() { "; it is tried again" } else { "" };
    Failed::new(status, reason, format!("scan failed: {problem}{again}"))
}

/// The image with the terms on which its registry is asked, and on whose behalf that is.
pub(in super::super) async fn asked(
    means: &Means,
    object: &ImageRepository,
) -> Result<(ImageSource, Purpose), Unasked> {
    let mut source = ImageSource::new(ImageName::parse(&object.spec.image)?);
    let namespace = object.namespace().unwrap_or_default();
    source.access = means.shared.config.policy.of_tenant(&namespace);
    source.insecure = object.spec.insecure == Some(true);
    let timeout = object.spec.timeout.as_ref().and_then(|timeout| timeout.parse().ok());
    source.timeout = timeout.unwrap_or_else(|| interval(object)).clamp(SHORTEST_TIMEOUT, MAX_TIMEOUT);
    (source.auth, source.proxy) = credentials::of(&means.shared, object, &source.image).await?;
    let purpose = Purpose { namespace, host: source.image.host().to_owned(), is_own: false };
    Ok((source, purpose))
}

fn interval(object: &ImageRepository) -> Duration {
    object.spec.interval.parse().unwrap_or(INTERVAL)
}

/// The checksum that Flux makes of tags: Adler-32 of them as JSON.
fn checksum(tags: &[String]) -> String {
    const MODULUS: u32 = 65_521;
    let text = serde_json::to_vec(tags).unwrap_or_default();
    let (mut a, mut b) = (1_u32, 0_u32);
    for byte in text {
        a = (a + u32::from(byte)) % MODULUS;
        b = (b + a) % MODULUS;
    }
    ((b << 16) | a).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_flux() {
        // adler32.Checksum([]byte(text)) of Go.
        assert_eq!(checksum(&[]), "18153657");
        assert_eq!(checksum(&["1.0.1".to_owned(), "1.0.0".to_owned()]), "495321928");
    }
}
