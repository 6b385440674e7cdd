//! What is known of one Kustomization. No more than that is kept of it: an object with its inventory, conditions and field
//! managers is fifty times as large.

use cowherd_gitops::{Phase as Doing, Progress, Trigger, awaited_dependency};

use super::wording::{Done, is_another_try, is_at_work, line};
use crate::resource::Resource;
use crate::suspension;
use crate::terminal::progress::{Line, Phase};

/// The reason of who waits for another one.
const DEPENDENCY_NOT_READY: &str = "DependencyNotReady";
/// The reason of one whose objects wait for a node, where there is none.
const NO_NODES: &str = "NoNodes";

/// The reasons of failures that come of what stands in the repository: it cannot be made, is refused, or is not done. A server that
/// gives no answer, a branch that is not there and Pods without a node have other ones.
const OF_THE_REPOSITORY: [&str; 5] =
    ["BuildFailed", "ReconciliationFailed", "UnsupportedFeature", "InvalidCELExpression", "NoController"];
/// The reason of a path, or a source, that is not there.
const ARTIFACT_FAILED: &str = "ArtifactFailed";

/// What is known of a Kustomization.
#[derive(Debug, Default)]
pub struct Shown {
    seen: Option<Seen>,
    told: Told,
    /// Whether what was seen may be over: it is from before the start, or from before what the agents told since.
    is_outdated: bool,
}

/// What the agents told of it last.
#[derive(Debug, Default)]
pub enum Told {
    /// Nothing yet.
    #[default]
    Nothing,
    /// How far they are, or how it ended, which is to be said.
    News(Box<Progress>),
    /// That all was done. It was said by name, and is not kept by name.
    Done(Done),
}

impl Told {
    /// What is to be said of it by name.
    pub fn news(&self) -> Option<&Progress> {
        match self {
            Self::News(progress) => Some(progress),
            Self::Nothing | Self::Done(_) => None,
        }
    }

    /// Whether something is being done.
    fn is_at_work(&self) -> bool {
        self.news().is_some_and(is_at_work)
    }
}

/// What the object says of itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    /// How it is.
    pub phase: Phase,
    /// What its condition says about that.
    pub message: Box<str>,
    /// The revision that was applied.
    pub revision: Box<str>,
    /// What of its objects counts as ready without being so; mostly nothing.
    pub assumed: Box<str>,
    /// Whether its objects wait for a node, and there is none.
    pub lacks_nodes: bool,
    /// Whether it fails for what is in the repository.
    pub is_for_what_is_in_git: bool,
}

impl Seen {
    /// What this object says.
    pub fn of(resource: &Resource) -> Self {
        let message = |phase, message: &str| (phase, message.to_owned());
        let (phase, message) = match resource.ready() {
            _ if resource.suspended() => (Phase::Suspended, suspension::told(resource)),
            Some(ready) if ready.status == "True" && resource.observed() => message(Phase::Ready, ready.message),
            Some(ready) if ready.status == "False" && ready.reason == DEPENDENCY_NOT_READY => {
                message(waiting_or_failed(ready.message), ready.message)
            }
            Some(ready) if ready.status == "False" => message(Phase::Failed, ready.message),
            Some(ready) => message(Phase::Working, ready.message),
            None => message(Phase::Working, ""),
        };
        let assumed = resource.condition("AssumedReady").map_or("", |assumed| assumed.message);
        let lacks_nodes = resource.ready().is_some_and(|ready| ready.reason == NO_NODES);
        let is_for_what_is_in_git = phase == Phase::Failed && is_of_the_repository(resource);
        let (message, revision) = (message.into(), resource.revision().into());
        Self { phase, message, revision, assumed: assumed.into(), lacks_nodes, is_for_what_is_in_git }
    }

    /// The same without what may be over.
    fn awaited(&self) -> Self {
        let (revision, assumed) = (self.revision.clone(), self.assumed.clone());
        let (lacks_nodes, is_for_what_is_in_git) = (false, false);
        Self { phase: Phase::Working, message: "".into(), revision, assumed, lacks_nodes, is_for_what_is_in_git }
    }

    /// How the Kustomization is, and what it says about that. Work and failures are told before its status says so, and where
    /// the status cannot be written, as on a full disk.
    pub fn state<'a>(&'a self, told: &'a Told) -> (Phase, &'a str) {
        let told = told.news();
        match told.map(|told| &told.phase) {
            Some(Doing::Waiting(message)) if self.phase != Phase::Suspended => (waiting_or_failed(message), message),
            Some(Doing::Failed(message)) if self.phase != Phase::Suspended => (Phase::Failed, message),
            _ => match told {
                Some(told)
                    if self.phase != Phase::Suspended && is_at_work(told) && !is_another_try(told, self.phase) =>
                {
                    // How it was is no word on what is done now.
                    (Phase::Working, if self.phase == Phase::Working { &self.message } else { "" })
                }
                _ => (self.phase, &self.message),
            },
        }
    }
}

/// Whether it failed for what stands in the repository, and not for a server, a cluster or what somebody has to do there.
fn is_of_the_repository(resource: &Resource) -> bool {
    let Some(ready) = resource.ready() else { return false };
    // Whether that cluster can be reached is not known from the repository.
    let is_elsewhere = resource.at("/spec/kubeConfig").is_some() && ready.reason == "ReconciliationFailed";
    let is_not_there = ready.reason == ARTIFACT_FAILED && ready.message.contains("not found");
    !is_elsewhere && (is_not_there || OF_THE_REPOSITORY.contains(&ready.reason))
}

/// How one is that says so of what it waits for: it may be that nobody makes that.
fn waiting_or_failed(message: &str) -> Phase {
    if awaited_dependency(message).is_some() { Phase::Waiting } else { Phase::Failed }
}

impl Shown {
    /// The object was seen.
    pub fn see(&mut self, resource: &Resource) {
        let seen = Seen::of(resource);
        match &self.seen {
            // What is there when the agents start was written before.
            None => self.is_outdated = !self.is_told(),
            Some(before) => self.is_outdated &= *before == seen,
        }
        self.seen = Some(seen);
    }

    /// The agents told of their work.
    pub fn tell(&mut self, progress: Progress) {
        match progress.phase {
            Doing::Failed(_) | Doing::Waiting(_) => self.is_outdated = false,
            // The status follows.
            Doing::Ready => self.is_outdated = self.seen.as_ref().is_some_and(|seen| seen.phase != Phase::Ready),
            _ => {}
        }
        self.told = Told::News(Box::new(progress));
    }

    /// Whether it is being deleted with what it applied, of which it is told how that ends.
    pub fn is_going(&self) -> bool {
        self.told.news().is_some_and(|told| told.phase == Doing::Deleting)
    }

    /// Whether what failed is being tried again.
    pub fn is_retrying(&self) -> bool {
        self.told.news().is_some_and(|told| is_at_work(told) && told.occasion.trigger == Trigger::Retry)
    }

    /// What keeps it from ever being ready here, if that is known while it is still waited for: nobody makes nodes meanwhile.
    pub fn is_stuck(&self) -> Option<&str> {
        let seen = self.seen.as_ref().filter(|seen| seen.lacks_nodes && !self.is_outdated)?;
        let is_waited_for = self.told.news().is_none_or(|told| told.phase == Doing::Checking);
        is_waited_for.then_some(&*seen.message)
    }

    /// Whether it failed for what is in the repository, when it was last seen.
    pub fn is_for_what_is_in_git(&self) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.is_for_what_is_in_git)
    }

    /// Whether it was suspended when it was last seen.
    pub fn is_suspended(&self) -> bool {
        self.seen.as_ref().is_some_and(|seen| seen.phase == Phase::Suspended)
    }

    /// Whether the agents told how something ended.
    fn is_told(&self) -> bool {
        match &self.told {
            Told::Nothing => false,
            Told::News(told) => matches!(told.phase, Doing::Failed(_) | Doing::Waiting(_) | Doing::Ready),
            Told::Done(_) => true,
        }
    }

    /// Whether it fails, or waits, as far as is known, and nothing was heard of it since the start. What gives way to something
    /// newer says nothing.
    pub fn is_unheard(&self) -> bool {
        let is_settled = |seen: &Seen| matches!(seen.phase, Phase::Ready | Phase::Suspended);
        let is_heard = match &self.told {
            Told::Nothing => false,
            Told::News(told) => told.phase != Doing::Superseded,
            Told::Done(_) => true,
        };
        self.is_outdated && !is_heard && !self.seen.as_ref().is_some_and(is_settled)
    }

    /// How the Kustomization is, and what it says about that; nothing as long as it was not seen.
    pub fn state(&self) -> Option<(Phase, &str)> {
        match self.seen.as_ref()?.state(&self.told) {
            // It is not known to fail that is tried for the first time since the start.
            (Phase::Failed | Phase::Waiting, _) if self.is_outdated && self.told.is_at_work() => {
                Some((Phase::Working, ""))
            }
            state => Some(state),
        }
    }

    /// What is being done, if that is known.
    pub fn doing(&self) -> Option<String> {
        let seen = self.seen.as_ref().filter(|_| self.told.is_at_work())?;
        Some(line(seen, &self.told).brief)
    }

    /// What of its objects counts as ready without being so, if something does.
    pub fn assumed(&self) -> Option<&str> {
        self.seen.as_ref().map(|seen| &*seen.assumed).filter(|assumed| !assumed.is_empty())
    }

    /// Why it failed, or for whom it waits, if it did or does. What fails again for the same reason has settled, however often it is
    /// tried.
    pub fn trouble(&self) -> Option<&str> {
        self.state().filter(|(phase, _)| matches!(phase, Phase::Failed | Phase::Waiting)).map(|(_, message)| message)
    }

    /// Its line, once it was seen. What is under way counts before the status, which follows when it is done. What was done
    /// is said by name once, and not kept.
    pub fn line(&mut self) -> Option<Line> {
        let seen = self.seen.as_ref()?;
        let is_over = self.is_outdated && matches!(seen.phase, Phase::Failed | Phase::Waiting | Phase::Working);
        let line = if is_over { line(&seen.awaited(), &self.told) } else { line(seen, &self.told) };
        if let (Phase::Ready, Some(_), Some(told)) = (line.phase, &line.full, self.told.news()) {
            self.told = Told::Done(Done::of(told));
        }
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use cowherd_gitops::{NamespacedName, Occasion};
    use serde_json::json;

    use super::*;
    use crate::target::Kind;

    fn resource(status: &str, message: &str) -> Resource {
        let object = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": "app", "namespace": "n", "generation": 1 }, "spec": {},
            "status": { "observedGeneration": 1, "lastAppliedRevision": "main@sha1:1",
                "conditions": [{ "type": "Ready", "status": status, "reason": "R", "message": message }] },
        });
        Resource { kind: Kind::Kustomization, object: serde_json::from_value(object).unwrap() }
    }

    fn told(phase: Doing, trigger: Trigger) -> Progress {
        let occasion = Occasion { revision: "main@sha1:1".to_owned(), origin: None, authorship: None, trigger };
        Progress {
            described: 1,
            applied: 1,
            changed: 1,
            changes: vec!["ConfigMap/n/a created".to_owned()],
            ready: 1,
            ..Progress::about("Kustomization", NamespacedName::new("n", "app"), occasion, phase)
        }
    }

    #[test]
    fn who_waits_for_a_node_where_there_is_none_is_stuck_until_something_else_is_done() {
        let mut lacking = resource("Unknown", "no node");
        let ready = &mut lacking.object.data["status"]["conditions"][0];
        ready["reason"] = NO_NODES.into();
        let mut shown = Shown::default();
        shown.tell(told(Doing::Checking, Trigger::Start));
        shown.see(&resource("Unknown", "checking"));
        assert_eq!(shown.is_stuck(), None);
        shown.see(&lacking);
        assert_eq!(shown.is_stuck(), Some("no node"));
        shown.tell(told(Doing::Building, Trigger::Change));
        assert_eq!(shown.is_stuck(), None);
    }

    /// All that is shown of it.
    fn shown_of(shown: &mut Shown) -> String {
        let Line { brief, full, .. } = shown.line().unwrap();
        format!("{brief}\n{}", full.unwrap_or_default())
    }

    #[test]
    fn a_failure_is_of_the_repository_where_what_is_wrong_stands_there() {
        let of = |reason: &str, message: &str, spec: serde_json::Value| {
            let mut one = resource("False", message);
            one.object.data["status"]["conditions"][0]["reason"] = reason.into();
            one.object.data["spec"] = spec;
            let mut shown = Shown::default();
            shown.see(&one);
            shown.is_for_what_is_in_git()
        };
        for (reason, message) in [
            ("BuildFailed", "no YAML"),
            ("ReconciliationFailed", "the cluster has no kind"),
            ("ArtifactFailed", "kustomization path not found: a"),
        ] {
            assert!(of(reason, message, json!({})), "{reason}");
        }
        for (reason, message) in [
            ("ArtifactFailed", "the registry does not answer"),
            ("HealthCheckFailed", "it takes too long"),
            ("NoNodes", "Pods wait for a node"),
            ("PruneProtected", "it waits until it is approved"),
        ] {
            assert!(!of(reason, message, json!({})), "{reason}");
        }
        let far = json!({ "kubeConfig": { "secretRef": { "name": "far" } } });
        assert!(!of("ReconciliationFailed", "there is no Secret n/far", far));
        assert!(!Seen::of(&resource("True", "")).is_for_what_is_in_git);
    }

    #[test]
    fn what_was_advised_before_the_start_is_not_said_after_it() {
        for status in ["False", "Unknown"] {
            let mut shown = Shown::default();
            shown.see(&resource(status, "start cowherd with --old-advice"));
            assert!(shown.is_unheard());
            let mut all = shown_of(&mut shown);
            for phase in [Doing::Building, Doing::Applying, Doing::Checking, Doing::Ready] {
                shown.tell(told(phase, Trigger::Start));
                shown.see(&resource(status, "start cowherd with --old-advice"));
                all += &shown_of(&mut shown);
            }
            shown.see(&resource("True", "Applied revision: main@sha1:1"));
            all += &shown_of(&mut shown);
            assert!(all.contains("ConfigMap/n/a created") && !all.contains("--old-advice"), "{status}: {all}");
            assert!(!shown.is_unheard());
        }
    }

    #[test]
    fn what_is_being_done_counts_as_that_whatever_the_status_says_and_another_try_as_what_failed() {
        for status in ["True", "False", "Unknown"] {
            for trigger in [Trigger::Start, Trigger::Retry] {
                let mut shown = Shown::default();
                shown.see(&resource(status, "as it was before the start"));
                for phase in [Doing::Building, Doing::Applying, Doing::Pruning, Doing::Checking] {
                    shown.tell(told(phase, trigger.clone()));
                    assert_eq!(shown.state().unwrap().0, Phase::Working, "{status} {trigger:?}");
                    assert!(!shown.is_unheard());
                }
            }
        }
        let mut shown = Shown::default();
        shown.see(&resource("True", "m"));
        shown.tell(told(Doing::Failed("refused".to_owned()), Trigger::Interval));
        shown.see(&resource("False", "refused"));
        shown.tell(told(Doing::Applying, Trigger::Retry));
        assert_eq!(shown.state(), Some((Phase::Failed, "refused")));
        shown.tell(told(Doing::Applying, Trigger::Revision));
        assert_eq!(shown.state(), Some((Phase::Working, "")));
        shown.tell(told(Doing::Superseded, Trigger::Revision));
        assert_eq!(shown.state(), Some((Phase::Failed, "refused")));
    }

    #[test]
    fn what_is_so_after_the_start_is_said_even_if_it_was_so_before() {
        for again in [Doing::Failed("the same".to_owned()), Doing::Waiting("the same".to_owned())] {
            let mut shown = Shown::default();
            shown.see(&resource("False", "the same"));
            shown.tell(told(again, Trigger::Start));
            assert!(!shown.is_unheard());
            let line = shown.line().unwrap();
            assert_eq!((line.phase, line.failed_at.as_deref()), (Phase::Failed, Some("main@sha1:1")));
            assert!(line.full.unwrap().starts_with("the same\n"));
        }
        let mut shown = Shown::default();
        shown.see(&resource("False", "start cowherd with --old-advice"));
        shown.tell(told(Doing::Waiting("dependency 'n/b' is not ready".to_owned()), Trigger::Start));
        let seen = shown_of(&mut shown);
        assert_eq!((shown.state().unwrap().0, seen.as_str()), (Phase::Waiting, "n/b\n"));
    }

    #[test]
    fn what_was_done_is_said_once_and_the_next_time_again() {
        let resource = resource("True", "m");
        let told = || told(Doing::Ready, Trigger::Interval);
        let mut shown = Shown::default();
        shown.see(&resource);
        for _ in 0..2 {
            shown.tell(told());
            let full = shown.line().unwrap().full.unwrap();
            assert_eq!(full, "1 applied, 1 changed: ConfigMap/n/a created; main@sha1:1, because its interval is over");
            shown.see(&resource);
            assert_eq!(shown.line().unwrap().full, None);
        }
    }

    #[test]
    fn what_was_done_is_shown_without_names_from_then_on_and_a_failure_is_one_of_its_revision() {
        let mut shown = Shown::default();
        shown.see(&resource("True", "m"));
        shown.tell(told(Doing::Ready, Trigger::Revision));
        let said = shown.line().unwrap();
        assert_eq!((said.brief.as_str(), said.full.is_some()), ("1 applied, 1 changed; main@sha1:1", true));
        assert_eq!(shown.line().unwrap(), Line { full: None, ..said.clone() });
        shown.see(&resource("False", "somebody else says so"));
        let failed = shown.line().unwrap();
        assert_eq!((failed.phase, failed.failed_at.as_deref()), (Phase::Failed, Some("main@sha1:1")));
        assert_eq!(failed.full.unwrap(), "somebody else says so\n1 applied, 1 changed; main@sha1:1");
        shown.see(&resource("True", "m"));
        assert_eq!(shown.line().unwrap(), Line { full: None, ..said });
    }

    #[test]
    fn what_is_kept_of_one_takes_little() {
        // Thousands of them are kept for as long as the process lives: see docs/benchmarks.md.
        assert!(size_of::<Shown>() <= 128, "{} bytes", size_of::<Shown>());
    }
}
