//! Reads Prometheus' text format, strictly, as its documentation says it.

use std::collections::BTreeMap;

/// A metric: its type and what was measured, by name and labels.
#[derive(Debug, Default)]
pub struct Metric {
    pub kind: String,
    pub samples: Vec<Sample>,
}

#[derive(Debug)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Metric {
    /// The value of the sample that has these labels, perhaps among others.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |sample: &&Sample| {
            sample.name == name
                && labels.iter().all(|(key, value)| sample.labels.get(*key).is_some_and(|is| is == value))
        };
        self.samples.iter().find(has).map(|sample| sample.value)
    }
}

/// The metrics by their names. Panics where the text is not well-formed.
pub fn parse(text: &str) -> BTreeMap<String, Metric> {
    assert!(text.ends_with('\n'), "the last line has no end");
    let mut metrics: BTreeMap<String, Metric> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            assert!(["counter", "gauge", "histogram", "summary", "untyped"].contains(&kind), "{line}");
            assert!(is_name(name), "{line}");
            let metric = metrics.entry(name.to_owned()).or_default();
            assert!(metric.kind.is_empty() && metric.samples.is_empty(), "{name} comes twice");
            metric.kind = kind.to_owned();
            current = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, _) = rest.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            assert!(!metrics.contains_key(name), "{name} comes twice");
        } else {
            assert!(!line.starts_with('#'), "{line}");
            let sample = sample(line);
            let metric = metrics.get_mut(&current).unwrap_or_else(|| panic!("{line} is of no metric"));
            let suffixes: &[&str] = if metric.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            let own = suffixes.iter().any(|suffix| sample.name == format!("{current}{suffix}"));
            assert!(own, "{line} is not of {current}");
            assert!(metric.kind != "counter" || current.ends_with("_total"), "{current} is a counter");
            metric.samples.push(sample);
        }
    }
    metrics
}

fn sample(line: &str) -> Sample {
    let (name, labels, value) = match line.split_once('{') {
        Some((name, rest)) => {
            let (labels, value) = rest.rsplit_once("} ").unwrap_or_else(|| panic!("{line}"));
            (name, labels, value)
        }
        None => {
            let (name, value) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
            (name, "", value)
        }
    };
    assert!(is_name(name), "{line}");
    let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
    Sample { name: name.to_owned(), labels: pairs(labels, line), value }
}

fn pairs(mut text: &str, line: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (key, rest) = text.split_once("=\"").unwrap_or_else(|| panic!("{line}"));
        let mut value = String::new();
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next().unwrap_or_else(|| panic!("{line}")) {
                (_, '\\') => match chars.next().map(|(_, c)| c) {
                    Some('n') => value.push('\n'),
                    Some(c @ ('\\' | '"')) => value.push(c),
                    _ => panic!("{line}"),
                },
                (at, '"') => break at + 1,
                (_, c) => value.push(c),
            }
        };
        assert!(is_name(key) && labels.insert(key.to_owned(), value).is_none(), "{line}");
        text = rest[end..].strip_prefix(',').unwrap_or(&rest[end..]);
    }
    labels
}

fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(inner)
}
