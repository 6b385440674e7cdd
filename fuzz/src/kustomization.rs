//! Kustomizations.

use cowherd_render::{Options, Overlay, Substitution, render_with, substitute};
use cowherd_tree::TreePath;
use cowherd_yaml::{Dialect, Limits, parse_documents_as, write_documents};

use crate::files;

/// Renders the files of `data` as a kustomization, twice with the same result. What is rendered can be written and read
/// again, and its variables can be substituted.
pub fn check(data: &[u8]) {
    let tree = files::tree(data, "kustomization.yaml");
    let yaml = Limits { bytes: 1 << 16, documents: 64, expansion: 1 << 14, ..Limits::default() };
    let options = Options { yaml, objects: 200, kustomizations: 100, depth: 16, ..Options::default() };
    let render = || render_with(&tree, &TreePath::root(), &Overlay::default(), &options);
    let objects = match render() {
        Ok(objects) => objects,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(render().expect("it was rendered before"), objects);
    let variables = [("name".to_owned(), "value".to_owned())].into();
    for object in &objects {
        let _ = substitute(object, &variables, &Substitution { always: true, ..Substitution::default() });
    }
    let text = write_documents(&objects);
    let limits = Limits { bytes: usize::MAX, depth: 1000, ..Limits::default() };
    parse_documents_as(text.as_bytes(), Dialect::Kustomize, &limits).expect("what is written can be read");
}
