//! The program under attack: a process, what it takes of the machine, and what it says.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a start may take.
const START: Duration = Duration::from_secs(60);

/// Limits of the operating system on the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// How many descriptors it may have open.
    pub descriptors: Option<u32>,
    /// How long a file may become, in blocks of 512 bytes.
    pub file: Option<u32>,
}

impl Limits {
    /// Those that the attacker has.
    pub const NONE: Self = Self { descriptors: None, file: None };
}

/// `cowherd up`, killed when the value goes.
pub struct Program {
    path: PathBuf,
    directory: PathBuf,
    limits: Limits,
    flags: Vec<String>,
    child: Mutex<Child>,
}

impl Program {
    /// Starts it in `directory`, to follow the repository `fleet` there, and waits until it has written its kubeconfig.
    pub fn start(path: &Path, directory: &Path, limits: Limits, flags: &[&str]) -> Result<Self> {
        let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        let child = Mutex::new(spawn(path, directory, limits, &flags)?);
        let program = Self { path: path.to_owned(), directory: directory.to_owned(), limits, flags, child };
        program.wait()?;
        Ok(program)
    }

    /// Kills it, as the kernel does for want of memory, and starts it again on the same data directory.
    pub fn kill_and_start(&self) -> Result<()> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.kill()?;
        child.wait()?;
        *child = spawn(&self.path, &self.directory, self.limits, &self.flags)?;
        drop(child);
        self.wait()
    }

    fn wait(&self) -> Result<()> {
        let began = Instant::now();
        while !self.kubeconfig().exists() {
            if let Some(status) = self.ended()? {
                bail!("the program ended with {status}: {}", self.said()?);
            }
            if began.elapsed() > START {
                bail!("the program does not start: {}", self.said()?);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Result<Option<std::process::ExitStatus>> {
        Ok(self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait()?)
    }

    /// Its data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The kubeconfig of its admin.
    pub fn kubeconfig(&self) -> PathBuf {
        self.data_dir().join("kubeconfig")
    }

    /// The path of the binary.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory that it was started in, which is its home as well.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What it printed so far.
    pub fn said(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.directory.join("log"))?).into_owned())
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// The memory that is resident, in MiB.
    pub fn resident(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most memory that was resident since [`Self::forget_peak`], in MiB.
    pub fn peak(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    /// Begins to look for the peak anew.
    pub fn forget_peak(&self) -> Result<()> {
        fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").context("cannot reset the peak of the memory")
    }

    fn status(&self, name: &str) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("the process has ended")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kibibytes / 1024)
    }

    /// The time of processors that it has used.
    pub fn worked(&self) -> Result<Duration> {
        let status = fs::read_to_string(format!("/proc/{}/stat", self.pid()))?;
        // Behind the name, which may hold blanks: the 12th and 13th field, in hundredths of a second.
        let (_, fields) = status.rsplit_once(')').context("no name")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    /// How many descriptors it has open.
    pub fn descriptors(&self) -> Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.pid()))?.count())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn spawn(path: &Path, directory: &Path, limits: Limits, flags: &[String]) -> Result<Child> {
    let mut script = "trap '' XFSZ; ".to_owned();
    for (flag, limit) in [("-n", limits.descriptors), ("-S -f", limits.file)] {
        script += &limit.map_or_else(String::new, |limit| format!("ulimit {flag} {limit}; "));
    }
    // That of an earlier start would name a port where nobody listens.
    let _ = fs::remove_file(directory.join("data/kubeconfig"));
    let log = File::options().create(true).append(true).open(directory.join("log"))?;
    let mut command = Command::new("sh");
    command.args(["-c", &(script + "exec \"$0\" \"$@\"")]).arg(path);
    command.args(["up", "fleet", "--path", "cluster", "--data-dir", "data", "--listen", "127.0.0.1:0"]).args(flags);
    command.current_dir(directory).env("HOME", directory).env("COWHERD_LOG", "warn").env_remove("KUBECONFIG");
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().with_context(|| format!("cannot start {}", path.display()))
}
