//! Finds out which owners the new content of a source concerns.

use std::sync::Arc;

use cowherd_runtime::caught_call;
use cowherd_tree::{Differences, Reads};

use super::entry::Entry;
use super::{Schedule, Signal};
use crate::owner::OwnerName;
use crate::producer::Inputs;
use crate::source::{Artifact, SourceName};

/// How many owners are compared before the result is told.
const AT_ONCE: usize = 50;

/// What new content of a source is compared with: the renders that may hold for it.
pub(super) struct Comparison {
    before: Option<Arc<Artifact>>,
    content: Arc<Artifact>,
    /// What each render rests on, and whether it holds for the content before.
    renders: Vec<(OwnerName, Arc<Inputs>, bool)>,
}

impl Comparison {
    /// Begins to compare: until [`take_note`] the entries that it concerns wait for what comes of it.
    pub(super) fn begin<'a>(
        users: impl Iterator<Item = (&'a OwnerName, &'a mut Entry)>,
        before: Option<Arc<Artifact>>,
        content: Arc<Artifact>,
    ) -> Self {
        let mut renders = Vec::new();
        for (name, entry) in users {
            let reusable = entry.reusable_inputs().map(|(inputs, digest)| {
                let holds_before = before.as_ref().is_some_and(|before| before.digest == digest);
                (name.clone(), inputs, holds_before)
            });
            entry.comparing = reusable.is_some();
            renders.extend(reusable);
        }
        Self { before, content, renders }
    }

    /// Tells which of the renders hold for the content, some at a time. Blocks the thread.
    pub(super) fn run(&self, mut tell: impl FnMut(Vec<(OwnerName, bool)>)) {
        let between = |before: &Arc<Artifact>| safely(|| differences(before, &self.content)).flatten();
        let differences = self.before.as_ref().and_then(between);
        for part in self.renders.chunks(AT_ONCE) {
            let unchanged = part.iter().map(|(name, inputs, holds_before)| {
                let differences = differences.as_ref().filter(|_| *holds_before);
                let unchanged = safely(|| is_unchanged(&inputs.reads, differences, &self.content));
                (name.clone(), unchanged.unwrap_or(false))
            });
            tell(unchanged.collect());
        }
    }
}

/// What a comparison means for an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has to be looked at.
    Concerned,
    /// Its render holds for the content.
    Holds {
        /// Whether its status has to follow to the revision.
        follows: bool,
    },
}

/// Takes note of whether the render of an owner is unchanged in the content of `source`.
pub(super) fn take_note(entry: &mut Entry, source: &SourceName, content: &Artifact, unchanged: bool) -> Outcome {
    entry.comparing = false;
    // It may have been pointed at another source meanwhile.
    if unchanged && entry.uses(source) {
        return Outcome::Holds { follows: entry.move_on(&content.digest, &content.revision) };
    }
    Outcome::Concerned
}

impl Schedule {
    /// Compares what the renders read with the new content, on a thread of its own.
    pub(super) fn compare(&mut self, source: &SourceName, before: Option<Arc<Artifact>>, content: &Arc<Artifact>) {
        let entries = self.entries.iter_mut().map(|(name, entry)| (name, entry.as_mut()));
        let users = entries.filter(|(_, entry)| entry.uses(source));
        let comparison = Comparison::begin(users, before, content.clone());
        if comparison.renders.is_empty() {
            return;
        }
        let (source, signals) = (source.clone(), self.context.signals.clone());
        self.errands.spawn_blocking(move || {
            comparison.run(|results| {
                let (source, digest) = (source.clone(), comparison.content.digest.clone());
                let _ = signals.send(Signal::Compared { source, digest, results });
            });
        });
    }

    /// Takes note of a comparison, unless the source moved on meanwhile.
    pub(super) fn compared(&mut self, source: &SourceName, digest: &str, results: Vec<(OwnerName, bool)>) {
        let Some(content) = self.content(source).filter(|content| content.digest == digest) else {
            return;
        };
        let (mut any_unchanged, mut unconcerned) = (false, Vec::new());
        for (name, unchanged) in results {
            let Some(entry) = self.entries.get_mut(&name) else { continue };
            if let Outcome::Holds { follows } = take_note(entry, source, &content, unchanged) {
                any_unchanged = true;
                if entry.is_spec_brought() {
                    unconcerned.push(name.clone());
                }
                if follows {
                    self.to_follow.push_back(name.clone());
                }
            }
            self.consider(&name);
        }
        for name in unconcerned {
            let concerned = self.context.sharing.is_unconcerned(&name);
            self.concern(concerned);
        }
        if any_unchanged {
            self.consider_blocked();
        }
    }
}

/// What comes of a comparison, unless that panics: an owner that waited for it would wait for ever.
fn safely<T>(compare: impl FnOnce() -> T) -> Option<T> {
    let compared = caught_call(compare);
    compared.inspect_err(|panic| tracing::error!(panic, "comparing what was read with new content panicked")).ok()
}

/// Where two contents differ; `None` where what is left out of them may differ too.
fn differences(before: &Artifact, content: &Artifact) -> Option<Differences> {
    let differences = Differences::between(before.all.as_ref(), content.all.as_ref()).ok()?;
    let is_same_choice = before.ignore == content.ignore
        && differences.paths().all(|path| path.file_name() != cowherd_source::IGNORE_FILE);
    Some(differences).filter(|_| is_same_choice)
}

/// Whether the content answers all reads as before. What cannot be compared is rendered, and then says what is wrong.
fn is_unchanged(reads: &Reads, differences: Option<&Differences>, content: &Artifact) -> bool {
    let is_elsewhere = differences.is_some_and(|differences| !differences.concern(reads));
    is_elsewhere || reads.unchanged_in(content.tree.as_ref()).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use cowherd_api::flux::kustomize::v1::Kustomization;
    use cowherd_tree::{MemoryTree, Recorder, Tree, TreePath};
    use serde_json::json;

    use super::*;
    use crate::delivery::Task;
    use crate::owner::Owning;
    use crate::source::git;

    fn content(digest: &str, files: &[(&str, &str)], ignore: Option<&str>) -> Arc<Artifact> {
        let tree = Arc::new(MemoryTree::new(files.iter().map(|(path, text)| (*path, text.to_string()))).unwrap());
        let (digest, ignore) = (digest.to_owned(), ignore.map(str::to_owned));
        let revision = format!("main@sha1:{digest}");
        Arc::new(Artifact { revision, digest, ignore, tree: tree.clone(), all: tree, ..Artifact::nothing() })
    }

    /// What a render rests on that read one file.
    fn reads(content: &Artifact, path: &str) -> Reads {
        let recorder = Recorder::new(content.tree.as_ref());
        recorder.read_file(&TreePath::parse(path).unwrap()).unwrap();
        recorder.into_reads()
    }

    fn source() -> SourceName {
        SourceName::new(git::KIND, "n", "s")
    }

    /// An owner whose job has rendered the content, of which it read one file.
    fn rendering(content: &Artifact, path: &str) -> Entry {
        let object = json!({ "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": "k", "namespace": "n", "generation": 1, "uid": "1" },
            "spec": { "interval": "1h", "prune": true, "sourceRef": { "kind": "GitRepository", "name": "s" } } });
        let (owner, status) = serde_json::from_value::<Kustomization>(object).unwrap().read(None);
        let mut entry = Entry::new(owner, status);
        let task = Task::Apply { recheck: false, held: None };
        let (_, inputs) = entry.begin(&content.digest, &content.revision, &task);
        *inputs.lock().unwrap() = Some(Arc::new(Inputs { reads: reads(content, path), ..Inputs::default() }));
        entry
    }

    /// Whether the render of the only owner holds for the content; nothing where it has none.
    fn compare(entry: &mut Entry, before: Option<&Arc<Artifact>>, content: &Arc<Artifact>) -> Option<bool> {
        let name = entry.owner.name.clone();
        let comparison = Comparison::begin([(&name, entry)].into_iter(), before.cloned(), content.clone());
        let mut told = Vec::new();
        comparison.run(|results| told.extend(results));
        told.first().map(|(_, unchanged)| *unchanged)
    }

    #[test]
    fn a_render_holds_for_content_that_answers_what_it_read_as_before() {
        let a = content("a", &[("x", "1"), ("y", "1")], None);
        let b = content("b", &[("x", "1"), ("y", "2")], None);
        for before in [Some(&a), None] {
            assert_eq!(compare(&mut rendering(&a, "x"), before, &b), Some(true));
            assert_eq!(compare(&mut rendering(&a, "y"), before, &b), Some(false));
        }
    }

    #[test]
    fn a_render_of_an_earlier_content_is_not_judged_by_the_last_change() {
        let a = content("a", &[("x", "1"), ("y", "1")], None);
        let b = content("b", &[("x", "2"), ("y", "1")], None);
        let c = content("c", &[("x", "2"), ("y", "2")], None);
        assert_eq!(
            compare(&mut rendering(&a, "x"), Some(&b), &c),
            Some(false),
            "it has not seen what the first changed"
        );
        let d = content("d", &[("x", "1"), ("y", "2")], None);
        assert_eq!(compare(&mut rendering(&a, "x"), Some(&b), &d), Some(true), "it was changed back");
    }

    #[test]
    fn what_is_left_out_decides_whether_the_changes_tell_all() {
        let before = content("a", &[("x", "1"), ("deep/y", "1")], None);
        let changed = |files: &[(&str, &str)], ignore| differences(&before, &content("b", files, ignore)).is_some();
        assert!(changed(&[("x", "2"), ("deep/y", "1")], None));
        assert!(!changed(&[("x", "1"), ("deep/y", "1"), ("deep/.sourceignore", "y")], None));
        assert!(!changed(&[("x", "2"), ("deep/y", "1")], Some("y")));
    }

    #[test]
    fn an_owner_waits_for_the_comparison_of_its_render_and_one_that_has_none_does_not() {
        let (a, b) = (content("a", &[("x", "1")], None), content("b", &[("x", "1")], None));
        let mut entry = rendering(&a, "x");
        compare(&mut entry, Some(&a), &b);
        assert!(entry.comparing);
        assert_eq!(take_note(&mut entry, &source(), &b, true), Outcome::Holds { follows: false }, "the job says it");
        assert!(!entry.comparing);
        entry.running = None;
        assert_eq!(compare(&mut entry, Some(&a), &b), None);
        assert!(!entry.comparing);
    }

    #[test]
    fn a_comparison_says_nothing_of_an_owner_that_uses_another_source_by_now() {
        let (a, b) = (content("a", &[("x", "1")], None), content("b", &[("x", "1")], None));
        let mut entry = rendering(&a, "x");
        let other = SourceName::new(git::KIND, "n", "other");
        assert_eq!(take_note(&mut entry, &other, &b, true), Outcome::Concerned);
        assert_eq!(take_note(&mut entry, &source(), &b, false), Outcome::Concerned);
        assert_eq!(entry.running.as_ref().unwrap().digest, "a");
    }

    /// A tree that has a bug.
    #[derive(Debug)]
    struct Bug;

    impl Tree for Bug {
        fn entry(&self, _: &TreePath) -> Result<Option<cowherd_tree::Entry>, cowherd_tree::TreeError> {
            panic!("a bug")
        }

        fn list(&self, _: &TreePath) -> Result<Vec<(String, cowherd_tree::Entry)>, cowherd_tree::TreeError> {
            panic!("a bug")
        }

        fn read_file(&self, _: &TreePath) -> Result<bytes::Bytes, cowherd_tree::TreeError> {
            panic!("a bug")
        }

        fn read_link(&self, _: &TreePath) -> Result<String, cowherd_tree::TreeError> {
            panic!("a bug")
        }
    }

    #[test]
    fn who_cannot_be_compared_for_a_bug_is_looked_at_and_waits_for_nobody() {
        let (old, tree) = (content("1", &[("a", "1")], None), Arc::new(Bug));
        let new = Artifact { digest: "2".to_owned(), tree: tree.clone(), all: tree, ..Artifact::nothing() };
        let inputs = Arc::new(Inputs { reads: reads(&old, "a"), is_complete: true, ..Inputs::default() });
        let name = OwnerName::new(&crate::kustomization::KIND, "team", "apps");
        let comparison = Comparison {
            before: Some(old),
            content: Arc::new(new),
            renders: vec![(name.clone(), inputs.clone(), true), (name.clone(), inputs, false)],
        };
        let mut told = Vec::new();
        comparison.run(|results| told.extend(results));
        assert_eq!(told, [(name.clone(), false), (name, false)]);
    }
}
