//! Plays cases on a cluster beside Kubernetes' own controllers: what those made of them is recorded, and compared.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use kube::Client;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The variable that names the kubeconfig of a real cluster, on which only the controllers in question run.
const ORACLE: &str = "COWHERD_ORACLE_KUBECONFIG";
/// How long nothing must have changed before it is taken for the end.
const STEADY: Duration = Duration::from_secs(4);
/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How many cases are played at the same time, each in namespaces of its own.
const AT_ONCE: usize = 16;

/// A case that is being played.
pub trait Play: Sized {
    /// What is done.
    type Step;
    /// What is there.
    type Seen: Clone + Debug + PartialEq + Serialize + DeserializeOwned;

    /// Makes room for a case.
    async fn start(client: &Client, number: usize, steps: &[Self::Step]) -> Self;

    /// Whether a step only looks.
    fn is_look(step: &Self::Step) -> bool;

    /// Does a step.
    async fn take(&mut self, step: &Self::Step);

    /// Looks.
    async fn see(&self) -> Self::Seen;

    /// Whether that is what is expected.
    fn is(seen: &Self::Seen, expected: &Self::Seen) -> bool {
        seen == expected
    }

    /// Waits until the controller has been at work since all that happened so far, where that can be told.
    async fn witness(&mut self) -> bool {
        false
    }
}

/// Plays a case and compares what is there whenever it looks, with time to come about.
pub async fn expect<P: Play>(
    client: &Client,
    number: usize,
    (name, steps): (&str, &[P::Step]),
    expected: &[P::Seen],
) -> Result<(), String> {
    let mut play = P::start(client, number, steps).await;
    let mut expected = expected.iter();
    for step in steps.iter().map(Some).chain([None]) {
        if let Some(step) = step.filter(|step| !P::is_look(step)) {
            play.take(step).await;
            continue;
        }
        let expected = expected.next().ok_or_else(|| format!("{name}: not all looks are recorded"))?;
        let start = Instant::now();
        let mut was_witnessed = false;
        loop {
            let seen = play.see().await;
            let is_so = P::is(&seen, expected);
            // What is to stay is there at once; it counts when the controller has been at work since.
            if is_so && (was_witnessed || !play.witness().await) {
                break;
            }
            if is_so {
                was_witnessed = true;
                continue;
            }
            if was_witnessed || start.elapsed() > PATIENCE {
                return Err(format!("{name}:\n  seen {seen:#?}\n  not {expected:#?}"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

/// Plays a case and says what is there whenever it looks, when nothing changes any more.
pub async fn record<P: Play>(client: &Client, number: usize, steps: &[P::Step]) -> Vec<P::Seen> {
    let mut play = P::start(client, number, steps).await;
    let mut recorded = Vec::new();
    for step in steps.iter().map(Some).chain([None]) {
        if let Some(step) = step.filter(|step| !P::is_look(step)) {
            play.take(step).await;
            continue;
        }
        play.witness().await;
        let (mut seen, mut since) = (play.see().await, Instant::now());
        while since.elapsed() < STEADY {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = play.see().await;
            if now != seen {
                (seen, since) = (now, Instant::now());
            }
        }
        recorded.push(seen);
    }
    recorded
}

/// What was recorded, by the names of the cases.
pub struct Recording<Seen> {
    path: PathBuf,
    looks: BTreeMap<String, Vec<Seen>>,
}

impl<Seen: Clone + Serialize + DeserializeOwned> Recording<Seen> {
    fn path(name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/recorded/{name}.json"))
    }

    /// What lies in `tests/recorded` under this name, and is of these cases alone.
    pub fn read(name: &str, cases: &[&str]) -> Self {
        let path = Self::path(name);
        let looks: BTreeMap<String, Vec<Seen>> =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(looks.keys().all(|name| cases.contains(&name.as_str())), "a case was recorded that is no more");
        Self { path, looks }
    }

    /// What is to be recorded under this name.
    pub fn new(name: &str, looks: impl IntoIterator<Item = (String, Vec<Seen>)>) -> Self {
        Self { path: Self::path(name), looks: looks.into_iter().collect() }
    }

    /// What was seen in a case.
    pub fn of(&self, case: &str) -> Vec<Seen> {
        self.looks[case].clone()
    }

    /// Writes it down.
    pub fn write(&self) {
        std::fs::write(&self.path, serde_json::to_string_pretty(&self.looks).unwrap() + "\n").unwrap();
    }
}

/// The real cluster.
pub async fn oracle() -> Client {
    let kubeconfig = kube::config::Kubeconfig::read_from(std::env::var(ORACLE).unwrap()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    Client::try_from(config).unwrap()
}

/// All cases at the same time.
pub async fn at_once<Case, T, F: Future<Output = T>>(
    client: Client,
    cases: Vec<Case>,
    play: impl Fn(Client, usize, Case) -> F,
) -> Vec<T> {
    let plays = cases.into_iter().enumerate().map(|(number, case)| play(client.clone(), number, case));
    stream::iter(plays.collect::<Vec<_>>()).buffer_unordered(AT_ONCE).collect().await
}
