//! What a ResourceSetInputProvider gives.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use cowherd_api::flux::annotations::SET_TIMEOUT;
use cowherd_api::flux::controlplane::v1::{Input, ResourceSetInputProvider, ResourceSetInputProviderSpec};
use cowherd_api::supported;
use cowherd_resourceset::id;
use cowherd_source::{CallTerms, Caller, WebProblem};
use kube::ResourceExt;
use serde_json::Value;

use super::filter::Filter;
use super::found::Found;
use super::hosts::{Host, HostError, LARGEST, Repository, What};
use super::{credentials, registry};
use crate::conditions::{ACCESS_DENIED, RECONCILIATION_FAILED, UNSUPPORTED};
use crate::fetches::Purpose;
use crate::source::Shared;

/// How long all of it may take, where nothing is said of that, and at most.
const TIMEOUT: Duration = Duration::from_secs(2 * 60);
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// How much the inputs may be, in bytes of JSON: they are kept in the status of an object.
const ROOM: usize = 900 << 10;

/// The reason of a spec whose fields do not go together, as the Flux Operator gives it.
const INVALID_SPEC: &str = "InvalidSpec";

/// The types that are no host's.
const STATIC: &str = "Static";
const ARTIFACT_TAG: &str = "OCIArtifactTag";

/// Why nothing is given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ExportError {
    /// The reason of the conditions.
    pub(super) reason: &'static str,
    /// The cause, and what to do.
    pub(super) message: String,
    /// Whether only a change of the object can help.
    pub(super) is_final: bool,
    /// When it is tried again at the earliest.
    pub(super) after: Option<Duration>,
}

impl ExportError {
    /// Nothing can be done with what the spec says.
    fn refused(reason: &'static str, what: &impl std::fmt::Display) -> Self {
        Self { reason, message: what.to_string(), is_final: true, after: None }
    }

    /// Something did not go as it should, and may the next time.
    pub(super) fn failed(what: &impl std::fmt::Display) -> Self {
        Self { reason: RECONCILIATION_FAILED, message: what.to_string(), is_final: false, after: None }
    }
}

impl From<HostError> for ExportError {
    fn from(error: HostError) -> Self {
        match error.is_final() {
            true => Self::refused(INVALID_SPEC, &error),
            false => Self { after: error.after(), reason: reason(error.web()), ..Self::failed(&error) },
        }
    }
}

impl From<registry::RegistryError> for ExportError {
    fn from(error: registry::RegistryError) -> Self {
        match error.is_final() {
            true => Self::refused(INVALID_SPEC, &error),
            false => Self { reason: reason(error.web()), ..Self::failed(&error.told()) },
        }
    }
}

/// The reason of a failure, which is another one where an address may not be connected to.
fn reason(problem: Option<&WebProblem>) -> &'static str {
    match problem {
        Some(WebProblem::Forbidden { .. }) => ACCESS_DENIED,
        _ => RECONCILIATION_FAILED,
    }
}

/// The inputs that the provider gives.
pub(super) async fn export(
    shared: &Shared,
    caller: &Caller,
    object: &ResourceSetInputProvider,
) -> Result<Vec<Input>, ExportError> {
    if let Some(given) = given(object)? {
        return Ok(given);
    }
    let inputs = match asked(&object.spec.type_) {
        Some((host, what)) => with_skipped(object, of_host(shared, caller, object, host, what).await?),
        None => {
            let found = registry::listed(shared, object, filter(object)?, timeout(object)).await?;
            found.into_iter().map(Found::input).collect()
        }
    };
    completed(object, inputs)
}

/// The inputs that the provider gives without asking anybody; nothing where others have to be asked.
///
/// # Errors
/// When what it says is refused.
pub(crate) fn given(object: &ResourceSetInputProvider) -> Result<Option<Vec<Input>>, ExportError> {
    let written = serde_json::to_value(&object.spec).unwrap_or_default();
    if let Some(refused) = supported::refused(supported::INPUT_PROVIDER, &written).next() {
        return Err(ExportError::refused(UNSUPPORTED, &refused));
    }
    check(&object.spec)?;
    if object.spec.type_ != STATIC {
        return Ok(None);
    }
    let own = Input::from([("id".to_owned(), Value::String(id(&object.uid().unwrap_or_default())))]);
    completed(object, vec![own]).map(Some)
}

/// Inputs with what they do not say themselves. What is said of all of them is large at once, so it is counted with each.
fn completed(object: &ResourceSetInputProvider, mut inputs: Vec<Input>) -> Result<Vec<Input>, ExportError> {
    let (count, mut size) = (inputs.len(), 0);
    for input in &mut inputs {
        for (key, value) in &object.spec.default_values {
            input.entry(key.clone()).or_insert_with(|| value.clone());
        }
        size += serde_json::to_vec(input).map_or(0, |text| text.len());
        if size > ROOM {
            let problem = format!(
                "the {count} inputs have more than {ROOM} bytes, which is what has room in the status of one object; write a \
                 narrower spec.filter, or less into spec.defaultValues"
            );
            return Err(ExportError::failed(&problem));
        }
    }
    Ok(inputs)
}

/// Refuses what does not go with the type, which would mean nothing.
fn check(spec: &ResourceSetInputProviderSpec) -> Result<(), ExportError> {
    let (is_static, is_tag) = (spec.type_ == STATIC, spec.type_ == ARTIFACT_TAG);
    let said = [
        ("url", spec.url.is_some() && is_static),
        ("secretRef", spec.secret_ref.is_some() && is_static),
        ("certSecretRef", spec.cert_secret_ref.is_some() && is_static),
        ("insecure", spec.insecure == Some(true) && !is_tag),
        ("serviceAccountName", spec.service_account_name.is_some() && !is_tag),
        ("selectors", !spec.selectors.is_empty()),
    ];
    match said.into_iter().find(|(_, is_wrong)| *is_wrong) {
        None => Ok(()),
        Some((field, _)) => {
            let problem = format!("spec.{field} means nothing where spec.type is {:?}; leave it out", spec.type_);
            Err(ExportError::refused(INVALID_SPEC, &problem))
        }
    }
}

fn filter(object: &ResourceSetInputProvider) -> Result<Filter, ExportError> {
    Filter::read(object.spec.filter.as_ref()).map_err(|error| ExportError::refused(INVALID_SPEC, &error))
}

/// How long it may take.
fn timeout(object: &ResourceSetInputProvider) -> Duration {
    let said = object.annotations().get(SET_TIMEOUT);
    let said = said.and_then(|text| cowherd_api::Duration::new(text).parse().ok());
    said.unwrap_or(TIMEOUT).clamp(Duration::from_secs(1), LONGEST)
}

/// Which host a type asks, and for what; none where it is no host of repositories.
fn asked(type_: &str) -> Option<(Host, What)> {
    let host = [("GitHub", Host::GitHub), ("GitLab", Host::GitLab), ("Gitea", Host::Gitea)];
    let (rest, host) = host.into_iter().find_map(|(name, host)| Some((type_.strip_prefix(name)?, host)))?;
    let what = match rest {
        "Branch" => What::Branches,
        "Tag" => What::Tags,
        "PullRequest" | "MergeRequest" => What::Requests,
        _ => return None,
    };
    Some((host, what))
}

/// What the host has, asked on the terms that hold for the namespace.
async fn of_host(
    shared: &Shared,
    caller: &Caller,
    object: &ResourceSetInputProvider,
    host: Host,
    what: What,
) -> Result<Vec<Found>, ExportError> {
    let repository = Repository::parse(host, object.spec.url.as_deref().unwrap_or_default())?;
    let (filter, timeout) = (filter(object)?, timeout(object));
    let credentials = credentials::of(shared, object, host).await;
    let credentials = credentials.map_err(|error| ExportError::failed(&error))?;
    let namespace = object.namespace().unwrap_or_default();
    let access = shared.config.policy.of_tenant(&namespace);
    let purpose = Purpose { namespace, host: repository.server().to_owned(), is_own: false };
    let (caller, tokens) = (caller.clone(), shared.tokens.clone());
    let work = move |cancel| {
        let terms = CallTerms { auth: credentials.tls, access, cancel, most: Some(LARGEST), ..CallTerms::default() };
        let token = credentials.shown.token(&tokens, &terms, timeout)?;
        let listed = repository.list(what, &filter, (&caller, &terms, token.as_ref()), timeout);
        if listed.as_ref().is_err_and(HostError::is_refusal) {
            credentials.shown.was_refused(&tokens);
        }
        listed
    };
    let listed = shared.fetches.run(&purpose, work).await.map_err(|error| ExportError::failed(&error))?;
    Ok(listed?)
}

/// The inputs of what was found, of which those that are to be skipped stay as they were; new ones of these are left out.
fn with_skipped(object: &ResourceSetInputProvider, found: Vec<Found>) -> Vec<Input> {
    let skip = object.spec.skip.as_ref().map(|skip| skip.labels.as_slice()).unwrap_or_default();
    let (mut held, mut needed) = (HashSet::new(), HashSet::new());
    for label in skip {
        match label.strip_prefix('!') {
            Some(label) => needed.insert(label),
            None => held.insert(label.as_str()),
        };
    }
    // Each label of what was found is looked at, and of those that it needs one more than it has, however many are written.
    let is_skipped = |found: &Found| {
        found.labels.iter().any(|label| held.contains(label.as_str()))
            || needed.iter().any(|label| !found.labels.iter().any(|one| one == label))
    };
    let before = object.status.as_ref().map(|status| status.exported_inputs.as_slice()).unwrap_or_default();
    let with_id = |input| Some((Input::get(input, "id")?.as_str()?, input));
    // Of several with one id the first counts.
    let before: HashMap<&str, &Input> = before.iter().rev().filter_map(with_id).collect();
    let known = |found: Found| {
        let before = before.get(found.id.as_str())?;
        Some(found.again(before))
    };
    let input = |found: Found| if is_skipped(&found) { known(found) } else { Some(found) };
    found.into_iter().filter_map(input).map(Found::input).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn provider(spec: Value, exported: Value) -> ResourceSetInputProvider {
        let metadata = json!({ "name": "p", "namespace": "n", "uid": "7a8b4c50-0000-4000-8000-000000000001" });
        let object = json!({ "metadata": metadata, "spec": spec, "status": { "exportedInputs": exported } });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_type_says_whom_to_ask_for_what() {
        assert_eq!(asked("Static"), None);
        assert_eq!(asked("GitHubPullRequest"), Some((Host::GitHub, What::Requests)));
        assert_eq!(asked("GitLabMergeRequest"), Some((Host::GitLab, What::Requests)));
        assert_eq!(asked("GiteaTag"), Some((Host::Gitea, What::Tags)));
        assert_eq!(asked("GitLabEnvironment"), None);
        let done = supported::INPUT_PROVIDER.iter().find(|entry| entry.field == "type").unwrap().but;
        let is_known = |type_: &&&str| [STATIC, ARTIFACT_TAG].contains(*type_) || asked(type_).is_some();
        assert_eq!(done.iter().filter(is_known).count(), done.len(), "{done:?}");
    }

    #[test]
    fn what_does_not_go_with_the_type_is_refused_by_name() {
        let refused = |spec: Value| check(&provider(spec, json!([])).spec).err().map(|error| error.message);
        for (type_, field, value) in [
            ("Static", "url", json!("https://a/b/c")),
            ("Static", "secretRef", json!({ "name": "s" })),
            ("GitHubTag", "insecure", json!(true)),
            ("GiteaBranch", "serviceAccountName", json!("a")),
            ("OCIArtifactTag", "selectors", json!([{ "name": "a" }])),
        ] {
            let mut spec = json!({ "type": type_ });
            spec[field] = value;
            let said = refused(spec).unwrap();
            assert!(said.starts_with(&format!("spec.{field} means nothing where spec.type is {type_:?}")), "{said}");
        }
        assert_eq!(refused(json!({ "type": "OCIArtifactTag", "insecure": true, "serviceAccountName": "a" })), None);
    }

    #[test]
    fn what_has_no_room_in_a_status_is_refused_before_it_takes_memory() {
        let made = |defaults: Value, inputs: Vec<Input>| {
            completed(&provider(json!({ "type": "GitHubTag", "defaultValues": defaults }), json!([])), inputs)
        };
        let input = |text: String| Input::from([("id".to_owned(), Value::String(text))]);
        let half = || "a".repeat(ROOM / 2);
        assert!(made(json!({}), vec![input(half())]).is_ok());
        let error = made(json!({}), vec![input(half()), input(half())]).unwrap_err();
        assert!(error.message.starts_with("the 2 inputs have more than ") && !error.is_final, "{error}");
        // Each of them would have it: 900 MiB together.
        let many = (0..2000).map(|number| input(number.to_string())).collect();
        let before = std::time::Instant::now();
        assert!(made(json!({ "large": half() }), many).is_err());
        assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
    }

    #[test]
    fn what_is_skipped_is_found_out_in_time_however_much_there_is() {
        let labels =
            |from: usize, count: usize| (from..from + count).map(|label| label.to_string()).collect::<Vec<_>>();
        let found = |number: usize| Found { id: number.to_string(), labels: labels(0, 50), ..Found::default() };
        let inputs: Vec<Value> = (0..5000).map(|number| json!({ "id": number.to_string() })).collect();
        let spec = json!({ "type": "GitHubPullRequest", "skip": { "labels": labels(1000, 50_000) } });
        let object = provider(spec, json!(inputs));
        let began = std::time::Instant::now();
        assert_eq!(with_skipped(&object, (0..5000).map(found).collect()).len(), 5000);
        let spec = json!({ "type": "GitHubPullRequest", "skip": { "labels": ["0"] } });
        assert_eq!(with_skipped(&provider(spec, json!(inputs)), (0..5000).map(found).collect()).len(), 5000);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }

    #[test]
    fn what_is_skipped_stays_as_it_was() {
        let found = |number: &str, sha: &str, labels: &[&str]| Found {
            id: number.to_owned(),
            sha: Some(sha.to_owned()),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            ..Found::default()
        };
        let spec = json!({ "type": "GitHubPullRequest", "skip": { "labels": ["hold", "!deploy"] } });
        let object = provider(spec, json!([{ "id": "1", "sha": "old" }]));
        let all = vec![found("1", "new", &["hold", "deploy"]), found("2", "new", &["deploy"]), found("3", "new", &[])];
        let inputs = serde_json::to_value(with_skipped(&object, all)).unwrap();
        let kept = json!({ "id": "1", "sha": "old", "labels": ["hold", "deploy"] });
        assert_eq!(
            inputs,
            json!([kept, { "id": "2", "sha": "new", "labels": ["deploy"] }]),
            "what was said before counts"
        );
    }
}
