//! The tests of a package: which of them reach a change, and whether one of those notices it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::build::Program;

/// How many programs of tests are run at a time.
const AT_ONCE: usize = 2;
/// What a test may take beside what it took without a change.
const PATIENCE: Duration = Duration::from_secs(30);
/// Memory that a program of tests may ask for, in KiB: what a change makes endless ends.
const MEMORY: u64 = 16 << 20;

/// A test, and what it took without a change.
struct Test {
    program: usize,
    name: String,
    took: Duration,
}

/// The tests of a package.
pub struct Tests {
    programs: Vec<Program>,
    environment: Vec<(String, OsString)>,
    /// The quickest first.
    tests: Vec<Test>,
    /// The tests that reach a change, by their place in `tests`.
    reached: BTreeMap<usize, BTreeSet<usize>>,
}

impl Tests {
    /// Runs each test alone, to see what it reaches. All of them must pass.
    pub fn run(programs: Vec<Program>, environment: Vec<(String, OsString)>, scratch: &Path) -> Result<Self> {
        let mut tests = Self { programs, environment, tests: Vec::new(), reached: BTreeMap::new() };
        let mut listed = Vec::new();
        for (program, found) in tests.programs.iter().enumerate() {
            let output = Command::new(&found.path).args(["--list", "--format=terse"]).output()?;
            let text = String::from_utf8(output.stdout)?;
            let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
            listed.extend(names.map(|name| (program, name.to_owned())));
            let output = Command::new(&found.path).args(["--list", "--format=terse", "--ignored"]).output()?;
            let ignored = String::from_utf8(output.stdout)?;
            let is_ignored = |name: &str| ignored.lines().any(|line| line.strip_suffix(": test") == Some(name));
            listed.retain(|(of, name)| *of != program || !is_ignored(name));
        }
        let seen = Mutex::new(Vec::new());
        at_once(listed.len(), |index| {
            let (program, name) = &listed[index];
            let path = scratch.join(format!("reached-{index}"));
            let start = Instant::now();
            let mut command = tests.command(*program, &[name]);
            let child = command.env("XTASK_REACHED", &path).spawn()?;
            ensure!(ends_well(child, 10 * PATIENCE)?, "{name} fails without any change");
            let took = start.elapsed();
            let reached = fs::read_to_string(&path).unwrap_or_default();
            let _ = fs::remove_file(&path);
            let reached: Vec<usize> = reached.lines().filter_map(|line| line.parse().ok()).collect();
            let test = Test { program: *program, name: name.clone(), took };
            locked(&seen).push((test, reached));
            Ok(())
        })?;
        let mut seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        seen.sort_by_key(|(test, _)| test.took);
        for (place, (test, reached)) in seen.into_iter().enumerate() {
            tests.tests.push(test);
            for change in reached {
                tests.reached.entry(change).or_default().insert(place);
            }
        }
        Ok(tests)
    }

    /// How many there are, and what they took one by one.
    pub fn extent(&self) -> (usize, Duration) {
        (self.tests.len(), self.tests.iter().map(|test| test.took).sum())
    }

    /// Of those changes, the ones that no test notices. Each is `told` when it has been made, and whether it was noticed.
    pub fn missed(&self, changes: &[usize], told: impl Fn(usize, bool) + Sync) -> Result<BTreeSet<usize>> {
        let missed = Mutex::new(BTreeSet::new());
        at_once(changes.len(), |index| {
            let change = changes[index];
            let is_noticed = self.is_noticed(change)?;
            told(change, is_noticed);
            if !is_noticed {
                locked(&missed).insert(change);
            }
            Ok(())
        })?;
        Ok(missed.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether some test reaches a change.
    pub fn is_reached(&self, change: usize) -> bool {
        self.reached.contains_key(&change)
    }

    /// The tests that reach a change are run, a few quick ones first.
    fn is_noticed(&self, change: usize) -> Result<bool> {
        let Some(reaching) = self.reached.get(&change) else { return Ok(false) };
        let mut left: Vec<usize> = reaching.iter().copied().collect();
        let mut budget = Duration::from_millis(300);
        while let Some(first) = left.first().copied() {
            let program = self.tests[first].program;
            let mut took = Duration::ZERO;
            let mut taken = Vec::new();
            left.retain(|test| {
                let Test { program: of, took: takes, .. } = self.tests[*test];
                let takes_part = of == program && (taken.is_empty() || took + takes <= budget);
                if takes_part {
                    took += takes;
                    taken.push(*test);
                }
                !takes_part
            });
            budget *= 2;
            let names: Vec<&str> = taken.iter().map(|test| self.tests[*test].name.as_str()).collect();
            let child = self.command(program, &names).env("XTASK_CHANGE", change.to_string()).spawn()?;
            if !ends_well(child, PATIENCE + 4 * took)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn command(&self, program: usize, names: &[&str]) -> Command {
        let Program { path, directory } = &self.programs[program];
        let mut command = Command::new("sh");
        command.current_dir(directory).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(["-c", &format!("ulimit -v {MEMORY} -c 0; exec \"$@\""), "sh"]).arg(path);
        command.args(["--exact", "--test-threads=1"]).args(names).env("CARGO_MANIFEST_DIR", directory);
        command.env("PROPTEST_RNG_SEED", "1").env("INSTA_UPDATE", "no").env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a process ends in time, and successfully.
fn ends_well(mut child: Child, patience: Duration) -> Result<bool> {
    let end = Instant::now() + patience;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if Instant::now() > end {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Does as many things as there are, a few at a time, until one fails.
fn at_once(count: usize, work: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let workers = (0..AT_ONCE).map(|_| {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return Ok(());
                    }
                    if let Err(error) = work(index) {
                        next.store(count, Ordering::Relaxed);
                        return Err(error);
                    }
                }
            })
        });
        let workers: Vec<_> = workers.collect();
        for worker in workers {
            match worker.join() {
                Ok(result) => result?,
                Err(_) => bail!("a thread panicked"),
            }
        }
        Ok(())
    })
    .context("cannot run the tests")
}
