//! Functions on URLs.

mod url;

use cowherd_template::{Fault, Function, Kind, Map, Text, Type, Value};

use crate::functions::Context;
use crate::functions::call::arguments::{Call, NIL_POINTER, Outcome, any, string};
use url::Url;

pub(in crate::functions) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [Function::new("urlParse", &[Type::String], parse), Function::new("urlJoin", &[Type::Map], join)].into_iter()
}

fn parse(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let url = Url::parse(&string(arguments, 0)).map_err(|why| format!("unable to parse url: {why}"))?;
    let user = url.user.as_ref().map(|user| user.print()).unwrap_or_default();
    let bytes = |bytes: &[u8]| Value::String(Text::from_bytes(bytes.to_vec()));
    let parts = [
        ("scheme", Value::from(url.scheme.as_str())),
        ("host", Value::from(url.host.as_str())),
        ("hostname", Value::from(url.hostname())),
        ("path", bytes(&url.path)),
        ("query", Value::from(url.raw_query.as_str())),
        ("opaque", Value::from(url.opaque.as_str())),
        ("fragment", bytes(&url.fragment)),
        ("userinfo", Value::from(user)),
    ];
    Ok(Value::Map(parts.into_iter().map(|(name, value)| (name.into(), value)).collect()))
}

fn join(_: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let parts = match any(arguments, 0) {
        Value::Map(map) => map.clone(),
        _ => Map::new(),
    };
    let part = |name: &str| text(&parts, name);
    let shown = |name: &str| text(&parts, name).map(|text| text.to_str().into_owned());
    let mut url = Url {
        scheme: shown("scheme")?,
        host: shown("host")?,
        path: part("path")?.as_bytes().to_vec(),
        raw_query: shown("query")?,
        opaque: shown("opaque")?,
        fragment: part("fragment")?.as_bytes().to_vec(),
        ..Url::default()
    };
    let user = shown("userinfo")?;
    if !user.is_empty() {
        let parsed = Url::parse(&format!("proto://{user}@host"));
        url.user = parsed.map_err(|why| format!("unable to parse userinfo in dict: {why}"))?.user;
    }
    Ok(Value::from(url.print()))
}

fn text(parts: &Map, name: &str) -> Result<Text, Fault> {
    match parts.get(name) {
        None => Ok(Text::from("")),
        Some(Value::String(text)) => Ok(text),
        Some(Value::Nil) => Err(NIL_POINTER.into()),
        Some(other) => {
            let kind: Kind = other.kind();
            let kind = kind.name();
            Err(Fault::Message(format!("unable to parse {name} key, must be of type string, but {kind} found")))
        }
    }
}
