//! Whether the server lives and is ready.

use std::sync::{Mutex, PoisonError};

use http::StatusCode;

use crate::{answer::Answer, server::ApiServer, service::Call, status::ApiResult};

/// Says what is wrong, if anything is.
type Check = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What others add to the checks of `/readyz`.
#[derive(Default)]
pub struct Checks(Mutex<Vec<(&'static str, Check)>>);

impl Checks {
    /// Adds a check.
    pub fn add(&self, name: &'static str, check: impl Fn() -> Result<(), String> + Send + Sync + 'static) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((name, Box::new(check)));
    }

    fn run(&self) -> Vec<(&'static str, Result<(), String>)> {
        let checks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        checks.iter().map(|(name, check)| (*name, check())).collect()
    }
}

/// Answers `ok`, or each check on a line where asked for or where one fails.
pub fn serve(server: &ApiServer, call: &Call) -> ApiResult<Answer> {
    let kind = call.path.trim_matches('/').split('/').next().unwrap_or("readyz").to_owned();
    let mut checks = vec![("ping", Ok(())), ("store", Ok(()))];
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
