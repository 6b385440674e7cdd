//! `cowherd diff --base`: what a branch changes, told from the repository alone.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::program::cowherd;
use crate::program::repository::{Repository, config_map};

/// A repository with two Kustomizations of a cluster, committed on `main`, and the branch `change` checked out.
struct Story {
    repository: Repository,
    // Goes last, when nobody writes into it any more.
    _directory: tempfile::TempDir,
}

impl Story {
    fn begin() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let repository = Repository::new(directory.path().join("fleet"));
        repository.kustomization("app", "./app", "").kustomization("other", "./other", "");
        repository.config_map("app/red.yaml", "red", "1").config_map("app/blue.yaml", "blue", "1");
        repository.config_map("other/map.yaml", "other", "1");
        repository.commit("begin");
        repository.git(["checkout", "--quiet", "-b", "change"]);
        Self { repository, _directory: directory }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        cowherd(&self.repository.path).arg("diff").args(arguments).output().unwrap()
    }

    /// The review as JSON, and how the program ended.
    fn review(&self, arguments: &[&str]) -> (Value, i32) {
        let output = self.run(&[&["--base", "main", "-o", "json"], arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let review = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{said}"));
        (review, output.status.code().unwrap())
    }

    /// What is told: `app: ConfigMap/red configured`, in order, and how the program ended.
    fn told(&self, arguments: &[&str]) -> (Vec<String>, i32) {
        let (review, status) = self.review(arguments);
        (changes(&review), status)
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn changes(review: &Value) -> Vec<String> {
    let units = items(&review["clusters"]).flat_map(|cluster| items(&cluster["kustomizations"]));
    let of = |unit: &Value| {
        let name = unit["name"].as_str().unwrap().to_owned();
        let line = move |change: &Value| {
            let text = |field: &str| change[field].as_str().unwrap().to_owned();
            format!("{name}: {}/{} {}", text("kind"), text("name"), text("action"))
        };
        items(&unit["changes"]).map(line).collect::<Vec<_>>()
    };
    units.flat_map(of).collect()
}

#[test]
fn what_a_branch_creates_changes_and_prunes_is_told_without_a_cluster() {
    let story = Story::begin();
    let (told, status) = story.told(&[]);
    assert_eq!((told.as_slice(), status), ([].as_slice(), 0));
    story.repository.config_map("app/red.yaml", "red", "2").config_map("app/green.yaml", "green", "1");
    story.repository.remove("app/blue.yaml").commit("change");
    let (review, status) = story.review(&[]);
    assert_eq!(status, 1);
    let all = ["app: ConfigMap/blue deleted", "app: ConfigMap/green created", "app: ConfigMap/red configured"];
    assert_eq!(changes(&review), all);
    let unit = &review["clusters"][0]["kustomizations"][0];
    let red = items(&unit["changes"]).find(|change| change["name"] == "red").unwrap();
    assert_eq!(red["fields"], serde_json::json!([{ "path": "data.value", "before": "1", "after": "2" }]));
    assert_eq!(review["clusters"][0]["unchanged"], 2, "the root and the other one");
}

#[test]
fn what_main_has_beyond_the_branch_is_no_change_of_the_branch() {
    let story = Story::begin();
    story.repository.config_map("app/red.yaml", "red", "2").commit("change");
    story.repository.git(["checkout", "--quiet", "main"]);
    story.repository.config_map("other/map.yaml", "other", "2").commit("meanwhile");
    story.repository.git(["checkout", "--quiet", "change"]);
    assert_eq!(story.told(&[]), (vec!["app: ConfigMap/red configured".to_owned()], 1));
}

#[test]
fn a_new_kustomization_and_one_that_is_gone_are_told_with_their_objects() {
    let story = Story::begin();
    story.repository.kustomization("new", "./new", "").config_map("new/a.yaml", "new", "1");
    story.repository.remove("cluster/other.yaml").commit("change");
    let all = [
        "flux-system: Kustomization/other deleted",
        "flux-system: Kustomization/new created",
        "new: ConfigMap/new created",
        "other: ConfigMap/other deleted",
    ];
    let (mut told, _) = story.told(&[]);
    told.sort();
    let mut all = all.map(str::to_owned).to_vec();
    all.sort();
    assert_eq!(told, all);
}

#[test]
fn an_object_that_moves_is_told_as_moved_and_not_as_deleted() {
    let story = Story::begin();
    story.repository.remove("app/red.yaml").config_map("other/red.yaml", "red", "1").commit("move");
    let (told, _) = story.told(&[]);
    assert_eq!(told, ["app: ConfigMap/red moved", "other: ConfigMap/red moved"]);
}

#[test]
fn uncommitted_files_are_looked_at_when_asked_for_and_ignored_ones_are_not() {
    let story = Story::begin();
    // The test's home is the repository, so what is kept between calls lies in it.
    story.repository.write(".gitignore", "scratch\n.cache\n").commit("ignore");
    // As `up` leaves its data directory: all of it is ignored, and Git knows no empty directories.
    story.repository.write(".cowherd/.gitignore", "*\n");
    std::fs::create_dir_all(story.repository.path.join(".cowherd/charts/empty")).unwrap();
    let output = story.run(&["--base", "main"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("uncommitted"), "{output:?}");
    // Nor is what is written of it a change, as CI has it.
    let comment = std::fs::File::create(story.repository.path.join("review.md")).unwrap();
    let mut command = cowherd(&story.repository.path);
    command.args(["diff", "--base", "main", "-o", "markdown"]).stdout(comment);
    let output = command.output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("uncommitted"), "{output:?}");
    story.repository.remove("review.md");
    story.repository.config_map("app/red.yaml", "red", "2").config_map("app/scratch/x.yaml", "scratch", "1");
    let output = story.run(&["--base", "main"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stderr).contains("uncommitted changes are not looked at"), "{output:?}");
    let output = story.run(&["--base", "main", "-o", "yaml"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("uncommitted"), "programs are told nothing of it");
    assert_eq!(story.told(&["--worktree"]), (vec!["app: ConfigMap/red configured".to_owned()], 1));
}

#[test]
fn one_broken_kustomization_hides_no_other_and_is_an_error() {
    let story = Story::begin();
    story.repository.write("other/map.yaml", "kind: [\n").config_map("app/red.yaml", "red", "2").commit("break");
    let (review, status) = story.review(&[]);
    assert_eq!(status, 3);
    assert_eq!(changes(&review), ["app: ConfigMap/red configured"]);
    let units: Vec<&Value> = items(&review["clusters"][0]["kustomizations"]).collect();
    let broken = units.iter().find(|unit| unit["name"] == "other").unwrap();
    assert!(broken["errors"][0].as_str().unwrap().contains("other/map.yaml: line"), "{broken}");
    story.repository.git(["checkout", "--quiet", "-b", "mend"]);
    story.repository.config_map("other/map.yaml", "other", "1").commit("mend");
    let output = story.run(&["--base", "change"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("nothing came of it before the change"), "{text}");
}

#[test]
fn values_of_secrets_are_shown_nowhere_not_even_where_variables_put_them() {
    let story = Story::begin();
    let secret = |value: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: values\n  namespace: flux-system\nstringData:\n  password: \
             {value}\n"
        )
    };
    let variables = "postBuild:\n  substituteFrom:\n  - kind: Secret\n    name: values\n";
    story.repository.kustomization("app", "./app", variables).write("cluster/secret.yaml", &secret("hunter2-before"));
    story.repository.config_map("app/red.yaml", "red", "pass=${password}").commit("a secret");
    story.repository.git(["branch", "--force", "with-secret"]);
    story.repository.write("cluster/secret.yaml", &secret("hunter3-after")).commit("another");
    for output in ["text", "json", "yaml", "markdown"] {
        let output = story.run(&["--base", "with-secret", "-o", output]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.contains("hunter"), "{text}");
        assert!(!text.contains("aHVudGVy"), "{text}");
        assert!(text.contains("*****"), "{text}");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn variables_that_only_the_cluster_has_are_named_and_can_be_given() {
    let story = Story::begin();
    let variables = "postBuild:\n  substituteFrom:\n  - kind: ConfigMap\n    name: settings\n";
    story.repository.kustomization("app", "./app", variables).config_map("app/red.yaml", "red", "x-${domain}");
    story.repository.commit("variables");
    let (review, _) = story.review(&[]);
    let app = items(&review["clusters"][0]["kustomizations"]).find(|unit| unit["name"] == "app").unwrap().clone();
    assert!(app["notes"].to_string().contains("ConfigMap flux-system/settings"), "{app}");
    assert!(app["changes"].to_string().contains("x-${domain}"), "{app}");
    let settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: flux-system}\ndata: {domain: a.example}\n";
    std::fs::write(story.repository.path.join("../settings.yaml"), settings).unwrap();
    let (review, _) = story.review(&["--with", "../settings.yaml"]);
    assert!(review.to_string().contains("x-a.example"), "{review}");
}

#[test]
fn what_follows_from_a_change_is_said() {
    let story = Story::begin();
    let deployment = |app: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: default}}\nspec:\n  selector: \
             {{matchLabels: {{app: {app}}}}}\n  template:\n    metadata: {{labels: {{app: {app}}}}}\n    spec: {{containers: \
             [{{name: a, image: b}}]}}\n"
        )
    };
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: apps}\n";
    story.repository.write("app/web.yaml", &deployment("a")).write("app/namespace.yaml", namespace).commit("web");
    story.repository.git(["branch", "--force", "main"]);
    story.repository.write("app/web.yaml", &deployment("b")).remove("app/namespace.yaml").remove("other/map.yaml");
    story.repository.write("other/kustomization.yaml", "resources: []\nnamePrefix: x-\n").commit("change");
    let output = story.run(&["--base", "main"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for words in ["field is immutable", "everything in the namespace goes with it", "waits for approval"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn a_comment_is_folded_and_never_too_large() {
    let story = Story::begin();
    for n in 0..50 {
        story.repository.config_map(&format!("app/m{n}.yaml"), &format!("m{n}"), &"x".repeat(200));
    }
    story.repository.commit("many");
    let whole = String::from_utf8(story.run(&["--base", "main", "-o", "markdown"]).stdout).unwrap();
    assert!(whole.starts_with("<!-- cowherd diff -->\n### 50 created"), "{whole}");
    assert!(whole.contains("<details><summary><b>flux-system/app</b>"), "{whole}");
    let short = story.run(&["--base", "main", "-o", "markdown", "--max-size", "3000"]).stdout;
    assert!(short.len() <= 3000, "{}", short.len());
    assert!(String::from_utf8(short).unwrap().contains("have no room here"));
}

#[test]
fn one_kustomization_is_reviewed_by_its_name_and_one_that_is_not_there_is_an_error() {
    let story = Story::begin();
    story.repository.config_map("app/red.yaml", "red", "2").config_map("other/map.yaml", "other", "2").commit("both");
    assert_eq!(story.told(&["ks", "other"]), (vec!["other: ConfigMap/other configured".to_owned()], 1));
    let output = story.run(&["--base", "main", "nobody"]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("describes no Kustomization flux-system/nobody"), "{said}");
    for (words, meant) in
        [(&["othr"][..], "; did you mean other?"), (&["other", "-n", "web"], "; it is elsewhere: -n flux-system")]
    {
        let output = story.run(&[&["--base", "main"], words].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(3) && said.contains(meant), "{said}");
    }
}

#[test]
fn a_name_that_no_kustomization_has_is_an_error_also_where_nothing_changes() {
    let story = Story::begin();
    let wrong = |arguments: &[&str]| {
        let output = story.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(3) && output.stdout.is_empty(), "{arguments:?}: {said}");
        said
    };
    for format in ["text", "json", "markdown"] {
        for base in [&["--base", "HEAD"][..], &["--base", "main", "--path", "cluster"]] {
            let said = wrong(&[base, &["-o", format, "othr"]].concat());
            let told = "describes no Kustomization flux-system/othr; did you mean other?";
            assert!(said.contains(told), "{base:?} {format}: {said}");
        }
    }
    let said = wrong(&["--base", "HEAD", "main"]);
    assert!(said.contains("flux-system/main; \"main\" is a revision, which --revision main takes"), "{said}");
    let said = wrong(&["--base", "HEAD", "-n", "default", "app"]);
    assert!(said.contains("default/app; it is elsewhere: -n flux-system"), "{said}");
    assert_eq!(story.run(&["--base", "HEAD", "app"]).status.code(), Some(0));
    assert_eq!(story.run(&["--base", "main", "--path", "cluster", "app"]).status.code(), Some(0));
}

#[test]
fn a_comparison_of_what_has_no_common_history_is_told_as_that_wherever_it_is_read() {
    let story = Story::begin();
    story.repository.git(["checkout", "--quiet", "--orphan", "unrelated"]);
    story.repository.config_map("app/red.yaml", "red", "2").commit("without a past");
    let (review, status) = story.review(&[]);
    assert_eq!((review["commonHistory"].as_bool(), status), (Some(false), 1), "{review}");
    let words = "no common history with main: compared with main itself";
    for format in ["text", "markdown"] {
        let output = story.run(&["--base", "main", "-o", format]);
        let page = String::from_utf8_lossy(if format == "text" { &output.stderr } else { &output.stdout }).into_owned();
        assert!(page.contains(words), "{format}: {page}");
    }
    let (review, _) = story.review(&["--revision", "change"]);
    assert_eq!(review["commonHistory"], true, "{review}");
}

#[test]
fn a_revision_that_is_not_there_is_said_with_the_repository_and_those_that_may_be_meant() {
    let story = Story::begin();
    let root = story.repository.path.canonicalize().unwrap();
    story.repository.git(["remote", "add", "origin", "https://example.com/fleet"]);
    let told = |arguments: &[&str]| {
        let output = story.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(3) && output.stdout.is_empty(), "{arguments:?}: {said}");
        said
    };
    for (name, hint) in [
        ("mian", "; did you mean main?"),
        ("no-such-branch", "; it has change, main"),
        ("origin/main", "; if origin has it: git fetch origin main:refs/remotes/origin/main"),
        ("mian~1", "; did you mean main?"),
    ] {
        let words = format!("there is no revision {name:?} in {}{hint}", root.display());
        for arguments in [&["--base", name][..], &["--base", "main", "--revision", name]] {
            let said = told(arguments);
            assert!(said.contains(&words), "{words} is not in {said}");
        }
    }
    let said = told(&["--base", "main~9"]);
    assert!(said.contains("there is no revision \"main~9\"") && !said.contains("did you mean"), "{said}");
    for (flag, path) in [("--path", root.join("cluster")), ("--exclude", root.join("app"))] {
        let said = told(&["--base", "main", flag, path.to_str().unwrap()]);
        let name = path.file_name().unwrap().to_str().unwrap();
        let words = format!("{flag} takes a path inside the repository {}", root.display());
        assert!(said.contains(&words) && said.contains(&format!("write {flag} ./{name}")), "{said}");
    }
    assert_eq!(story.run(&["--base", "main", "--path", "/cluster"]).status.code(), Some(0), "as Flux takes it");
}

#[test]
fn sources_that_are_elsewhere_are_named_and_circles_are_errors() {
    let story = Story::begin();
    let source = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: tenant, namespace: \
                  flux-system}\nspec: {url: 'https://example.com/tenant', interval: 1m}\n";
    story.repository.write("cluster/source.yaml", source);
    let tenant = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: tenant, namespace: \
                  flux-system}\nspec: {interval: 1m, prune: true, path: ./tenant, sourceRef: {kind: GitRepository, name: tenant}}\n";
    story.repository.write("cluster/tenant.yaml", tenant);
    story.repository.kustomization("app", "./app", "dependsOn: [{name: other}]");
    story.repository.kustomization("other", "./other", "dependsOn: [{name: app}]");
    story.repository.commit("others");
    let (review, status) = story.review(&["--path", "cluster"]);
    assert_eq!(status, 3);
    let cluster = &review["clusters"][0];
    assert_eq!(cluster["notReviewed"][0]["name"], "tenant");
    assert!(cluster["notReviewed"][0]["reason"].to_string().contains("https://example.com/tenant"), "{cluster}");
    let cycle = "dependency cycle: flux-system/app -> flux-system/other -> flux-system/app";
    assert!(cluster["errors"][0].as_str().unwrap().starts_with(cycle), "{cluster}");
    // One that follows a tag of the repository itself is told as that, with how it is looked at.
    story.repository.git(["remote", "add", "origin", "https://example.com/tenant"]);
    story.repository.write("cluster/source.yaml", &source.replace("interval: 1m", "interval: 1m, ref: {tag: v1.2.0}"));
    story.repository.write("tenant/map.yaml", &config_map("tenant", "1")).commit("tagged");
    let reason = |review: &Value| review["clusters"][0]["notReviewed"][0]["reason"].to_string();
    let (review, _) = story.review(&["--path", "cluster"]);
    let told = reason(&review);
    assert!(told.contains("is the tag v1.2.0 of this repository; --source"), "{told}");
    let (review, _) = story.review(&["--path", "cluster", "--source", "flux-system/tenant"]);
    assert_eq!(reason(&review), "null", "{review}");
}

#[test]
fn a_directory_without_flux_is_reviewed_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let repository = Repository::new(directory.path().join("plain"));
    repository.write("app/a.yaml", &config_map("a", "1")).commit("begin");
    repository.write("app/a.yaml", &config_map("a", "2")).commit("change");
    let run = |at: &Path| cowherd(at).args(["diff", "--base", "HEAD~1"]).output().unwrap();
    let output = run(&repository.path);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("ConfigMap/default/a configured"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_is_not_rendered_is_told_with_what_is() {
    let story = Story::begin();
    story.repository.config_map("app/red.yaml", "red", "2").write("app/more.jsonnet", "{}");
    story.repository.remove("other/map.yaml").write("other/map.jsonnet", "{}").commit("change");
    let (review, status) = story.review(&[]);
    assert_ne!(status, 1, "nothing comes of one of the two");
    let units: Vec<&Value> = items(&review["clusters"]).flat_map(|cluster| items(&cluster["kustomizations"])).collect();
    let unit = |name: &str| units.iter().find(|unit| unit["name"] == name).unwrap();
    assert_eq!(unit("app")["notes"], serde_json::json!(["not rendered: app/more.jsonnet (Jsonnet)"]));
    let error = unit("other")["errors"][0].as_str().unwrap();
    assert!(error.contains("other/map.jsonnet (Jsonnet)"), "{error}");
}

#[test]
fn plain_directories_beside_clusters_are_reviewed_and_nothing_is_told_twice() {
    let story = Story::begin();
    story.repository.config_map("plain/a.yaml", "plain", "1").config_map("later/a.yaml", "later", "1").commit("plain");
    story.repository.git(["branch", "--force", "main"]);
    story.repository.config_map("plain/a.yaml", "plain", "2").config_map("app/red.yaml", "red", "2");
    // From now on a Kustomization leads there.
    story.repository.kustomization("later", "./later", "").config_map("later/a.yaml", "later", "2").commit("change");
    let (review, status) = story.review(&[]);
    assert_eq!(status, 1);
    let all = [
        "flux-system: Kustomization/later created",
        "app: ConfigMap/red configured",
        "later: ConfigMap/later created",
        "flux-system: ConfigMap/plain configured",
    ];
    let (mut told, mut all) = (changes(&review), all.map(str::to_owned).to_vec());
    told.sort();
    all.sort();
    assert_eq!(told, all);
    let paths: Vec<&str> = items(&review["lookedAt"]).map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["./cluster", "./plain"]);
    story.repository.git(["branch", "--force", "main"]);
    story.repository.remove("plain/a.yaml").write("plain/README.md", "gone").commit("gone");
    assert_eq!(story.told(&[]), (vec!["flux-system: ConfigMap/plain deleted".to_owned()], 1));
}
