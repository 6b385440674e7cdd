//! Base64: `ext.Encoders`.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::{Function, Sig, function, global};
use crate::result::Fault;
use crate::value::Value;

pub(super) const FUNCTIONS: &[Function] = &[
    function("base64.encode", &[global(&[Sig::Bytes], Sig::Text)], |meter, arguments| {
        let [Value::Bytes(bytes)] = arguments else { return Err(Fault::no_overload()) };
        meter.spend_bytes(2 * bytes.len())?;
        Ok(Value::text(STANDARD.encode(bytes)))
    }),
    function("base64.decode", &[global(&[Sig::Text], Sig::Bytes)], |meter, arguments| {
        let [Value::Text(text)] = arguments else { return Err(Fault::no_overload()) };
        meter.spend_bytes(2 * text.len())?;
        // Go skips line breaks.
        let text = text.replace(['\n', '\r'], "");
        let decoded = STANDARD.decode(&text).or_else(|_| STANDARD_NO_PAD.decode(&text));
        decoded.map(|bytes| Value::Bytes(bytes.into())).map_err(|_| Fault::error("illegal base64 data"))
    }),
];
