//! Whether the owners that another one depends on are ready.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::conditions::{DEPENDENCY_NOT_READY, READY, holds};
use crate::delivery::Task;
use crate::events::Type;
use crate::owner::OwnerName;
use crate::owner::{Dependency, Settings};
use crate::source::Artifact;

use super::entry::Entry;
use super::expressions::{Answer, Asking, Question, RETRY};

/// Whether an owner may be applied.
pub(super) enum Verdict {
    Ready,
    NotReady(Waiting),
    /// What an expression says has to be found out.
    Undecided(Question),
}

/// Why an owner is not applied.
pub(super) struct Waiting {
    message: String,
    severity: Type,
    /// What it waits for.
    dependency: Option<OwnerName>,
    /// After what time it is asked again, if nothing tells that there is something else to say.
    again: Option<Duration>,
}

impl Waiting {
    /// What it waits for.
    pub(super) fn waits_for(&self) -> Option<&OwnerName> {
        self.dependency.as_ref()
    }

    /// After what time it is asked again.
    pub(super) fn again(&self) -> Option<Duration> {
        self.again
    }

    /// Has it said by the owner.
    pub(super) fn complaint(self) -> Task {
        let Self { message, severity, .. } = self;
        Task::Complain { reason: DEPENDENCY_NOT_READY, message, is_final: false, severity }
    }
}

/// Whether everything that an owner depends on is ready at the content of its source. What is part of a cycle
/// never is, even where all of it was applied before it became one.
pub(super) fn check(
    name: &OwnerName,
    settings: &Settings,
    source: &Artifact,
    entries: &HashMap<OwnerName, Box<Entry>>,
    known: &mut Acyclic,
) -> Verdict {
    // Before anything is told of them, a cycle among it.
    if let Some(verdict) = settings.depends_on.iter().find_map(|dependency| unseen(name, dependency, entries)) {
        return verdict;
    }
    let dependencies = |name: &OwnerName| {
        let settings = entries.get(name).and_then(|entry| entry.settings());
        // What expressions decide on need not be ready: who waits so may be waited for in turn.
        let by_conditions = |settings: &Settings| {
            let all = settings.depends_on.iter().filter(|dependency| dependency.ready.is_none());
            all.map(|dependency| dependency.name.clone()).collect()
        };
        settings.map(|settings| by_conditions(settings)).unwrap_or_default()
    };
    if let Some(cycle) = known.cycle(name, dependencies) {
        let message = format!("dependency cycle: {}; remove one of these from dependsOn", show(&cycle));
        let dependency = settings.depends_on.first().map(|dependency| dependency.name.clone());
        return Verdict::NotReady(Waiting { message, severity: Type::Warning, dependency, again: None });
    }
    let waits_for = |message, dependency: &Dependency| {
        let dependency = Some(dependency.name.clone());
        Verdict::NotReady(Waiting { message, severity: Type::Normal, dependency, again: None })
    };
    let verdict = |dependency: &Dependency| match &dependency.ready {
        Some(place) => match by_expression(name, dependency, entries) {
            Ok(message) => message.map(|message| waits_for(message, dependency)),
            Err(Undecided) => {
                let what = Asking::Expression(settings.expressions.clone(), *place);
                Some(Verdict::Undecided(Question { dependency: dependency.name.clone(), what }))
            }
        },
        None => problem(&dependency.name, settings, source, entries).map(|message| waits_for(message, dependency)),
    };
    settings.depends_on.iter().find_map(verdict).unwrap_or(Verdict::Ready)
}

/// Why nothing is told of a dependency: the account of the owner may not see it, or whether it may has to be found out.
fn unseen(
    name: &OwnerName,
    Dependency { name: dependency, minds_rights, .. }: &Dependency,
    entries: &HashMap<OwnerName, Box<Entry>>,
) -> Option<Verdict> {
    let entry = entries.get(name).filter(|_| *minds_rights)?;
    let account = entry.owner.account.as_ref()?;
    let sight = entry.asked.as_ref().and_then(|asked| asked.sight(dependency, account, Instant::now()));
    let (dependency, object) = (dependency.clone(), dependency.as_object());
    match sight {
        Some(true) => None,
        None => Some(Verdict::Undecided(Question { dependency, what: Asking::Sight })),
        Some(false) => {
            let (version, id, user) = (object.api_version(), object.id, &account.user);
            let message = format!(
                "Retrying dependency check: dependency {version}/{id} cannot be read: {user} may not get it; give that account a role that \
                 may, or leave it out of dependsOn"
            );
            let (dependency, again) = (Some(dependency), Some(RETRY));
            Some(Verdict::NotReady(Waiting { message, severity: Type::Normal, dependency, again }))
        }
    }
}

/// Nothing is known yet of what an expression says.
struct Undecided;

/// Why a dependency is not ready as its expression decides it, and nothing else.
fn by_expression(
    name: &OwnerName,
    Dependency { name: dependency, .. }: &Dependency,
    entries: &HashMap<OwnerName, Box<Entry>>,
) -> Result<Option<String>, Undecided> {
    let Some(other) = entries.get(dependency) else {
        return Ok(Some(format!("dependency '{dependency}' not found")));
    };
    let entry = entries.get(name).ok_or(Undecided)?;
    let version = |entry: &Entry| entry.owner.resource_version().map(str::to_owned);
    let versions = (version(entry), version(other));
    let answer = entry.asked.as_ref().and_then(|asked| asked.answer(dependency, &versions));
    match answer.ok_or(Undecided)? {
        Answer::Ready => Ok(None),
        Answer::NotReady => Ok(Some(format!("dependency '{dependency}' is not ready according to readyExpr eval"))),
        Answer::Failed(message) => Ok(Some(message.clone())),
        // That is kept elsewhere.
        Answer::Sight(..) | Answer::Unknown => Err(Undecided),
    }
}

fn problem(
    dependency: &OwnerName,
    settings: &Settings,
    source: &Artifact,
    entries: &HashMap<OwnerName, Box<Entry>>,
) -> Option<String> {
    let Some(entry) = entries.get(dependency) else {
        return Some(format!("dependency '{dependency}' not found"));
    };
    let not_ready = || Some(format!("dependency '{dependency}' is not ready"));
    let observed = entry.status.observed_generation == entry.owner.generation();
    if !observed || !holds(&entry.status.conditions, READY) || (entry.running.is_some() && entry.last.is_none()) {
        return not_ready();
    }
    let shares_source = entry.settings().is_some_and(|theirs| theirs.source == settings.source);
    let applied = match &entry.last {
        // What a revision does not concern is as good as applied before its status says so.
        Some(last) if last.succeeded => last.digest == source.digest,
        Some(_) => return not_ready(),
        None => entry.status.last_applied_revision.as_deref() == Some(&source.revision),
    };
    (shares_source && !applied).then(|| format!("dependency '{dependency}' revision is not up to date"))
}

fn show(cycle: &[OwnerName]) -> String {
    cycle.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(" -> ")
}

/// The owners of which it is known that no way along dependencies leads from them into a cycle. Whoever waits is looked at again and
/// again, and most often nobody's dependencies have changed since.
#[derive(Debug, Default)]
pub(super) struct Acyclic(HashSet<OwnerName>);

impl Acyclic {
    /// Somebody depends on others than before.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// A way along dependencies from `start` back to it, or into a cycle on the way, the first name repeated at the end. Each is asked
    /// for its dependencies once, as long as nobody's change.
    fn cycle(
        &mut self,
        start: &OwnerName,
        dependencies: impl Fn(&OwnerName) -> Vec<OwnerName>,
    ) -> Option<Vec<OwnerName>> {
        if self.0.contains(start) {
            return None;
        }
        let (mut path, mut rest) = (vec![start.clone()], vec![dependencies(start)]);
        let mut places = HashMap::from([(start.clone(), 0)]);
        while let Some(level) = rest.last_mut() {
            let Some(next) = level.pop() else {
                rest.pop();
                if let Some(name) = path.pop() {
                    places.remove(&name);
                    self.0.insert(name);
                }
                continue;
            };
            if let Some(at) = places.get(&next) {
                let mut cycle = path.split_off(*at);
                cycle.push(next);
                return Some(cycle);
            }
            if !self.0.contains(&next) {
                rest.push(dependencies(&next));
                places.insert(next.clone(), path.len());
                path.push(next);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cowherd_api::flux::kustomize::v1::Kustomization;
    use cowherd_apply::Account;
    use cowherd_apply::mask::Mask;
    use serde_json::{Value, json};

    use super::*;
    use crate::delivery::{Ended, Report};
    use crate::owner::{Owner, Owning};
    use crate::schedule::expressions::Versions;

    fn name(text: &str) -> OwnerName {
        OwnerName::new(&crate::kustomization::KIND, "n", text)
    }

    fn find(start: &str, edges: &[(&str, &str)]) -> Option<String> {
        let dependencies =
            |from: &OwnerName| edges.iter().filter(|(a, _)| name(a) == *from).map(|(_, b)| name(b)).collect();
        Acyclic::default().cycle(&name(start), dependencies).map(|cycle| show(&cycle))
    }

    #[test]
    fn a_cycle_is_found_and_named() {
        assert_eq!(
            find("a", &[("a", "b"), ("b", "c"), ("c", "a")]).as_deref(),
            Some("'n/a' -> 'n/b' -> 'n/c' -> 'n/a'")
        );
        assert_eq!(find("a", &[("a", "a")]).as_deref(), Some("'n/a' -> 'n/a'"));
        assert_eq!(find("x", &[("x", "a"), ("a", "b"), ("b", "a")]).as_deref(), Some("'n/a' -> 'n/b' -> 'n/a'"));
    }

    #[test]
    fn each_is_asked_for_its_dependencies_once_until_somebodys_change() {
        const COUNT: usize = 200;
        let (asked, mut known) = (std::cell::Cell::new(0), Acyclic::default());
        // Each depends on all behind it.
        let dependencies = |from: &OwnerName| -> Vec<OwnerName> {
            asked.set(asked.get() + 1);
            let from: usize = from.name.parse().unwrap();
            (from + 1..COUNT).map(|number| name(&number.to_string())).collect()
        };
        for start in 0..COUNT {
            assert_eq!(known.cycle(&name(&start.to_string()), dependencies), None);
        }
        assert_eq!(asked.get(), COUNT);
        known.forget();
        let closed = |from: &OwnerName| match from.name.as_str() {
            "199" => vec![name("0")],
            _ => dependencies(from),
        };
        let cycle = known.cycle(&name("5"), closed).unwrap();
        assert_eq!(cycle.first(), cycle.last());
        assert!(known.cycle(&name("0"), closed).is_some(), "a cycle is told to all who are in it");
    }

    #[test]
    fn meeting_again_is_no_cycle() {
        assert_eq!(find("a", &[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]), None);
    }

    /// All that is known of all owners, and what "n/web" waits for.
    struct Known(HashMap<OwnerName, Box<Entry>>);

    impl Known {
        fn new(entries: &[(&str, Value, Value)]) -> Self {
            Self(entries.iter().map(|(name, spec, status)| (self::name(name), entry(name, spec, status))).collect())
        }

        fn entry(&mut self, name: &str) -> &mut Entry {
            self.0.get_mut(&self::name(name)).unwrap()
        }

        /// What is said of a wait, whether it is a mistake, and for whom it waits.
        fn wait(&self) -> Option<(String, Type, Option<String>)> {
            let settings = self.0[&name("web")].settings().unwrap();
            let source = Artifact { revision: "main@sha1:b".to_owned(), digest: "b".to_owned(), ..Artifact::nothing() };
            match check(&name("web"), settings, &source, &self.0, &mut Acyclic::default()) {
                Verdict::Ready => None,
                Verdict::Undecided(_) => panic!("there is no expression"),
                Verdict::NotReady(waiting) => {
                    let dependency = waiting.waits_for().map(ToString::to_string);
                    match waiting.complaint() {
                        Task::Complain { reason: DEPENDENCY_NOT_READY, message, is_final: false, severity } => {
                            Some((message, severity, dependency))
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
    }

    fn entry(name: &str, spec: &Value, status: &Value) -> Box<Entry> {
        let mut object = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": name, "namespace": "n", "generation": 1, "uid": name }, "status": status,
            "spec": { "interval": "1h", "prune": true, "sourceRef": { "kind": "GitRepository", "name": "s" } } });
        object["spec"].as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let (owner, status) = serde_json::from_value::<Kustomization>(object).unwrap().read(None);
        Box::new(Entry::new(owner, status))
    }

    fn depends_on(names: &[&str]) -> Value {
        json!({ "dependsOn": names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>() })
    }

    /// A status that is ready at a revision.
    fn ready(revision: &str) -> Value {
        let ready = json!({ "type": "Ready", "status": "True", "reason": "R", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z" });
        json!({ "observedGeneration": 1, "lastAppliedRevision": revision, "conditions": [ready] })
    }

    fn waits_for(what: &str, dependency: &str) -> Option<(String, Type, Option<String>)> {
        Some((format!("dependency 'n/{dependency}' {what}"), Type::Normal, Some(format!("n/{dependency}"))))
    }

    /// A job applies the content, and it ends so.
    fn apply(entry: &mut Entry, digest: &str, ended: Ended) {
        let task = Task::Apply { recheck: false, held: None };
        let _ = entry.begin(digest, digest, &task);
        let report = Report {
            name: entry.owner.name.clone(),
            uid: None,
            generation: entry.owner.generation(),
            status: entry.status.clone(),
            task,
            leaves_any: false,
            owned: None,
            sight: Default::default(),
            mask: Mask::default(),
            ended,
        };
        entry.end(report, Instant::now());
    }

    #[test]
    fn an_owner_waits_until_what_it_depends_on_is_ready_at_the_content_of_its_source() {
        let of = |status: Value| Known::new(&[("web", depends_on(&["db"]), json!({})), ("db", json!({}), status)]);
        assert_eq!(Known::new(&[("web", depends_on(&["db"]), json!({}))]).wait(), waits_for("not found", "db"));
        assert_eq!(of(json!({})).wait(), waits_for("is not ready", "db"));
        assert_eq!(of(ready("main@sha1:b")).wait(), None);
        assert_eq!(of(ready("main@sha1:a")).wait(), waits_for("revision is not up to date", "db"));
        let mut status = ready("main@sha1:b");
        status["observedGeneration"] = 2.into();
        assert_eq!(of(status).wait(), waits_for("is not ready", "db"), "that is of another spec");
        let mut status = ready("main@sha1:b");
        status["conditions"][0]["status"] = "Unknown".into();
        assert_eq!(of(status).wait(), waits_for("is not ready", "db"));
    }

    #[test]
    fn what_the_agents_have_seen_counts_more_than_what_the_status_says() {
        let of = || Known::new(&[("web", depends_on(&["db"]), json!({})), ("db", json!({}), ready("main@sha1:a"))]);
        let mut known = of();
        apply(known.entry("db"), "b", Ended::Well);
        assert_eq!(known.wait(), None, "the status will follow");
        apply(known.entry("db"), "a", Ended::Well);
        assert_eq!(known.wait(), waits_for("revision is not up to date", "db"));
        apply(known.entry("db"), "b", Ended::Badly { may_pass: true });
        assert_eq!(known.wait(), waits_for("is not ready", "db"));

        // What is looked at for the first time since the start may turn out to be another than it says.
        let mut known = Known::new(&[("web", depends_on(&["db"]), json!({})), ("db", json!({}), ready("main@sha1:b"))]);
        let _ = known.entry("db").begin("b", "main@sha1:b", &Task::Apply { recheck: false, held: None });
        assert_eq!(known.wait(), waits_for("is not ready", "db"));
        known.entry("db").running = None;
        apply(known.entry("db"), "b", Ended::Well);
        let _ = known.entry("db").begin("b", "main@sha1:b", &Task::Apply { recheck: false, held: None });
        assert_eq!(known.wait(), None, "it was well before");
    }

    #[test]
    fn where_an_expression_decides_nothing_else_of_a_dependency_counts() {
        let by = |name: &str| json!({ "dependsOn": [{ "name": name, "readyExpr": "dep.metadata.name == self.metadata.name" }] });
        let mut known = Known::new(&[("web", by("db"), json!({})), ("db", by("web"), json!({}))]);
        let undecided = |known: &Known| {
            let settings = known.0[&name("web")].settings().unwrap();
            match check(&name("web"), settings, &Artifact::nothing(), &known.0, &mut Acyclic::default()) {
                Verdict::Undecided(question) => Some(question.dependency),
                _ => None,
            }
        };
        assert_eq!(undecided(&known), Some(name("db")), "they are no cycle");
        let mut answered = |versions: Versions, answer: Answer| {
            known.entry("web").asked.get_or_insert_default().note(name("db"), versions, answer, Instant::now());
            undecided(&known)
                .map_or_else(|| known.wait().map(|(message, ..)| message), |_| Some("undecided".to_owned()))
        };
        let told = |message: &str| Some(message.to_owned());
        let unversioned = || (None, None);
        assert_eq!(answered(unversioned(), Answer::Ready), None);
        let not_ready = "dependency 'n/db' is not ready according to readyExpr eval";
        assert_eq!(answered(unversioned(), Answer::NotReady), told(not_ready));
        assert_eq!(answered(unversioned(), Answer::Failed("no such key: x".to_owned())), told("no such key: x"));
        assert_eq!(answered(unversioned(), Answer::Unknown), told("undecided"));
        assert_eq!(answered((None, Some("7".to_owned())), Answer::Ready), told("undecided"), "that was another one");
        let known = Known::new(&[("web", by("db"), json!({}))]);
        assert_eq!(known.wait(), waits_for("not found", "db"));
    }

    #[test]
    fn nothing_is_told_of_what_the_account_may_not_see() {
        let known = |names: &[&str]| {
            let mut known = Known::new(&[("web", depends_on(&["db"]), json!({}))]);
            for name in names {
                known.0.insert(self::name(name), entry(name, &depends_on(&["web"]), &json!({})));
            }
            let web = known.entry("web");
            web.owner = Arc::new(Owner {
                account: Some(Account::service_account("n", "deployer")),
                settings: web.owner.settings.clone().map(|settings| {
                    let depends_on = settings.depends_on.iter().cloned();
                    let depends_on = depends_on.map(|dependency| Dependency { minds_rights: true, ..dependency });
                    Arc::new(Settings { depends_on: depends_on.collect(), ..settings.as_ref().clone() })
                }),
                ..web.owner.as_ref().clone()
            });
            known
        };
        let is_asked = |known: &Known| {
            let settings = known.0[&name("web")].settings().unwrap();
            matches!(
                check(&name("web"), settings, &Artifact::nothing(), &known.0, &mut Acyclic::default()),
                Verdict::Undecided(Question { what: Asking::Sight, .. })
            )
        };
        let answered = |known: &mut Known, may: bool| {
            let account = known.0[&name("web")].owner.account.clone().unwrap();
            let asked = known.entry("web").asked.get_or_insert_default();
            asked.note(name("db"), (None, None), Answer::Sight(account, may), Instant::now());
        };
        // Whether it is there or not, and even if the two make a cycle.
        for names in [&[][..], &["db"]] {
            let mut known = known(names);
            assert!(is_asked(&known));
            answered(&mut known, false);
            let (message, ..) = known.wait().unwrap();
            assert!(message.contains("n/db cannot be read: system:serviceaccount:n:deployer may not"), "{message}");
            assert!(!message.contains("not found") && !message.contains("cycle"), "{message}");
            answered(&mut known, true);
            let (message, ..) = known.wait().unwrap();
            assert!(message.contains(if names.is_empty() { "not found" } else { "cycle" }), "{message}");
            // What another account may is its own.
            let other = Some(Account::service_account("n", "other"));
            let web = known.entry("web");
            web.owner = Arc::new(Owner { account: other, ..web.owner.as_ref().clone() });
            assert!(is_asked(&known));
        }
    }

    #[test]
    fn the_revision_of_another_source_says_nothing() {
        let other = json!({ "sourceRef": { "kind": "GitRepository", "name": "other" } });
        let known = Known::new(&[("web", depends_on(&["db"]), json!({})), ("db", other, ready("main@sha1:a"))]);
        assert_eq!(known.wait(), None);
    }

    #[test]
    fn the_first_that_is_not_ready_is_named_and_a_cycle_before_all() {
        let mut entries = vec![
            ("web", depends_on(&["db", "cache", "queue"]), json!({})),
            ("db", json!({}), ready("main@sha1:b")),
            ("cache", json!({}), json!({})),
            ("queue", json!({}), json!({})),
        ];
        assert_eq!(Known::new(&entries).wait(), waits_for("is not ready", "cache"));
        entries[1].1 = depends_on(&["web"]);
        let message = "dependency cycle: 'n/web' -> 'n/db' -> 'n/web'; remove one of these from dependsOn";
        assert_eq!(Known::new(&entries).wait(), Some((message.to_owned(), Type::Warning, Some("n/db".to_owned()))));
    }
}
