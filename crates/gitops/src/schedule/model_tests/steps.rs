//! Single steps of the schedule: what it begins, and when it looks again.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use cowherd_api::flux::kustomize::v1::Kustomization;
use cowherd_apply::mask::Mask;
use cowherd_apply::{Cause, ObjectId};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::{Instant, advance, sleep};

use super::super::entry::Entry;
use super::super::follow::Followed;
use super::super::{Schedule, Signal};
use super::world::{MOMENT, World};
use crate::delivery::{Ended, Rank, Report, Task};
use crate::events::Type;
use crate::owner::{OwnerKind, OwnerName};
use crate::source::{Artifact, Latest, News, Origin, SourceName, git};
use crate::status::Precondition;
use crate::{Drifted, Occasion, Phase, Policy, Trigger, kustomization};

const SECOND: Duration = Duration::from_secs(1);

/// A schedule that knows of some Kustomizations, and has begun a job for each at the first commit.
struct Steps {
    world: World,
    schedule: Schedule,
}

impl Steps {
    fn new(names: &[&str]) -> Self {
        let mut world = World::new(Policy::default());
        let mut schedule = Schedule::new(world.context.clone(), &[&kustomization::KIND]);
        for name in names {
            world.put(name, json!({}));
            schedule.handle(Signal::Seen(Box::new(read(&world.object(name)))));
        }
        world.commit(&names.iter().map(|name| (*name, "1")).collect::<Vec<_>>());
        schedule.handle(world.inbox.as_mut().unwrap().try_recv().unwrap());
        list(&mut schedule, names);
        assert_eq!(schedule.jobs.len(), names.len());
        Self { world, schedule }
    }

    /// One whose job has succeeded, as its status says.
    fn done(names: &[&str]) -> Self {
        let mut steps = Self::new(names);
        names.iter().for_each(|name| steps.end(name, Ended::Well));
        steps
    }

    fn entry(&mut self, name: &str) -> &mut Entry {
        self.schedule.entries.get_mut(&self::name(name)).unwrap()
    }

    fn report(&mut self, name: &str, ended: Ended) -> Report {
        let entry = self.entry(name);
        let mut status = entry.status.clone();
        status.last_applied_revision = entry.running.as_ref().map(|running| running.revision.clone());
        Report {
            name: entry.owner.name.clone(),
            uid: entry.owner.uid().map(str::to_owned),
            generation: entry.owner.generation(),
            status,
            task: Task::Apply { recheck: false, held: None },
            leaves_any: false,
            owned: None,
            sight: Default::default(),
            mask: Mask::default(),
            ended,
        }
    }

    /// A job ends.
    fn end(&mut self, name: &str, ended: Ended) {
        let report = self.report(name, ended);
        self.schedule.finish(report);
    }

    /// Somebody changes a spec.
    fn change(&mut self, name: &str, spec: Value) {
        self.world.put(name, spec);
        let changed = self.world.object(name);
        self.schedule.handle(Signal::Seen(Box::new(read(&changed))));
    }

    /// All jobs end without a report.
    async fn lose(&mut self) {
        self.schedule.jobs.abort_all();
        while let Some(ended) = self.schedule.jobs.join_next_with_id().await {
            self.schedule.lose(ended.err().unwrap().id());
        }
    }

    /// The same content is in another revision.
    fn move_on(&mut self, name: &str) {
        assert!(self.entry(name).move_on("1", "main@sha1:2"));
        self.schedule.consider(&self::name(name));
    }

    fn followed(&mut self, name: &str, uid: Option<&str>, is_written: bool) {
        let mut status = self.entry(name).status.clone();
        let followed = if is_written {
            status.last_applied_revision = Some("main@sha1:2".to_owned());
            Followed::Written(Box::new(status))
        } else {
            Followed::Failed(status.precondition)
        };
        self.schedule.followed(&self::name(name), uid, followed);
    }

    fn uid(&mut self, name: &str) -> Option<String> {
        self.entry(name).owner.uid().map(str::to_owned)
    }

    fn source(&mut self, latest: Option<Artifact>) {
        let news = News { source: source(), latest: latest.map(Latest::of) };
        self.schedule.handle(Signal::Source(news));
    }
}

fn name(name: &str) -> OwnerName {
    OwnerName::new(&kustomization::KIND, "flux-system", name)
}

fn source() -> SourceName {
    SourceName::new(git::KIND, "flux-system", "fleet")
}

fn read(object: &Value) -> Kustomization {
    serde_json::from_value(object.clone()).unwrap()
}

fn list(schedule: &mut Schedule, names: &[&str]) {
    schedule.handle(Signal::Listed(&kustomization::KIND, names.iter().map(|one| name(one)).collect()));
}

/// Another kind of owners.
fn other_kind() -> &'static OwnerKind {
    let of = &kustomization::KIND;
    Box::leak(Box::new(OwnerKind {
        group: "tests.cowherd.dev",
        kind: "Other",
        version: of.version,
        plural: of.plural,
        ownership: of.ownership,
        component: of.component,
        status_manager: of.status_manager,
        finalizer: of.finalizer,
        minds_losses: of.minds_losses,
        relinquishes: of.relinquishes,
        status_fields: of.status_fields,
        read: of.read,
        write_status: of.write_status,
        source_field: of.source_field,
        without_source: of.without_source,
        needs_latest: of.needs_latest,
        has_commits: of.has_commits,
        story: of.story,
    }))
}

#[tokio::test(start_paused = true)]
async fn what_agents_find_at_their_start_is_the_start_and_a_revision_that_came_meanwhile_is_a_revision() {
    let mut world = World::new(Policy::default());
    for name in ["web", "db"] {
        world.put(name, json!({}));
    }
    world.cluster.put_kustomization("web", |object| object["status"] = json!({ "lastAppliedRevision": "main@sha1:1" }));
    world.cluster.put_kustomization("db", |object| object["status"] = json!({ "lastAppliedRevision": "main@sha1:0" }));
    world.commit(&[("db", "1"), ("web", "1")]);
    let mut schedule = Schedule::new(world.context.clone(), &[&kustomization::KIND]);
    for name in ["web", "db"] {
        schedule.handle(Signal::Seen(Box::new(read(&world.object(name)))));
    }
    schedule.handle(world.inbox.as_mut().unwrap().try_recv().unwrap());
    assert!(schedule.jobs.is_empty(), "not all are known yet");
    list(&mut schedule, &["web", "db"]);
    assert_eq!(schedule.jobs.len(), 2);
    drop(tokio::spawn(async move { while schedule.jobs.join_next().await.is_some() {} }));
    sleep(MOMENT).await;
    let told = world.told();
    assert_eq!(told["web"][0], (Phase::Building, "the agents have started".to_owned()));
    assert_eq!(told["db"][0], (Phase::Building, "there is a new revision".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_before_the_owners_of_all_kinds_are_known() {
    let mut steps = Steps::new(&[]);
    let (world, other) = (&mut steps.world, other_kind());
    world.put("web", json!({}));
    let mut schedule = Schedule::new(world.context.clone(), &[&kustomization::KIND, other]);
    world.commit(&[("web", "1")]);
    schedule.handle(world.inbox.as_mut().unwrap().try_recv().unwrap());
    schedule.handle(Signal::Seen(Box::new(read(&world.object("web")))));
    list(&mut schedule, &["web"]);
    assert!(schedule.jobs.is_empty());
    schedule.handle(Signal::Listed(other, HashSet::new()));
    assert_eq!((schedule.jobs.len(), schedule.entries.len()), (1, 1), "of another kind there is none");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_lost_is_done_again_after_a_second() {
    let mut steps = Steps::new(&["web"]);
    steps.lose().await;
    assert!(!steps.entry("web").is_busy() && steps.schedule.workers.is_empty());
    assert_eq!(steps.schedule.timers.next(), Some(Instant::now() + SECOND));
    advance(SECOND).await;
    steps.schedule.consider(&name("web"));
    assert!(steps.entry("web").is_busy());
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_leaves_when_all_that_was_under_way_has_ended() {
    let mut steps = Steps::new(&["web"]);
    steps.entry("web").is_followed = true;
    let cancelled = steps.entry("web").running.as_ref().unwrap().cancel.subscribe();
    steps.schedule.handle(Signal::Gone(name("web")));
    assert!(*cancelled.borrow(), "the job is told to stop");
    assert!(steps.schedule.entries.is_empty() && steps.schedule.leaving.contains_key(&name("web")));
    assert_eq!(steps.world.told()["web"].last().map(|(phase, _)| phase.clone()), Some(Phase::Gone));
    steps.lose().await;
    assert!(steps.schedule.leaving.contains_key(&name("web")), "its status is still being written");
    steps.schedule.followed(&name("web"), None, Followed::Failed(Precondition::default()));
    assert!(steps.schedule.leaving.is_empty());

    let mut steps = Steps::done(&["web"]);
    steps.schedule.handle(Signal::Gone(name("web")));
    assert!(steps.schedule.leaving.is_empty(), "nothing was under way");
}

#[tokio::test(start_paused = true)]
async fn one_of_the_same_name_waits_for_what_was_under_way_for_the_former() {
    let mut steps = Steps::new(&["web"]);
    // A list does not have it any more.
    list(&mut steps.schedule, &[]);
    let former = steps.schedule.leaving.get_mut(&name("web")).unwrap();
    let uid = former.owner.uid().map(str::to_owned);
    steps.world.cluster.put_kustomization("web", |object| object["metadata"]["uid"] = "another".into());
    let mut another = steps.world.object("web");
    another["metadata"]["uid"] = "another".into();
    steps.schedule.handle(Signal::Seen(Box::new(read(&another))));
    assert!(steps.schedule.leaving.is_empty() && steps.entry("web").is_busy());
    assert_eq!(steps.schedule.jobs.len(), 1, "of two jobs nobody knows which one has the last word");
    // What came of the former is not what came of this one.
    let report = Report { uid, ..steps.report("web", Ended::Well) };
    steps.schedule.finish(report);
    assert!(steps.entry("web").last.is_none() && steps.entry("web").running.is_some());
    assert_eq!(steps.schedule.jobs.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_status_follows_when_nobody_is_at_work_and_two_seconds_after_the_commit_at_the_latest() {
    let mut steps = Steps::new(&["web", "db"]);
    let latest = Instant::now() + 2 * SECOND;
    steps.end("db", Ended::Well);
    steps.move_on("db");
    steps.schedule.follow();
    assert_eq!((steps.schedule.following, steps.schedule.timers.next()), (0, Some(latest)));
    advance(2 * SECOND - Duration::from_millis(1)).await;
    steps.schedule.follow();
    assert_eq!(steps.schedule.following, 0);
    advance(Duration::from_millis(1)).await;
    steps.schedule.follow();
    assert_eq!(steps.schedule.following, 1);

    let mut steps = Steps::new(&["web", "db"]);
    steps.end("db", Ended::Well);
    steps.move_on("db");
    steps.schedule.handle(Signal::Waits(name("web")));
    steps.schedule.follow();
    assert_eq!(steps.schedule.following, 1, "who waits for health is not in the way");
}

#[tokio::test(start_paused = true)]
async fn four_statuses_follow_at_once() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let mut steps = Steps::done(&names);
    names.iter().for_each(|name| steps.move_on(name));
    steps.schedule.follow();
    assert_eq!((steps.schedule.following, steps.schedule.to_follow.len()), (4, 2));
    let uid = steps.uid("a");
    steps.followed("a", uid.as_deref(), true);
    assert!(!steps.entry("a").is_busy() && !steps.entry("a").has_to_follow());
    steps.schedule.follow();
    assert_eq!((steps.schedule.following, steps.schedule.to_follow.len()), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_status_that_could_not_follow_is_tried_again_after_a_second() {
    let mut steps = Steps::done(&["web"]);
    steps.move_on("web");
    steps.schedule.follow();
    assert!(steps.entry("web").is_busy());
    let uid = steps.uid("web");
    steps.followed("web", uid.as_deref(), false);
    assert!(steps.entry("web").has_to_follow() && steps.schedule.to_follow.is_empty());
    assert_eq!(steps.schedule.timers.due(Instant::now() + SECOND), [name("web")]);
    advance(SECOND - Duration::from_millis(1)).await;
    steps.schedule.consider(&name("web"));
    assert!(steps.schedule.to_follow.is_empty());
    assert_eq!(steps.schedule.timers.next(), Some(Instant::now() + Duration::from_millis(1)));
    advance(Duration::from_millis(1)).await;
    steps.schedule.consider(&name("web"));
    assert_eq!(steps.schedule.to_follow, [name("web")]);
}

#[tokio::test(start_paused = true)]
async fn what_was_written_of_a_former_object_is_no_status_of_this_one() {
    let mut steps = Steps::done(&["web"]);
    steps.move_on("web");
    steps.schedule.follow();
    steps.followed("web", Some("another"), true);
    assert!(!steps.entry("web").is_busy());
    assert_eq!(steps.entry("web").status.last_applied_revision.as_deref(), Some("main@sha1:1"));
    assert_eq!(steps.entry("web").follow_at, None);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_follows_says_what_its_revision_was_made_from() {
    let mut steps = Steps::done(&["web"]);
    let made = |revision: &str| Artifact {
        revision: revision.to_owned(),
        digest: "2".to_owned(),
        origin: Some(Origin { source: None, revision: Some("main@sha1:origin".to_owned()) }),
        ..Artifact::nothing()
    };
    for (revision, origin) in [("main@sha1:2", Some("main@sha1:origin")), ("main@sha1:3", None)] {
        steps.schedule.sources.insert(source(), Latest::of(made(revision)));
        steps.entry("web").move_on("2", "main@sha1:2");
        let status = steps.schedule.following_status(&name("web")).unwrap();
        assert_eq!(status.last_applied_revision.as_deref(), Some("main@sha1:2"));
        assert_eq!(status.last_applied_origin_revision.as_deref(), origin, "that of another revision says nothing");
    }
    steps.entry("web").is_followed = true;
    assert_eq!(steps.schedule.following_status(&name("web")), None);
}

#[tokio::test(start_paused = true)]
async fn a_comparison_with_what_is_not_there_any_more_says_nothing() {
    let mut steps = Steps::done(&["web"]);
    steps.entry("web").comparing = true;
    steps.schedule.compared(&source(), "0", vec![(name("web"), true)]);
    assert!(steps.entry("web").comparing);
    steps.schedule.compared(&source(), "1", vec![(name("web"), true)]);
    assert!(!steps.entry("web").comparing);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_gone_brings_nothing_and_the_same_content_is_no_news() {
    let mut steps = Steps::done(&["web"]);
    let artifact = steps.schedule.content(&source()).unwrap();
    let before = steps.schedule.follow_after;
    advance(SECOND).await;
    let latest = Some(Latest { artifact: Some(artifact.clone()), ..Latest::default() });
    steps.schedule.handle(Signal::Source(News { source: source(), latest }));
    assert_eq!(steps.schedule.follow_after, before);
    steps.source(None);
    assert!(steps.schedule.content(&source()).is_none());
    steps.source(Some(Artifact { digest: "1".to_owned(), ..Artifact::nothing() }));
    assert_eq!(steps.schedule.follow_after, Instant::now() + 2 * SECOND);
    assert!(!Arc::ptr_eq(&artifact, &steps.schedule.content(&source()).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_said_is_said_once_to_whoever_asks_and_not_before_it_is_tried_again() {
    let mut steps = Steps::done(&["web"]);
    let task = Task::Complain { reason: "Why", message: String::new(), is_final: true, severity: Type::Warning };
    let complain = |steps: &mut Steps| {
        let before = steps.schedule.jobs.len();
        steps.schedule.complain(&name("web"), task.clone(), Occasion::new(None, Trigger::Retry));
        let is_said = steps.schedule.jobs.len() > before;
        steps.entry("web").running = None;
        is_said
    };
    steps.entry("web").retry_at = Some(Instant::now() + SECOND);
    assert!(!complain(&mut steps));
    assert_eq!(steps.schedule.timers.next(), Some(Instant::now() + SECOND));
    advance(SECOND).await;
    assert!(complain(&mut steps) && !complain(&mut steps));
    steps.world.request("web", "please");
    let asked = steps.world.object("web");
    steps.schedule.handle(Signal::Seen(Box::new(read(&asked))));
    steps.entry("web").running = None;
    steps.entry("web").complained = Some(task.clone());
    assert!(complain(&mut steps));
}

#[tokio::test(start_paused = true)]
async fn who_is_suspended_leaves_its_objects_to_others_and_who_is_changed_does_not() {
    for (change, is_left) in [(json!({ "timeout": "9m" }), false), (json!({ "suspend": true }), true)] {
        let mut steps = Steps::done(&["web", "db"]);
        for name in ["web", "db"] {
            let rank = Rank::of(&steps.entry(name).owner);
            let (sharing, objects) = (&steps.world.context.sharing, BTreeSet::from([map("shared")]));
            let _ = sharing.claim(&rank, objects.clone(), BTreeSet::new());
            let _ = sharing.applied(&rank, &objects, true);
        }
        steps.change("web", change);
        assert_eq!(steps.entry("db").running.is_some(), is_left);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_another_is_known_to_wait_until_it_does_not() {
    let mut steps = Steps::done(&["web"]);
    let blocked = |steps: &Steps| {
        let known = steps.world.context.sharing.blocked(&source());
        assert_eq!(steps.schedule.blocked.len(), known);
        known
    };
    assert_eq!(blocked(&steps), 0);
    steps.change("web", json!({ "dependsOn": [{ "name": "db" }] }));
    assert_eq!(blocked(&steps), 1);
    steps.change("web", json!({ "dependsOn": [] }));
    assert_eq!((blocked(&steps), steps.entry("web").running.is_some()), (0, true));
}

#[tokio::test(start_paused = true)]
async fn a_fight_is_told_of_by_who_is_applied_otherwise() {
    for (ended, is_suspended, is_told) in
        [(Ended::Well, false, true), (Ended::Well, true, false), (Ended::Badly { may_pass: true }, false, false)]
    {
        let mut steps = Steps::new(&["web"]);
        steps.end("web", ended);
        if is_suspended {
            steps.change("web", json!({ "suspend": true }));
        }
        let now = Instant::now();
        for _ in 0..=10 {
            let drifted = Drifted { object: map("fought"), cause: Cause::Deleted, at: Timestamp::UNIX_EPOCH };
            steps.entry("web").drifts.note(drifted, now);
        }
        steps.schedule.consider(&name("web"));
        assert_eq!(steps.entry("web").running.is_some(), is_told);
    }
}

fn map(name: &str) -> ObjectId {
    ObjectId { kind: "ConfigMap".into(), namespace: "apps".into(), name: name.into(), ..ObjectId::default() }
}
