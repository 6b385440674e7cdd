//! Whether what somebody names as a kind is one, as far as that can be known.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use cowherd_api::supported;
use cowherd_apply::Assumption;
use cowherd_text::near;
use cowherd_tree::{EntryKind, Tree, TreeError, TreePath};
use cowherd_yaml::{Dialect, Limits, parse_documents_as};
use kube::Client;

use crate::served;

/// How many files of a repository are looked into for definitions.
const MAX_FILES: usize = 20_000;
/// The largest of them, in bytes. Some definitions are a megabyte.
const MAX_SIZE: u64 = 4 << 20;
/// By what a file with a definition is known.
const DEFINITION: &[u8] = b"CustomResourceDefinition";

/// Kinds that are known, with their groups.
pub struct Kinds(BTreeSet<(String, String)>);

impl Kinds {
    /// Those that Kubernetes has, and those of other projects that are known of.
    pub fn built_in() -> Self {
        let own = cowherd_kinds::all().iter().map(|kind| (kind.kind, kind.group));
        let others = supported::KINDS.iter().map(|kind| (kind.kind, kind.group));
        Self(own.chain(others).map(|(kind, group)| (kind.to_owned(), group.to_owned())).collect())
    }

    /// Takes in those that a cluster serves.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn take_served(&mut self, client: &Client) -> Result<()> {
        self.0.extend(served::kinds(client).await?);
        Ok(())
    }

    /// Takes in those that files of a repository define. What charts and bases elsewhere define is not known.
    ///
    /// # Errors
    /// When the tree cannot be read.
    pub fn take_defined(&mut self, tree: &dyn Tree) -> Result<(), TreeError> {
        let (mut directories, mut left) = (vec![TreePath::root()], MAX_FILES);
        while let Some(directory) = directories.pop() {
            for (name, entry) in tree.list(&directory)? {
                let Ok(path) = directory.join(&name) else { continue };
                match entry.kind {
                    EntryKind::Directory if name != ".git" => directories.push(path),
                    EntryKind::File { size }
                        if size <= MAX_SIZE && (name.ends_with(".yaml") || name.ends_with(".yml")) =>
                    {
                        let Some(rest) = left.checked_sub(1) else { return Ok(()) };
                        left = rest;
                        self.take_file(&tree.read_file(&path)?);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn take_file(&mut self, content: &[u8]) {
        if !content.windows(DEFINITION.len()).any(|part| part == DEFINITION) {
            return;
        }
        let documents = parse_documents_as(content, Dialect::Kubernetes, &Limits::default()).unwrap_or_default();
        for spec in documents.iter().map(|document| &document.value["spec"]) {
            if let (Some(kind), Some(group)) = (spec["names"]["kind"].as_str(), spec["group"].as_str()) {
                self.0.insert((kind.to_owned(), group.to_owned()));
            }
        }
    }

    /// Whether all that is assumed is about kinds that are known.
    pub fn have_all(&self, assumptions: &[Assumption]) -> bool {
        assumptions.iter().all(|assumption| self.has(assumption))
    }

    fn has(&self, assumption: &Assumption) -> bool {
        let Assumption::Kind { kind, group } = assumption else { return true };
        let is = |(known, its): &(String, String)| {
            known.eq_ignore_ascii_case(kind) && group.as_ref().is_none_or(|group| group.eq_ignore_ascii_case(its))
        };
        self.0.iter().any(is)
    }

    /// What is to be said of kinds that nobody knows yet.
    ///
    /// # Errors
    /// When one is probably mistyped: with those that may be meant.
    pub fn check(&self, assumptions: &[Assumption]) -> Result<Vec<String>> {
        let mut unknown = Vec::new();
        for assumption in assumptions.iter().filter(|assumption| !self.has(assumption)) {
            let Assumption::Kind { kind, group } = assumption else { continue };
            let near = self.near(kind, group.as_deref());
            let near: Vec<&str> = near.iter().map(String::as_str).collect();
            match group {
                None if !near.is_empty() => bail!(
                    "--assume-ready={kind}: there is no kind {kind}{}\n  \
                     If a definition that comes later is meant, name its group, too: --assume-ready={kind}.GROUP",
                    near::said(&near)
                ),
                // No definition has such a group.
                Some(group) if !near.is_empty() || !group.contains('.') || self.is_whole(group) => {
                    bail!("--assume-ready={assumption}: there is no kind {kind} of {group}{}", near::said(&near))
                }
                _ => unknown.push(format!(
                    "--assume-ready={assumption}: no such kind is known yet; it counts as soon as something brings it"
                )),
            }
        }
        Ok(unknown)
    }

    /// The kinds that may be meant.
    fn near(&self, kind: &str, group: Option<&str>) -> Vec<String> {
        let Some(group) = group else {
            let names: BTreeSet<&str> = self.0.iter().map(|(kind, _)| kind.as_str()).collect();
            return near::names(kind, names).into_iter().map(str::to_owned).collect();
        };
        // Another group may have a kind of the same name: where the group is not known, it is not mistyped unless it is short.
        let of_group = |(_, its): &&(String, String)| its.eq_ignore_ascii_case(group);
        let is_known = self.0.iter().any(|kind| of_group(&kind));
        let candidates = self.0.iter().filter(|one| if is_known { of_group(one) } else { !group.contains('.') });
        let full: Vec<String> = candidates.map(|(kind, group)| full(kind, group)).collect();
        let wanted = format!("{kind}.{group}");
        near::names(&wanted, full.iter().map(String::as_str)).into_iter().map(str::to_owned).collect()
    }

    /// Whether all kinds of a group are known: Kubernetes' own groups get no others.
    fn is_whole(&self, group: &str) -> bool {
        cowherd_kinds::all().iter().any(|kind| kind.group.eq_ignore_ascii_case(group))
    }
}

fn full(kind: &str, group: &str) -> String {
    if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kinds: &Kinds, text: &str) -> Result<Vec<String>> {
        kinds.check(&[text.parse().unwrap()])
    }

    #[test]
    fn a_kind_that_is_mistyped_is_refused_and_one_that_may_come_is_told() {
        let kinds = Kinds::built_in();
        for known in ["StatefulSet", "statefulset", "CronJob.batch", "HelmRelease", "Pod", "unattended"] {
            assert_eq!(check(&kinds, known).unwrap(), Vec::<String>::new(), "{known}");
            assert!(kinds.have_all(&[known.parse().unwrap()]));
        }
        for (mistyped, meant) in [
            ("Statefulsets", "did you mean StatefulSet?"),
            ("StatfulSet", "did you mean StatefulSet?"),
            ("Ingres", "did you mean Ingress"),
            ("StatefulSet.app", "did you mean StatefulSet.apps?"),
            ("StatefulSets.apps", "did you mean StatefulSet.apps?"),
            ("CronJob.apps", "there is no kind CronJob of apps"),
            ("Thing.things", "there is no kind Thing of things"),
        ] {
            let error = check(&kinds, mistyped).unwrap_err().to_string();
            assert!(error.contains(meant), "{mistyped}: {error}");
        }
        for other in ["Certificate.cert-manager.io", "StatefulSet.apps.kruise.io", "Elasticsearch"] {
            let told = check(&kinds, other).unwrap();
            assert!(told.len() == 1 && told[0].contains("no such kind is known yet"), "{other}: {told:?}");
            assert!(!kinds.have_all(&[other.parse().unwrap()]));
        }
    }

    #[test]
    fn definitions_in_files_bring_kinds() {
        let mut kinds = Kinds::built_in();
        kinds.take_file(
            b"apiVersion: v1\nkind: List\n---\napiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  \
              group: example.com\n  names: {kind: Widget, plural: widgets}\n",
        );
        for known in ["Widget", "widget.example.com"] {
            assert_eq!(check(&kinds, known).unwrap(), Vec::<String>::new(), "{known}");
        }
        assert!(check(&kinds, "Wigdet").unwrap_err().to_string().contains("did you mean Widget?"));
        assert!(check(&kinds, "Wigdet.example.com").unwrap_err().to_string().contains("Widget.example.com?"));
    }
}
