use proptest::prelude::*;

use super::*;

const MAX: usize = 1 << 20;

fn written(text: &str) -> Vec<String> {
    versions(text.as_bytes(), "web", MAX).unwrap().into_iter().map(|entry| entry.version).collect()
}

const ENTRIES: &str = "  web:
  - {name: web, version: 1.2.0, urls: [web-1.2.0.tgz], unknown: {a: [1]}}
  - {name: web, version: v1.10.0, urls: [a, b], digest: sha256:0}
  - {name: web, version: 1.9}
  - {name: web, version: nonsense}
  - {name: web}
  - {version: 1.0.0}
  - {name: a/b, version: 1.0.0}
  - {name: web, version: 1.11.0, type: spaceship}
  - null
  - text
";

#[test]
fn entries_that_make_no_sense_are_skipped_and_the_highest_is_first() {
    let expected = ["v1.10.0", "1.9", "1.2.0"];
    assert_eq!(written(&format!("apiVersion: v1\nentries:\n{ENTRIES}")), expected);
    assert_eq!(written(&format!("entries:\n{ENTRIES}apiVersion: v1\n")), expected, "the key that comes last");
    let json = serde_json::to_string(&parse_documents(ENTRIES.as_bytes(), &Limits::default()).unwrap()[0].value);
    assert_eq!(written(&format!("{{\"entries\": {}, \"apiVersion\": \"v1\"}}", json.unwrap())), expected);
}

#[test]
fn an_anchor_elsewhere_is_found() {
    let index = "apiVersion: v1\nentries:\n  other:\n  - &entry {name: web, version: 1.0.0}\n  web:\n  - *entry\n";
    assert_eq!(written(index), ["1.0.0"]);
}

#[test]
fn an_index_that_is_none_is_said_to_be_none() {
    for text in [
        "",
        "\n",
        "<html></html>",
        "entries: {}",
        "{\"entries\": {}}",
        "[1]",
        "apiVersion: v1\nentries: {web: 1}",
        "\u{0}",
    ] {
        let problem = versions(text.as_bytes(), "web", MAX).unwrap_err();
        assert!(matches!(problem, ChartProblem::Index(_)), "{text:?}: {problem}");
    }
    for text in ["apiVersion: v1\n", "apiVersion: v1\nentries:\n", "apiVersion: v1\nentries: {}\n"] {
        let problem = versions(text.as_bytes(), "web", MAX).unwrap_err();
        assert!(matches!(problem, ChartProblem::NoChart), "{text:?}: {problem}");
    }
}

#[test]
fn one_chart_of_a_large_index_costs_little() {
    let mut index = String::from("apiVersion: v1\nentries:\n");
    for chart in 0..2000 {
        index.push_str(&format!("  c{chart}:\n"));
        for version in 0..20 {
            index.push_str(&format!(
                "  - name: c{chart}\n    version: 1.{version}.0\n    description: text, \"more\" text\n"
            ));
        }
    }
    // More than may be read as a whole: it is cut out.
    assert!(index.len() > 2 * MAX);
    let found = versions(index.as_bytes(), "c1999", MAX).unwrap();
    assert_eq!((found.len(), found[0].version.as_str()), (20, "1.19.0"));
}

#[test]
fn a_chart_that_would_take_many_times_its_text_in_memory_is_refused() {
    let index = |entries: usize| {
        let entries = vec!["{\"a\":0}"; entries].join(",");
        format!("{{\"apiVersion\": \"v1\", \"entries\": {{\"web\": [{entries}]}}}}")
    };
    assert_eq!(versions(index(1000).as_bytes(), "web", MAX).unwrap(), []);
    // Three megabytes of text, and a hundred times as much of maps.
    let problem = versions(index(500_000).as_bytes(), "web", MAX).unwrap_err();
    assert!(matches!(problem, ChartProblem::Index(_)), "{problem}");
    assert!(matches!(versions(index(500_000).as_bytes(), "other", MAX), Err(ChartProblem::NoChart)));
}

#[test]
fn a_missing_version_is_answered_with_those_that_there_are() {
    let index = format!("apiVersion: v1\nentries:\n{ENTRIES}");
    let versions = versions(index.as_bytes(), "web", MAX).unwrap();
    assert_eq!(
        choose(&versions, ">=2").unwrap_err().to_string(),
        "no version of the chart is in this range; there are v1.10.0, 1.9, 1.2.0"
    );
    assert_eq!(choose(&versions, "v1.10.0").unwrap().url.as_deref(), Some("a"));
    assert_eq!(choose(&versions, "").unwrap().version, "v1.10.0");
    assert_eq!(choose(&versions, "1.2").unwrap().digest().unwrap(), None);
    let error = choose(&versions, "v1.10.0").unwrap().digest().unwrap_err();
    assert!(error.to_string().contains("web v1.10.0: \"sha256:0\" is no digest"), "{error}");
    assert!(matches!(choose(&versions, "newest"), Err(ChartProblem::Range(_))));
    assert!(matches!(choose(&[], "1"), Err(ChartProblem::NoVersion { available }) if available == "is none at all"));
}

/// Texts that look like parts of an index.
fn tricky() -> impl Strategy<Value = String> {
    let parts =
        ["web:", "  web:", "\n", "- ", "version: 1", "#", "\"", "'", "entries:", " ", ": ", "*a", "&a", "|", "x"];
    prop::collection::vec(prop::sample::select(parts.to_vec()), 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn what_is_cut_out_is_what_is_there(
        charts in prop::collection::btree_map("[a-z]{1,2}|web|[0-9]|true|a b|", prop::collection::vec(tricky(), 0..4), 0..6),
    ) {
        let entries = |chart: &str, descriptions: &[String]| -> Vec<Value> {
            let entry = |(index, description): (usize, &String)| {
                serde_json::json!({ "name": chart, "version": format!("1.{index}.0"), "description": description, "urls": [description] })
            };
            descriptions.iter().enumerate().map(entry).collect()
        };
        let all: serde_json::Map<String, Value> =
            charts.iter().map(|(chart, texts)| (chart.clone(), entries(chart, texts).into())).collect();
        let text = cowherd_yaml::to_string(&serde_json::json!({ "apiVersion": "v1", "entries": all }));
        for (chart, texts) in &charts {
            let mut expected: Vec<_> = entries(chart, texts).iter().filter_map(entry).collect();
            expected.reverse();
            prop_assert_eq!(versions(text.as_bytes(), chart, MAX).unwrap(), expected, "{} in {}", chart, text);
        }
        prop_assert!(matches!(versions(text.as_bytes(), "absent", MAX), Err(ChartProblem::NoChart)), "{}", text);
    }

    #[test]
    fn no_text_makes_it_panic(noise in "\\PC{0,80}", tricky in tricky(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let cut = format!("apiVersion: v1\nentries:\n{tricky}\n  web:\n{noise}");
        for text in [noise.as_bytes(), tricky.as_bytes(), cut.as_bytes(), &bytes] {
            let _ = versions(text, "web", MAX);
        }
        let _ = choose(&[], &noise);
    }
}
