//! What source-watcher makes of rules, sources and patterns, which its own code was asked for: `tests/recorded` has its answers, and
//! docs/testing.md says how they came about. Where ours differ on purpose, it is said here why.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use cowherd_assemble::{Effort, ExpandError, Limits, Rule, Source, Strategy, Template, assemble, expand};
use cowherd_tree::{EntryKind, MemoryTree, Tree, TreePath};
use serde::Deserialize;

/// What was asked, and what was said.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    kind: String,
    sources: BTreeMap<String, Vec<File>>,
    rules: Vec<RuleText>,
    files: Option<BTreeMap<String, String>>,
    error: String,
    pattern: String,
    fits: BTreeMap<String, bool>,
    path_pattern: String,
    templates: Vec<TemplateText>,
    expanded: Vec<TemplateText>,
    terminal: bool,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct File {
    path: String,
    text: String,
    base64: String,
    link: String,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct RuleText {
    from: String,
    to: String,
    exclude: Vec<String>,
    strategy: String,
}

#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
struct TemplateText {
    name: String,
    rules: Vec<RuleText>,
    labels: BTreeMap<String, String>,
}

impl RuleText {
    fn read(&self) -> Rule {
        let strategy = Strategy::read(&self.strategy).unwrap();
        Rule { from: self.from.clone(), to: self.to.clone(), exclude: self.exclude.clone(), strategy }
    }
}

fn answers() -> Vec<Answer> {
    let recorded = include_str!("recorded/source-watcher.jsonl");
    recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sources(of: &BTreeMap<String, Vec<File>>) -> Vec<Source> {
    let tree = |files: &Vec<File>| {
        let mut tree = MemoryTree::default();
        for file in files {
            match file {
                File { link, .. } if !link.is_empty() => tree.link(&file.path, link).unwrap(),
                File { base64, .. } if !base64.is_empty() => {
                    let bytes = base64::engine::general_purpose::STANDARD.decode(base64).unwrap();
                    tree.insert(&file.path, bytes).unwrap();
                }
                _ => tree.insert(&file.path, file.text.clone()).unwrap(),
            }
        }
        Arc::new(tree)
    };
    of.iter().map(|(alias, files)| Source { alias: alias.clone(), tree: tree(files) }).collect()
}

/// The files of a tree, but for those that Flux leaves out of whatever it stores.
fn files(tree: &dyn Tree) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = vec![TreePath::root()];
    while let Some(directory) = rest.pop() {
        for (name, entry) in tree.list(&directory).unwrap() {
            let path = directory.join(&name).unwrap();
            assert_eq!(tree.entry(&path).unwrap().as_ref(), Some(&entry), "{path}");
            match entry.kind {
                EntryKind::Directory => rest.push(path),
                EntryKind::File { size } => {
                    let content = tree.read_file(&path).unwrap();
                    assert_eq!(content.len() as u64, size, "{path}");
                    let text = String::from_utf8(content.to_vec());
                    found.insert(path.to_string(), text.unwrap_or_else(|_| "packed".to_owned()));
                }
                _ => drop(found.insert(path.to_string(), format!("-> {}", tree.read_link(&path).unwrap()))),
            }
        }
    }
    let is_left_out = |path: &str| {
        let name = path.rsplit('/').next().unwrap();
        [".gitignore", ".sops.yaml"].contains(&name) || name.ends_with(".png") || path.ends_with(".tar.gz")
    };
    found.retain(|path, _| !is_left_out(path));
    found
}

const NEVER: &dyn Fn() -> bool = &|| false;

/// Why ours differs from what was said of these rules; `None` where it must not.
fn explained(answer: &Answer) -> Option<&'static str> {
    let has = |text: &str| answer.rules.iter().any(|rule| rule.to == text);
    let takes = |all: &[&str]| answer.rules.iter().any(|rule| all.contains(&rule.from.as_str()));
    match () {
        () if has("@artifact/a/../x") && takes(&["@repo/a.yaml"]) => {
            Some("paths are cleaned before anything is looked at")
        }
        // Artifacts of Flux's own sources have no links: they are left out when these are stored. A directory that is taken whole
        // is not walked here, and a link in it leads to what is in the artifact, if anything.
        () if takes(&["@linked/prod", "@linked/prod/**", "@linked/deep", "@linked/deep/**"]) => {
            Some("links stay links")
        }
        () => None,
    }
}

/// Patterns of which ours fit something else: what their words say, where the order in which it is tried decides there.
const OTHERWISE: &[&str] = &["{*,**}/c", "**/?/**/", "**/[^a]**/**/", "*{a,b}***", "****/"];

#[test]
fn artifacts_are_those_of_source_watcher_file_by_file() {
    let answers = answers();
    let known = sources(&answers.iter().find(|answer| answer.kind == "sources").unwrap().sources);
    let (mut differ, mut compared, mut unused) = (Vec::new(), 0, 0);
    for answer in answers.iter().filter(|answer| answer.kind == "build") {
        let rules: Vec<Rule> = answer.rules.iter().map(RuleText::read).collect();
        let own = sources(&answer.sources);
        let sources = if own.is_empty() { &known } else { &own };
        let effort = Effort::new(Limits::default(), NEVER);
        let made = assemble(&rules, sources, &effort);
        let said = match &answer.files {
            Some(files) => {
                let text = |text: &String| if text.contains('\u{fffd}') { "packed".to_owned() } else { text.clone() };
                Ok(files.iter().map(|(path, content)| (path.clone(), text(content))).collect::<BTreeMap<_, _>>())
            }
            None => Err(answer.error.clone()),
        };
        let ours = made.as_ref().map(|made| files(made)).map_err(ToString::to_string);
        compared += 1;
        let is_same = match (&ours, &said) {
            (Ok(ours), Ok(said)) => ours == said,
            (Err(_), Err(_)) => true,
            _ => false,
        };
        match (is_same, explained(answer)) {
            (false, None) => differ.push(format!("{:?}\n  ours: {ours:?}\n  said: {said:?}", answer.rules)),
            (true, Some(_)) => unused += 1,
            _ => {}
        }
        if let (Ok(made), Ok(_)) = (&made, &ours) {
            origins_are_right(made, sources, &rules);
        }
    }
    assert!(compared > 1000, "{compared}");
    assert!(differ.is_empty(), "{} of {compared} differ:\n{}", differ.len(), differ.join("\n"));
    assert_eq!(unused, 0, "what is explained does not differ");
}

/// Each file says where it comes from; what was neither merged nor unpacked is the same there.
fn origins_are_right(made: &cowherd_assemble::Assembled, sources: &[Source], rules: &[Rule]) {
    if rules.iter().any(|rule| rule.strategy != Strategy::Overwrite) {
        return;
    }
    for path in files(made).keys() {
        let path = TreePath::parse(path).unwrap();
        let origin = made.origin(&path).unwrap();
        let source = sources.iter().find(|source| source.alias == origin.alias).unwrap();
        assert_eq!(made.entry(&path).unwrap(), source.tree.entry(&origin.path).unwrap(), "{path} of {}", origin.path);
    }
}

#[test]
fn directories_that_a_pattern_fits_make_the_artifacts_that_source_watcher_makes() {
    let answers = answers();
    let sources = sources(&answers.iter().find(|answer| answer.kind == "tree").unwrap().sources);
    let (mut differ, mut compared) = (Vec::new(), 0);
    for answer in answers.iter().filter(|answer| answer.kind == "expand") {
        let template = |one: &TemplateText| Template {
            name: one.name.clone(),
            rules: one.rules.iter().map(RuleText::read).collect(),
        };
        let templates: Vec<Template> = answer.templates.iter().map(template).collect();
        let effort = Effort::new(Limits::default(), NEVER);
        let ours = expand(&answer.path_pattern, &templates, &sources, &effort);
        compared += 1;
        let said: Vec<_> = answer
            .expanded
            .iter()
            .map(|one| (one.name.clone(), one.rules.iter().map(RuleText::read).collect::<Vec<_>>(), one.labels.clone()))
            .collect();
        let is_same = match &ours {
            Ok(ours) => {
                let ours: Vec<_> =
                    ours.iter().map(|one| (one.name.clone(), one.rules.clone(), one.labels.clone())).collect();
                answer.error.is_empty() && ours == said
            }
            Err(error) => !answer.error.is_empty() && answer.terminal == matches!(error, ExpandError::Final(_)),
        };
        if !is_same {
            let ours = ours.map_err(|error| error.to_string());
            let asked = (&answer.path_pattern, &answer.templates);
            differ.push(format!("{asked:?}\n  ours: {ours:?}\n  said: {said:?} {}", answer.error));
        }
    }
    assert!(compared > 200, "{compared}");
    assert!(differ.is_empty(), "{} of {compared} differ:\n{}", differ.len(), differ.join("\n"));
}

/// Whether a path is left out that a pattern fits, which is how a pattern is asked.
fn fits(pattern: &str, name: &str) -> Option<bool> {
    let tree = MemoryTree::new([(name, "x"), ("other/kept", "")]).ok()?;
    let sources = [Source { alias: "a".to_owned(), tree: Arc::new(tree) }];
    let rule = Rule {
        from: format!("@a/{name}"),
        to: "@artifact/x".to_owned(),
        exclude: vec![pattern.to_owned()],
        strategy: Strategy::Overwrite,
    };
    let made = assemble(&[rule], &sources, &Effort::new(Limits::default(), NEVER)).ok()?;
    Some(files(&made).is_empty())
}

#[test]
fn patterns_fit_what_they_fit_there() {
    let (mut differ, mut compared) = (Vec::new(), 0);
    for answer in answers().iter().filter(|answer| answer.kind == "path") {
        for (name, said) in &answer.fits {
            // A pattern without a slash is about names, too; and not every text is a path of a tree.
            let is_path =
                TreePath::parse(name).is_ok_and(|path| path.as_str() == name) && !name.contains(['*', ']', '[', '?']);
            let is_of_names = !answer.pattern.contains('/') && name.contains('/');
            if !is_path || is_of_names || OTHERWISE.contains(&answer.pattern.as_str()) {
                continue;
            }
            compared += 1;
            let ours = fits(&answer.pattern, name);
            if ours != Some(*said) {
                differ.push(format!("{:?} {name:?} ours {ours:?} said {said}", answer.pattern));
            }
        }
        if !answer.error.is_empty() && fits(&answer.pattern, "a").is_some() {
            differ.push(format!("{:?} is no pattern", answer.pattern));
        }
    }
    assert!(compared > 2000, "{compared}");
    assert!(differ.is_empty(), "{} of {compared} differ:\n{}", differ.len(), differ.join("\n"));
}

#[test]
fn patterns_of_names_fit_what_they_fit_there() {
    let (mut differ, mut compared) = (Vec::new(), 0);
    let answers = answers();
    let of_names = answers.iter().filter(|answer| answer.kind == "name");
    for answer in of_names.filter(|answer| answer.pattern.contains(['*', '?', '[']) && !answer.pattern.contains('/')) {
        let taken = |name: &str| {
            let tree = MemoryTree::new([(name, "x"), ("zz/zz", "")]).unwrap();
            let sources = [Source { alias: "a".to_owned(), tree: Arc::new(tree) }];
            let (from, to) = (format!("@a/{}", answer.pattern), "@artifact/".to_owned());
            let rule = Rule { from, to, ..Rule::default() };
            let made = assemble(&[rule], &sources, &Effort::new(Limits::default(), NEVER));
            made.is_ok_and(|made| files(&made).contains_key(name))
        };
        compared += 1;
        let wrong = answer.fits.iter().filter(|(name, said)| taken(name) != **said);
        differ.extend(wrong.map(|(name, said)| format!("{:?} {name:?} said {said}", answer.pattern)));
        if !answer.error.is_empty() && taken("a") {
            differ.push(format!("{:?} is no pattern", answer.pattern));
        }
    }
    assert!(compared > 25, "{compared}");
    assert!(differ.is_empty(), "{} of {compared} differ:\n{}", differ.len(), differ.join("\n"));
}
