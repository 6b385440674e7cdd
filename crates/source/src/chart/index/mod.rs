//! The index of a chart repository: which versions of a chart there are, and where.

mod json;
mod section;

use cowherd_version::Version;
use cowherd_yaml::{Limits, parse_documents};
use serde_json::Value;

use super::ChartProblem;
use crate::Digest;
use crate::Range;
use section::Section;

/// How many versions an error names.
const MAX_NAMED: usize = 5;

/// A version of a chart in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The version as it is written.
    pub(super) version: String,
    /// The name of the chart as it is written.
    pub(super) name: String,
    /// Where the archive is; relative to the repository, or absolute.
    pub(super) url: Option<String>,
    digest: Option<String>,
    parsed: Version,
}

impl Entry {
    /// The digest that the archive has to have, if one is given. One that cannot be read is not taken for none.
    pub(super) fn digest(&self) -> Result<Option<Digest>, ChartProblem> {
        let digest = self.digest.as_deref().map(str::parse).transpose();
        digest.map_err(|cause| ChartProblem::Index(format!("{} {}: {cause}", self.name, self.version)))
    }
}

/// The versions of `chart` in the index `text`, the highest first.
///
/// What Helm would skip is skipped: an entry without name, or with a version that is none. What it does not know
/// is left alone.
pub(super) fn versions(text: &[u8], chart: &str, max_bytes: usize) -> Result<Vec<Entry>, ChartProblem> {
    let entries = match entries(text, chart, max_bytes)? {
        Some(Value::Array(entries)) => entries,
        Some(Value::Null) => Vec::new(),
        Some(_) => return Err(ChartProblem::Index(format!("the entry {chart:?} is no list of versions"))),
        None => return Err(ChartProblem::NoChart),
    };
    let mut entries: Vec<Entry> = entries.iter().filter_map(entry).collect();
    // Versions that differ in their build metadata alone stay in the order of the index.
    entries.sort_by(|a, b| b.parsed.compare(&a.parsed));
    Ok(entries)
}

/// Whether the index can be used, as far as that is seen without reading every chart of it.
pub(super) fn check(text: &[u8], max_bytes: usize) -> Result<(), ChartProblem> {
    // No chart can have this name.
    entries(text, "/", max_bytes).map(drop)
}

/// The one of `versions` that was asked for: literally, or else the highest in the range.
pub(super) fn choose<'a>(versions: &'a [Entry], wanted: &str) -> Result<&'a Entry, ChartProblem> {
    let range = Range::parse(if wanted.is_empty() { "*" } else { wanted })?;
    let exact = versions.iter().find(|entry| entry.version == wanted);
    let chosen = exact.or_else(|| versions.iter().find(|entry| range.contains(&entry.parsed)));
    chosen.ok_or_else(|| no_version(versions.iter().map(|entry| entry.version.as_str())))
}

/// The error that names the first of the versions that there are.
pub(super) fn no_version<'a>(versions: impl Iterator<Item = &'a str>) -> ChartProblem {
    let named: Vec<&str> = versions.collect();
    let available = match named.as_slice() {
        [] => "is none at all".to_owned(),
        [one] => format!("is only {one}"),
        several => format!("are {}", cowherd_text::listed(several, MAX_NAMED)),
    };
    ChartProblem::NoVersion { available }
}

fn entry(value: &Value) -> Option<Entry> {
    let text = |key: &str| match value.get(key)? {
        Value::String(text) => Some(text.clone()),
        // A version like 1.5 that nobody quoted.
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let name = text("name").filter(|name| !name.is_empty() && !name.contains('/'))?;
    let version = text("version")?;
    let kind = text("type").unwrap_or_default();
    if !matches!(kind.as_str(), "" | "application" | "library") {
        return None;
    }
    Some(Entry {
        parsed: Version::parse(&version).ok()?,
        url: value.get("urls").and_then(|urls| urls.get(0)?.as_str()).map(str::to_owned),
        digest: text("digest").filter(|digest| !digest.is_empty()),
        name,
        version,
    })
}

/// What stands under the name of `chart` in the index.
fn entries(text: &[u8], chart: &str, max_bytes: usize) -> Result<Option<Value>, ChartProblem> {
    let text = std::str::from_utf8(text).map_err(|_| ChartProblem::Index("it is not UTF-8".to_owned()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(ChartProblem::Index("it is empty".to_owned()));
    }
    if text.trim_start().starts_with('{')
        && let Some(found) = json::entries(text, chart)?
    {
        return Ok(found);
    }
    let limits = Limits { bytes: max_bytes, ..Limits::default() };
    match section::find(text, chart) {
        Section::Absent => return Ok(None),
        Section::Found(part) => {
            let found =
                parse_documents(part.as_bytes(), &limits).ok().and_then(|documents| documents.into_iter().next());
            if let Some(Value::Object(mut map)) = found.map(|document| document.value) {
                return Ok(map.remove(chart));
            }
        }
        Section::Unsure => {}
    }
    let documents =
        parse_documents(text.as_bytes(), &limits).map_err(|error| ChartProblem::Index(error.to_string()))?;
    let Some(Value::Object(mut index)) = documents.into_iter().next().map(|document| document.value) else {
        return Err(ChartProblem::Index("it is no mapping".to_owned()));
    };
    if index.get("apiVersion").is_none_or(|version| version.as_str() == Some("")) {
        return Err(no_api_version());
    }
    Ok(index.get_mut("entries").and_then(Value::as_object_mut).and_then(|entries| entries.remove(chart)))
}

fn no_api_version() -> ChartProblem {
    ChartProblem::Index("it has no apiVersion".to_owned())
}

#[cfg(test)]
mod tests;
