//! The documentation says what the program says and takes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::literals;
use crate::program::{cowherd, succeeded};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The pages, by their names.
fn pages() -> BTreeMap<String, String> {
    let files = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let files = files.chain([root().join("README.md"), root().join("CONTRIBUTING.md"), root().join("ARCHITECTURE.md")]);
    let pages = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn messages_that_one_looks_up_are_those_that_are_said() {
    let page = &pages()["troubleshooting.md"];
    // Two of the crates are there for tests alone.
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let crates = crates.filter(|path| !path.ends_with("gitserver") && !path.ends_with("oracle"));
    let crates = crates.map(|path| path.join("src"));
    let texts: Vec<String> = crates.flat_map(|sources| literals::below(&sources)).collect();
    let mut looked_up = 0;
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let message = row.split('`').nth(1).unwrap();
        for part in message.split('…').map(str::trim).filter(|part| part.len() > 7) {
            // Names stand in capitals on the page.
            let part = part.split("\"NAME").next().unwrap().trim_end();
            let is_said = texts.iter().any(|text| text.contains(part));
            // What kubectl says of a certificate.
            assert!(is_said || "certificate is valid for".contains(part), "nobody says {part:?}");
            looked_up += 1;
        }
    }
    assert!(looked_up > 10);
}

#[test]
fn commands_of_the_documentation_have_the_flags_that_it_gives_them() {
    let directory = tempfile::tempdir().unwrap();
    let mut help: BTreeMap<String, String> = BTreeMap::new();
    let mut checked = 0;
    for (page, text) in pages() {
        // A command goes to the end of its line or of its quotation; a backslash takes it on.
        let text = text.replace("\\\n", " ");
        for command in
            text.split(['\n', '`']).filter_map(|part| part.split_once("cowherd ").map(|(_, command)| command))
        {
            let mut words = command.split_whitespace();
            let name = words.next().unwrap_or_default().trim_end_matches(',').to_owned();
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase()) {
                continue;
            }
            let flags: Vec<&str> = words.filter(|word| word.starts_with("--") && word.len() > 2).collect();
            if flags.is_empty() {
                continue;
            }
            let help = help.entry(name.clone()).or_insert_with(|| {
                succeeded(cowherd(directory.path()).args([name.as_str(), "--help"]).output().unwrap())
            });
            for flag in flags {
                let flag = flag.split(['=', ',', ')', ';', ':', '.']).next().unwrap();
                let has = help.split([' ', ',', '[', '\n']).any(|word| word == flag);
                assert!(has, "{page}: `cowherd {name}` has no flag {flag}");
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "{checked}");
}

#[test]
fn links_of_the_documentation_lead_somewhere() {
    let pages = pages();
    let anchors = |page: &str| -> Vec<String> {
        let headings = pages[page].lines().filter(|line| line.starts_with('#'));
        let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        headings
            .map(|line| line.trim_start_matches('#').trim().to_lowercase())
            .map(|line| line.chars().filter(|c| plain(*c)).collect::<String>().replace(' ', "-"))
            .collect()
    };
    for (page, text) in &pages {
        let folder = if root().join("docs").join(page).exists() { root().join("docs") } else { root() };
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(link, _)| link)) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            assert!(file.is_empty() || folder.join(file).exists(), "{page}: {link} leads nowhere");
            let target = if file.is_empty() { page.as_str() } else { file.rsplit('/').next().unwrap() };
            if !anchor.is_empty() && target.ends_with(".md") {
                assert!(anchors(target).iter().any(|known| known == anchor), "{page}: {link} leads nowhere");
            }
        }
    }
}

/// Every page of the site, by its path from the root.
fn site() -> (tempfile::TempDir, BTreeMap<String, String>) {
    let site = tempfile::tempdir().unwrap();
    cowherd_site::build(&root(), Path::new(env!("CARGO_BIN_EXE_cowherd")), site.path()).unwrap();
    let files = fs::read_dir(site.path()).unwrap().map(|entry| entry.unwrap().path());
    let pages = files.filter(|path| path.extension().is_some_and(|extension| extension == "html"));
    let pages = pages
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap()))
        .collect();
    (site, pages)
}

#[test]
fn links_of_the_site_lead_somewhere() {
    let (site, pages) = site();
    let mut followed = 0;
    // The table of contents is loaded by scripts, and the page to print holds all others.
    for (page, text) in
        pages.iter().filter(|(page, _)| !matches!(page.as_str(), "toc.html" | "print.html" | "404.html"))
    {
        let main = text.split("<main>").nth(1).and_then(|text| text.split("</main>").next()).unwrap();
        let places = |attribute: &str| -> Vec<String> {
            let opening = format!(" {attribute}=\"");
            let parts = main.split(opening.as_str()).skip(1);
            parts.map(|part| part.split('"').next().unwrap().to_owned()).collect()
        };
        for link in places("href").into_iter().chain(places("src")).filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let file = if file.is_empty() { page } else { file };
            assert!(site.path().join(file).is_file(), "{page}: {link} leads nowhere");
            if !anchor.is_empty() {
                assert!(pages[file].contains(&format!("id=\"{anchor}\"")), "{page}: {link} leads nowhere");
            }
            followed += 1;
        }
    }
    assert!(followed > 100, "{followed}");
    let commands = &pages["commands.html"];
    for name in ["up", "get", "reconcile", "check"] {
        assert!(commands.contains(&format!("Usage: cowherd {name}")), "{name}");
    }
}
