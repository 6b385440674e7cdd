//! Files of sections, as sops reads and writes them.

use super::as_text;
use crate::tree::{Comment, Entry, Map, Value};

/// What stands before the first section.
const DEFAULT: &str = "DEFAULT";

pub(super) fn read(data: &[u8]) -> Result<Vec<Map>, String> {
    let text = std::str::from_utf8(data).map_err(|_| "it is no UTF-8".to_owned())?;
    let mut document: Vec<(String, Map)> = vec![(DEFAULT.to_owned(), Map::new())];
    let mut comment: Option<Comment> = None;
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        if let Some(text) = line.strip_prefix([';', '#']) {
            let text = text.trim_start_matches([';', '#', ' ']).to_owned();
            comment = Some(match comment {
                Some(before) => Comment { text: format!("{}\n{text}", before.text), ..before },
                None => Comment { text, is_inline: false },
            });
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name
                .strip_suffix(']')
                .ok_or_else(|| format!("line {} begins a section and does not end", index + 1))?;
            let section = comment.take().map(Entry::Comment).into_iter().collect();
            document.push((name.to_owned(), section));
            continue;
        }
        let (key, value) = line.split_once(['=', ':']).ok_or_else(|| format!("line {} has no =", index + 1))?;
        let mut value = value.trim().to_owned();
        if let Some(rest) = value.strip_prefix("\"\"\"").map(str::to_owned) {
            value = rest;
            while !value.ends_with("\"\"\"") {
                let (_, line) = lines.next().ok_or("a text in quotes does not end")?;
                value.push('\n');
                value.push_str(line);
            }
            value.truncate(value.len() - 3);
        } else if let Some(quoted) = ['`', '"'].iter().find_map(|sign| value.strip_prefix(*sign)?.strip_suffix(*sign)) {
            value = quoted.to_owned();
        }
        if let Some((_, section)) = document.last_mut() {
            section.push(Entry::Pair(key.trim().to_owned(), Value::Text(value)));
            section.extend(comment.take().map(Entry::Comment));
        }
    }
    Ok(vec![document.into_iter().map(|(name, section)| Entry::Pair(name, Value::Map(section))).collect()])
}

pub(super) fn write(documents: &[Map]) -> Result<Vec<u8>, String> {
    let mut out = String::new();
    for entry in documents.first().into_iter().flatten() {
        let Entry::Pair(name, value) = entry else { continue };
        let Value::Map(section) = value else { return Err(format!("{name} is {}, and no section", value.kind())) };
        write_section(name, section, &mut out)?;
    }
    if out.ends_with("\n\n") {
        out.pop();
    }
    Ok(out.into_bytes())
}

fn write_section(name: &str, section: &Map, out: &mut String) -> Result<(), String> {
    let (comment, entries) = match section.split_first() {
        Some((Entry::Comment(comment), rest)) => (Some(comment), rest),
        _ => (None, section.as_slice()),
    };
    if name == DEFAULT && section.is_empty() {
        return Ok(());
    }
    write_comment(comment, out);
    if name != DEFAULT {
        out.push_str(&format!("[{name}]\n"));
    }
    let pairs = entries.iter().filter_map(|entry| match entry {
        Entry::Pair(key, _) => Some(key.chars().count()),
        Entry::Comment(_) => None,
    });
    let width = pairs.max().unwrap_or_default();
    for (index, entry) in entries.iter().enumerate() {
        let Entry::Pair(key, value) = entry else { continue };
        let comment = match entries.get(index + 1) {
            Some(Entry::Comment(comment)) => Some(comment),
            _ => None,
        };
        write_comment(comment, out);
        let text = as_text(value).ok_or_else(|| format!("{name}.{key} is {}", value.kind()))?;
        out.push_str(&format!("{key:width$} = {}\n", quoted(&text)));
    }
    out.push('\n');
    Ok(())
}

fn write_comment(comment: Option<&Comment>, out: &mut String) {
    for line in comment.iter().flat_map(|comment| comment.text.lines()) {
        out.push_str(&format!("; {line}\n"));
    }
}

fn quoted(text: &str) -> String {
    if text.contains(['\n', '`']) {
        format!("\"\"\"{text}\"\"\"")
    } else if text.contains(['#', ';']) {
        format!("`{text}`")
    } else if text.trim() != text {
        format!("\"{text}\"")
    } else {
        text.to_owned()
    }
}
