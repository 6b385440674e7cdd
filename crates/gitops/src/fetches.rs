//! How many fetches go on at once, of whom, and in which order: peers that say nothing hold up nobody but those who
//! named them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cowherd_source::{Cancel, StorageLimits, Tenant, Tenants};
use tokio::sync::oneshot;

/// How many fetches go on at the same time. Each holds a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimits {
    /// In all.
    pub total: usize,
    /// For the resources of one namespace.
    pub per_namespace: usize,
    /// Of these, from one server.
    pub per_host: usize,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { total: 128, per_namespace: 32, per_host: 8 }
    }
}

/// Whom a fetch is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Purpose {
    /// The namespace of who named what is fetched.
    pub(crate) namespace: String,
    /// Where it is fetched from.
    pub(crate) host: String,
    /// Whether it is fetched on the word of the person who runs the program: that waits for nobody.
    pub(crate) is_own: bool,
}

/// Fetches, and those that wait for their turn. Namespaces take turns, and so do the servers of each.
#[derive(Clone, Debug)]
pub(crate) struct Fetches {
    limits: FetchLimits,
    /// Which of the control planes of the process: a namespace is one of one control plane.
    plane: u64,
    tenants: Tenants,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    planes: u64,
    namespaces: HashMap<String, Namespace>,
    /// The namespaces of which something can begin.
    turns: VecDeque<String>,
}

#[derive(Debug, Default)]
struct Namespace {
    running: usize,
    hosts: HashMap<String, Host>,
    /// The servers of which something waits and can begin.
    turns: VecDeque<String>,
    has_turn: bool,
}

#[derive(Debug, Default)]
struct Host {
    running: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
    has_turn: bool,
    /// At how many that wait it is looked who does not any more.
    swept_at: usize,
}

/// The right to fetch. It ends with this.
#[derive(Debug)]
struct Turn {
    fetches: Fetches,
    namespace: String,
    host: String,
}

/// The work of a fetch has panicked. What it said is for the log alone: it may quote what was fetched, or by what.
#[derive(Debug, thiserror::Error)]
#[error("the fetch broke off; this is a bug in cowherd")]
pub(crate) struct BrokenOff;

impl Drop for Turn {
    fn drop(&mut self) {
        self.fetches.release(&self.namespace, &self.host);
    }
}

impl Fetches {
    pub(crate) fn new(limits: FetchLimits) -> Self {
        Self { limits, plane: 0, tenants: Tenants::default(), state: Arc::default() }
    }

    /// How many go on at the same time.
    pub(crate) fn total(&self) -> usize {
        self.limits.total
    }

    /// The same for the namespaces of one more control plane.
    pub(crate) fn share(&self) -> Self {
        let plane = {
            let mut state = self.state();
            state.planes += 1;
            state.planes
        };
        Self { plane, ..self.clone() }
    }

    /// The same with so much room on disk for what is fetched.
    pub(crate) fn with_storage(&self, limits: StorageLimits) -> Self {
        Self { tenants: self.tenants.with_storage(limits), ..self.clone() }
    }

    /// On whose behalf something is fetched; nobody's where it is the person's own.
    pub(crate) fn tenant(&self, purpose: &Purpose) -> Option<Tenant> {
        (!purpose.is_own).then(|| self.tenants.tenant(self.name(purpose), &purpose.namespace))
    }

    /// The namespace, as it is called among those of all control planes.
    fn name(&self, purpose: &Purpose) -> String {
        format!("{}/{}", self.plane, purpose.namespace)
    }

    /// Does `work` on a thread of its own once it is its turn. When this is dropped before it is done, the work is broken
    /// off; until it has ended, its turn goes on.
    ///
    /// # Errors
    /// When the work panics.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        purpose: &Purpose,
        work: impl FnOnce(Cancel) -> T + Send + 'static,
    ) -> Result<T, BrokenOff> {
        let turn = if purpose.is_own { None } else { self.turn(purpose).await };
        let cancel = Cancel::default();
        let _guard = Guard(cancel.clone());
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work(cancel)
        });
        done.await.map_err(|error| {
            let error = cowherd_runtime::broken_off(error);
            tracing::error!(error, namespace = purpose.namespace, host = purpose.host, "a fetch broke off");
            BrokenOff
        })
    }

    /// Waits for a turn. `None` never happens: a turn is given to everyone who waits.
    async fn turn(&self, purpose: &Purpose) -> Option<Turn> {
        let (give, given) = oneshot::channel();
        let name = self.name(purpose);
        {
            let mut state = self.state();
            let namespace = state.namespaces.entry(name.clone()).or_default();
            let host = namespace.hosts.entry(purpose.host.clone()).or_default();
            if host.waiting.len() >= host.swept_at {
                host.waiting.retain(|waiting| !waiting.is_closed());
                host.swept_at = (host.waiting.len() * 2).max(64);
            }
            host.waiting.push_back(give);
            self.ready(&mut state, &name, &purpose.host);
        }
        self.begin();
        given.await.ok()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that something of the server, and so of the namespace, may begin, if that is so.
    fn ready(&self, state: &mut State, name: &str, server: &str) {
        let Some(namespace) = state.namespaces.get_mut(name) else { return };
        if let Some(host) = namespace.hosts.get_mut(server)
            && !host.has_turn
            && host.running < self.limits.per_host.max(1)
            && !host.waiting.is_empty()
        {
            host.has_turn = true;
            namespace.turns.push_back(server.to_owned());
        }
        if !namespace.has_turn && namespace.running < self.limits.per_namespace.max(1) && !namespace.turns.is_empty() {
            namespace.has_turn = true;
            state.turns.push_back(name.to_owned());
        }
    }

    /// Gives turns as long as there are any.
    fn begin(&self) {
        loop {
            let Some((give, turn)) = self.next(&mut self.state()) else { return };
            // Who does not wait any more leaves its turn to the next.
            drop(give.send(turn));
        }
    }

    fn next(&self, state: &mut State) -> Option<(oneshot::Sender<Turn>, Turn)> {
        while state.running < self.limits.total.max(1) {
            let name = state.turns.pop_front()?;
            let namespace = state.namespaces.get_mut(&name)?;
            namespace.has_turn = false;
            let server = namespace.turns.pop_front()?;
            let host = namespace.hosts.get_mut(&server)?;
            host.has_turn = false;
            let give = std::iter::from_fn(|| host.waiting.pop_front()).find(|waiting| !waiting.is_closed());
            if give.is_some() {
                host.running += 1;
                namespace.running += 1;
                state.running += 1;
            }
            self.ready(state, &name, &server);
            if let Some(give) = give {
                return Some((give, Turn { fetches: self.clone(), namespace: name, host: server }));
            }
            self.forget(state, &name, &server);
        }
        None
    }

    /// Forgets a server, and a namespace, of which nothing goes on or waits.
    fn forget(&self, state: &mut State, name: &str, server: &str) {
        let Some(namespace) = state.namespaces.get_mut(name) else { return };
        let is_idle = |host: &Host| host.running == 0 && host.waiting.is_empty();
        if namespace.hosts.get(server).is_some_and(is_idle) {
            namespace.hosts.remove(server);
        }
        if namespace.hosts.is_empty() {
            state.namespaces.remove(name);
        }
    }

    fn release(&self, name: &str, server: &str) {
        {
            let mut state = self.state();
            state.running -= 1;
            if let Some(namespace) = state.namespaces.get_mut(name) {
                namespace.running -= 1;
                if let Some(host) = namespace.hosts.get_mut(server) {
                    host.running -= 1;
                }
            }
            self.ready(&mut state, name, server);
            self.forget(&mut state, name, server);
        }
        self.begin();
    }
}

/// Breaks work off when nobody waits for it any more.
struct Guard(Cancel);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;
    use tokio::task::JoinHandle;

    /// Fetches that go on until they are let go.
    struct World {
        fetches: Fetches,
        began: (Sender<String>, Receiver<String>),
    }

    const PATIENCE: Duration = Duration::from_secs(30);

    impl World {
        fn new(total: usize, per_namespace: usize, per_host: usize) -> Self {
            Self { fetches: Fetches::new(FetchLimits { total, per_namespace, per_host }), began: channel() }
        }

        /// Asks for a fetch, in this order with others. It ends when the sender is dropped or it is broken off.
        async fn ask(&self, namespace: &str, host: &str, is_own: bool) -> (Sender<()>, JoinHandle<()>) {
            let (end, ended) = channel::<()>();
            let purpose = Purpose { namespace: namespace.into(), host: host.into(), is_own };
            let (fetches, began) = (self.fetches.clone(), self.began.0.clone());
            let asked = self.waiting();
            let before = self.fetches.state().running;
            let task = tokio::spawn(async move {
                let name = format!("{}/{}", purpose.namespace, purpose.host);
                let work = move |cancel: Cancel| {
                    began.send(name).unwrap();
                    while !cancel.is_cancelled() && ended.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected)
                    {
                        std::thread::sleep(Duration::from_millis(2));
                    }
                };
                fetches.run(&purpose, work).await.unwrap();
            });
            while !is_own && self.waiting() == asked && self.fetches.state().running == before {
                tokio::task::yield_now().await;
            }
            (end, task)
        }

        fn waiting(&self) -> usize {
            let state = self.fetches.state();
            state
                .namespaces
                .values()
                .flat_map(|namespace| namespace.hosts.values())
                .map(|host| host.waiting.len())
                .sum()
        }

        fn begins(&self) -> String {
            self.began.1.recv_timeout(PATIENCE).unwrap()
        }

        fn nothing_begins(&self) {
            assert!(self.began.1.try_recv().is_err());
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_silent_server_leaves_room_for_another_server_of_the_namespace_and_for_other_namespaces() {
        let world = World::new(6, 4, 2);
        let mut silent = Vec::new();
        for _ in 0..50 {
            silent.push(world.ask("team", "silent", false).await);
        }
        assert_eq!([world.begins(), world.begins()], ["team/silent", "team/silent"]);
        world.nothing_begins();
        let own = world.ask("team", "well", false).await;
        assert_eq!(world.begins(), "team/well");
        let other = world.ask("other", "silent", false).await;
        assert_eq!(world.begins(), "other/silent");
        silent.remove(0);
        assert_eq!(world.begins(), "team/silent", "the next one begins");
        drop((own, other));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn namespaces_take_turns_and_the_person_waits_for_nobody() {
        let world = World::new(1, 1, 1);
        let first = world.ask("a", "x", false).await;
        assert_eq!(world.begins(), "a/x");
        let more =
            [world.ask("a", "x", false).await, world.ask("a", "y", false).await, world.ask("b", "x", false).await];
        let own = world.ask("flux-system", "x", true).await;
        assert_eq!(world.begins(), "flux-system/x");
        drop((own, first));
        assert_eq!(world.begins(), "b/x", "it came last, and has its turn before the rest of the other namespace");
        let [second, third, fourth] = more;
        drop(fourth);
        assert_eq!(world.begins(), "a/y", "it has its turn before another one of the server that just had one");
        drop(third);
        assert_eq!(world.begins(), "a/x");
        drop(second);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_namespace_has_its_own_turn_in_each_control_plane() {
        let world = World::new(3, 1, 1);
        let other = World { fetches: world.fetches.share(), began: channel() };
        let first = world.ask("team", "x", false).await;
        assert_eq!(world.begins(), "team/x");
        let second = other.ask("team", "x", false).await;
        assert_eq!(other.begins(), "team/x", "it is another namespace");
        let third = World { fetches: world.fetches.share(), began: channel() };
        let held = third.ask("team", "x", false).await;
        assert_eq!(third.begins(), "team/x");
        let fourth = World { fetches: world.fetches.share(), began: channel() };
        let waits = fourth.ask("team", "x", false).await;
        fourth.nothing_begins();
        drop(first);
        assert_eq!(fourth.begins(), "team/x", "the budget is that of all together");
        drop((second, held, waits));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_gives_up_is_broken_off_and_leaves_nothing_behind() {
        let world = World::new(8, 8, 1);
        let running = world.ask("a", "x", false).await;
        assert_eq!(world.begins(), "a/x");
        let waits = world.ask("a", "x", false).await;
        let last = world.ask("a", "x", false).await;
        waits.1.abort();
        running.1.abort();
        assert_eq!(world.begins(), "a/x", "the last one has its turn");
        drop(last.0);
        last.1.await.unwrap();
        let empty = async {
            while !world.fetches.state().namespaces.is_empty() {
                tokio::task::yield_now().await
            }
        };
        tokio::time::timeout(PATIENCE, empty).await.unwrap();
        assert_eq!(world.fetches.state().running, 0);
        let _ = waits.0;
        let _ = running.0;
    }

    #[tokio::test]
    async fn what_a_panic_says_is_not_told_to_tenants() {
        let world = World::new(1, 1, 1);
        let purpose = Purpose { namespace: "team".into(), host: "x".into(), is_own: false };
        let error = world.fetches.run(&purpose, |_| -> () { panic!("pass-5ecret") }).await.unwrap_err();
        assert_eq!(error.to_string(), "the fetch broke off; this is a bug in cowherd");
        assert!(!format!("{error:?}").contains("5ecret"));
    }
}
