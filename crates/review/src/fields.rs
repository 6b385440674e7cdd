//! Fields by the paths that are told of them, such as `spec.containers[0].image` or `metadata.labels[a.b/c]`.

use cowherd_yaml::Step;
use serde_json::Value;

/// The steps that a path means. What stands in brackets is one step, whatever is in it.
pub(crate) fn steps(field: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = field;
    while !rest.is_empty() {
        if let Some((inside, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            let inside = inside.trim_matches('"');
            steps.push(inside.parse().map_or_else(|_| Step::Key(inside.to_owned()), Step::Item));
            rest = after;
        } else {
            let name = rest.strip_prefix(['.', '[']).unwrap_or(rest);
            let end = name.find(['.', '[']).unwrap_or(name.len());
            steps.extend((end > 0).then(|| Step::Key(name[..end].to_owned())));
            rest = &name[end..];
        }
    }
    steps
}

/// The text at a path, if there is one.
pub(crate) fn text_at<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    let value = steps(field).into_iter().try_fold(object, |value, step| match step {
        Step::Key(name) => value.get(name),
        Step::Item(index) => value.get(index).or_else(|| value.get(index.to_string())),
    });
    value.and_then(Value::as_str)
}

/// Puts null in the place of the value at a path, if there is one.
pub(crate) fn blank(object: &mut Value, field: &str) {
    let mut at = Some(object);
    for step in steps(field) {
        at = at.and_then(|value| match (step, value) {
            (Step::Key(name), Value::Object(map)) => map.get_mut(&name),
            (Step::Item(index), Value::Array(items)) => items.get_mut(index),
            // A key may look like a number.
            (Step::Item(index), Value::Object(map)) => map.get_mut(&index.to_string()),
            _ => None,
        });
    }
    if let Some(value) = at {
        *value = Value::Null;
    }
}

/// All texts in a value, keys among them, each with the path of what it stands at.
pub(crate) fn texts<'a>(value: &'a Value, of: &mut dyn FnMut(&str, &'a str)) {
    look(value, &mut String::new(), of);
}

fn look<'a>(value: &'a Value, path: &mut String, of: &mut dyn FnMut(&str, &'a str)) {
    match value {
        Value::String(text) => of(path, text),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                within(path, &format!("[{index}]"), |path| look(item, path, of));
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                let is_plain = !key.is_empty() && !key.contains(['.', '[', ']']);
                let step = match is_plain {
                    true if path.is_empty() => key.clone(),
                    true => format!(".{key}"),
                    false => format!("[{key}]"),
                };
                within(path, &step, |path| {
                    of(path, key);
                    look(value, path, of);
                });
            }
        }
        _ => {}
    }
}

fn within(path: &mut String, step: &str, work: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push_str(step);
    work(path);
    path.truncate(length);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_steps() {
        let key = |name: &str| Step::Key(name.to_owned());
        assert_eq!(steps("spec.containers[0].image"), [key("spec"), key("containers"), Step::Item(0), key("image")]);
        assert_eq!(steps("metadata.labels[a.b/c].d"), [key("metadata"), key("labels"), key("a.b/c"), key("d")]);
        assert_eq!(steps("a[0][1]"), [key("a"), Step::Item(0), Step::Item(1)]);
        assert_eq!(steps(""), []);
        assert_eq!(steps("..[").len(), 0, "whatever is told of a field");
    }

    #[test]
    fn values_are_taken_away_and_texts_are_found_by_their_paths() {
        let mut object = json!({ "a": { "b.c": ["x", "y"], "1": "z" } });
        let mut found = Vec::new();
        texts(&object, &mut |path, text| found.push(format!("{path}={text}")));
        assert_eq!(found, ["a=a", "a.1=1", "a.1=z", "a[b.c]=b.c", "a[b.c][0]=x", "a[b.c][1]=y"]);
        assert_eq!((text_at(&object, "a[b.c][1]"), text_at(&object, "a.1")), (Some("y"), Some("z")));
        assert_eq!((text_at(&object, "a"), text_at(&object, "a[b.c][7]")), (None, None));
        for path in ["a[b.c][1]", "a.1", "a.nothing", "a[b.c][7]"] {
            blank(&mut object, path);
        }
        assert_eq!(object, json!({ "a": { "b.c": ["x", null], "1": null } }));
    }
}
