//! What a rule takes, and where each of it goes. It is as with `cp`: a directory goes below its own name, what is in it (`dir/**`)
//! does not.

use std::collections::BTreeMap;

use cowherd_tree::{ArchiveLimits, Entry, EntryKind, TreePath, unpack_files};

use crate::assembly::Assembly;
use crate::node::{Node, Part};
use crate::rule::Understood;
use crate::{Cause, Rule, Strategy, glob, merge};

/// Does what a rule says.
pub(crate) fn apply(rule: &Rule, assembly: &mut Assembly<'_>) -> Result<(), Cause> {
    let rule = rule.understood(assembly.effort)?;
    let content = assembly.content(rule.alias).ok_or_else(|| Cause::NoSource(rule.alias.to_owned()))?;
    let mut taking = Taking { rule, content, assembly };
    if taking.rule.is_glob() { taking.all() } else { taking.one() }
}

/// A rule that is being followed.
struct Taking<'a, 'b> {
    rule: Understood<'a>,
    content: usize,
    assembly: &'a mut Assembly<'b>,
}

impl Taking<'_, '_> {
    /// Takes what stands at one path.
    fn one(&mut self) -> Result<(), Cause> {
        let path = TreePath::root().join(self.rule.pattern)?;
        let part = self.part(&path)?.ok_or_else(|| Cause::Missing(path.clone()))?;
        if part.entry.kind == EntryKind::Directory {
            if self.rule.strategy == Strategy::Extract {
                return Err(Cause::ExtractDirectory(path));
            }
            let to = self.rule.destination(path.file_name())?;
            return self.put_directory(part, &path, &path, &to);
        }
        if self.is_excluded(&path, &TreePath::root())? {
            return Ok(());
        }
        if self.rule.strategy == Strategy::Extract {
            if !is_tarball(path.file_name()) {
                return Err(Cause::NoTarball(path));
            }
            return self.extract(&part);
        }
        let to = self.rule.destination("")?;
        let is_directory = |entry: Option<Entry>| entry.is_some_and(|entry| entry.kind == EntryKind::Directory);
        let goes_into = self.rule.goes_into() || is_directory(self.assembly.entry(&to)?);
        let to = if goes_into { self.rule.destination(path.file_name())? } else { to };
        self.put_file(part, &to)
    }

    /// Takes all that a pattern fits.
    fn all(&mut self) -> Result<(), Cause> {
        let (tree, pattern) = (self.assembly.tree(self.content), self.rule.pattern);
        if let Some(directory) = self.whole_directory()? {
            return self.put_whole(directory);
        }
        let found = match self.rule.strategy {
            Strategy::Extract => glob::by_paths(tree.as_ref(), pattern, self.assembly.effort)?,
            _ => glob::by_names(tree.as_ref(), pattern, self.assembly.effort)?,
        };
        let named = || (pattern.to_owned(), self.rule.alias.to_owned());
        if found.is_empty() {
            let (pattern, alias) = named();
            return Err(Cause::NoMatch { pattern, alias });
        }
        let base = literal_directory(pattern);
        let mut chosen = Vec::new();
        for path in found {
            if !self.is_excluded(&path, &base)? {
                chosen.push(path);
            }
        }
        if chosen.is_empty() {
            let (pattern, alias) = named();
            return Err(Cause::AllExcluded { pattern, alias });
        }
        chosen.iter().try_for_each(|path| self.matched(path, &base))
    }

    /// Takes one of the paths that a pattern fits.
    fn matched(&mut self, path: &TreePath, base: &TreePath) -> Result<(), Cause> {
        if self.rule.strategy == Strategy::Extract {
            return match is_tarball(path.file_name()).then(|| self.part(path)).transpose()?.flatten() {
                Some(part) if part.entry.kind == EntryKind::Directory => Err(Cause::ExtractDirectory(path.clone())),
                Some(part) => self.extract(&part),
                None => Ok(()),
            };
        }
        let part = self.part(path)?.ok_or_else(|| Cause::Missing(path.clone()))?;
        let inside = self.rule.pattern.strip_suffix("/**").and_then(|directory| path.as_str().strip_prefix(directory));
        let inside = inside.and_then(|rest| rest.strip_prefix('/'));
        let to = self.rule.destination(inside.unwrap_or(path.as_str()))?;
        match part.entry.kind {
            EntryKind::Directory => self.put_directory(part, path, base, &to),
            _ => self.put_file(part, &to),
        }
    }

    /// What `dir/**` means where nothing of it is left out: the directory as it is, unless that is empty.
    fn whole_directory(&self) -> Result<Option<Part>, Cause> {
        let directory = match self.rule.pattern {
            "**" => Some(""),
            pattern => pattern.strip_suffix("/**"),
        };
        let is_plain = self.rule.strategy == Strategy::Overwrite && self.rule.excludes.is_empty();
        let Some(directory) = directory.filter(|text| is_plain && !text.contains(['*', '?', '[', ']', '\\'])) else {
            return Ok(None);
        };
        let parts: Vec<&str> = directory.split('/').filter(|_| !directory.is_empty()).collect();
        if parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
            return Ok(None);
        }
        let Ok(Some(part)) = self.part(&TreePath::root().join(directory)?) else { return Ok(None) };
        if part.entry.kind != EntryKind::Directory {
            return Ok(None);
        }
        let is_empty = self.assembly.tree(self.content).list(&part.path)?.is_empty();
        Ok((!is_empty).then_some(part))
    }

    fn put_whole(&mut self, directory: Part) -> Result<(), Cause> {
        let to = self.rule.destination("")?;
        self.assembly.put(&to, Node::Part(directory))
    }

    /// What stands at a path of the source, links followed.
    fn part(&self, path: &TreePath) -> Result<Option<Part>, Cause> {
        let tree = self.assembly.tree(self.content);
        let path = match tree.resolve(path) {
            Ok(path) => path,
            Err(cowherd_tree::TreeError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let entry = tree.entry(&path)?;
        Ok(entry.map(|entry| Part { content: self.content, path, entry }))
    }

    /// Puts a directory somewhere, without what is left out of it. Patterns see what is in it below `shown`.
    fn put_directory(&mut self, part: Part, shown: &TreePath, base: &TreePath, to: &TreePath) -> Result<(), Cause> {
        let chosen = match self.rule.excludes.is_empty() {
            true => None,
            false => self.chosen(&part, shown, base)?,
        };
        self.assembly.put(to, chosen.unwrap_or(Node::Part(part)))
    }

    /// What of a directory is not left out; nothing where that is all of it.
    fn chosen(&self, directory: &Part, shown: &TreePath, base: &TreePath) -> Result<Option<Node>, Cause> {
        let listed = self.assembly.tree(self.content).list(&directory.path)?;
        let mut names = BTreeMap::new();
        let mut is_whole = true;
        for (name, entry) in listed {
            let below = shown.join(&name)?;
            if self.is_excluded(&below, base)? {
                is_whole = false;
                continue;
            }
            let is_directory = entry.kind == EntryKind::Directory;
            let part = Part { content: self.content, path: directory.path.join(&name)?, entry };
            let some = if is_directory { self.chosen(&part, &below, base)? } else { None };
            is_whole = is_whole && some.is_none();
            names.insert(name, some.unwrap_or(Node::Part(part)));
        }
        if is_whole {
            return Ok(None);
        }
        self.assembly.effort.hold(names.len())?;
        Ok(Some(Node::directory(names)))
    }

    fn is_excluded(&self, path: &TreePath, base: &TreePath) -> Result<bool, Cause> {
        self.assembly.effort.step(self.rule.excludes.cost() + 1)?;
        let from_base = (!base.is_root() && path != base && path.starts_with(base))
            .then(|| path.as_str().get(base.as_str().len() + 1..))
            .flatten();
        let excludes = &self.rule.excludes;
        Ok(excludes.fit(path.as_str()) || from_base.is_some_and(|path| excludes.fit(path)))
    }

    fn put_file(&mut self, part: Part, to: &TreePath) -> Result<(), Cause> {
        if self.rule.strategy == Strategy::Merge && self.assembly.entry(to)?.is_some() {
            return self.merge(&part, to);
        }
        self.assembly.put(to, Node::Part(part))
    }

    fn merge(&mut self, part: &Part, to: &TreePath) -> Result<(), Cause> {
        let (under, over) = (self.assembly.read(to)?, self.assembly.tree(self.content).read(&part.path)?);
        let bytes = merge::merged(&under, &over, to)?;
        self.assembly.effort.make(bytes.len() as u64)?;
        self.assembly.put(to, Node::made(bytes, self.content, part.path.clone()))
    }

    /// Unpacks an archive.
    fn extract(&mut self, part: &Part) -> Result<(), Cause> {
        let packed = self.assembly.tree(self.content).read(&part.path)?;
        let effort = self.assembly.effort;
        let limits = ArchiveLimits { unpacked: effort.room(), ..ArchiveLimits::default() };
        let mut keep = |_, content: &mut dyn std::io::Read| {
            let mut bytes = Vec::new();
            content.read_to_end(&mut bytes).map(|_| bytes.into())
        };
        let tree = unpack_files(packed.as_ref(), &limits, &mut keep)
            .map_err(|problem| Cause::Extract { path: part.path.clone(), problem })?;
        let mut count = 0;
        for path in tree.paths() {
            if let Some(EntryKind::File { size }) = cowherd_tree::Tree::entry(&tree, path)?.map(|entry| entry.kind) {
                effort.make(size)?;
            }
            count += 1;
        }
        effort.hold(count)?;
        let to = self.rule.destination("")?;
        let unpacked = self.assembly.unpacked(self.content, &part.path, tree);
        self.assembly.put(&to, unpacked)
    }
}

/// Whether a file is called as packed archives are.
fn is_tarball(name: &str) -> bool {
    let name = name.to_lowercase();
    name.ends_with(".tar.gz") || name.ends_with(".tgz")
}

/// The directory in which a pattern begins to choose.
fn literal_directory(pattern: &str) -> TreePath {
    let parts: Vec<&str> = pattern.split('/').take_while(|part| !part.contains(['*', '?', '[', ']'])).collect();
    TreePath::root().join(&parts.join("/")).unwrap_or_default()
}
