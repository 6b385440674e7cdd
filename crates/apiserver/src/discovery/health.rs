//! Whether the server lives and is ready.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::StatusCode;

use crate::{
    answer::Answer,
    authorization::{Attributes, allows},
    server::ApiServer,
    service::Call,
    status::ApiResult,
};

/// Says what is wrong, if anything is.
type Check = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What a check found.
type Outcome = (&'static str, Result<(), String>);

/// How long what was found wrong with the store is told before it is looked at again.
const RETRY: Duration = Duration::from_secs(1);

/// What decides whether the server is ready.
#[derive(Default)]
pub struct Checks {
    /// What others have added.
    added: Mutex<Vec<(&'static str, Check)>>,
    /// What was wrong with the store, and when.
    store: tokio::sync::Mutex<Option<(Instant, Result<(), String>)>>,
    /// The reasons that were logged last.
    logged: Mutex<String>,
}

impl Checks {
    /// Adds a check.
    pub fn add(&self, name: &'static str, check: impl Fn() -> Result<(), String> + Send + Sync + 'static) {
        self.added.lock().unwrap_or_else(PoisonError::into_inner).push((name, Box::new(check)));
    }

    fn run(&self) -> Vec<Outcome> {
        let checks = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        checks.iter().map(|(name, check)| (*name, check())).collect()
    }

    /// Writes the reasons into the log, once for as long as they are the same.
    fn log(&self, outcomes: &[Outcome]) {
        let failed = outcomes.iter().filter_map(|(name, outcome)| Some(format!("{name}: {}", outcome.as_ref().err()?)));
        let reasons = failed.collect::<Vec<_>>().join("; ");
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if *logged != reasons && !reasons.is_empty() {
            tracing::warn!(reasons, "the server is not ready");
        }
        *logged = reasons;
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

/// Answers `ok`, or each check on a line where asked for or where one fails. Why it fails is told to who may ask for that check
/// alone, and to the log.
pub async fn serve(server: &ApiServer, call: &Call) -> ApiResult<Answer> {
    let kind = call.path.trim_matches('/').split('/').next().unwrap_or("readyz").to_owned();
    let store = if kind == "readyz" { server.store_works().await } else { Ok(()) };
    let mut checks = vec![("ping", Ok(())), ("store", store)];
    let closing = server.closing().is_cancelled();
    checks.push(("shutdown", if closing { Err("the server is going down".to_owned()) } else { Ok(()) }));
    // A server that is not ready lives nevertheless: to start it again would help nobody.
    let failed = if kind == "readyz" {
        checks.push(("following", server.following().check()));
        checks.extend(server.checks().run());
        server.checks().log(&checks);
        checks.iter().any(|(_, outcome)| outcome.is_err())
    } else {
        false
    };
    let text = if call.query.all("verbose").next().is_some() || failed {
        let mut lines = String::new();
        for (name, outcome) in &checks {
            lines += &match outcome {
                Ok(()) => format!("[+]{name} ok\n"),
                Err(reason) if may_know(server, call, &kind, name).await? => format!("[-]{name} failed: {reason}\n"),
                Err(_) => format!("[-]{name} failed: reason withheld\n"),
            };
        }
        let verdict = if failed { "failed" } else { "passed" };
        format!("{lines}{kind} check {verdict}\n")
    } else {
        "ok".to_owned()
    };
    let code = if failed { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
    Ok(Answer::bytes(text, "text/plain; charset=utf-8").with_code(code))
}

/// Whether who asks may know why a check fails: paths and addresses of the machine may be in it.
async fn may_know(server: &ApiServer, call: &Call, kind: &str, check: &str) -> ApiResult<bool> {
    let path = Some(format!("/{kind}/{check}"));
    allows(server, &call.user, &Attributes { verb: "get".to_owned(), path, ..Attributes::default() }).await
}
