//! What an owner needs, whatever happened to it before.

use std::time::Duration;

use cowherd_api::flux::annotations::RECONCILE_REQUESTED_AT;
use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::mask::Mask;
use cowherd_apply::{Cause, ObjectId};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::*;
use crate::conditions::{ARTIFACT_FAILED, DEPENDENCY_NOT_READY, RECONCILIATION_FAILED};
use crate::delivery::{Ended, Report};
use crate::events::Type;
use crate::occasion::Drifted;
use crate::owner::{OwnerName, Owning};
use crate::producer::Inputs;
use crate::source::git;

const SECOND: Duration = Duration::from_secs(1);
/// As the object says.
const INTERVAL: Duration = Duration::from_secs(3600);
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// What happens to what is known of an owner, and how its object is another one than usually.
type Happening<'a> = &'a dyn Fn(&mut Known);
type Difference<'a> = &'a dyn Fn(&mut Value);

/// An owner, and what is known of it.
struct Known {
    object: Value,
    entry: Entry,
    now: Instant,
}

impl Known {
    /// One that was just made.
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Value)) -> Self {
        let mut object = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": "prod", "namespace": "flux-system", "generation": 1, "uid": "1", "annotations": {} },
            "spec": { "interval": "1h", "retryInterval": "10s", "prune": true,
                "sourceRef": { "kind": "GitRepository", "name": "s" } } });
        change(&mut object);
        let (owner, status) = read(&object);
        Self { object, entry: Entry::new(owner, status), now: Instant::now() }
    }

    /// One that was applied with success at the content "a".
    fn applied() -> Self {
        Self::applied_with(|_| {})
    }

    fn applied_with(change: impl FnOnce(&mut Value)) -> Self {
        let mut known = Self::with(change);
        known.apply("a", Ended::Well);
        known
    }

    /// A watch sees it changed; whether that can matter to others.
    fn see(&mut self, change: impl FnOnce(&mut Value)) -> bool {
        change(&mut self.object);
        let (owner, status) = read(&self.object);
        self.entry.see(owner, status)
    }

    /// Somebody changes its spec.
    fn change(&mut self) -> bool {
        self.see(|object| {
            let generation = object["metadata"]["generation"].as_i64().unwrap();
            object["metadata"]["generation"] = (generation + 1).into();
        })
    }

    fn begin(&mut self, digest: &str, task: &Task) -> watch::Receiver<bool> {
        self.entry.begin(digest, &format!("main@sha1:{digest}"), task).0
    }

    /// Its job ends; whether the status has to follow.
    fn end(&mut self, task: &Task, ended: Ended) -> bool {
        self.end_with(task, ended, |_| {})
    }

    fn end_with(&mut self, task: &Task, ended: Ended, change: impl FnOnce(&mut Report)) -> bool {
        let mut report = Report {
            name: OwnerName::of(&kustomization(&self.object)),
            uid: self.entry.owner.uid().map(str::to_owned),
            generation: self.entry.owner.generation(),
            status: self.entry.status.clone(),
            task: task.clone(),
            leaves_any: false,
            owned: None,
            sight: Default::default(),
            mask: Mask::default(),
            ended,
        };
        change(&mut report);
        self.entry.end(report, self.now)
    }

    fn apply(&mut self, digest: &str, ended: Ended) {
        let _ = self.begin(digest, &apply());
        self.end(&apply(), ended);
    }

    fn need(&self) -> Need {
        self.entry.need(Some("a"), self.now)
    }

    /// Why it is to be applied now.
    fn trigger(&self) -> Option<Trigger> {
        match self.need() {
            Need::Apply { trigger, .. } => Some(trigger),
            _ => None,
        }
    }

    fn drift(&mut self) {
        let object = ObjectId { kind: "ConfigMap".into(), name: "drifted".into(), ..ObjectId::default() };
        let drifted = Drifted { object, cause: Cause::Deleted, at: Timestamp::UNIX_EPOCH };
        self.entry.drifts.note(drifted, self.now);
    }

    /// Whether the job that runs is to give way when the source has this content.
    fn is_obsolete(&self, digest: &str) -> bool {
        self.entry.is_obsolete(self.entry.running.as_ref().unwrap(), Some(digest), self.now)
    }

    fn complain(&mut self, reason: &'static str) {
        let message = String::new();
        self.entry.complained = Some(Task::Complain { reason, message, is_final: false, severity: Type::Normal });
    }
}

fn kustomization(object: &Value) -> Kustomization {
    serde_json::from_value(object.clone()).unwrap()
}

fn read(object: &Value) -> (Owner, Status) {
    kustomization(object).read(None)
}

fn apply() -> Task {
    Task::Apply { recheck: false, held: None }
}

fn request(object: &mut Value, word: &str) {
    object["metadata"]["annotations"][RECONCILE_REQUESTED_AT] = word.into();
}

fn approve(object: &mut Value, word: &str) {
    object["metadata"]["annotations"][PRUNE_APPROVED] = word.into();
}

fn delete(object: &mut Value) {
    object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
}

fn suspend(object: &mut Value) {
    object["spec"]["suspend"] = true.into();
}

const BADLY: Ended = Ended::Badly { may_pass: true };

#[test]
fn what_was_just_made_is_applied_and_what_was_applied_rests_until_something_happens() {
    let known = Known::new();
    assert_eq!(known.need(), Need::Apply { recheck: false, held: None, trigger: Trigger::Change });
    assert_eq!(Known::applied().need(), Need::Nothing);
    assert_eq!(Known::applied().entry.need(None, Instant::now()), Need::Nothing, "also while the source has nothing");
}

#[test]
fn what_the_agents_find_at_their_start_is_looked_at_once() {
    let mut known = Known::with(|object| object["status"] = json!({ "lastAppliedRevision": "main@sha1:a" }));
    assert_eq!(known.need(), Need::Apply { recheck: false, held: None, trigger: Trigger::Start });
    known.complain(DEPENDENCY_NOT_READY);
    assert_eq!(known.trigger(), Some(Trigger::Retry));
    known.entry.waits_for = Some("n/other".to_owned());
    assert_eq!(known.trigger(), Some(Trigger::Dependency("n/other".to_owned())));
}

#[test]
fn a_spec_that_was_never_brought_is_a_change_after_a_start_whatever_was_said_of_it() {
    let cases = [
        ("True", "ReconciliationSucceeded", 2, Trigger::Start),
        ("False", RECONCILIATION_FAILED, 1, Trigger::Start),
        ("False", DEPENDENCY_NOT_READY, 2, Trigger::Start),
        ("False", DEPENDENCY_NOT_READY, 1, Trigger::Change),
        ("False", ARTIFACT_FAILED, 1, Trigger::Change),
        ("Unknown", "Progressing", 1, Trigger::Change),
    ];
    for (status, reason, observed, trigger) in cases {
        let ready = json!({ "type": "Ready", "status": status, "reason": reason, "message": "", "observedGeneration": 2,
            "lastTransitionTime": "2026-01-01T00:00:00Z" });
        let known = Known::with(|object| {
            object["metadata"]["generation"] = 2.into();
            object["status"] = json!({ "observedGeneration": observed, "conditions": [ready],
                "lastAppliedRevision": "main@sha1:a", "lastAttemptedRevision": "main@sha1:a" });
        });
        assert_eq!(known.entry.since_the_start("main@sha1:a"), trigger, "{reason} of {observed}");
    }
}

#[test]
fn a_source_that_comes_back_with_what_it_had_brings_no_revision() {
    for (digest, expected) in [("a", Trigger::Retry), ("b", Trigger::Revision)] {
        let mut known = Known::applied();
        known.complain(ARTIFACT_FAILED);
        let need = known.entry.need(Some(digest), known.now);
        assert_eq!(need, Need::Apply { recheck: false, held: None, trigger: expected });
    }
}

#[test]
fn a_request_is_served_once_and_by_looking_at_everything_again() {
    let mut known = Known::with(|object| request(object, "first"));
    let asked = |word: &str| Need::Apply { recheck: true, held: None, trigger: Trigger::request(word) };
    assert!(known.entry.has_open_request());
    assert_eq!(known.need(), asked("first"));
    let served = |known: &Known| Status {
        last_handled_reconcile_at: known.entry.owner.requested_at().map(str::to_owned),
        ..Status::default()
    };
    let status = served(&known);
    let _ = known.begin("a", &apply());
    known.end_with(&apply(), Ended::Well, |report| report.status = status);
    assert!(!known.entry.has_open_request());
    assert_eq!(known.need(), Need::Nothing);
    known.see(|object| request(object, "second"));
    assert_eq!(known.need(), asked("second"));
    // It goes before what waits for its time, and before another revision.
    known.drift();
    assert_eq!(known.entry.need(Some("b"), known.now), asked("second"));

    // One that was served before the start is not served again.
    let known = Known::with(|object| {
        request(object, "first");
        object["status"] = json!({ "lastHandledReconcileAt": "first" });
    });
    assert!(!known.entry.has_open_request());
    assert_eq!(known.need(), Need::Apply { recheck: false, held: None, trigger: Trigger::Change });
}

#[test]
fn what_is_suspended_rests_whatever_happens_and_what_is_deleted_is_cleaned_up() {
    let mut known = Known::applied_with(suspend);
    known.drift();
    known.see(|object| request(object, "now"));
    assert_eq!(known.entry.need(Some("b"), known.now), Need::Nothing);
    assert_eq!(Known::with(suspend).need(), Need::Nothing);
    assert_eq!(Known::with(delete).need(), Need::Finalize);
    known.see(delete);
    assert_eq!(known.need(), Need::Finalize);
}

#[test]
fn a_whole_apply_follows_a_change_a_revision_the_end_of_a_wait_or_a_neighbour() {
    let cases: [(Happening<'_>, Trigger); 6] = [
        (&|known: &mut Known| assert!(known.change()), Trigger::Change),
        (&|known: &mut Known| known.entry.last.as_mut().unwrap().digest = "before".to_owned(), Trigger::Revision),
        (&|known: &mut Known| known.entry.is_concerned = true, Trigger::Sharing),
        (&|known: &mut Known| known.complain(DEPENDENCY_NOT_READY), Trigger::Retry),
        (&|known: &mut Known| known.apply("a", Ended::Superseded), Trigger::Retry),
        (&|known: &mut Known| known.entry.due = Some(known.now), Trigger::Interval),
    ];
    for (happens, trigger) in cases {
        let mut known = Known::applied();
        happens(&mut known);
        // A job that broke off waits for a moment.
        known.now += SECOND;
        assert_eq!(known.need(), Need::Apply { recheck: false, held: None, trigger });
        let _ = known.begin("a", &apply());
        known.entry.complained = None;
        known.end(&apply(), Ended::Well);
        assert_eq!(known.need(), Need::Nothing);
    }
}

#[test]
fn another_revision_waits_until_it_is_known_whether_it_concerns_the_owner() {
    let mut known = Known::applied();
    known.entry.comparing = true;
    assert_eq!(known.entry.need(Some("b"), known.now), Need::Nothing);
    let _ = known.begin("a", &apply());
    assert!(!known.is_obsolete("b"));
    known.entry.comparing = false;
    assert!(known.is_obsolete("b") && !known.is_obsolete("a"));
}

#[test]
fn a_job_that_broke_off_is_done_again_for_the_same_reason() {
    let mut known = Known::applied();
    known.entry.begin_for(&Trigger::Sharing);
    known.apply("a", Ended::Superseded);
    known.now += SECOND;
    assert_eq!(known.trigger(), Some(Trigger::Sharing));

    let mut new = Known::new();
    new.entry.begin_for(&Trigger::Revision);
    new.apply("a", Ended::Superseded);
    new.now += SECOND;
    assert_eq!(new.trigger(), Some(Trigger::Revision), "also the first one");
}

#[test]
fn drift_is_put_right_at_once_and_what_is_fought_for_when_its_pause_is_over() {
    let mut known = Known::applied();
    known.drift();
    assert_eq!(
        known.need(),
        Need::Apply { recheck: false, held: None, trigger: known.entry.drifts.trigger(known.now) }
    );
    assert!(!known.entry.is_right());
    for _ in 0..10 {
        known.drift();
    }
    let until = known.now + SECOND;
    assert_eq!(known.need(), Need::Later(until));
    assert_eq!(
        known.entry.need(Some("a"), until),
        Need::Apply { recheck: false, held: None, trigger: known.entry.drifts.trigger(until) }
    );
    // What is due before that is done before that.
    known.entry.due = Some(known.now + SECOND / 2);
    assert_eq!(known.need(), Need::Later(known.now + SECOND / 2));
}

#[test]
fn a_job_gives_way_to_what_is_newer() {
    let cases: [Happening<'_>; 3] = [
        &|known: &mut Known| {
            known.change();
        },
        &|known: &mut Known| {
            known.see(|object| request(object, "now"));
        },
        &|known: &mut Known| {
            known.see(delete);
        },
    ];
    for happens in cases {
        for (task, gives_way) in [(apply(), true), (Task::Finalize, false)] {
            let mut known = Known::applied();
            let _ = known.begin("a", &task);
            assert!(!known.is_obsolete("a"));
            happens(&mut known);
            assert_eq!(known.is_obsolete("a"), gives_way, "{task:?}");
        }
    }
    let mut known = Known::applied();
    let _ = known.begin("a", &Task::Finalize);
    assert!(!known.is_obsolete("b"), "what cleans up needs no content");
}

#[test]
fn a_job_that_waits_for_health_gives_way_to_drift_and_to_a_neighbour_and_one_that_applies_does_not() {
    let cases: [Happening<'_>; 2] = [&Known::drift, &|known: &mut Known| known.entry.is_overtaken = true];
    for happens in cases {
        let mut known = Known::applied();
        let _ = known.begin("a", &apply());
        happens(&mut known);
        assert!(!known.is_obsolete("a"));
        known.entry.running.as_mut().unwrap().waits = true;
        assert!(known.is_obsolete("a"));
    }
    let mut known = Known::applied();
    let _ = known.begin("a", &apply());
    known.entry.running.as_mut().unwrap().waits = true;
    known.entry.is_concerned = true;
    assert!(!known.is_obsolete("a"), "that somebody describes its objects too is said in time");
}

#[test]
fn what_failed_is_tried_again_after_pauses_that_double_up_to_the_retry_interval() {
    let mut known = Known::new();
    let mut pauses = Vec::new();
    for _ in 0..6 {
        known.apply("a", BADLY);
        let Need::Later(at) = known.need() else { panic!("{:?}", known.need()) };
        pauses.push((at - known.now).as_secs());
        known.now = at;
        assert_eq!(known.trigger(), Some(Trigger::Retry));
    }
    assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
    // Who changes it need not wait, and success is the end of it.
    known.change();
    assert_eq!(known.trigger(), Some(Trigger::Change));
    known.apply("a", BADLY);
    assert_eq!(known.need(), Need::Later(known.now + SECOND));
    known.apply("a", Ended::Well);
    known.apply("a", BADLY);
    assert_eq!(known.need(), Need::Later(known.now + SECOND));
    known.apply("a", Ended::Badly { may_pass: false });
    assert_eq!(known.need(), Need::Later(known.now + RETRY_INTERVAL), "the repository has to change");
}

#[test]
fn what_nothing_tells_of_is_looked_at_when_the_interval_is_over() {
    let cases: [(Difference<'_>, bool); 4] = [
        (&|_: &mut Value| {}, false),
        (&|object: &mut Value| object["spec"]["wait"] = true.into(), true),
        (
            &|object: &mut Value| {
                object["spec"]["postBuild"] = json!({ "substituteFrom": [{ "kind": "Secret", "name": "s" }] })
            },
            true,
        ),
        (&|_: &mut Value| {}, true),
    ];
    for (number, (change, is_looked_at)) in cases.into_iter().enumerate() {
        let mut known = Known::with(change);
        let _ = known.begin("a", &apply());
        // The last one has left something alone.
        known.end_with(&apply(), Ended::Well, |report| report.leaves_any = number == 3);
        let expected = if is_looked_at { Need::Later(known.now + INTERVAL) } else { Need::Nothing };
        assert_eq!(known.need(), expected, "{number}");
        known.now += INTERVAL;
        assert_eq!(known.trigger(), is_looked_at.then_some(Trigger::Interval));
    }
}

#[test]
fn a_render_from_elsewhere_is_looked_at_when_the_interval_is_over() {
    for (remote, need) in [(false, false), (true, true)] {
        let mut known = Known::new();
        let (_, shared) = known.entry.begin("a", "main@sha1:a", &apply());
        *shared.lock().unwrap() = Some(Arc::new(inputs(remote)));
        known.end(&apply(), Ended::Well);
        assert_eq!(known.need() == Need::Later(known.now + INTERVAL), need);
    }
}

/// What a render rests on, from elsewhere or not.
fn inputs(remote: bool) -> Inputs {
    let url = "https://example.org/base".to_owned();
    let base = cowherd_render::RemoteSource::Git { url, reference: None, timeout: None };
    let remotes = remote.then(|| (base, "main@sha1:1".to_owned())).into_iter().collect();
    Inputs { remotes, is_complete: true, ..Inputs::default() }
}

#[test]
fn what_is_not_as_a_watch_showed_it_is_tried_after_pauses_that_double_unless_the_watch_shows_it() {
    let mut known = Known::new();
    let mut pauses = Vec::new();
    for _ in 0..8 {
        known.apply("a", Ended::Superseded);
        let Need::Later(at) = known.need() else { panic!("{:?}", known.need()) };
        pauses.push((at - known.now).as_millis());
        known.now = at;
        assert!(known.trigger().is_some(), "then it is tried");
    }
    assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 3200, 5000]);
    known.apply("a", Ended::Superseded);
    known.see(|_| {});
    assert!(known.trigger().is_some());
    known.apply("a", Ended::Superseded);
    assert_eq!(known.need(), Need::Later(known.now + Duration::from_millis(50)), "from the start");
    known.now += SECOND;
    known.apply("a", Ended::Well);
    known.apply("a", Ended::Superseded);
    assert_eq!(known.need(), Need::Later(known.now + Duration::from_millis(50)));
}

#[test]
fn a_job_that_was_told_to_give_way_is_followed_by_the_next_at_once() {
    let mut known = Known::applied();
    let _receiver = known.begin("a", &apply());
    known.entry.running.as_ref().unwrap().cancel.send_replace(true);
    known.end(&apply(), Ended::Superseded);
    assert_eq!(known.trigger(), Some(Trigger::Retry), "nobody knows how far it came");
    assert!(!known.entry.is_right());
    // What only says something leaves nothing half done.
    let mut known = Known::applied();
    let _receiver = known.begin("a", &Task::Finalize);
    known.entry.running.as_ref().unwrap().cancel.send_replace(true);
    known.end(&Task::Finalize, Ended::Superseded);
    assert!(known.entry.is_right());
}

#[test]
fn a_clean_up_that_failed_is_tried_again_and_one_that_succeeded_is_waited_for() {
    let mut known = Known::with(delete);
    let _ = known.begin("", &Task::Finalize);
    known.end(&Task::Finalize, BADLY);
    assert_eq!(known.need(), Need::Later(known.now + SECOND));
    known.now += SECOND;
    assert_eq!(known.need(), Need::Finalize);
    let _ = known.begin("", &Task::Finalize);
    known.end(&Task::Finalize, Ended::Well);
    assert_eq!(known.need(), Need::Later(known.now + 2 * SECOND));
    known.now += 2 * SECOND;
    assert_eq!(known.need(), Need::Finalize);
}

#[test]
fn what_could_not_be_said_is_said_again_and_what_was_said_is_not() {
    let complaint = Task::Complain { reason: "Why", message: String::new(), is_final: true, severity: Type::Warning };
    for (ended, is_said, retry) in [(Ended::Well, true, None), (BADLY, false, Some(SECOND))] {
        let mut known = Known::applied();
        known.entry.complained = Some(complaint.clone());
        let _ = known.begin("", &complaint);
        known.end(&complaint, ended);
        assert_eq!(known.entry.complained.is_some(), is_said);
        assert_eq!(known.entry.retry_at, retry.map(|pause| known.now + pause));
        assert_eq!(known.entry.last.as_ref().unwrap().digest, "a", "nothing was applied");
        // Of what was changed all is said anew.
        known.entry.complained = Some(complaint.clone());
        known.change();
        assert_eq!((&known.entry.complained, known.entry.retry_at), (&None, None));
    }
}

#[test]
fn an_approval_that_comes_while_a_job_runs_is_acted_on_when_that_has_ended() {
    let mut known = Known::new();
    let badly = || Ended::Badly { may_pass: false };
    let _ = known.begin("a", &apply());
    known.see(|object| approve(object, "abc"));
    known.end(&apply(), badly());
    assert_eq!(known.trigger(), Some(Trigger::approval("abc")));
    known.apply("a", badly());
    assert_eq!(known.need(), Need::Later(known.now + RETRY_INTERVAL), "once is enough");
    known.now += SECOND;
    known.see(|object| object["metadata"]["labels"] = json!({ "a": "b" }));
    assert!(matches!(known.need(), Need::Later(_)), "it is the same approval");
    known.see(|object| approve(object, "def"));
    assert_eq!(known.trigger(), Some(Trigger::approval("def")));
}

#[test]
fn an_approval_that_comes_with_a_change_is_part_of_the_change() {
    let mut known = Known::applied();
    assert!(!known.see(|object| object["metadata"]["labels"] = json!({ "a": "b" })), "that matters to nobody");
    assert_eq!(known.need(), Need::Nothing);
    known.see(|object| {
        approve(object, "abc");
        object["metadata"]["generation"] = 2.into();
    });
    assert_eq!(known.entry.due, None);
    assert_eq!(known.trigger(), Some(Trigger::Change));
}

#[test]
fn an_object_of_the_same_name_is_another_one_and_waits_for_the_job_of_the_former() {
    let mut known = Known::applied();
    known.drift();
    known.entry.is_followed = true;
    let cancelled = known.begin("a", &apply());
    assert!(!known.entry.has_to_follow());
    assert!(known.see(|object| object["metadata"]["uid"] = "2".into()));
    assert!(*cancelled.borrow(), "the job is told to stop");
    assert!(known.entry.is_busy() && known.entry.is_followed && known.entry.running.is_some());
    assert!(known.entry.last.is_none() && known.entry.is_right());
    known.entry.running = None;
    assert!(known.entry.is_busy());
    known.entry.is_followed = false;
    assert!(!known.entry.is_busy());
    let report = |uid: &str| Report {
        name: OwnerName::of(&kustomization(&known.object)),
        uid: Some(uid.to_owned()),
        generation: None,
        status: Status::default(),
        task: apply(),
        leaves_any: false,
        owned: None,
        sight: Default::default(),
        mask: Mask::default(),
        ended: Ended::Well,
    };
    assert!(known.entry.is_same(&report("2")) && !known.entry.is_same(&report("1")));
}

#[test]
fn a_job_that_is_lost_is_done_again_in_a_moment() {
    let mut known = Known::applied();
    known.drift();
    let _ = known.begin("a", &apply());
    known.complain(DEPENDENCY_NOT_READY);
    known.entry.lose(known.now);
    assert!(!known.entry.is_busy() && known.entry.complained.is_none());
    assert_eq!(known.need(), Need::Later(known.now + SECOND));
    known.now += SECOND;
    assert_eq!(known.trigger(), Some(Trigger::Retry));
    assert!(known.entry.drifts.is_due(known.now), "what drifted is as it was");
}

#[test]
fn a_render_may_hold_while_nothing_it_rests_on_has_changed() {
    let known = || {
        let mut known = Known::new();
        let (_, shared) = known.entry.begin("a", "main@sha1:a", &apply());
        *shared.lock().unwrap() = Some(Arc::new(inputs(false)));
        known
    };
    let digest = |known: &Known| known.entry.reusable_inputs().map(|(_, digest)| digest.to_owned());
    // While the job runs, and after it has succeeded.
    let running = known();
    assert_eq!(digest(&running).as_deref(), Some("a"));
    running.entry.running.as_ref().unwrap().cancel.send_replace(true);
    assert_eq!(digest(&running), None, "it gives way");
    let mut done = known();
    done.end(&apply(), Ended::Well);
    assert_eq!(digest(&done).as_deref(), Some("a"));
    done.see(suspend);
    assert_eq!(digest(&done), None, "nothing is done for it");
    let mut changed = known();
    changed.end(&apply(), Ended::Well);
    changed.change();
    assert_eq!(digest(&changed), None);
    let mut failed = known();
    failed.end(&apply(), BADLY);
    assert_eq!(digest(&failed), None);
    // One that reads the cluster may give something else by now, and what is applied by no render rests on nothing.
    let mut reading = Known::with(|object| {
        object["spec"]["postBuild"] = json!({ "substituteFrom": [{ "kind": "Secret", "name": "s" }] })
    });
    let (_, shared) = reading.entry.begin("a", "main@sha1:a", &apply());
    *shared.lock().unwrap() = Some(Arc::new(inputs(false)));
    assert_eq!(digest(&reading), None);
    let mut finalizing = Known::new();
    let (_, shared) = finalizing.entry.begin("a", "main@sha1:a", &Task::Finalize);
    *shared.lock().unwrap() = Some(Arc::new(inputs(false)));
    assert_eq!(digest(&finalizing), None);
}

#[test]
fn the_status_follows_to_a_revision_that_does_not_concern_the_owner() {
    let mut known = Known::applied();
    known.entry.status.last_applied_revision = Some("main@sha1:a".to_owned());
    assert!(!known.entry.has_to_follow());
    assert!(known.entry.move_on("b", "main@sha1:b"));
    assert!(known.entry.has_to_follow());
    assert_eq!(known.entry.need(Some("b"), known.now), Need::Nothing, "it is applied up to there");

    // Not while something is done, or is to be done, that writes it anyway.
    known.entry.is_followed = true;
    assert!(!known.entry.has_to_follow());
    known.entry.is_followed = false;
    known.drift();
    assert!(!known.entry.has_to_follow());
    known.apply("b", Ended::Well);
    assert!(known.entry.has_to_follow(), "this report said nothing of the revision");
    known.see(suspend);
    assert!(!known.entry.has_to_follow());
    known.see(|object| object["spec"]["suspend"] = false.into());
    known.change();
    assert!(!known.entry.has_to_follow(), "it is to be applied");
    known.apply("b", BADLY);
    assert!(!known.entry.has_to_follow(), "it failed");
    let mut known = Known::new();
    assert!(!known.entry.move_on("b", "main@sha1:b") && !known.entry.has_to_follow(), "it was never applied");
}

#[test]
fn a_job_during_which_the_content_moves_on_without_concerning_it_is_not_disturbed() {
    let mut known = Known::applied();
    let _ = known.begin("a", &apply());
    assert!(!known.entry.move_on("b", "main@sha1:b"), "the job writes the status");
    assert!(!known.is_obsolete("b"));
    assert!(known.end(&apply(), Ended::Well), "it wrote that of before");
    assert_eq!(known.entry.last.as_ref().unwrap().revision, "main@sha1:b");
    let _ = known.begin("b", &apply());
    assert!(!known.end(&apply(), Ended::Well), "nothing moved on");
    let _ = known.begin("b", &apply());
    known.entry.move_on("c", "main@sha1:c");
    assert!(!known.end(&apply(), BADLY), "a failure tells of the revision itself");
}

#[test]
fn an_owner_uses_one_source() {
    let known = Known::new();
    assert!(known.entry.uses(&SourceName::new(git::KIND, "flux-system", "s")));
    assert!(!known.entry.uses(&SourceName::new(git::KIND, "flux-system", "t")));
}

#[test]
fn a_fight_is_known_when_a_job_has_told_of_it() {
    for (ended, is_known) in [(Ended::Well, true), (BADLY, false)] {
        let mut known = Known::applied();
        (0..=10).for_each(|_| known.drift());
        assert!(!known.entry.drifts.tell_held(known.now));
        let held = known.entry.drifts.held(known.now).map(Arc::new);
        let task = Task::Apply { recheck: false, held };
        let _ = known.begin("a", &task);
        known.end(&task, ended);
        assert_eq!(known.entry.drifts.tell_held(known.now), is_known);
    }
}
