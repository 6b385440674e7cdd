//! The thread that watches, for all that are watched.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, Watcher as _};
use tokio::sync::mpsc;

use super::LocalWatches;
use super::places::{Places, State};

/// How often is looked although nothing was reported: where the system reports nothing (network file systems) or a
/// repository was replaced as a whole.
const POLL: Duration = Duration::from_secs(2);
/// How long to wait for a change to be complete: Git writes several files for one commit.
const SETTLE: Duration = Duration::from_millis(15);

/// What the thread is told.
pub(super) enum Signal {
    /// Somebody wants to know of changes of a repository from this state on.
    Watch { places: Places, state: State, changed: mpsc::Sender<()> },
    /// Something happened to these files; to any, if there are none.
    Reported(Vec<PathBuf>),
}

/// The thread that watches. It ends a while after nobody listens any more.
pub(super) struct Thread {
    watches: LocalWatches,
    /// Nothing where the system does not report changes.
    watcher: Option<RecommendedWatcher>,
    watched: BTreeMap<Places, Watched>,
}

/// A repository, and who wants to know of its changes.
struct Watched {
    state: State,
    listeners: Vec<mpsc::Sender<()>>,
    /// Whether something may have changed.
    is_stirred: bool,
}

impl Thread {
    pub(super) fn start(watches: LocalWatches) -> io::Result<Sender<Signal>> {
        let (signals, told) = channel();
        let reports = signals.clone();
        let spawn = move || {
            let watcher = watcher(reports);
            Self { watches, watcher, watched: BTreeMap::new() }.run(&told);
        };
        std::thread::Builder::new().name("watch-repository".to_owned()).spawn(spawn).map(|_| signals)
    }

    fn run(mut self, signals: &Receiver<Signal>) {
        let mut next_poll = Instant::now() + POLL;
        loop {
            match signals.recv_timeout(next_poll.saturating_duration_since(Instant::now())) {
                Ok(signal) => {
                    self.take(signal);
                    if self.watched.values().any(|watched| watched.is_stirred) {
                        std::thread::sleep(SETTLE);
                    }
                    signals.try_iter().for_each(|signal| self.take(signal));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if Instant::now() >= next_poll {
                if self.ends(signals) {
                    return;
                }
                self.watched.values_mut().for_each(|watched| watched.is_stirred |= !watched.state.seems_to_hold());
                next_poll = Instant::now() + POLL;
            }
            self.look();
        }
    }

    fn take(&mut self, signal: Signal) {
        match signal {
            Signal::Watch { places, state, changed } => match self.watched.get_mut(&places) {
                Some(watched) => {
                    // What the new one has seen may be older than what the others were told of.
                    if state.files != watched.state.files {
                        let _ = changed.try_send(());
                    }
                    watched.listeners.push(changed);
                }
                None => {
                    self.ask_for_reports(&places);
                    // Nothing was reported of what happened meanwhile.
                    self.watched.insert(places, Watched { state, listeners: vec![changed], is_stirred: true });
                }
            },
            Signal::Reported(paths) => {
                for (places, watched) in &mut self.watched {
                    watched.is_stirred |= paths.is_empty() || paths.iter().any(|path| places.concerns(path));
                }
            }
        }
    }

    /// Looks at what may have changed, and tells of what has.
    fn look(&mut self) {
        let mut moved = Vec::new();
        for (places, watched) in self.watched.iter_mut().filter(|(_, watched)| watched.is_stirred) {
            watched.is_stirred = false;
            let state = places.state();
            if state.directories != watched.state.directories {
                moved.push(places.clone());
            }
            if state.files != watched.state.files {
                // A change that was not taken yet tells of this one too.
                for listener in &watched.listeners {
                    let _ = listener.try_send(());
                }
            }
            watched.state = state;
        }
        for places in moved {
            self.ask_for_no_reports(&places);
            self.ask_for_reports(&places);
        }
    }

    /// Forgets those who do not listen any more. Whether nobody does, and nobody is about to: then there is no thread from
    /// here on.
    fn ends(&mut self, signals: &Receiver<Signal>) -> bool {
        self.watched.values_mut().for_each(|watched| watched.listeners.retain(|listener| !listener.is_closed()));
        let left: Vec<Places> = self
            .watched
            .iter()
            .filter(|(_, watched)| watched.listeners.is_empty())
            .map(|(places, _)| places.clone())
            .collect();
        for places in left {
            self.watched.remove(&places);
            self.ask_for_no_reports(&places);
        }
        if !self.watched.is_empty() {
            return false;
        }
        let watches = self.watches.clone();
        let mut thread = watches.thread();
        signals.try_iter().for_each(|signal| self.take(signal));
        let ends = self.watched.is_empty();
        if ends {
            *thread = None;
        }
        ends
    }

    fn ask_for_reports(&mut self, places: &Places) {
        let Some(watcher) = &mut self.watcher else { return };
        for (directory, mode) in places.directories() {
            if let Err(error) = watcher.watch(&directory, mode) {
                tracing::debug!(%error, "the system does not report changes; looking every two seconds");
            }
        }
    }

    /// What other repositories have there too, as worktrees of the same one have, is reported further on.
    fn ask_for_no_reports(&mut self, places: &Places) {
        let Some(watcher) = &mut self.watcher else { return };
        for (directory, _) in places.directories() {
            // What is gone is not reported any more anyway.
            let _ = watcher.unwatch(&directory);
        }
        let others: Vec<Places> = self.watched.keys().filter(|other| *other != places).cloned().collect();
        let is_shared = |directory: &PathBuf| places.directories().iter().any(|(left, _)| left == directory);
        for (directory, mode) in others.iter().flat_map(Places::directories) {
            if is_shared(&directory) {
                let _ = watcher.watch(&directory, mode);
            }
        }
    }
}

fn watcher(reports: Sender<Signal>) -> Option<RecommendedWatcher> {
    let report = move |event: notify::Result<notify::Event>| {
        let paths = match event {
            // Whoever reads changes nothing.
            Ok(event) if event.kind.is_access() => return,
            Ok(event) if !event.need_rescan() => event.paths,
            _ => Vec::new(),
        };
        // Nobody listens any more when watching has ended.
        let _ = reports.send(Signal::Reported(paths));
    };
    notify::recommended_watcher(report)
        .inspect_err(|error| tracing::debug!(%error, "the system does not report changes; looking every two seconds"))
        .ok()
}
