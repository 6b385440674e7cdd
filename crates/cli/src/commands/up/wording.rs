//! What `up` says of a Kustomization.

use cowherd_gitops::{Phase as Doing, Progress, Trigger, awaited_dependency};
use cowherd_text::listed_of;

use super::shown::{Seen, Told};
use crate::terminal::progress::{Line, Phase};
use crate::terminal::text::shorten_commits;

/// What a condition says while there is nothing better to say.
const IN_PROGRESS: &str = "Reconciliation in progress";
/// How many objects that were changed are named.
const NAMED: usize = 5;

/// What is kept of a reconciliation that did all, once that was said.
#[derive(Debug)]
pub struct Done {
    /// What it did, without names.
    brief: Box<str>,
    revision: Box<str>,
}

impl Done {
    /// What is kept of it.
    pub fn of(told: &Progress) -> Self {
        let Line { brief, .. } = ready(told);
        Self { brief: brief.into(), revision: told.occasion.revision.as_str().into() }
    }
}

/// How a Kustomization is, as its status says it and as the agents told it, which may be earlier.
pub fn line(seen: &Seen, told: &Told) -> Line {
    let (phase, message) = seen.state(told);
    let message = shorten_commits(message);
    if let (Phase::Waiting, Some(on)) = (phase, awaited_dependency(&message)) {
        return Line { phase, brief: on.to_owned(), full: None, failed_at: None };
    }
    if phase == Phase::Suspended {
        return Line { phase, full: Some(message.clone()), brief: message, failed_at: None };
    }
    match told {
        Told::News(told) if matches!(told.phase, Doing::Gone | Doing::Superseded) => unsaid(phase, message),
        Told::News(told) if is_at_work(told) && !is_another_try(told, phase) => {
            working(told, phase, &message, seen.revision.is_empty())
        }
        Told::News(told) if phase == Phase::Failed => failed(told, message),
        Told::News(told) if told.phase == Doing::Ready && told.occasion.revision == *seen.revision => ready(told),
        Told::Done(done) if phase == Phase::Failed => failed_since(done, message),
        Told::Done(done) if done.revision == seen.revision => {
            Line { phase: Phase::Ready, brief: done.brief.to_string(), full: None, failed_at: None }
        }
        // The status followed to a revision that is no other for it, or is from before the start.
        _ => unsaid(phase, message),
    }
}

/// Only the status says how it is.
fn unsaid(phase: Phase, message: String) -> Line {
    let brief = if message.is_empty() { "waiting".to_owned() } else { message };
    Line { phase, brief, full: None, failed_at: None }
}

/// A status says that it fails, of which the agents told nothing since all was done.
fn failed_since(done: &Done, message: String) -> Line {
    let full = Some(format!("{message}\n{}", done.brief));
    Line { phase: Phase::Failed, brief: message, full, failed_at: Some(done.revision.to_string()) }
}

/// Whether something is being done.
pub fn is_at_work(told: &Progress) -> bool {
    matches!(told.phase, Doing::Building | Doing::Applying | Doing::Pruning | Doing::Checking | Doing::Deleting)
}

/// Whether what failed is only tried again: that it failed stays what is said, until it is known how that ends.
pub fn is_another_try(told: &Progress, phase: Phase) -> bool {
    phase == Phase::Failed && (told.occasion.trigger == Trigger::Retry || told.phase == Doing::Deleting)
}

/// What is being done. It is worth a line that stays where it is the first time that something is applied, or may take long.
fn working(told: &Progress, phase: Phase, message: &str, is_first: bool) -> Line {
    let what = told.occasion.what();
    let doing = match told.phase {
        Doing::Building => format!("building {what}"),
        Doing::Applying if told.described == 1 => format!("applying 1 object of {what}"),
        Doing::Applying => format!("applying {} objects of {what}", told.described),
        Doing::Pruning => format!("pruning for {what}"),
        Doing::Deleting => deleting(told),
        // What is waited for, where that is known.
        _ if !matches!(message, "" | IN_PROGRESS) && phase == Phase::Working => message.to_owned(),
        _ => format!("checking health at {what}"),
    };
    let doing = match &told.awaits {
        Some(awaited) => format!("{doing}; waits for whoever may describe what goes: {awaited}"),
        None => doing,
    };
    let brief = match told.phase {
        Doing::Checking => format!("{} of {} ready; {doing}", told.ready, told.described),
        Doing::Deleting if told.held.count == 0 => format!("{} left; {doing}", told.left),
        _ => doing.clone(),
    };
    // What is built is applied at once, and said then; what has to be fetched for it, by who fetches.
    let is_first = is_first && told.phase != Doing::Building;
    let is_long = is_first || told.awaits.is_some() || matches!(told.phase, Doing::Checking | Doing::Deleting);
    // Who tries again waits for the same as before.
    let is_said = is_long && told.occasion.trigger != Trigger::Retry;
    Line { phase: Phase::Working, brief, full: is_said.then_some(doing), failed_at: None }
}

/// What goes with a Kustomization that was deleted, or what of that does not go.
fn deleting(told: &Progress) -> String {
    if told.held.count > 0 {
        return format!("deleting; {}", told.rest(NAMED).unwrap_or_default());
    }
    let objects = if told.going.count == 1 { "object" } else { "objects" };
    format!("deleting {} {objects}: {}; {}", told.going.count, told.going.listed(NAMED), told.occasion)
}

fn failed(told: &Progress, message: String) -> Line {
    if is_at_work(told) {
        return Line { phase: Phase::Failed, brief: message, full: None, failed_at: None };
    }
    if told.is_known {
        // The fight was told of; what was done besides was not.
        let full = (told.changed + told.pruned > 0).then(|| done(told));
        return Line { phase: Phase::Failed, brief: message, full, failed_at: None };
    }
    let applied = match told.applied {
        0 => String::new(),
        applied => format!("{applied} of {} applied; ", told.described),
    };
    let what = match told.occasion.what() {
        what if what.is_empty() => told.occasion.to_string(),
        what => what,
    };
    let full = format!("{message}\n{applied}{what}");
    let failed_at = Some(told.occasion.revision.clone());
    Line { phase: Phase::Failed, brief: message, full: Some(full), failed_at }
}

/// What a reconciliation did that failed then, or gave way to another one, or was the last one, where it did anything: it is said
/// once, whatever is said of how things are.
pub fn done_all_the_same(told: &Progress) -> Option<String> {
    let did_any = told.changed + told.pruned > 0 && !told.is_known;
    match told.phase {
        Doing::Failed(_) | Doing::Superseded if did_any => Some(done(told)),
        Doing::Gone if told.going.count + told.stays.count > 0 => Some(done(told)),
        _ => None,
    }
}

fn ready(told: &Progress) -> Line {
    let brief = format!("{}; {}", counts(told), told.occasion.what());
    Line { phase: Phase::Ready, brief, full: Some(done(told)), failed_at: None }
}

/// What the reconciliation did, by name, and why.
fn done(told: &Progress) -> String {
    let named = listed_of(&told.changes, told.changes.len() + told.unnamed(), NAMED);
    let done = if told.changes.is_empty() { String::new() } else { format!(": {named}") };
    let said = [Some(counts(told) + &done), Some(told.occasion.to_string()), told.rest(NAMED)];
    let said: Vec<String> = said.into_iter().flatten().filter(|said| !said.is_empty()).collect();
    let more: String =
        [&told.assumed, &told.shared, &told.unset].into_iter().flatten().map(|more| format!("\n{more}")).collect();
    said.join("; ") + &more
}

/// What the reconciliation did, without what it did not.
fn counts(told: &Progress) -> String {
    let of = |count: usize, what: &str| if count > 0 { format!(", {count} {what}") } else { String::new() };
    let counts = match (&told.occasion.trigger, told.going.count) {
        (Trigger::Deletion, 0) => return String::new(),
        (Trigger::Deletion, count) if count > told.pruned => format!("{} of {count} pruned", told.pruned),
        (Trigger::Deletion, _) => format!("{} pruned", told.pruned),
        _ => format!("{} applied{}{}", told.applied, of(told.changed, "changed"), of(told.pruned, "pruned")),
    };
    let since = match told.changed + told.pruned {
        0 => "",
        _ if told.was_cut_off => " since the start, before which an attempt broke off",
        _ if told.is_first => " since the start",
        _ => "",
    };
    format!("{counts}{since}{}", of(told.gone, "gone already"))
}

#[cfg(test)]
mod tests {
    use cowherd_gitops::{Authorship, Named, NamespacedName, Occasion};
    use serde_json::{Value, json};

    use super::*;
    use crate::resource::Resource;
    use crate::target::Kind;

    const REVISION: &str = "main@sha1:d43c3f6abf9f1d1e1d5e9a3c5a8e2b7c7f3e9a11";
    const WHAT: &str = "main@sha1:d43c3f6a \"Scale up\" by Ada";

    fn told(phase: Doing, trigger: Trigger) -> Progress {
        let authorship = Some(Authorship { author: "Ada".to_owned(), subject: "Scale up".to_owned() });
        let occasion = Occasion { revision: REVISION.to_owned(), origin: None, authorship, trigger };
        Progress {
            described: 8,
            applied: 8,
            ready: 8,
            ..Progress::about("Kustomization", NamespacedName::new("flux-system", "app"), occasion, phase)
        }
    }

    fn seen(status: &str, message: &str, revision: &str) -> Seen {
        let object: Value = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": "app", "namespace": "flux-system", "generation": 1 }, "spec": {},
            "status": { "observedGeneration": 1, "lastAppliedRevision": revision,
                "conditions": [{ "type": "Ready", "status": status, "reason": "R", "message": message }] },
        });
        Seen::of(&Resource { kind: Kind::Kustomization, object: serde_json::from_value(object).unwrap() })
    }

    fn line(seen: &Seen, told: Option<&Progress>) -> Line {
        super::line(seen, &told.map_or(Told::Nothing, |told| Told::News(Box::new(told.clone()))))
    }

    fn full(seen: &Seen, told: &Progress) -> String {
        line(seen, Some(told)).full.unwrap_or_default()
    }

    #[test]
    fn what_was_done_is_said_by_name_and_what_was_not_is_not() {
        let ready = seen("True", "Applied revision: x", REVISION);
        let mut done = told(Doing::Ready, Trigger::Revision);
        assert_eq!(full(&ready, &done), format!("8 applied; {WHAT}"));
        (done.changed, done.changes) = (2, vec!["a created".to_owned(), "b configured".to_owned()]);
        assert_eq!(full(&ready, &done), format!("8 applied, 2 changed: a created, b configured; {WHAT}"));
        done.assumed = Some("assumed ready, not observed: CronJob/n/c".to_owned());
        let both =
            format!("8 applied, 2 changed: a created, b configured; {WHAT}\nassumed ready, not observed: CronJob/n/c");
        assert_eq!(full(&ready, &done), both);
        done.shared = Some("ConfigMap/n/a is shared".to_owned());
        assert_eq!(full(&ready, &done), format!("{both}\nConfigMap/n/a is shared"));
        done.unset = Some("a variable without a value".to_owned());
        assert_eq!(full(&ready, &done), format!("{both}\nConfigMap/n/a is shared\na variable without a value"));
        (done.assumed, done.shared, done.unset) = (None, None, None);
        done.pruned = 7;
        done.changes.extend((0..6).map(|number| format!("c{number} deleted")));
        assert_eq!(
            full(&ready, &done),
            format!(
                "8 applied, 2 changed, 7 pruned: a created, b configured, c0 deleted, c1 deleted, c2 deleted, and 4 more; {WHAT}"
            )
        );
        assert_eq!(line(&ready, Some(&done)).brief, format!("8 applied, 2 changed, 7 pruned; {WHAT}"));
        let again = told(Doing::Ready, Trigger::Request("now".to_owned()));
        assert_eq!(full(&ready, &again), format!("8 applied; {WHAT}, because somebody asked for it (now)"));
    }

    #[test]
    fn a_revision_that_is_no_other_for_it_is_shown_and_not_said() {
        let followed =
            line(&seen("True", "Applied revision: other", "other"), Some(&told(Doing::Ready, Trigger::Revision)));
        assert_eq!((followed.brief.as_str(), followed.full), ("Applied revision: other", None));
        let before = line(&seen("True", "Applied revision: other", "other"), None);
        assert_eq!(before.full, None);
    }

    #[test]
    fn a_failure_is_said_whole_with_what_of_it_was_applied_and_stays_while_it_is_tried_again() {
        let message = "one\ntwo".to_owned();
        let failing = seen("False", &message, "");
        let mut failed = told(Doing::Failed(message.clone()), Trigger::Revision);
        failed.applied = 3;
        assert_eq!(full(&failing, &failed), format!("one\ntwo\n3 of 8 applied; {WHAT}"));
        failed.applied = 0;
        assert_eq!(full(&failing, &failed), format!("one\ntwo\n{WHAT}"));
        let again = line(&failing, Some(&told(Doing::Building, Trigger::Retry)));
        assert_eq!(again, Line { phase: Phase::Failed, brief: message, full: None, failed_at: None });
        let building = told(Doing::Building, Trigger::Revision);
        let other = line(&failing, Some(&building));
        assert_eq!((other.phase, other.brief), (Phase::Working, format!("building {WHAT}")));
        assert_eq!(other.full, None, "it is said once, when it is applied");
        let applying = told(Doing::Applying, Trigger::Revision);
        let first = line(&failing, Some(&applying));
        assert_eq!(first.full, Some(format!("applying 8 objects of {WHAT}")), "it is the first time");
        assert_eq!(line(&seen("True", "Applied", "other"), Some(&applying)).full, None);
    }

    #[test]
    fn what_was_done_before_a_failure_or_something_newer_is_said_once() {
        let mut failed = told(Doing::Failed("it waits".to_owned()), Trigger::Revision);
        assert_eq!(done_all_the_same(&failed), None);
        (failed.pruned, failed.changes) = (1, vec!["a deleted".to_owned()]);
        for phase in [failed.phase.clone(), Doing::Superseded] {
            failed.phase = phase;
            assert_eq!(done_all_the_same(&failed), Some(format!("8 applied, 1 pruned: a deleted; {WHAT}")));
        }
        failed.phase = Doing::Pruning;
        assert_eq!(done_all_the_same(&failed), None, "it is not known yet how that ends");
    }

    #[test]
    fn what_stays_and_what_was_gone_is_said_beside_what_was_pruned() {
        let ready = seen("True", "Applied revision: x", REVISION);
        let mut done = told(Doing::Ready, Trigger::Revision);
        (done.pruned, done.gone, done.changes) = (1, 2, vec!["a deleted".to_owned()]);
        done.stays = Named { first: vec!["b (it says so)".to_owned()], count: 1 };
        let expected = format!("8 applied, 1 pruned, 2 gone already: a deleted; {WHAT}; 1 stays: b (it says so)");
        assert_eq!(full(&ready, &done), expected);
    }

    #[test]
    fn what_goes_with_a_deleted_one_is_said_at_its_beginning_and_what_went_and_stayed_at_its_end() {
        let occasion = Occasion { revision: String::new(), origin: None, authorship: None, trigger: Trigger::Deletion };
        let mut told = Progress { occasion, applied: 0, ..told(Doing::Deleting, Trigger::Deletion) };
        told.going = Named { first: ["a", "b", "c", "d", "e", "f"].map(str::to_owned).to_vec(), count: 7 };
        told.left = 3;
        let going = seen("Unknown", "deleting: 3 of 7 objects left", REVISION);
        let begun = line(&going, Some(&told));
        let said = "deleting 7 objects: a, b, c, d, e, and 2 more; because it was deleted";
        assert_eq!((begun.phase, begun.brief), (Phase::Working, format!("3 left; {said}")));
        assert_eq!(begun.full.as_deref(), Some(said));
        assert_eq!(done_all_the_same(&told), None);

        told.held = Named { first: vec!["g (example.com/hold)".to_owned()], count: 1 };
        let held = "1 goes once its finalizers are done: g (example.com/hold)";
        assert_eq!(full(&going, &told), format!("deleting; {held}"));

        told.phase = Doing::Gone;
        (told.pruned, told.changes) = (6, vec!["a deleted".to_owned()]);
        told.stays = Named { first: vec!["c (it says so)".to_owned()], count: 1 };
        let said =
            format!("6 of 7 pruned: a deleted, and 5 more; because it was deleted; 1 stays: c (it says so); {held}");
        assert_eq!(done_all_the_same(&told), Some(said));
        (told.going, told.pruned, told.changes) = (Named::default(), 0, Vec::new());
        told.held = Named::default();
        let said = "because it was deleted; 1 stays: c (it says so)";
        assert_eq!(done_all_the_same(&told).as_deref(), Some(said));
        assert_eq!(done_all_the_same(&Progress { stays: Named::default(), ..told.clone() }), None, "it had nothing");

        told.phase = Doing::Failed("cannot delete b".to_owned());
        let failing = seen("False", "cannot delete b", REVISION);
        assert_eq!(full(&failing, &told), "cannot delete b\nbecause it was deleted");
        told.phase = Doing::Deleting;
        assert_eq!(line(&failing, Some(&told)).full, None, "it is another try");
    }

    #[test]
    fn after_a_start_nobody_takes_what_was_done_for_all_there_was_to_do() {
        let ready = seen("True", "Applied revision: x", REVISION);
        let mut done = told(Doing::Ready, Trigger::Revision);
        done.is_first = true;
        assert_eq!(full(&ready, &done), format!("8 applied; {WHAT}"));
        (done.changed, done.changes) = (1, vec!["a created".to_owned()]);
        assert_eq!(full(&ready, &done), format!("8 applied, 1 changed since the start: a created; {WHAT}"));
        done.was_cut_off = true;
        let cut_off = "8 applied, 1 changed since the start, before which an attempt broke off: a created";
        assert_eq!(full(&ready, &done), format!("{cut_off}; {WHAT}"));
        (done.was_cut_off, done.gone, done.changed, done.pruned) = (false, 3, 0, 1);
        assert_eq!(
            full(&ready, &done),
            format!("8 applied, 1 pruned since the start, 3 gone already: a created; {WHAT}")
        );
    }

    #[test]
    fn a_fight_that_was_told_of_is_shown_and_not_said_again() {
        let fought = seen("False", "fought by x", REVISION);
        let mut again = told(Doing::Waiting("fought by x".to_owned()), Trigger::Revision);
        again.is_known = true;
        assert_eq!(
            line(&fought, Some(&again)),
            Line { phase: Phase::Failed, brief: "fought by x".to_owned(), full: None, failed_at: None }
        );
        (again.changed, again.changes) = (1, vec!["b configured".to_owned()]);
        assert_eq!(full(&fought, &again), format!("8 applied, 1 changed: b configured; {WHAT}"));
    }

    #[test]
    fn who_waits_for_health_says_what_for_and_not_at_each_try() {
        let mut checking = told(Doing::Checking, Trigger::Revision);
        checking.ready = 5;
        let first = line(&seen("Unknown", "Deployment/n/web waits for a node", ""), Some(&checking));
        assert_eq!(first.brief, "5 of 8 ready; Deployment/n/web waits for a node");
        assert_eq!(
            first.full.as_deref(),
            Some("Deployment/n/web waits for a node"),
            "not each count is a line of a log"
        );
        checking.occasion.trigger = Trigger::Retry;
        let again = line(&seen("Unknown", "Deployment/n/web waits for a node", ""), Some(&checking));
        assert_eq!((again.brief, again.full), (first.brief, None));
    }
}
