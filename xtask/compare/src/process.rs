//! Programs that are given up on after a time.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How a program ended.
pub struct Ended {
    /// The status; `None` where its time was over.
    pub status: Option<ExitStatus>,
    /// What it printed.
    pub output: String,
    /// What it complained of.
    pub complaints: String,
    /// From start to end.
    pub time: Duration,
}

impl Ended {
    /// The signal that ended the program.
    pub fn signal(&self) -> Option<i32> {
        self.status.and_then(|status| status.signal())
    }
}

/// Runs `command` to its end, or for `limit`.
pub fn run(command: &mut Command, limit: Duration) -> Result<Ended> {
    // Files take what is printed whole, however much it is, while nobody reads.
    let (mut output, mut complaints) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(complaints.try_clone()?);
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let time = start.elapsed();
    Ok(Ended { status, output: text(&mut output)?, complaints: text(&mut complaints)?, time })
}

fn text(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
