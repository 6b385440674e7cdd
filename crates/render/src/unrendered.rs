//! Files that mean manifests to other programs, and that nothing here makes manifests of.

use cowherd_tree::TreePath;

/// What the names of such files end with, and what people call what is in them.
const LANGUAGES: [(&str, &str); 13] = [
    (".jsonnet", "Jsonnet"),
    (".libsonnet", "Jsonnet"),
    (".cue", "CUE"),
    (".tf", "Terraform"),
    (".tf.json", "Terraform"),
    (".k", "KCL"),
    (".pkl", "Pkl"),
    (".dhall", "Dhall"),
    (".yaml.gotmpl", "a template"),
    (".yaml.tpl", "a template"),
    (".yaml.j2", "a template"),
    (".yml.j2", "a template"),
    (".json", JSON),
];

/// A file that nothing here makes manifests of, though others do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrendered {
    /// The file.
    pub path: TreePath,
    /// What it is written in, for people: `Jsonnet`.
    pub language: &'static str,
}

impl Unrendered {
    /// Whether the file may also be data of any sort.
    pub(crate) fn is_json(&self) -> bool {
        self.language == JSON
    }
}

impl std::fmt::Display for Unrendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.path, self.language)
    }
}

/// JSON, which may be manifests, but is taken for those only where a kustomization names it, as in Flux.
const JSON: &str = "JSON";

/// How many files are named.
const NAMED: usize = 5;

/// Files as a person is told of them: `a.jsonnet (Jsonnet), b.cue (CUE)`; of many some.
pub(crate) fn named(files: &[Unrendered]) -> String {
    cowherd_text::listed(files, NAMED)
}

/// What a file is written in, if only other programs make manifests of it; JSON, which may be anything, is not told of.
pub fn language(name: &str) -> Option<&'static str> {
    language_or_json(name).filter(|language| *language != JSON)
}

/// What a file is written in, if only other programs make manifests of it, or nobody says that it holds some.
pub(crate) fn language_or_json(name: &str) -> Option<&'static str> {
    LANGUAGES.iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, language)| *language)
}

/// What to do with a YAML file that is no manifest, in a directory that is taken as it is.
pub(crate) fn remedy(name: &str) -> &'static str {
    if name.starts_with("helmfile.") {
        "Helmfile is not run here: commit what `helmfile template` prints"
    } else {
        "a kustomization.yaml says which files of a directory are manifests"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_endings() {
        let languages = ["a.jsonnet", "main.tf.json", "b.json", "README.md", "a.yaml"].map(language_or_json);
        assert_eq!(languages, [Some("Jsonnet"), Some("Terraform"), Some("JSON"), None, None]);
        assert_eq!((language("a.cue"), language("b.json")), (Some("CUE"), None));
    }

    #[test]
    fn of_many_files_some_are_named() {
        let files = |count: usize| -> Vec<_> {
            let path = |at: usize| TreePath::parse(&format!("{at}.cue")).expect("a path");
            (0..count).map(|at| Unrendered { path: path(at), language: "CUE" }).collect()
        };
        assert_eq!(named(&files(2)), "0.cue (CUE), 1.cue (CUE)");
        assert!(named(&files(7)).ends_with("4.cue (CUE), and 2 more"), "{}", named(&files(7)));
    }
}
