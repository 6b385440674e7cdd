//! Chooses the latest tag.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cowherd_api::flux::image::v1::{ImagePolicy, ImagePolicySpec, ImagePolicyStatus, ImageRef, ImageRepository};
use cowherd_api::supported;
use cowherd_imagepolicy::{Filter, InvalidPolicy, NoLatest, Order, Policy};
use cowherd_source::{Cancel, ImageName, ImageSource};
use kube::ResourceExt as _;

use super::super::Means;
use super::super::kind::{Done, Failed};
use super::super::repository::asked;
use super::super::scans::{Latest, Tags};
use super::access::{self, Denied};
use super::repository;
use crate::conditions::{ACCESS_DENIED, DEPENDENCY_NOT_READY};
use crate::fetches::Purpose;

/// The reason of what has no other.
const FAILURE: &str = "Failure";

/// How often the digest is looked at where the interval is none.
const INTERVAL: Duration = Duration::from_secs(600);

/// How long it may take to look at all tags.
const LONGEST: Duration = Duration::from_secs(30);

type Status = ImagePolicyStatus;

/// The latest image, in the status; nothing as long as it is not known what there is.
pub(super) async fn choose(
    means: &Means,
    object: &ImagePolicy,
    status: Status,
) -> Result<Option<Done<Status>>, Failed<Status>> {
    let spec = serde_json::to_value(&object.spec).unwrap_or_default();
    if let Some(refused) = supported::refused(supported::IMAGE_POLICY, &spec).next() {
        return Err(Failed::unsupported(status, &refused));
    }
    if reflection(&object.spec) == "Always" && object.spec.interval.is_none() {
        let message = "spec.interval must be set when spec.digestReflectionPolicy is set to 'Always'";
        return Err(Failed::stalled(status, "IntervalNotConfigured", message));
    }
    let (repository, tags) = match found(means, object, &status).await {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(None),
        Err((reason, message)) => return Err(Failed::new(status, reason, message)),
    };
    if let Err(error) = ImageName::parse(&repository.spec.image) {
        return Err(Failed::stalled(status, "ImageURLInvalid", error));
    }
    let (policy, filter) = match read(&object.spec) {
        Ok(read) => read,
        Err(error @ InvalidPolicy::Filter { .. }) => return Err(Failed::stalled(status, "InvalidPolicy", error)),
        Err(error) => return Err(Failed::stalled(status, "InvalidPolicy", format!("invalid policy: {error}"))),
    };
    let namespace = object.namespace().unwrap_or_default();
    let purpose = Purpose { namespace, host: String::new(), is_own: false };
    let work = move |cancel: Cancel| {
        let until = Instant::now() + LONGEST;
        let goes_on = || !cancel.is_cancelled() && Instant::now() < until;
        policy.latest(filter.as_ref(), tags.iter(), goes_on).map(str::to_owned)
    };
    let tag = match means.choosing.run(&purpose, work).await {
        Ok(Ok(tag)) => tag,
        Ok(Err(error)) => return Err(Failed::new(status, FAILURE, explained(&error))),
        Err(_) => return Err(Failed::new(status, FAILURE, "choosing broke off; this is a bug in cowherd")),
    };
    let status = match reflected(means, object, &repository, tag, status.clone()).await {
        Ok(status) => status,
        Err(message) => return Err(Failed::new(status, "Failed", message)),
    };
    let message = message(&status);
    let always = (reflection(&object.spec) == "Always").then(|| {
        let interval = object.spec.interval.as_ref().and_then(|interval| interval.parse().ok());
        interval.filter(|interval: &Duration| !interval.is_zero()).unwrap_or(INTERVAL)
    });
    Ok(Some(Done { status, message, news: None, warnings: Vec::new(), pause: always }))
}

/// What is said where there is no latest tag.
fn explained(error: &NoLatest) -> String {
    let remedy = match error {
        NoLatest::Empty => "no tag fits spec.filterTags",
        NoLatest::OutOfRange => "no tag is a version in the range of spec.policy.semver",
        NoLatest::BrokenOff => {
            "write a simpler expression into spec.filterTags, or have spec.exclusionList of the ImageRepository leave out more"
        }
        NoLatest::NotANumber(_) => "let spec.filterTags leave tags that are numbers, or extract a number of them",
    };
    format!("{error}; {remedy}")
}

/// The ImageRepository and its tags; nothing as long as it is not known what there is.
async fn found(
    means: &Means,
    object: &ImagePolicy,
    status: &Status,
) -> Result<Option<(Arc<ImageRepository>, Arc<Tags>)>, (&'static str, String)> {
    let name = repository(object);
    let namespace = object.namespace().unwrap_or_default();
    let failed = |reason, cause: &dyn std::fmt::Display| {
        (reason, format!("failed to get the referred ImageRepository: {cause}"))
    };
    if means.shared.config.policy.no_cross_namespace_refs && name.namespace != namespace {
        return Err(failed(ACCESS_DENIED, &Denied::Blocked(name)));
    }
    let Latest { object: found, tags, has_failed, is_known } = means.scans.get(&name);
    let Some(found) = found else {
        if !is_known {
            return Ok(None);
        }
        let cause = format!(
            "referenced ImageRepository does not exist: there is no ImageRepository {name}; make it, or name another"
        );
        return Err(failed(DEPENDENCY_NOT_READY, &cause));
    };
    let checked = access::check(&means.shared.client, &namespace, &name, &found).await;
    checked.map_err(|denied| failed(ACCESS_DENIED, &denied))?;
    // Of another image than it names by now its tags say nothing.
    let is_its =
        |tags: &Arc<Tags>| ImageName::parse(&found.spec.image).is_ok_and(|image| image.to_string() == tags.image);
    if let Some(tags) = tags.filter(is_its) {
        return Ok(Some((found, tags)));
    }
    let is_ours = means.shared.config.shard.has(found.metadata.labels.as_ref());
    let was_chosen = status.latest_ref.is_some() && status.observed_generation == object.metadata.generation;
    let why = match () {
        () if !is_ours => {
            "the ImageRepository is one of another shard; give both the same label sharding.fluxcd.io/key"
        }
        () if found.spec.suspend == Some(true) && !was_chosen => {
            "the ImageRepository is suspended, and was not scanned"
        }
        () if ImageName::parse(&found.spec.image).is_err() => {
            return Ok(Some((found, Arc::new(Tags::new(String::new(), &[])))));
        }
        () if has_failed && !was_chosen => {
            "the ImageRepository was not scanned successfully; its condition Ready says why"
        }
        // What was chosen before the start stays, and what was never looked at will be in a moment.
        () => return Ok(None),
    };
    Err((DEPENDENCY_NOT_READY, format!("no tags in database: {why}")))
}

/// What a spec says of how to choose.
fn read(spec: &ImagePolicySpec) -> Result<(Policy, Option<Filter>), InvalidPolicy> {
    let order = |order: &Option<String>| Order::parse(order.as_deref().unwrap_or_default());
    let choice = &spec.policy;
    let policy = match (&choice.semver, &choice.alphabetical, &choice.numerical) {
        (Some(semver), _, _) => Policy::semver(&semver.range)?,
        (_, Some(alphabetical), _) => Policy::Alphabetical(order(&alphabetical.order)?),
        (_, _, Some(numerical)) => Policy::Numerical(order(&numerical.order)?),
        _ => return Err(InvalidPolicy::Nothing),
    };
    let filter = spec.filter_tags.as_ref().map(|filter| Filter::new(&filter.pattern, &filter.extract)).transpose()?;
    Ok((policy, filter))
}

fn reflection(spec: &ImagePolicySpec) -> &str {
    spec.digest_reflection_policy.as_deref().filter(|policy| !policy.is_empty()).unwrap_or("Never")
}

/// The status with the latest image, and its digest where that is to be told.
async fn reflected(
    means: &Means,
    object: &ImagePolicy,
    repository: &ImageRepository,
    tag: String,
    mut status: Status,
) -> Result<Status, String> {
    let name = repository.spec.image.clone();
    let known = status.latest_ref.as_ref().filter(|known| known.name == name && known.tag == tag);
    let known = known.and_then(|known| known.digest.clone()).filter(|digest| !digest.is_empty());
    let digest = match (reflection(&object.spec), known) {
        ("IfNotPresent", Some(known)) => Some(known),
        ("IfNotPresent" | "Always", _) => Some(digest(means, repository, &name, &tag).await?),
        _ => None,
    };
    let latest = ImageRef { name, tag, digest };
    if status.latest_ref.as_ref() != Some(&latest) {
        status.observed_previous_ref = status.latest_ref.replace(latest);
    }
    Ok(status)
}

async fn digest(means: &Means, repository: &ImageRepository, name: &str, tag: &str) -> Result<String, String> {
    let failed = |cause: &dyn std::fmt::Display| format!("failed fetching digest of {name}:{tag}: {cause}");
    let (source, purpose) = asked(means, repository).await.map_err(|error| failed(&error))?;
    let (images, wanted) = (means.images.clone(), tag.to_owned());
    let work = move |cancel| images.digest(&ImageSource { cancel, ..source }, &wanted);
    let asked = means.shared.fetches.run(&purpose, work).await.map_err(|error| failed(&error))?;
    asked.map_err(|error| failed(&error))
}

/// What the condition says, as Flux says it.
fn message(status: &Status) -> String {
    let Some(latest) = &status.latest_ref else { return String::new() };
    let mut message = format!("Latest image tag for {} resolved to {}", latest.name, latest.tag);
    if let Some(digest) = &latest.digest {
        message.push_str(&format!(" with digest {digest}"));
    }
    if let Some(previous) = status.observed_previous_ref.as_ref().filter(|previous| *previous != latest) {
        let digest = previous.digest.as_ref().map(|digest| format!("@{digest}")).unwrap_or_default();
        message.push_str(&format!(" (previously {}:{}{digest})", previous.name, previous.tag));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_that_of_flux() {
        let image = |tag: &str, digest: Option<&str>| {
            Some(ImageRef { name: "ghcr.io/a/b".to_owned(), tag: tag.to_owned(), digest: digest.map(str::to_owned) })
        };
        let of = |latest, previous| {
            message(&Status { latest_ref: latest, observed_previous_ref: previous, ..Status::default() })
        };
        assert_eq!(of(image("2", None), None), "Latest image tag for ghcr.io/a/b resolved to 2");
        assert_eq!(
            of(image("2", Some("sha256:b")), image("1", Some("sha256:a"))),
            "Latest image tag for ghcr.io/a/b resolved to 2 with digest sha256:b (previously ghcr.io/a/b:1@sha256:a)"
        );
    }
}
