//! The text that `helm template` prints.

use std::borrow::Cow;
use std::fmt::Write;

use cowherd_tree::pattern;

use super::split::split_manifests;
use super::{Hook, Manifest};
use crate::chart::{self, CustomResourceFile};

/// No manifest comes from the template that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not find template {0} in chart")]
pub struct ShowOnlyError(pub String);

/// `resources`, `manifests` and `hooks` behind one another, each with a comment that says where it comes from.
pub fn print(resources: &[CustomResourceFile<'_>], manifests: &[Manifest], hooks: &[&Hook]) -> String {
    let resources = resources.iter().map(|file| (&file.path, chart::text(file.data)));
    let manifests = manifests.iter().map(|manifest| (&manifest.path, Cow::from(&manifest.content)));
    let hooks = hooks.iter().map(|hook| (&hook.path, Cow::from(&hook.content)));
    let sources: Vec<_> = resources.chain(manifests).collect();
    let hooks: Vec<_> = hooks.collect();
    let all = sources.iter().chain(&hooks);
    let mut text =
        String::with_capacity(1 + all.map(|(path, content)| MARK + path.len() + content.len()).sum::<usize>());
    for (path, content) in &sources {
        add(&mut text, path, content);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    for (path, content) in &hooks {
        add(&mut text, path, content);
    }
    text
}

/// `manifests` behind one another, as a record of a release has them.
pub(super) fn print_manifests(manifests: &[Manifest]) -> String {
    let mut text = String::new();
    for manifest in manifests {
        add(&mut text, &manifest.path, &manifest.content);
    }
    text
}

/// What [`add`] adds to a path and a content, in bytes.
const MARK: usize = "---\n# Source: \n\n".len();

fn add(text: &mut String, path: &str, content: &str) {
    for part in ["---\n# Source: ", path, "\n", content, "\n"] {
        text.push_str(part);
    }
}

/// What of `text`, which [`print`] gave, comes from templates that `patterns` match, pattern by pattern.
pub fn show_only(text: &str, patterns: &[String]) -> Result<String, ShowOnlyError> {
    let manifests: Vec<(&str, &str)> =
        split_manifests(text).into_iter().filter_map(|manifest| Some((source(manifest)?, manifest))).collect();
    let mut shown = String::new();
    for wanted in patterns {
        let mut found = false;
        for (path, manifest) in &manifests {
            if pattern::matches(wanted, path).unwrap_or(false) {
                found = true;
                let _ = writeln!(shown, "---\n{manifest}");
            }
        }
        if !found {
            return Err(ShowOnlyError(wanted.clone()));
        }
    }
    Ok(shown)
}

/// Where a manifest says that it comes from, without the name of the chart.
fn source(manifest: &str) -> Option<&str> {
    manifest.match_indices("# Source: ").find_map(|(at, mark)| {
        let rest = manifest.get(at + mark.len()..)?;
        let (chart, path) = rest.split_once('/')?;
        let path = path.split('\n').next().unwrap_or_default();
        (!chart.is_empty() && !path.is_empty()).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(path: &str, content: &str) -> Manifest {
        Manifest { path: path.to_owned(), content: content.to_owned(), kind: String::new() }
    }

    #[test]
    fn every_manifest_says_where_it_comes_from() {
        let manifests = [manifest("web/templates/a.yaml", "a: 1"), manifest("web/charts/db/templates/b.yaml", "b: 2")];
        let text = print(&[], &manifests, &[]);
        assert_eq!(
            text,
            "---\n# Source: web/templates/a.yaml\na: 1\n---\n# Source: web/charts/db/templates/b.yaml\nb: 2\n"
        );
        let only = |pattern: &str| show_only(&text, &[pattern.to_owned()]);
        assert_eq!(only("templates/*").unwrap(), "---\n# Source: web/templates/a.yaml\na: 1\n");
        assert_eq!(only("templates/c.yaml"), Err(ShowOnlyError("templates/c.yaml".into())));
        assert_eq!(print(&[], &[], &[]), "\n");
    }
}
