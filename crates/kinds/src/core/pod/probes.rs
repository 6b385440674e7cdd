//! What probes and lifecycle handlers may say.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::Read;

pub(super) fn lifecycle(lifecycle: &Value, path: &FieldPath, errors: &mut Errors) {
    for name in ["postStart", "preStop"] {
        if lifecycle.has(name) {
            handler(&lifecycle[name], &path.child(name), &["exec", "httpGet", "tcpSocket", "sleep"], errors);
        }
    }
}

/// `once`: the probe succeeds or fails at the first success (liveness and startup).
pub(super) fn probe(probe: &Value, path: &FieldPath, once: bool, errors: &mut Errors) {
    handler(probe, path, &["exec", "httpGet", "tcpSocket", "grpc"], errors);
    let counts = ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"];
    checks::not_negative(probe, &counts, path, errors);
    if let Some(seconds) = probe.number("terminationGracePeriodSeconds")
        && seconds <= 0
    {
        let field = path.child("terminationGracePeriodSeconds");
        errors.push(FieldError::invalid(&field, seconds, "must be greater than 0"));
    }
    let successes = probe.number("successThreshold").unwrap_or(1);
    if once && successes != 1 {
        errors.push(FieldError::invalid(&path.child("successThreshold"), successes, "must be 1"));
    }
}

fn handler(handler: &Value, path: &FieldPath, kinds: &[&str], errors: &mut Errors) {
    let mut handlers = 0;
    for kind in kinds.iter().filter(|kind| handler.has(kind)) {
        let path = path.child(kind);
        if handlers > 0 {
            errors.push(FieldError::forbidden(&path, "may not specify more than 1 handler type"));
        } else {
            action(kind, &handler[*kind], &path, errors);
        }
        handlers += 1;
    }
    if handlers == 0 {
        errors.push(FieldError::required(path, "must specify a handler type"));
    }
}

fn action(kind: &str, action: &Value, path: &FieldPath, errors: &mut Errors) {
    match kind {
        "exec" if action.items("command").is_empty() => {
            errors.push(FieldError::required(&path.child("command"), ""));
        }
        "httpGet" => {
            checks::required(action, "path", path, errors);
            checks::port(&action["port"], &path.child("port"), errors);
            checks::one_of(action, "scheme", path, &["HTTP", "HTTPS"], errors);
            for header in action.items("httpHeaders") {
                let name = header.text("name");
                let fine = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
                if !fine {
                    let why = "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. \
                               'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')";
                    errors.push(FieldError::invalid(&path.child("httpHeaders"), name, why));
                }
            }
        }
        "tcpSocket" => checks::port(&action["port"], &path.child("port"), errors),
        "grpc" => checks::port_number(action.number("port").unwrap_or_default(), &path.child("port"), errors),
        _ => {}
    }
}
