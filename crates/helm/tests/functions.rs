//! Every function gives what it gives in the real helm: over a list of templates, rendered by both.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Output;

use cowherd_helm::engine::GoTemplates;
use cowherd_helm::{Release, Request, Selection, template};
use cowherd_oracle::Tool;
use cowherd_tree::{MemoryTree, TreePath};

const CHART: &str = "apiVersion: v2\nname: functions\nversion: 0.1.0\n";

/// The templates of a list, without its comments.
fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// What cowherd makes of a chart of one template.
fn ours(text: &str) -> Result<String, String> {
    render(text, &mut GoTemplates::new(jiff::Timestamp::now(), b"a seed of the tests"))
}

fn render(text: &str, engine: &mut GoTemplates<'_>) -> Result<String, String> {
    let files = [("Chart.yaml", CHART), ("templates/cases.yaml", text)].map(|(path, text)| (path, text.to_owned()));
    let tree = MemoryTree::new(files).unwrap();
    let request = Request {
        release: Release { name: "test".into(), namespace: "default".into(), ..Release::default() },
        ..Request::default()
    };
    let output = template(&tree, &TreePath::root(), &request, engine).map_err(|error| error.to_string())?;
    output.text(&Selection::default()).map_err(|error| error.to_string())
}

/// What helm makes of it.
fn theirs(text: &str) -> Result<String, String> {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("templates")).unwrap();
    fs::write(directory.path().join("Chart.yaml"), CHART).unwrap();
    fs::write(directory.path().join("templates/cases.yaml"), text).unwrap();
    let output = run(directory.path());
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

fn run(chart: &Path) -> Output {
    let mut helm = Tool::new("helm");
    for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
        helm.env(variable, chart);
    }
    helm.args(["template", "test"]).arg(chart).env("TZ", "UTC").output()
}

/// One template that renders each of the cases on a line of its own, whatever comes out of it.
fn all(cases: &[&str]) -> String {
    let mut text = String::new();
    for (at, case) in cases.iter().enumerate() {
        text.push_str(&format!("{{{{- define \"case{at}\" }}}}{case}{{{{ end }}}}\n"));
    }
    for at in 0..cases.len() {
        text.push_str(&format!("case{at}: {{{{ include \"case{at}\" . | b64enc | quote }}}}\n"));
    }
    text
}

/// What each of the cases rendered to.
fn results(rendered: &str) -> Vec<String> {
    let encoded = rendered.lines().filter_map(|line| line.strip_prefix("case")?.split_once(": "));
    let decode = |text: &str| {
        use base64::Engine;
        let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim_matches('"')).unwrap();
        bytes.escape_ascii().to_string()
    };
    encoded.map(|(_, text)| decode(text)).collect()
}

#[test]
fn functions_give_what_they_give_in_helm() {
    let cases = lines(include_str!("functions/cases.txt"));
    let theirs = each(&cases, theirs(&all(&cases)), theirs);
    let ours = each(&cases, ours(&all(&cases)), ours);
    let differing = cases.iter().zip(theirs.iter().zip(&ours)).filter(|(_, (theirs, ours))| theirs != ours);
    let shown: Vec<String> =
        differing.map(|(case, (theirs, ours))| format!("{case}\n  helm:    {theirs}\n  cowherd: {ours}")).collect();
    assert!(shown.is_empty(), "{} of {} differ:\n{}", shown.len(), cases.len(), shown.join("\n"));
}

/// The result of each of the cases. Where they could not be rendered together, one that fails must not hide the others.
fn each(
    cases: &[&str],
    together: Result<String, String>,
    render: impl Fn(&str) -> Result<String, String>,
) -> Vec<String> {
    let alone = |case: &&str| render(&all(&[case])).map_or_else(|error| error, |rendered| results(&rendered).concat());
    match together {
        Ok(rendered) => results(&rendered),
        Err(_) => cases.iter().map(alone).collect(),
    }
}

/// What a message says behind the place where it happened.
fn essence(message: &str) -> String {
    let mut lines = message.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("Use --debug"));
    let last = lines.next_back().unwrap_or_default();
    last.rsplit(">: ").next().unwrap_or_default().trim().to_owned()
}

#[test]
fn functions_fail_where_they_fail_in_helm_and_say_the_same() {
    let cases = lines(include_str!("functions/errors.txt"));
    let mut shown = Vec::new();
    for case in cases {
        let text = format!("a: {case}\n");
        let theirs = match theirs(&text) {
            Ok(rendered) => format!("no error, but {rendered}"),
            Err(error) => essence(&error),
        };
        let ours = match ours(&text) {
            Ok(rendered) => format!("no error, but {rendered}"),
            Err(error) => essence(&error),
        };
        if theirs != ours {
            shown.push(format!("{case}\n  helm:    {theirs}\n  cowherd: {ours}"));
        }
    }
    assert!(shown.is_empty(), "{} differ:\n{}", shown.len(), shown.join("\n"));
}

fn fails_with(template: &str, expected: &str) {
    let text = format!("a: {{{{ {template} }}}}\n");
    let error = ours(&text).expect_err(template);
    assert!(error.contains(expected), "{template}: {error}");
}

#[test]
fn no_function_makes_more_than_is_bearable() {
    let too_long = "longer than 16777216 bytes";
    let too_many = "more than 1000000 items";
    fails_with("repeat 9000000000 \"x\"", too_long);
    fails_with("repeat 4000 (repeat 5000 \"x\")", too_long);
    fails_with("indent 9000000000 \"x\"", too_long);
    fails_with("nindent 100000000 \"x\"", too_long);
    fails_with("replace \"\" (repeat 16000 \"x\") (repeat 16000 \"x\")", too_long);
    fails_with("regexReplaceAll \"\" (repeat 16000 \"x\") (repeat 16000 \"x\")", too_long);
    fails_with("wrapWith 1 (repeat 16000 \"x\") (repeat 16000 \"x\")", too_long);
    fails_with("join (repeat 16000 \"x\") (until 16000)", too_long);
    fails_with("randAlphaNum 9000000000", too_long);
    fails_with("randBytes 9000000000", too_long);
    fails_with("until 9000000000", too_many);
    fails_with("untilStep 0 9000000000 2", too_many);
    fails_with("seq 9000000000", too_many);
    fails_with("splitList \"\" (repeat 2000000 \"x\")", too_many);
    fails_with("regexFindAll \"\" (repeat 2000000 \"x\") -1", "more than 100000000 steps");
    fails_with("concat (until 900000) (until 900000)", too_many);
    fails_with("regexMatch \"a\" \"a\" | ternary (mustRegexMatch \"(a{1000}){1000}\" \"a\") 1", "expression too large");
}

#[test]
fn values_that_hold_themselves_are_refused() {
    let too_deep = "nested more than 1000 levels deep, or holds itself";
    for function in ["toYaml", "toJson", "toPrettyJson", "toToml", "toYamlPretty", "deepCopy"] {
        fails_with(&format!("$d := dict }}}}{{{{ $_ := set $d \"d\" $d }}}}{{{{ {function} $d"), too_deep);
    }
    let pair = "$a := dict }}{{ $_ := set $a \"x\" $a }}{{ $b := dict }}{{ $_ := set $b \"x\" $b }}{{";
    fails_with(&format!("{pair} deepEqual $a $b"), too_deep);
    fails_with(&format!("{pair} merge $a $b"), too_deep);
    fails_with("mustFromJson (repeat 2000 \"[\")", too_deep);
}

#[test]
fn values_that_are_small_only_because_they_are_shared_are_refused() {
    let double = "{{ $d := dict \"x\" \"some text\" }}{{ range until 40 }}{{ $d = dict \"a\" $d \"b\" $d }}{{ end }}";
    for function in ["toYaml", "toJson", "toToml", "toYamlPretty", "deepCopy"] {
        let double = if function == "toToml" {
            double.replace("dict \"a\" $d \"b\" $d", "list $d $d")
        } else {
            double.to_owned()
        };
        let error = ours(&format!("{double}a: {{{{ {function} $d }}}}\n")).expect_err(function);
        assert!(error.contains("too large") || error.contains("too many"), "{function}: {error}");
    }
}

#[test]
fn what_is_random_follows_from_the_seed() {
    let text = "a: {{ randAlphaNum 20 }} {{ uuidv4 }} {{ randInt 0 1000000 }} {{ shuffle \"abcdefgh\" }}\n\
                b: {{ genPrivateKey \"ecdsa\" | b64enc }} {{ htpasswd \"u\" \"p\" }} {{ encryptAES \"k\" \"t\" }}\n\
                c: {{ (genCAWithKey \"ca\" 10 (genPrivateKey \"ed25519\")).Cert | b64enc }}\n";
    let time = "2026-01-02T03:04:05Z".parse().unwrap();
    let render = |seed: &[u8]| render(text, &mut GoTemplates::new(time, seed)).unwrap();
    assert_eq!(render(b"one seed"), render(b"one seed"));
    assert_ne!(render(b"one seed"), render(b"another"));
}

#[test]
fn the_time_is_the_one_that_is_given() {
    let time = "2026-01-02T03:04:05.006Z".parse().unwrap();
    let text = "a: {{ now }}\nb: {{ now | date \"Mon 2 Jan\" }}\nc: {{ ago (toDate \"2006\" \"2026\") }}\nd: {{ htmlDate \"\" }}\n";
    let rendered = render(text, &mut GoTemplates::new(time, b"seed")).unwrap();
    let expected = "a: 2026-01-02 03:04:05.006 +0000 UTC\nb: Fri 2 Jan\nc: 27h4m5s\nd: 2026-01-02\n";
    assert!(rendered.ends_with(expected), "{rendered}");
}
