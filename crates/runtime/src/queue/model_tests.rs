//! The queue against a model of what it promises, over random histories in simulated time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::{Instant, advance, timeout};

use super::*;

const STEADY: Backoff = Backoff { first: Duration::from_secs(1), last: Duration::from_secs(8), jitter: 0.0 };

#[derive(Clone, Debug)]
enum Step {
    Add(u8),
    AddAfter(u8, u64),
    Take,
    Succeed(u8, Option<u64>),
    Fail(u8),
    Abandon(u8),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0_u8..4;
    let step = prop_oneof![
        key.clone().prop_map(Step::Add),
        (key.clone(), 0_u64..12).prop_map(|(key, seconds)| Step::AddAfter(key, seconds)),
        Just(Step::Take),
        Just(Step::Take),
        (key.clone(), prop::option::of(0_u64..12)).prop_map(|(key, next)| Step::Succeed(key, next)),
        key.clone().prop_map(Step::Fail),
        key.prop_map(Step::Abandon),
        (1_u64..10).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..60)
}

/// What the queue promises, told as simply as possible. Times are seconds.
#[derive(Default)]
struct Model {
    now: u64,
    /// Keys to be reconciled; the order is not promised, only that none is forgotten.
    wanted: BTreeSet<u8>,
    running: BTreeSet<u8>,
    appointments: BTreeMap<u8, u64>,
    failures: BTreeMap<u8, u32>,
}

impl Model {
    fn appoint(&mut self, key: u8, after: u64) {
        let at = self.now + after;
        let known = self.appointments.entry(key).or_insert(at);
        *known = at.min(*known);
    }

    fn ready(&self) -> BTreeSet<u8> {
        let due = self.appointments.iter().filter(|(_, at)| **at <= self.now).map(|(key, _)| *key);
        self.wanted.iter().copied().chain(due).filter(|key| !self.running.contains(key)).collect()
    }

    fn take(&mut self, key: u8) {
        // An appointment that is due has become a wish, also of a key that runs already.
        self.settle();
        self.wanted.remove(&key);
        self.appointments.remove(&key);
        self.running.insert(key);
    }

    /// Whoever takes looks at all appointments that are due.
    fn settle(&mut self) {
        let due: Vec<u8> = self.appointments.iter().filter(|(_, at)| **at <= self.now).map(|(key, _)| *key).collect();
        for key in due {
            self.appointments.remove(&key);
            self.wanted.insert(key);
        }
    }

    fn fail(&mut self, key: u8) -> u64 {
        let failures = self.failures.entry(key).or_default();
        let delay = (1 << *failures).min(8);
        *failures += 1;
        self.running.remove(&key);
        self.appoint(key, delay);
        delay
    }
}

async fn play(steps: Vec<Step>) {
    let queue: Queue<u8> = Queue::new(STEADY);
    let mut model = Model::default();
    let mut work: BTreeMap<u8, Work<u8>> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Add(key) => {
                queue.add(key);
                model.wanted.insert(key);
            }
            Step::AddAfter(key, 0) => {
                queue.add_after(key, Duration::ZERO);
                model.wanted.insert(key);
            }
            Step::AddAfter(key, seconds) => {
                queue.add_after(key, Duration::from_secs(seconds));
                model.appoint(key, seconds);
            }
            Step::Take => take(&queue, &mut model, &mut work).await,
            Step::Succeed(key, next) => {
                let Some(work) = work.remove(&key) else { continue };
                work.succeeded(next.map_or(Next::Wait, |seconds| Next::After(Duration::from_secs(seconds))));
                model.failures.remove(&key);
                model.running.remove(&key);
                if let Some(seconds) = next {
                    model.appoint(key, seconds);
                }
            }
            Step::Fail(key) => {
                let Some(work) = work.remove(&key) else { continue };
                assert_eq!(work.failed(), Duration::from_secs(model.fail(key)));
            }
            Step::Abandon(key) => {
                if work.remove(&key).is_some() {
                    model.fail(key);
                }
            }
            Step::Pass(seconds) => {
                advance(Duration::from_secs(seconds)).await;
                model.now += seconds;
            }
        }
    }
    // In the end nothing is forgotten: all that was asked for comes, at its time.
    for (_, work) in work {
        model.running.remove(work.key());
        model.failures.remove(work.key());
        work.succeeded(Next::Wait);
    }
    while !(model.wanted.is_empty() && model.appointments.is_empty()) {
        let next = model.appointments.values().min().copied().unwrap_or(model.now).max(model.now);
        if model.ready().is_empty() {
            advance(Duration::from_secs(next - model.now)).await;
            model.now = next;
        }
        let mut taken = BTreeMap::new();
        take(&queue, &mut model, &mut taken).await;
        for (key, work) in taken {
            model.running.remove(&key);
            work.succeeded(Next::Wait);
        }
    }
    assert!(timeout(Duration::from_secs(1000), queue.take()).await.is_err(), "something came that nobody asked for");
}

/// Takes what can be taken now; the model says whether and what that may be.
async fn take(queue: &Queue<u8>, model: &mut Model, work: &mut BTreeMap<u8, Work<u8>>) {
    let ready = model.ready();
    let taken = {
        // Simulated time moves only where nothing can run, so this waits for nothing that is due later.
        let take = queue.take();
        tokio::pin!(take);
        futures::poll!(take)
    };
    match taken {
        std::task::Poll::Ready(taken) => {
            let key = *taken.key();
            assert!(ready.contains(&key), "{key} was given out, which was not to be");
            model.take(key);
            assert!(work.insert(key, taken).is_none(), "{key} was given out twice at a time");
        }
        std::task::Poll::Pending => {
            assert!(ready.is_empty(), "{ready:?} were not given out");
            model.settle();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_gives_out_what_was_asked_for_when_it_was_and_never_twice_at_a_time(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(play(steps));
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_late_appointment_is_woken_for_an_earlier_one() {
    let queue: Queue<u8> = Queue::new(STEADY);
    queue.add_after(1, Duration::from_secs(100));
    let start = Instant::now();
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { *queue.take().await.key() }
    });
    tokio::task::yield_now().await;
    queue.add_after(2, Duration::from_secs(3));
    assert_eq!(waiting.await.unwrap(), 2);
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_timers_of_one_key_are_one() {
    let queue: Queue<u8> = Queue::new(STEADY);
    for seconds in (1..=1000).rev() {
        queue.add_after(1, Duration::from_secs(seconds));
    }
    assert_eq!(queue.appointed(), 1);
    let start = Instant::now();
    queue.take().await.succeeded(Next::Wait);
    assert_eq!(start.elapsed().as_secs(), 1);
    assert_eq!((queue.waiting(), queue.appointed()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn all_who_wait_are_woken_where_there_is_work_for_all() {
    let queue: Queue<u8> = Queue::new(STEADY);
    let takers: Vec<_> = (0..8)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move {
                let work = queue.take().await;
                std::future::pending::<()>().await;
                drop(work);
            })
        })
        .collect();
    tokio::task::yield_now().await;
    for key in 0..8 {
        queue.add(key);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(queue.waiting(), 0, "all were taken");
    drop(takers);
}
