//! The Git repository of a story: every state of its files is a commit.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::files::{Files, Kind, Node, REMOTE, content};
use super::story::{Happening, Story};

/// The branch that the remote base is taken from.
const BASE: &str = "base";

/// How many states the remote base has.
const BASES: u32 = 4;

/// The Git repository of a story.
pub(super) struct History {
    path: PathBuf,
    /// The commits, the one before everything first.
    commits: Vec<String>,
    bases: Vec<String>,
}

impl History {
    /// Writes all that a story tells into the repository at `path`: its commits, and those of the remote base.
    pub(super) fn write(story: &Story, path: &Path) -> Self {
        for directory in ["objects", "refs/heads"] {
            fs::create_dir_all(path.join(directory)).unwrap();
        }
        fs::write(path.join("HEAD"), "ref: refs/heads/main\n").unwrap();
        let address = format!("file://{}//app?ref={BASE}", path.display());
        let states = states(story);
        let mut stream = String::new();
        let bases = (0..BASES).map(base).collect::<Vec<_>>();
        for (mark, files) in states.iter().chain(&bases).enumerate() {
            commit(&mut stream, mark + 1, files, &address);
        }
        let marks = fast_import(path, &stream);
        let (commits, bases) = marks.split_at(states.len());
        let history = Self { path: path.to_owned(), commits: commits.to_vec(), bases: bases.to_vec() };
        history.move_base(0);
        history
    }

    pub(super) fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }

    /// The id of a commit.
    pub(super) fn commit(&self, at: usize) -> &str {
        &self.commits[at]
    }

    /// Lets the branch of the remote base be in this state.
    pub(super) fn move_base(&self, state: u32) {
        let id = &self.bases[state as usize];
        fs::write(self.path.join("refs/heads").join(BASE), format!("{id}\n")).unwrap();
    }
}

/// The files at first, and after each commit of the story.
fn states(story: &Story) -> Vec<Files> {
    let mut states = vec![story.files.clone()];
    for happening in &story.happenings {
        let last = states.len() - 1;
        match happening {
            Happening::Commit { edits, .. } => {
                let mut files = states[last].clone();
                edits.iter().for_each(|edit| edit.apply(&mut files));
                states.push(files);
            }
            Happening::Revert(ago) => states.push(states[last.saturating_sub(*ago)].clone()),
            _ => {}
        }
    }
    states
}

/// The remote base in one of its states; in the last of them it is not where it was.
fn base(state: u32) -> Files {
    let mut files = Files::default();
    let mut file = |path: &str, content| files.put(path, Node::File { content, executable: false });
    let directory = if state + 1 == BASES { "elsewhere" } else { "app" };
    // The second differs from the first where nobody looks.
    file("README.md", content(Kind::Text, state));
    file(&format!("{directory}/kustomization.yaml"), "resources: [map.yaml]\n".to_owned());
    file(&format!("{directory}/map.yaml"), content(Kind::Map("remote"), state.saturating_sub(1)));
    files
}

fn commit(stream: &mut String, mark: usize, files: &Files, address: &str) {
    let message = format!("state {mark}");
    write!(stream, "commit refs/heads/state{mark}\nmark :{mark}\ncommitter Test <test@example.org> {mark} +0000\n")
        .unwrap();
    write!(stream, "data {}\n{message}\ndeleteall\n", message.len()).unwrap();
    for (path, node) in &files.0 {
        let (mode, content) = match node {
            Node::File { content, executable: false } => ("100644", content.replace(REMOTE, address)),
            Node::File { content, executable: true } => ("100755", content.replace(REMOTE, address)),
            Node::Link(target) => ("120000", target.clone()),
            Node::Submodule => {
                writeln!(stream, "M 160000 {} {path}", "1".repeat(40)).unwrap();
                continue;
            }
        };
        write!(stream, "M {mode} inline {path}\ndata {}\n{content}\n", content.len()).unwrap();
    }
}

/// Has git make what the stream says; the ids of its commits, in order.
fn fast_import(path: &Path, stream: &str) -> Vec<String> {
    let mut git = Command::new("git");
    // What is lost with the machine need not be on its disk.
    git.current_dir(path).args(["-c", "core.fsync=none", "-c", "fastimport.unpackLimit=0"]);
    git.args(["fast-import", "--quiet", "--export-marks=marks"]).env("GIT_DIR", path);
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let mut git = git.stdin(Stdio::piped()).spawn().unwrap();
    git.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    assert!(git.wait().unwrap().success());
    let marks = fs::read_to_string(path.join("marks")).unwrap();
    let mut marks: Vec<(usize, String)> = marks
        .lines()
        .filter_map(|line| line.strip_prefix(':')?.split_once(' '))
        .map(|(mark, id)| (mark.parse().unwrap(), id.to_owned()))
        .collect();
    marks.sort();
    marks.into_iter().map(|(_, id)| id).collect()
}
