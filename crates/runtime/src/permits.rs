//! How much is done at a time, shared by control planes and by namespaces.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permits that are given in the order in which they are asked for. One control plane asks for no more than there are at the
/// same time, and the owners of one namespace for half of them; what else they want waits in lines of their own. So nobody
/// waits for all that a tenant can think of.
#[derive(Clone, Debug)]
pub struct Permits {
    total: usize,
    namespaces: Arc<Mutex<Namespaces>>,
    own: Arc<Semaphore>,
    common: Arc<Semaphore>,
}

/// The lines of the namespaces of one control plane, each for as long as anybody stands in it or has a permit.
#[derive(Debug, Default)]
struct Namespaces {
    lines: HashMap<String, Weak<Semaphore>>,
    /// At how many it is looked which nobody stands in any more.
    swept_at: usize,
}

impl Namespaces {
    fn line(&mut self, namespace: &str, permits: usize) -> Arc<Semaphore> {
        if let Some(line) = self.lines.get(namespace).and_then(Weak::upgrade) {
            return line;
        }
        if self.lines.len() >= self.swept_at {
            self.lines.retain(|_, line| line.strong_count() > 0);
            self.swept_at = (self.lines.len() * 2).max(16);
        }
        let line = Arc::new(Semaphore::new(permits));
        self.lines.insert(namespace.to_owned(), Arc::downgrade(&line));
        line
    }
}

/// The right to do something. It ends with this.
#[derive(Debug)]
pub struct Permit {
    _of_namespace: Option<OwnedSemaphorePermit>,
    _own: Option<OwnedSemaphorePermit>,
    _common: Option<OwnedSemaphorePermit>,
}

impl Permits {
    /// So many, for one alone.
    pub fn new(total: usize) -> Self {
        let total = total.clamp(1, Semaphore::MAX_PERMITS);
        let semaphore = || Arc::new(Semaphore::new(total));
        Self { total, namespaces: Arc::default(), own: semaphore(), common: semaphore() }
    }

    /// The same for one more control plane, which stands in line with it.
    pub fn share(&self) -> Self {
        Self { namespaces: Arc::default(), own: Arc::new(Semaphore::new(self.total)), ..self.clone() }
    }

    /// How many there are.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Waits for a permit for what is done on the word of a namespace.
    pub async fn acquire(&self, namespace: &str) -> Permit {
        let line = {
            let mut namespaces = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
            namespaces.line(namespace, self.total.div_ceil(2))
        };
        // The semaphores are never closed; if they were, there would be no budget to keep.
        let of_namespace = line.acquire_owned().await.ok();
        let own = self.own.clone().acquire_owned().await.ok();
        Permit { _of_namespace: of_namespace, _own: own, _common: self.common.clone().acquire_owned().await.ok() }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_budget_is_kept_by_all_together() {
        let first = Permits::new(2);
        let second = first.share();
        let held = [first.acquire("a").await, second.acquire("a").await];
        assert!(first.acquire("b").now_or_never().is_none());
        assert!(second.acquire("b").now_or_never().is_none());
        drop(held);
        assert!(first.acquire("b").now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_namespace_has_half_of_what_there_is_and_keeps_nobody_else_waiting() {
        let permits = Permits::new(4);
        let held = [permits.acquire("a").await, permits.acquire("a").await];
        assert!(permits.acquire("a").now_or_never().is_none());
        let more = [permits.acquire("b").await, permits.acquire("b").await];
        assert!(permits.acquire("c").now_or_never().is_none());
        drop(held);
        assert!(permits.acquire("c").now_or_never().is_some() && permits.acquire("a").now_or_never().is_some());
        drop(more);
        // Of one there has to be one.
        assert!(Permits::new(1).acquire("a").now_or_never().is_some());
    }

    #[tokio::test]
    async fn the_lines_of_namespaces_that_nobody_stands_in_are_forgotten() {
        let permits = Permits::new(2);
        let _held = permits.acquire("held").await;
        for number in 0..1_000 {
            permits.acquire(&number.to_string()).await;
        }
        let namespaces = permits.namespaces.lock().unwrap();
        assert!(namespaces.lines.len() <= 16 && namespaces.lines.contains_key("held"), "{}", namespaces.lines.len());
    }

    #[tokio::test]
    async fn who_wants_much_keeps_others_waiting_for_one_budget_only() {
        let greedy = Permits::new(2);
        let modest = greedy.share();
        let (done, mut order) = tokio::sync::mpsc::unbounded_channel();
        let held = [greedy.acquire("a").await, greedy.acquire("b").await];
        let ask = |permits: &Permits, namespace: &'static str, name: &'static str| {
            let (permits, done) = (permits.clone(), done.clone());
            tokio::spawn(async move {
                let _permit = permits.acquire(namespace).await;
                let _ = done.send(name);
            })
        };
        let tasks = (0..100).map(|number| ask(&greedy, ["a", "b"][number % 2], "greedy"));
        let tasks: Vec<_> = tasks.collect();
        tokio::task::yield_now().await;
        let last = ask(&modest, "a", "modest");
        tokio::task::yield_now().await;
        drop(held);
        for task in tasks.into_iter().chain([last]) {
            task.await.unwrap();
        }
        drop(done);
        let mut before = 0;
        while let Some("greedy") = order.recv().await {
            before += 1;
        }
        assert!(before <= 2, "{before} were before it");
    }
}
