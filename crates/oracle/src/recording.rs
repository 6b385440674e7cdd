//! The files with recorded answers: a line of JSON for each.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use serde::{Deserialize, Serialize};

/// What a tool said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What was asked, for people.
    pub command: String,
    /// The exit code.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    #[serde(flatten)]
    answer: Answer,
}

/// The recorded answers of a program.
pub struct Recording {
    file: PathBuf,
    answers: BTreeMap<String, Answer>,
}

impl Recording {
    /// The recording of `program` for the crate whose tests run.
    pub fn of(program: &str) -> &'static Self {
        static KNOWN: OnceLock<Mutex<HashMap<String, &'static Recording>>> = OnceLock::new();
        let mut known = KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // A test's process reads each file once, and needs it to its end.
        known.entry(program.to_owned()).or_insert_with(|| Box::leak(Box::new(Self::read(program))))
    }

    fn read(program: &str) -> Self {
        let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
        let file = root.join("tests/recorded").join(format!("{program}.jsonl"));
        let text = fs::read_to_string(&file).unwrap_or_default();
        let answers = text.lines().map(|line| match serde_json::from_str::<Line>(line) {
            Ok(line) => (line.key, line.answer),
            Err(error) => panic!("{}: {error}", file.display()),
        });
        Self { answers: answers.collect(), file }
    }

    /// What was recorded under a key.
    pub fn get(&self, key: &str) -> Option<&Answer> {
        self.answers.get(key)
    }

    /// Writes an answer to the end of the file.
    pub fn add(&self, key: &str, answer: Answer) {
        let write = || {
            fs::create_dir_all(self.file.parent().unwrap_or(&self.file))?;
            let line = serde_json::to_string(&Line { key: key.to_owned(), answer })? + "\n";
            // In one piece, since tests run beside each other.
            OpenOptions::new().create(true).append(true).open(&self.file)?.write_all(line.as_bytes())
        };
        let written: std::io::Result<()> = write();
        assert!(written.is_ok(), "cannot write {}: {written:?}", self.file.display());
    }
}
