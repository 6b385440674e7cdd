//! Whether the server lives and is ready.

use http::StatusCode;

use crate::{answer::Answer, server::ApiServer, service::Call, status::ApiResult};

/// Answers `ok`, or each check on a line where asked for.
pub fn serve(server: &ApiServer, call: &Call) -> ApiResult<Answer> {
    let closing = server.closing().is_cancelled();
    let kind = call.path.trim_matches('/').split('/').next().unwrap_or("readyz").to_owned();
    let failed = closing && kind == "readyz";
    let text = if call.query.all("verbose").next().is_some() || failed {
        let shutdown = if closing { "[-]shutdown failed: the server is going down" } else { "[+]shutdown ok" };
        let verdict = if failed { "failed" } else { "passed" };
        format!("[+]ping ok\n[+]store ok\n{shutdown}\n{kind} check {verdict}\n")
    } else {
        "ok".to_owned()
    };
    let code = if failed { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
    Ok(Answer::bytes(text, "text/plain; charset=utf-8").with_code(code))
}
