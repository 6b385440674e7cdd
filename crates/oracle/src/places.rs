//! The temporary directories of a call, which its answer may name.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Paths with what stands for them in a recording.
#[derive(Debug)]
pub struct Places(Vec<(String, String)>);

impl Places {
    /// Where a command is run, what its arguments name, and the directories that these are in.
    pub fn of(command: &Command) -> Self {
        let here = command.get_current_dir();
        let mut places: Vec<(String, String)> =
            here.iter().map(|here| (here.display().to_string(), "{here}".to_owned())).collect();
        for (number, argument) in command.get_args().enumerate() {
            let path = PathBuf::from(argument);
            if here.is_none() && path.is_absolute() && path.exists() {
                let parent = path.parent().filter(|parent| parent.components().count() > 2);
                let around = |parent: &Path| (parent.display().to_string(), format!("{{{number}..}}"));
                places.extend(parent.map(around));
                places.push((path.display().to_string(), format!("{{{number}}}")));
            }
        }
        // What is inside of another place comes first.
        places.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        Self(places)
    }

    /// `text` without the paths.
    pub fn hidden(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (path, name)| text.replace(path, name))
    }

    /// `text` with the paths again.
    pub fn shown(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (path, name)| text.replace(name, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_put_back() {
        let directory = tempfile::tempdir().unwrap();
        let overlay = directory.path().join("overlay");
        std::fs::create_dir(&overlay).unwrap();
        let mut command = Command::new("kubectl");
        command.arg("kustomize").arg(&overlay);
        let places = Places::of(&command);
        let said = format!("{0}/a: no such file in '{0}' or '{1}'", overlay.display(), directory.path().display());
        assert_eq!(places.hidden(&said), "{1}/a: no such file in '{1}' or '{1..}'");
        assert_eq!(places.shown(&places.hidden(&said)), said);
    }
}
