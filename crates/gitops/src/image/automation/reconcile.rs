//! One run of an automation.

use std::collections::BTreeMap;
use std::time::Duration;

use cowherd_api::flux::image::v1::{ImageRef, ImageUpdateAutomation, ImageUpdateAutomationStatus};
use cowherd_api::flux::source::v1::GitRepository;
use jiff::Timestamp;
use kube::{Api, ResourceExt as _};

use super::super::Means;
use super::super::kind::{Done, Failed};
use super::plan::{self, Plan, Unplanned};
use super::signing;
use super::work::{Pushed, Ran, Unworked, Work};
use crate::conditions::{ACCESS_DENIED, RECONCILIATION_FAILED, time};
use crate::selector;
use crate::source::git::Writable;

/// What is said of a repository that is as it should be.
const READY: &str = "repository up-to-date";

/// How often it is looked where the interval cannot be read.
const INTERVAL: Duration = Duration::from_secs(600);

/// How many characters of a commit's message an event has.
const MOST_OF_MESSAGE: usize = 8 << 10;

type Status = ImageUpdateAutomationStatus;

/// Writes what policies chose to the repository; nothing as long as it is not known what they chose.
pub(super) async fn reconcile(
    means: &Means,
    object: &ImageUpdateAutomation,
    status: Status,
) -> Result<Option<Done<Status>>, Failed<Status>> {
    let namespace = object.namespace().unwrap_or_default();
    let status = Status { last_automation_run_time: Some(time(Timestamp::now())), ..status };
    let git = match plan::git_of(object) {
        Ok(git) => git,
        Err(error) => return Err(unplanned(status, &error)),
    };
    let wanted = object.spec.policy_selector.as_ref();
    if let Some(mistake) = wanted.and_then(selector::mistake) {
        let message = format!("failed to parse policy selector: {mistake}");
        return Err(Failed::stalled(status, "InvalidPolicySelector", message));
    }
    let Some(images) = means.choices.of(&namespace, wanted) else { return Ok(None) };
    let source = plan::source(object);
    if means.shared.config.policy.no_cross_namespace_refs && source.name.namespace != namespace {
        let message =
            format!("can't access 'GitRepository/{}', cross-namespace references have been blocked", source.name);
        return Err(Failed::stalled(status, ACCESS_DENIED, message));
    }
    let failed = |status, cause: &dyn std::fmt::Display| {
        Failed::new(status, "SourceManagerFailed", format!("failed configuring source manager: {cause}"))
    };
    let api: Api<GitRepository> = Api::namespaced(means.shared.client.clone(), &source.name.namespace);
    let is_name = cowherd_apply::is_path_segment(&source.name.name);
    let found = if is_name { api.get_opt(&source.name.name).await } else { Ok(None) };
    let repository = match found {
        Ok(Some(repository)) => repository,
        Ok(None) => {
            let cause = format!("referenced git repository does not exist: there is no GitRepository {}", source.name);
            return Err(failed(status, &cause));
        }
        Err(kube::Error::Api(refused)) => return Err(failed(status, &refused.message)),
        Err(error) => return Err(failed(status, &error)),
    };
    let plan = match Plan::new(object, &repository, images) {
        Ok(plan) => plan,
        Err(error) => return Err(unplanned(status, &error)),
    };
    let writable = Writable::of(&means.shared, &repository, plan::checkout(git, &repository), &namespace).await;
    let writable = match writable {
        Ok(writable) => writable,
        Err(error) if error.is_final() => {
            return Err(Failed::stalled(status, "InvalidSourceConfiguration", error));
        }
        Err(error) => return Err(failed(status, &error)),
    };
    let signer = match signing::signer(&means.shared, &namespace, git).await {
        Ok(signer) => signer,
        Err(unread) => return Err(failed(status, &unread)),
    };
    let observed = plan.images.clone();
    let is_due = plan.is_always_due() || !is_observed(object, &status, &observed);
    let seen = status.observed_source_revision.clone().filter(|_| !is_due);
    let (branch, refspecs) = (plan.branch.clone(), plan.refspecs.clone());
    let purpose = writable.purpose.clone();
    let work = Work { mirrors: means.shared.mirrors.clone(), writable, plan, signer, seen };
    let ran = means.shared.fetches.run(&purpose, move |cancel| work.run(&cancel)).await;
    let ran = match ran {
        Ok(Ok(ran)) => ran,
        Ok(Err(error)) => return Err(unworked(status, &error)),
        Err(broken) => return Err(Failed::new(status, RECONCILIATION_FAILED, broken)),
    };
    let pause = Some(object.spec.interval.parse().unwrap_or(INTERVAL));
    let done = |status, news, warnings| Done { status, message: READY.to_owned(), news, warnings, pause };
    Ok(Some(match ran {
        Ran::Same => done(status, None, Vec::new()),
        Ran::Nothing { revision, left } => {
            let observed_source_revision = Some(revision);
            done(Status { observed_source_revision, observed_policies: observed, ..status }, None, left)
        }
        Ran::Pushed(pushed) => {
            // Whoever follows the branch need not wait for the next look.
            means.shared.nudges.nudge(&source);
            let news = summary(&pushed, &branch, &refspecs);
            let Pushed { commit, revision, left, .. } = pushed;
            let status = Status {
                observed_source_revision: Some(revision),
                observed_policies: observed,
                last_push_commit: Some(commit),
                last_push_time: Some(time(Timestamp::now())),
                ..status
            };
            done(status, Some(news), left)
        }
    }))
}

/// Whether what the revision was looked at for is what there is by now. A spec that changed may name other files of it: with Flux that
/// waits for the next commit.
fn is_observed(object: &ImageUpdateAutomation, status: &Status, images: &BTreeMap<String, ImageRef>) -> bool {
    status.observed_policies == *images && status.observed_generation == object.metadata.generation
}

/// What an event says of a commit, as Flux says it.
fn summary(pushed: &Pushed, branch: &str, refspecs: &[String]) -> String {
    let short = pushed.commit.get(..7).unwrap_or(&pushed.commit);
    let also = match refspecs {
        [] => String::new(),
        refspecs => format!(" and refspecs '{}'", refspecs.join("', '")),
    };
    let message: String = pushed.message.chars().take(MOST_OF_MESSAGE).collect();
    format!("pushed commit '{short}' to branch '{branch}'{also}\n{message}")
}

fn unplanned(status: Status, error: &Unplanned) -> Failed<Status> {
    match error {
        Unplanned::Unsupported(refused) => Failed::unsupported(status, refused),
        Unplanned::NoGit | Unplanned::Refspec(_) => Failed::stalled(status, "InvalidSourceConfiguration", error),
        Unplanned::NoStrategy => Failed::stalled(status, "InvalidUpdateStrategy", error),
        // The GitRepository may come to say it.
        Unplanned::NoBranch => Failed::new(status, "SourceManagerFailed", error),
    }
}

fn unworked(status: Status, error: &Unworked) -> Failed<Status> {
    let reason = match error {
        Unworked::Unwritable(_) => "SourceManagerFailed",
        Unworked::Checkout(_) | Unworked::Push(_) | Unworked::Draft(_) | Unworked::Message(_) => "GitOperationFailed",
        Unworked::Update(_) => "UpdateFailed",
        Unworked::RemovedField(_) => return Failed::stalled(status, "RemovedTemplateField", error),
    };
    Failed::new(status, reason, error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_changed_spec_names_is_looked_at_without_another_commit() {
        let spec = json!({ "sourceRef": { "kind": "GitRepository", "name": "r" }, "interval": "1m" });
        let object = json!({ "metadata": { "name": "a", "generation": 2 }, "spec": spec });
        let object: ImageUpdateAutomation = serde_json::from_value(object).unwrap();
        let of = |generation| Status { observed_generation: Some(generation), ..Status::default() };
        assert!(is_observed(&object, &of(2), &BTreeMap::new()));
        assert!(!is_observed(&object, &of(1), &BTreeMap::new()));
        let image = ImageRef { name: "a".to_owned(), tag: "1".to_owned(), digest: None };
        assert!(!is_observed(&object, &of(2), &BTreeMap::from([("p".to_owned(), image)])));
    }

    #[test]
    fn the_event_of_a_commit_is_that_of_flux() {
        let pushed = Pushed {
            commit: "0123456789abcdef".to_owned(),
            revision: String::new(),
            message: "Update".to_owned(),
            left: Vec::new(),
        };
        assert_eq!(summary(&pushed, "main", &[]), "pushed commit '0123456' to branch 'main'\nUpdate");
        let both = summary(&pushed, "main", &["HEAD:refs/heads/x".to_owned()]);
        assert!(
            both.starts_with("pushed commit '0123456' to branch 'main' and refspecs 'HEAD:refs/heads/x'\n"),
            "{both}"
        );
    }
}
