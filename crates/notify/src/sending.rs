//! Makes the calls of one message: again where that may help, and not for ever.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cowherd_source::{Call, CallTerms, Caller, Cancel, Reply, WebProblem};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use crate::provider::{Failure, Line};
use crate::thinking::Thinking;

/// How many calls go on at a time, in all of a process.
const AT_ONCE: usize = 64;
/// How often a call is made at most, how long to wait before the second time, and at most before another one; Flux's own.
const ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The longest that one attempt may take, whatever time a Provider gives: others wait for its place.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(30);

/// How much is sent at a time, by all control planes of a process, and where it is found out what. Clones are the same.
#[derive(Clone, Debug)]
pub struct Sends {
    calls: Arc<Semaphore>,
    pub(crate) thinking: Thinking,
}

impl Default for Sends {
    /// 64 calls at a time.
    fn default() -> Self {
        Self { calls: Arc::new(Semaphore::new(AT_ONCE)), thinking: Thinking::default() }
    }
}

impl Sends {
    /// The same for one more control plane: its namespaces are none of another's.
    #[must_use]
    pub fn share(&self) -> Self {
        Self { thinking: self.thinking.share(), ..self.clone() }
    }
}

/// The way to a service, open until a time.
pub(crate) struct Sending {
    pub(crate) caller: Caller,
    pub(crate) terms: CallTerms,
    pub(crate) sends: Sends,
    pub(crate) until: Instant,
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").finish_non_exhaustive()
    }
}

impl Line for Sending {
    async fn call(&self, call: Call) -> Result<Reply, Failure> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let (outcome, wait) = match self.once(call.clone()).await {
                Ok(reply) if is_temporary(reply.status) => {
                    let wait = reply.retry_after.unwrap_or_else(|| wait(attempts));
                    (Ok(reply), wait)
                }
                Err((failure, true)) => (Err(failure), wait(attempts)),
                Ok(reply) => return Ok(reply),
                Err((failure, false)) => return Err(failure),
            };
            if attempts >= ATTEMPTS || Instant::now() + wait >= self.until {
                return outcome.map_err(|failure| match attempts {
                    1 => failure,
                    _ => failure.within(|why| format!("{why} (after {attempts} attempts)")),
                });
            }
            sleep(wait).await;
        }
    }
}

impl Sending {
    /// Makes a call once; what kept it from being made, and whether it may be made later.
    async fn once(&self, call: Call) -> Result<Reply, (Failure, bool)> {
        let in_time = timeout_at(self.until, self.sends.calls.clone().acquire_owned()).await;
        let Ok(Ok(place)) = in_time else {
            return Err((Failure::new("too much is sent at the moment, and its time is over"), false));
        };
        let left = self.until.saturating_duration_since(Instant::now()).min(LONGEST_ATTEMPT);
        let cancel = Broken(Cancel::default());
        let (caller, terms) = (self.caller.clone(), CallTerms { cancel: cancel.0.clone(), ..self.terms.clone() });
        let called = tokio::task::spawn_blocking(move || {
            let _place = place;
            caller.call(&call, &terms, left)
        });
        match called.await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(WebProblem::Timeout(time))) => {
                Err((Failure::new(format!("it took longer than {} s to answer", time.as_secs_f32())), true))
            }
            Ok(Err(problem)) => Err((Failure::new(problem.to_string()), problem.may_pass())),
            Err(error) => {
                tracing::error!(error = cowherd_runtime::broken_off(error), "a call broke off");
                Err((Failure::new("the call ended by a bug"), false))
            }
        }
    }
}

/// Breaks a call off when nobody waits for it any more.
struct Broken(Cancel);

impl Drop for Broken {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Whether an answer may be another one later.
fn is_temporary(status: u16) -> bool {
    status == 429 || (status >= 500 && status != 501)
}

/// How long to wait after so many attempts.
fn wait(attempts: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_have_an_end() {
        let waits: Vec<u64> = (1..=6).map(|attempts| wait(attempts).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 30, 30]);
        for (status, again) in [(200, false), (404, false), (429, true), (500, true), (501, false), (503, true)] {
            assert_eq!(is_temporary(status), again, "{status}");
        }
    }
}
