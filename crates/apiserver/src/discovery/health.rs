//! Whether the server lives and is ready.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::StatusCode;

use crate::{answer::Answer, server::ApiServer, service::Call, status::ApiResult};

/// Says what is wrong, if anything is.
type Check = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// How long what was found wrong with the store is told before it is looked at again.
const RETRY: Duration = Duration::from_secs(1);

/// What decides whether the server is ready.
#[derive(Default)]
pub struct Checks {
    /// What others have added.
    added: Mutex<Vec<(&'static str, Check)>>,
    /// What was wrong with the store, and when.
    store: tokio::sync::Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Checks {
    /// Adds a check.
    pub fn add(&self, name: &'static str, check: impl Fn() -> Result<(), String> + Send + Sync + 'static) {
        self.added.lock().unwrap_or_else(PoisonError::into_inner).push((name, Box::new(check)));
    }

    fn run(&self) -> Vec<(&'static str, Result<(), String>)> {
        let checks = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        checks.iter().map(|(name, check)| (*name, check())).collect()
    }
}

impl ApiServer {
    /// Whether the store takes what is written, as far as is known. What failed is tried again once a second at most:
    /// many may ask.
    async fn store_works(&self) -> Result<(), String> {
        let mut last = self.checks().store.lock().await;
        if let Some((at, told)) = &*last
            && at.elapsed() < RETRY
        {
            return told.clone();
        }
        match self.store().trouble().await {
            None => {
                *last = None;
                Ok(())
            }
            Some(failure) => {
                let told = Err(format!("cannot {}: {}; {}", failure.action, failure.cause, failure.remedy));
                *last = Some((Instant::now(), told.clone()));
                told
            }
        }
    }
}

/// Answers `ok`, or each check on a line where asked for or where one fails.
pub async fn serve(server: &ApiServer, call: &Call) -> ApiResult<Answer> {
    let kind = call.path.trim_matches('/').split('/').next().unwrap_or("readyz").to_owned();
    let store = if kind == "readyz" { server.store_works().await } else { Ok(()) };
    let mut checks = vec![("ping", Ok(())), ("store", store)];
    let closing = server.closing().is_cancelled();
    checks.push(("shutdown", if closing { Err("the server is going down".to_owned()) } else { Ok(()) }));
    // A server that is not ready lives nevertheless: to start it again would help nobody.
    let failed = if kind == "readyz" {
        checks.extend(server.checks().run());
        checks.iter().any(|(_, outcome)| outcome.is_err())
    } else {
        false
    };
    let text = if call.query.all("verbose").next().is_some() || failed {
        let lines = checks.iter().map(|(name, outcome)| match outcome {
            Ok(()) => format!("[+]{name} ok\n"),
            Err(reason) => format!("[-]{name} failed: {reason}\n"),
        });
        let verdict = if failed { "failed" } else { "passed" };
        format!("{}{kind} check {verdict}\n", lines.collect::<String>())
    } else {
        "ok".to_owned()
    };
    let code = if failed { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
    Ok(Answer::bytes(text, "text/plain; charset=utf-8").with_code(code))
}
