//! The workflows of docs/ci.md: what they run is run here as they have it, on a repository with two branches.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use cowherd_yaml::{Limits, parse_documents};
use serde_json::Value;

use crate::program::repository::Repository;

/// The workflows of the page, in order: GitHub's, GitLab's, Gitea's.
fn workflows() -> Vec<Value> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ci.md")).unwrap();
    let blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let read = |text: String| parse_documents(text.as_bytes(), &Limits::default()).unwrap().remove(0).value;
    blocks.map(read).collect()
}

/// The script of a step of a workflow of GitHub's kind.
fn step<'a>(workflow: &'a Value, name: &str) -> &'a str {
    let steps = workflow["jobs"]["review"]["steps"].as_array().unwrap();
    steps.iter().find(|step| step["name"] == name).unwrap()["run"].as_str().unwrap()
}

/// A clone with the branch `change` checked out, of a repository whose branch `main` has gone on since.
struct Clone {
    path: PathBuf,
    commands: PathBuf,
    /// Where a runner lets jobs keep what is not of the repository.
    temporary: PathBuf,
    /// Where `change` was branched off.
    begin: String,
    // Goes last, when nobody writes into it any more.
    _directory: tempfile::TempDir,
}

impl Clone {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let origin = Repository::new(directory.path().join("origin"));
        origin.kustomization("app", "./app", "").config_map("app/red.yaml", "red", "1");
        origin.config_map("app/blue.yaml", "blue", "1");
        let begin = origin.commit("begin");
        origin.git(["checkout", "--quiet", "-b", "change"]);
        origin.config_map("app/red.yaml", "red", "2").commit("change");
        origin.git(["checkout", "--quiet", "main"]);
        origin.config_map("app/blue.yaml", "blue", "2").commit("meanwhile");
        let path = directory.path().join("clone");
        origin.git(["clone", "--quiet", "--branch", "change", ".", path.to_str().unwrap()]);
        let commands = directory.path().join("bin");
        std::fs::create_dir(&commands).unwrap();
        symlink(env!("CARGO_BIN_EXE_cowherd"), commands.join("cowherd")).unwrap();
        let temporary = directory.path().join("temporary");
        std::fs::create_dir(&temporary).unwrap();
        Self { path, commands, temporary, begin, _directory: directory }
    }

    /// Runs a script as a runner does: it ends at the first command that fails.
    fn run(&self, script: &str) -> Output {
        let path = format!("{}:{}", self.commands.display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.arg("-e").arg("-c").arg(script).current_dir(&self.path).stdin(Stdio::null());
        command.env("PATH", path).env("HOME", &self.path).env_remove("KUBECONFIG").env("BASE", "origin/main");
        command
            .env("GITHUB_STEP_SUMMARY", self.summary())
            .env("RUNNER_TEMP", &self.temporary)
            .env("CI_MERGE_REQUEST_DIFF_BASE_SHA", &self.begin);
        command.output().unwrap()
    }

    fn summary(&self) -> PathBuf {
        self.temporary.join("summary.md")
    }

    /// What was written of the change: GitLab takes it from the repository alone.
    fn review(&self) -> String {
        let aside = std::fs::read_to_string(self.temporary.join("review.md"));
        aside.or_else(|_| std::fs::read_to_string(self.path.join("review.md"))).unwrap()
    }

    /// Whether there is anything that no commit has.
    fn is_clean(&self) -> bool {
        let mut command = Command::new("git");
        command.args(["status", "--porcelain"]).current_dir(&self.path);
        crate::program::succeeded(command.output().unwrap()).is_empty()
    }

    fn git(&self, arguments: &[&str]) {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(arguments).current_dir(&self.path);
        assert!(command.status().unwrap().success(), "{arguments:?}");
    }

    fn commit(&self, path: &str, content: &str) {
        std::fs::write(self.path.join(path), content).unwrap();
        self.git(&["add", path]);
        self.git(&["commit", "--quiet", "--message=more"]);
    }
}

fn passes(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

/// Follows a review through what can become of a change, by the scripts that check and compare.
fn follow(check: &str, diff: &str) {
    let clone = Clone::new();
    passes(&clone.run(check));
    passes(&clone.run(diff));
    let review = clone.review();
    assert!(review.contains("### 1 configured") && review.contains("ConfigMap/default/red configured"), "{review}");
    assert!(!review.contains("blue"), "what main has gone on to is no change: {review}");
    // What cannot be built fails both, and the review still says what changes besides.
    clone.commit("app/bad.yaml", "a: [\n");
    assert_eq!(clone.run(check).status.code(), Some(1));
    assert!(!clone.run(diff).status.success());
    assert!(clone.review().contains("app/bad.yaml"), "{}", clone.review());
    // Without a change there is nothing to say.
    clone.git(&["reset", "--quiet", "--hard", "HEAD~2"]);
    passes(&clone.run(diff));
    assert!(clone.review().contains("Nothing changes"), "{}", clone.review());
}

#[test]
fn githubs_workflow_reviews_a_pull_request() {
    let workflow = &workflows()[0];
    follow(step(workflow, "Check"), step(workflow, "Diff"));
    let clone = Clone::new();
    passes(&clone.run(step(workflow, "Diff")));
    assert_eq!(std::fs::read_to_string(clone.summary()).unwrap(), clone.review());
    assert!(clone.is_clean(), "what is written of the change is none of it");
    // What one pull request keeps is not there for others: the branch that all come from keeps it.
    assert_eq!(workflow["on"]["push"]["branches"][0], "main");
}

/// The program is kept as soon as it is there, and is there for good: by a commit, for nothing may be tagged yet.
#[test]
fn what_was_compiled_is_kept_whatever_comes_of_the_change() {
    let [github, gitlab, gitea] = &workflows()[..] else { panic!("three workflows") };
    for workflow in [github, gitea] {
        let steps = workflow["jobs"]["review"]["steps"].as_array().unwrap();
        let uses = |action: &str| steps.iter().position(|step| step["uses"] == action).unwrap();
        let named = |name: &str| steps.iter().position(|step| step["name"] == name).unwrap();
        let (restore, save) = (uses("actions/cache/restore@v4"), uses("actions/cache/save@v4"));
        let install = named("Install");
        assert!(restore < install && install < save && save < named("Check"), "{steps:?}");
        assert_eq!(steps[restore]["with"], steps[save]["with"]);
        assert_eq!(steps[install]["if"], steps[save]["if"], "what came from the cache need not go there");
        assert!(step(workflow, "Install").contains("--rev \"$VERSION\""));
    }
    let job = &gitlab["review"];
    assert_eq!(job["cache"]["when"], "always");
    assert!(job["before_script"][0].as_str().unwrap().contains("--rev \"$COWHERD_VERSION\""));
}

#[test]
fn gitlabs_job_reviews_a_merge_request() {
    let job = &workflows()[1]["review"];
    let script: Vec<&str> = job["script"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let [diff, check] = script.as_slice() else { panic!("{script:?}") };
    follow(check, diff);
}

#[test]
fn giteas_workflow_reviews_a_pull_request() {
    let workflow = &workflows()[2];
    follow(step(workflow, "Check"), step(workflow, "Diff"));
    // Its checkout is made by git itself.
    let clone = Clone::new();
    let server = Path::new(&clone.path).parent().unwrap();
    let work = server.join("work");
    std::fs::create_dir(&work).unwrap();
    let head = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(&clone.path).output().unwrap();
    let mut command = Command::new("sh");
    command.arg("-e").arg("-c").arg(step(workflow, "Checkout")).current_dir(&work).env("TOKEN", "t");
    command.env("HEAD", String::from_utf8(head.stdout).unwrap().trim()).env("HOME", &work);
    command.env("GITHUB_SERVER_URL", format!("file://{}", server.display())).env("GITHUB_REPOSITORY", "origin");
    passes(&command.output().unwrap());
    assert!(work.join("app/red.yaml").exists());
}
