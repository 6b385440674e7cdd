//! `valuesFiles`: other values for a chart's own.

use cowherd_api::flux::source::v1::HelmChart;
use cowherd_helm::chart::Limits;
use cowherd_helm::values::{merge_maps, read_values};
use cowherd_tree::{Tree, TreeError, TreePath};
use serde_json::{Map, Value};

use super::error::Error;
use crate::producer::Growth;

/// How many files there may be.
const MOST: usize = 256;

/// The files that are named, unless that is the chart's own file alone.
pub(super) fn given(object: &HelmChart) -> &[String] {
    match object.spec.values_files.as_slice() {
        [one] if one.trim_start_matches("./") == "values.yaml" => &[],
        files => files,
    }
}

/// The values of the files in `tree`, the last before the others, and which files these are.
pub(super) fn merge(object: &HelmChart, tree: &dyn Tree) -> Result<(Map<String, Value>, Vec<String>), Error> {
    let may_be_missing = object.spec.ignore_missing_values_files == Some(true);
    let (mut values, mut merged, mut growth) = (Map::new(), Vec::new(), Growth::default());
    if given(object).len() > MOST {
        return Err(Error::Values(format!("spec.valuesFiles has more than {MOST} files; put their values together")));
    }
    for name in given(object) {
        let path = TreePath::parse(name).map_err(|error| Error::Values(error.to_string()))?;
        let text = match tree.read(&path) {
            Ok(text) => text,
            Err(TreeError::NotFound(_)) if may_be_missing => continue,
            Err(TreeError::NotFound(_) | TreeError::NotAFile(_)) => {
                return Err(Error::Values(format!("no values file found at path '{name}'")));
            }
            Err(error) => return Err(Error::Values(format!("could not read values from file '{name}': {error}"))),
        };
        growth.add("what spec.valuesFiles has", text.len()).map_err(|error| Error::Values(error.to_string()))?;
        let read = read_values(&text, &Limits::default().yaml);
        let read = read.map_err(|error| Error::Values(format!("unmarshaling values from '{name}' failed: {error}")))?;
        merge_maps(&mut values, read);
        merged.push(name.clone());
    }
    Ok((values, merged))
}

#[cfg(test)]
mod tests {
    use cowherd_tree::MemoryTree;
    use serde_json::json;

    use super::*;

    fn merged(spec: Value) -> Result<(Value, Vec<String>), String> {
        let files = [
            ("values.yaml", "a: 1\nb: {c: 2, d: 3}\n"),
            ("deploy/prod.yaml", "b: {c: 4}\ne: [1]\n"),
            ("bad.yaml", "- 1\n"),
        ];
        let tree = MemoryTree::new(files).unwrap();
        let mut full =
            json!({ "interval": "1m", "chart": "web", "sourceRef": { "kind": "GitRepository", "name": "s" } });
        full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let object = serde_json::from_value(json!({ "metadata": {}, "spec": full })).unwrap();
        let merged = merge(&object, &tree).map_err(|error| error.to_string())?;
        Ok((Value::Object(merged.0), merged.1))
    }

    #[test]
    fn the_last_file_goes_before_the_others() {
        let names = ["values.yaml", "deploy/prod.yaml"];
        let expected = json!({ "a": 1.0, "b": { "c": 4.0, "d": 3.0 }, "e": [1.0] });
        assert_eq!(merged(json!({ "valuesFiles": names })), Ok((expected, names.map(str::to_owned).to_vec())));
    }

    #[test]
    fn the_same_file_is_not_read_again_and_again() {
        let times = |count: usize| merged(json!({ "valuesFiles": vec!["values.yaml"; count] }));
        assert_eq!(times(MOST).unwrap().1.len(), MOST);
        assert!(times(MOST + 1).unwrap_err().contains("has more than 256 files"));
    }

    #[test]
    fn a_file_that_is_missing_is_named_unless_it_may_be() {
        let missing = json!({ "valuesFiles": ["values.yaml", "dev.yaml"] });
        assert_eq!(
            merged(missing.clone()),
            Err("values files merge error: no values file found at path 'dev.yaml'".into())
        );
        let mut ignored = missing;
        ignored["ignoreMissingValuesFiles"] = true.into();
        assert_eq!(merged(ignored).unwrap().1, ["values.yaml"]);
        let error = merged(json!({ "valuesFiles": ["bad.yaml"] })).unwrap_err();
        assert!(error.starts_with("values files merge error: unmarshaling values from 'bad.yaml' failed: "), "{error}");
        let outside = merged(json!({ "valuesFiles": ["../../etc/passwd", "x"] })).unwrap_err();
        assert!(outside.starts_with("values files merge error: "), "{outside}");
    }
}
