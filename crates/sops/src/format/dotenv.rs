//! Files of variables.

use super::as_text;
use crate::tree::{Comment, Entry, Map, Value};

pub(super) fn read(data: &[u8]) -> Result<Vec<Map>, String> {
    let text = std::str::from_utf8(data).map_err(|_| "it is no UTF-8".to_owned())?;
    let lines = text.split('\n').enumerate().filter(|(_, line)| !line.is_empty());
    let entry = |(index, line): (usize, &str)| match (line.strip_prefix('#'), line.split_once('=')) {
        (Some(comment), _) => Ok(Entry::Comment(Comment { text: comment.to_owned(), is_inline: false })),
        (None, Some((key, value))) => Ok(Entry::Pair(key.to_owned(), Value::Text(value.replace("\\n", "\n")))),
        (None, None) => Err(format!("line {} has no =", index + 1)),
    };
    Ok(vec![lines.map(entry).collect::<Result<_, _>>()?])
}

pub(super) fn write(documents: &[Map]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for entry in documents.first().into_iter().flatten() {
        match entry {
            Entry::Comment(comment) => out.extend(format!("#{}\n", comment.text).into_bytes()),
            Entry::Pair(key, value) => {
                let text = match value {
                    Value::Bytes(bytes) => bytes.clone(),
                    _ => as_text(value).ok_or_else(|| format!("{key} is {}", value.kind()))?.into_bytes(),
                };
                out.extend(format!("{key}=").into_bytes());
                let is_text = matches!(value, Value::Text(_) | Value::Bytes(_));
                for byte in text {
                    match byte {
                        b'\n' if is_text => out.extend(b"\\n"),
                        _ => out.push(byte),
                    }
                }
                out.push(b'\n');
            }
        }
    }
    Ok(out)
}
