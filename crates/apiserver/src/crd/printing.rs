//! The columns that a CustomResourceDefinition has printed, and the JSON paths that fill them.

use serde_json::Value;

use crate::object::text_at;

/// One of `additionalPrinterColumns`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrintColumn {
    /// The heading.
    pub name: String,
    /// The OpenAPI type of the cells.
    pub value_type: String,
    /// The OpenAPI format of the cells.
    pub format: String,
    /// What the cells say.
    pub description: String,
    /// 0 for what is always printed, more for what only `-o wide` prints.
    pub priority: i64,
    path: Vec<Step>,
}

/// A step of a JSON path.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(i64),
    Every,
    /// Items whose field equals (or, if false, differs from) a value.
    Where {
        field: Vec<String>,
        equals: bool,
        value: Value,
    },
}

impl PrintColumn {
    /// Reads a column of a definition.
    pub fn read(column: &Value) -> Self {
        let text = |field: &str| text_at(column, &[field]).to_owned();
        Self {
            name: text("name"),
            value_type: text("type"),
            format: text("format"),
            description: text("description"),
            priority: column.get("priority").and_then(Value::as_i64).unwrap_or_default(),
            path: parse(text_at(column, &["jsonPath"])),
        }
    }

    /// The cell of an object. Dates become ages, counted up to `now`.
    pub fn cell(&self, object: &Value, now: jiff::Timestamp) -> Value {
        let mut found = Vec::new();
        find(object, &self.path, &mut found);
        let Some(first) = found.first() else { return Value::Null };
        match self.value_type.as_str() {
            "integer" => first.as_i64().map_or(Value::Null, Value::from),
            "number" => first.as_f64().map_or(Value::Null, Value::from),
            "boolean" => first.as_bool().map_or(Value::Null, Value::from),
            "date" => match first.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()) {
                Some(then) => cowherd_kinds::human_duration(now.duration_since(then)).into(),
                None => Value::from("<invalid>"),
            },
            _ => {
                let texts: Vec<String> = found.into_iter().map(text).collect();
                texts.join(",").into()
            }
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Reads the part of JSONPath that columns use: fields, quoted fields, indices, `[*]` and `[?(@.a=="b")]`.
/// What cannot be understood names nothing.
fn parse(path: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut rest = path.trim().trim_start_matches('{').trim_end_matches('}').trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix('[') {
            let Some((inside, tail)) = bracket(tail) else { return vec![Step::Field(String::new())] };
            steps.push(step(inside));
            rest = tail;
            continue;
        }
        let tail = rest.trim_start_matches('.');
        let (name, tail) = field(tail);
        if name.is_empty() && !tail.starts_with('[') && !tail.is_empty() {
            return vec![Step::Field(String::new())];
        }
        if name == "*" {
            steps.push(Step::Every);
        } else if !name.is_empty() {
            steps.push(Step::Field(name));
        }
        rest = tail;
    }
    steps
}

/// A name up to the next dot or bracket; a backslash takes the character after it as it is.
fn field(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.extend(chars.next().map(|(_, c)| c)),
            '.' | '[' => return (name, text.get(at..).unwrap_or_default()),
            c => name.push(c),
        }
    }
    (name, "")
}

/// What stands up to the closing bracket, quotes respected, and what follows it.
fn bracket(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, ']') => return Some((text.get(..at)?, text.get(at + 1..)?)),
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    None
}

fn step(inside: &str) -> Step {
    let inside = inside.trim();
    if inside == "*" {
        return Step::Every;
    }
    if let Ok(index) = inside.parse() {
        return Step::Index(index);
    }
    if let Some(condition) = inside.strip_prefix("?(").and_then(|rest| rest.strip_suffix(')')) {
        let (left, equals, right) = match condition.split_once("==") {
            Some((left, right)) => (left, true, right),
            None => match condition.split_once("!=") {
                Some((left, right)) => (left, false, right),
                None => return Step::Field(String::new()),
            },
        };
        let fields = left.trim().trim_start_matches('@').split('.').filter(|name| !name.is_empty());
        return Step::Where { field: fields.map(str::to_owned).collect(), equals, value: literal(right.trim()) };
    }
    Step::Field(inside.trim_matches(['\'', '"']).to_owned())
}

fn literal(text: &str) -> Value {
    let unquoted = text.trim_matches(['\'', '"']);
    if unquoted.len() < text.len() {
        unquoted.into()
    } else {
        serde_json::from_str(text).unwrap_or_else(|_| text.into())
    }
}

fn find<'a>(value: &'a Value, path: &[Step], found: &mut Vec<&'a Value>) {
    let Some((step, rest)) = path.split_first() else {
        found.push(value);
        return;
    };
    match step {
        Step::Field(name) => {
            if let Some(inner) = value.get(name) {
                find(inner, rest, found);
            }
        }
        Step::Index(index) => {
            let Some(items) = value.as_array() else { return };
            let from_end = index.unsigned_abs() as usize;
            let at = if *index < 0 { items.len().checked_sub(from_end) } else { Some(from_end) };
            if let Some(inner) = at.and_then(|at| items.get(at)) {
                find(inner, rest, found);
            }
        }
        Step::Every => match value {
            Value::Array(items) => items.iter().for_each(|inner| find(inner, rest, found)),
            Value::Object(map) => map.values().for_each(|inner| find(inner, rest, found)),
            _ => {}
        },
        Step::Where { field, equals, value: wanted } => {
            for item in value.as_array().into_iter().flatten() {
                let actual = field.iter().try_fold(item, |value, name| value.get(name));
                if actual.is_some_and(|actual| (actual == wanted) == *equals) {
                    find(item, rest, found);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cell(path: &str, value_type: &str) -> Value {
        let column = PrintColumn::read(&json!({"name": "x", "type": value_type, "jsonPath": path}));
        let object = json!({
            "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"app.kubernetes.io/name": "web"}},
            "spec": {"replicas": 3, "hosts": ["a", "b"]},
            "status": {"conditions": [
                {"type": "Synced", "status": "True"},
                {"type": "Ready", "status": "False", "message": "because"},
            ]},
        });
        column.cell(&object, "2026-01-01T00:05:00Z".parse().unwrap())
    }

    #[test]
    fn columns_show_what_their_path_names() {
        assert_eq!(cell(".spec.replicas", "integer"), json!(3));
        assert_eq!(cell(".spec.hosts[0]", "string"), json!("a"));
        assert_eq!(cell(".spec.hosts[-1]", "string"), json!("b"));
        assert_eq!(cell(".spec.hosts[*]", "string"), json!("a,b"));
        assert_eq!(cell(r#".status.conditions[?(@.type=="Ready")].status"#, "string"), json!("False"));
        assert_eq!(cell(".status.conditions[?(@.type=='Ready')].message", "string"), json!("because"));
        assert_eq!(cell(r".metadata.labels.app\.kubernetes\.io/name", "string"), json!("web"));
        assert_eq!(cell(".metadata.creationTimestamp", "date"), json!("5m"));
    }

    #[test]
    fn what_is_not_there_or_not_understood_prints_nothing() {
        for path in
            [".spec.missing", ".spec.hosts[7]", ".spec.hosts[?(@.a)]", "..x", ".spec[", ".status.conditions[?(@.type=="]
        {
            assert_eq!(cell(path, "string"), Value::Null, "{path}");
        }
    }
}
