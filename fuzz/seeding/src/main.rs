//! Writes seeds to `corpus/TARGET`: what the crates' own tests read, in the form that the targets take.

use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    let tables = crates.join("template/tests/data");
    let templates = [rows(&tables.join("parse.jsonl"))?, rows(&tables.join("execution.jsonl"))?].concat();
    write(&corpus.join("template"), templates.into_iter().map(String::into_bytes))?;
    write(&corpus.join("format"), formats(&tables.join("format.jsonl"))?)?;
    write(&corpus.join("archive"), archives()?)?;
    let kustomizations = directories(&crates.join("render/tests/corpus"))?;
    let manifests = kustomizations.iter().flat_map(|directory| files(directory).unwrap_or_default());
    let manifests: Vec<_> = manifests.filter(|(path, _)| path.ends_with(".yaml")).map(|(_, content)| content).collect();
    write(&corpus.join("yaml"), manifests)?;
    write(
        &corpus.join("kustomization"),
        kustomizations.iter().flat_map(|directory| joined(directory).unwrap_or_default()),
    )?;
    let functions = crates.join("helm/tests/functions");
    let calls = [lines(&functions.join("cases.txt"))?, lines(&functions.join("errors.txt"))?].concat();
    write(&corpus.join("chart"), calls.iter().map(|call| format!("{CHART}{call}\n").into_bytes()))
}

/// A chart up to the text of its only template.
const CHART: &str = "apiVersion: v2\nname: functions\nversion: 0.1.0\n-- templates/a.yaml --\n";

/// The lines of a list that are no comments.
fn lines(list: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(list)?;
    Ok(text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}

/// The first column of a table.
fn rows(table: &Path) -> Result<Vec<String>> {
    let first = |line: &str| {
        let row: Vec<serde_json::Value> = serde_json::from_str(line)?;
        Ok(row.first().and_then(|text| text.as_str()).unwrap_or_default().to_owned())
    };
    fs::read_to_string(table)?.lines().map(first).collect()
}

/// What the table of formats prints with a verb, behind the bytes that choose what is printed.
fn formats(table: &Path) -> Result<Vec<Vec<u8>>> {
    let mut seeds = Vec::new();
    for line in fs::read_to_string(table)?.lines() {
        let row: Vec<serde_json::Value> = serde_json::from_str(line)?;
        let format = row.iter().filter_map(|column| column.as_str()).find(|text| text.contains('%'));
        if let Some(format) = format {
            let chosen = [seeds.len() as u8, 0, 0, 0, 0, 0, 0, 0, 5];
            seeds.push([&chosen, format.as_bytes()].concat());
        }
    }
    Ok(seeds)
}

/// Archives, not packed: of files, with long paths and with links.
fn archives() -> Result<Vec<Vec<u8>>> {
    let mut plain = tar::Builder::new(Vec::new());
    let mut odd = tar::Builder::new(Vec::new());
    let mut append = |name: &str, content: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        plain.append_data(&mut header, name, content)
    };
    append("web/Chart.yaml", b"name: web\n")?;
    append("web/templates/a.yaml", b"\xef\xbb\xbfkind: A\n")?;
    let mut header = tar::Header::new_gnu();
    header.set_size(0);
    header.set_entry_type(tar::EntryType::Symlink);
    odd.append_link(&mut header, "web/link", "/etc/passwd")?;
    odd.append_pax_extensions([("path", "web/pax".repeat(20).as_bytes()), ("size", b"3".as_slice())])?;
    let mut header = tar::Header::new_ustar();
    header.set_size(3);
    odd.append_data(&mut header, "web/ustar", b"abc".as_slice())?;
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    odd.append_data(&mut header, "web/directory/".to_owned() + &"d".repeat(150), std::io::empty())?;
    Ok(vec![plain.into_inner()?, odd.into_inner()?])
}

fn directories(parent: &Path) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(parent)? {
        found.push(entry?.path());
    }
    found.sort();
    Ok(found)
}

/// The files below `directory` by their path from there.
fn files(directory: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    for path in directories(directory)? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() {
            let inside = files(&path)?.into_iter();
            found.extend(inside.map(|(below, content)| (format!("{name}/{below}"), content)));
        } else {
            let mut content = Vec::new();
            fs::File::open(&path)?.take(1 << 16).read_to_end(&mut content)?;
            found.push((name, content));
        }
    }
    Ok(found)
}

/// All files of `directory` in one text, once for each kustomization in it, which a kustomization at the root names.
fn joined(directory: &Path) -> Result<Vec<Vec<u8>>> {
    let files = files(directory)?;
    let mut text = Vec::new();
    for (path, content) in &files {
        text.extend_from_slice(format!("-- {path} --\n").as_bytes());
        text.extend_from_slice(content);
        if !content.ends_with(b"\n") {
            text.push(b'\n');
        }
    }
    let is_kustomization = |name: &str| matches!(name, "kustomization.yaml" | "kustomization.yml" | "Kustomization");
    if files.iter().any(|(path, _)| is_kustomization(path)) {
        return Ok(vec![text]);
    }
    let below = files.iter().filter_map(|(path, _)| path.rsplit_once('/').filter(|(_, name)| is_kustomization(name)));
    Ok(below.map(|(directory, _)| [format!("resources: [{directory}]\n").as_bytes(), &text].concat()).collect())
}

fn write(directory: &Path, seeds: impl IntoIterator<Item = Vec<u8>>) -> Result<()> {
    fs::create_dir_all(directory)?;
    for (number, seed) in seeds.into_iter().enumerate() {
        fs::write(directory.join(format!("seed-{number:04}")), seed)?;
    }
    Ok(())
}
