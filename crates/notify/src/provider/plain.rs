//! Events as they are, to a service of one's own.

use cowherd_source::Call;
use ring::hmac;

use super::words::hex;
use super::{Failure, Settings, post, with};
use crate::event::Event;

pub(super) fn generic(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let mut call = with(post(to.web_address()?, event)?, "gotk-component", &event.reporting_controller);
    for (name, value) in &to.headers {
        call = with(call, name, value);
    }
    Ok(call)
}

/// The same, signed by a key that the service knows.
pub(super) fn signed(to: &Settings, event: &Event) -> Result<Call, Failure> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, to.needed_token()?.as_bytes());
    let call = generic(to, event)?;
    let signature = hex(hmac::sign(&key, &call.body).as_ref());
    Ok(with(call, "X-Signature", format!("sha256={signature}")))
}
