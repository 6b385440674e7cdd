//! How a scalar is written in its file: `1.10`, where its value is 1.1.

use cowherd_yaml::parse_documents_with_texts;
use serde_json::Value;

use super::scalar;
use crate::kustomize::files::directory::Directory;
use crate::kustomize::objects::resource::Resource;

/// The text of the scalar at a field of an object, as its file has it; `None` where that says something else by now, where it is
/// in a list, and where the object is from no file here.
///
/// Values that are no texts are rarely put into texts, so the file is read again for that alone.
pub(crate) fn written(directory: &Directory<'_>, resource: &Resource, field: &[String]) -> Option<String> {
    let value = field.iter().try_fold(&resource.value, |value, name| value.get(name))?;
    if !matches!(value, Value::Number(_) | Value::Bool(_)) {
        return None;
    }
    let line = resource.line?;
    let text = directory.root.tree.read(&resource.file).ok()?;
    directory.budget.spend(text.len()).ok()?;
    let (name, parents) = field.split_last()?;
    let parents: Vec<&str> = parents.iter().map(String::as_str).collect();
    let path: Vec<&[&str]> = parents.iter().map(std::slice::from_ref).collect();
    let documents = parse_documents_with_texts(&text, &path, &directory.options.yaml).ok()?;
    let document = documents.into_iter().find(|document| document.line == line)?;
    let mapping = parents.iter().try_fold(&document.value, |value, name| value.get(name))?;
    let text = mapping.get(name)?.as_str()?;
    (scalar::plain(text) == *value).then(|| text.to_owned())
}
