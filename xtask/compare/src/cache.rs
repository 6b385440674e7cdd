//! The real tools' answers, kept on disk.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::discover::Case;
use crate::real::{Answer, Tools};

/// Answers by the tools' versions, the case, and the content of what it may read.
pub struct Cache {
    directory: PathBuf,
    contents: Mutex<HashMap<PathBuf, [u8; 32]>>,
}

impl Cache {
    /// The cache in `directory`.
    pub fn new(directory: PathBuf) -> Result<Self> {
        fs::create_dir_all(&directory)?;
        Ok(Self { directory, contents: Mutex::default() })
    }

    /// What the real tool answers to `case` the first time, or the second: where the two differ, the tool's answer
    /// depends on time or chance.
    pub fn answer(&self, tools: &Tools, case: &Case, turn: u8) -> Result<Answer> {
        let file = self.directory.join(format!("{}.json", self.key(tools, case, turn)?));
        if let Ok(kept) = fs::read(&file) {
            let answer: Answer = serde_json::from_slice(&kept).with_context(|| file.display().to_string())?;
            return Ok(Answer { at: fs::metadata(&file)?.modified()?, ..answer });
        }
        let answer = tools.render(case)?;
        // Another run may read meanwhile: the file appears whole.
        let unfinished = tempfile::NamedTempFile::new_in(&self.directory)?;
        fs::write(unfinished.path(), serde_json::to_vec(&answer)?)?;
        unfinished.persist(file)?;
        Ok(answer)
    }

    fn key(&self, tools: &Tools, case: &Case, turn: u8) -> Result<String> {
        let mut digest = Sha256::new();
        digest.update(tools.versions());
        digest.update(format!("{:?}", (case.kind, case.root.join(&case.path), &case.values, turn)));
        digest.update(self.content(&case.inputs)?);
        Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn content(&self, directory: &Path) -> Result<[u8; 32]> {
        let known = self.contents.lock().unwrap_or_else(PoisonError::into_inner).get(directory).copied();
        if let Some(known) = known {
            return Ok(known);
        }
        let mut digest = Sha256::new();
        digest_directory(directory, &mut digest)?;
        let content = digest.finalize().into();
        self.contents.lock().unwrap_or_else(PoisonError::into_inner).insert(directory.to_owned(), content);
        Ok(content)
    }
}

/// Adds every path below `directory`, with the content of files and the targets of links.
fn digest_directory(directory: &Path, digest: &mut Sha256) -> Result<()> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        let kind = fs::symlink_metadata(&path)?.file_type();
        if kind.is_dir() {
            digest_directory(&path, digest)?;
            continue;
        }
        digest.update(path.as_os_str().as_encoded_bytes());
        if kind.is_symlink() {
            digest.update(fs::read_link(&path)?.as_os_str().as_encoded_bytes());
        } else if kind.is_file() {
            digest.update(fs::read(&path)?);
        }
    }
    Ok(())
}
