//! Files that generators of Secrets and patches read, in the directory that is built and in those that it names.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use cowherd_sops::{Decrypted, Format, SopsError, decrypt};
use cowherd_tree::{EntryKind, Tree, TreeError, TreePath};
use cowherd_yaml::Dialect;
use serde_json::Value;

use super::{DecryptionError, MAX_FILES, MAX_VALUES, Opener};

/// The names that a kustomization may have.
const NAMES: &[&str] = &["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// What a key ends with whose value is JSON although its name does not say so.
const DOCKER_CONFIG: &str = ".dockerconfigjson";
/// How many directories are looked at.
const MAX_DIRECTORIES: usize = 10_000;

/// The format of a file, or of the value of a key, by its name.
pub(super) fn format_of(name: &str) -> Format {
    if name.ends_with(DOCKER_CONFIG) { Format::Json } else { Format::of_path(name) }
}

impl Opener<'_> {
    /// What `data` holds; `None` where no key opens it, and that is left.
    pub(super) fn open(&mut self, data: &[u8], from: Format, to: Format) -> Result<Option<Decrypted>, SopsError> {
        match decrypt(data, from, to, self.keys) {
            Ok(decrypted) => {
                self.found.any = true;
                self.found.secrets.extend(decrypted.secrets.iter().cloned());
                if self.found.secrets.len() > MAX_VALUES {
                    return Err(SopsError::TooManyValues { limit: MAX_VALUES });
                }
                Ok(Some(decrypted))
            }
            Err(SopsError::NoKey(_)) if self.leaves_closed => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The encrypted files that are read where `path` is built with these components beside, decrypted.
    pub(in super::super) fn files(
        &mut self,
        tree: &dyn Tree,
        path: &TreePath,
        components: &[String],
    ) -> Result<BTreeMap<TreePath, Bytes>, DecryptionError> {
        let mut files = Files { opener: self, tree, size: 0, seen: BTreeSet::new(), decrypted: BTreeMap::new() };
        let mut next: Vec<TreePath> = components.iter().filter_map(|component| path.join(component).ok()).collect();
        next.push(path.clone());
        let mut met = BTreeSet::new();
        while let Some(directory) = next.pop() {
            // What is no directory is a manifest, or the address of something elsewhere.
            let Ok(directory) = tree.resolve(&directory) else { continue };
            if met.len() >= MAX_DIRECTORIES || !met.insert(directory.clone()) {
                continue;
            }
            let Some(kustomization) = kustomization(tree, &directory)? else { continue };
            files.of(&directory, &kustomization)?;
            let named = ["resources", "components"].into_iter().flat_map(|field| texts(&kustomization[field]));
            next.extend(named.filter_map(|name| directory.join(name).ok()));
        }
        Ok(files.decrypted)
    }
}

/// The kustomization of a directory, if it has one that can be read. What is wrong with another one the render tells.
fn kustomization(tree: &dyn Tree, directory: &TreePath) -> Result<Option<Value>, TreeError> {
    if !matches!(tree.entry(directory)?.map(|entry| entry.kind), Some(EntryKind::Directory)) {
        return Ok(None);
    }
    for name in NAMES {
        let Ok(path) = directory.join(name) else { continue };
        if !matches!(tree.entry(&path)?.map(|entry| entry.kind), Some(EntryKind::File { .. })) {
            continue;
        }
        let text = tree.read(&path)?;
        let read = cowherd_yaml::parse_first_document(&text, Dialect::Kubernetes, &Default::default());
        return Ok(read.ok().flatten().map(|document| document.value));
    }
    Ok(None)
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The files that were met.
struct Files<'f, 'k> {
    opener: &'f mut Opener<'k>,
    tree: &'f dyn Tree,
    size: usize,
    seen: BTreeSet<(TreePath, Format)>,
    decrypted: BTreeMap<TreePath, Bytes>,
}

impl Files<'_, '_> {
    /// Decrypts what a kustomization has generators of Secrets and patches read.
    fn of(&mut self, directory: &TreePath, kustomization: &Value) -> Result<(), DecryptionError> {
        for generator in kustomization["secretGenerator"].as_array().into_iter().flatten() {
            for file in texts(&generator["files"]) {
                let (key, name) = file.split_once('=').unwrap_or((file, file));
                self.file(directory, name, format_of(key))?;
            }
            for name in texts(&generator["envs"]) {
                let format = match format_of(name) {
                    Format::Binary => Format::Dotenv,
                    format => format,
                };
                self.file(directory, name, format)?;
            }
        }
        let patches = kustomization["patches"].as_array().into_iter().flatten();
        for name in patches.filter_map(|patch| patch["path"].as_str()).filter(|name| !name.contains("://")) {
            self.file(directory, name, format_of(name))?;
        }
        Ok(())
    }

    fn file(&mut self, directory: &TreePath, name: &str, format: Format) -> Result<(), DecryptionError> {
        // What is not there the render tells.
        let Some(path) = directory.join(name).ok().and_then(|path| self.tree.resolve(&path).ok()) else {
            return Ok(());
        };
        let is_file = matches!(self.tree.entry(&path)?.map(|entry| entry.kind), Some(EntryKind::File { .. }));
        if !is_file || self.decrypted.contains_key(&path) || !self.seen.insert((path.clone(), format)) {
            return Ok(());
        }
        let data = self.tree.read(&path)?;
        if !format.marks(&data) {
            return Ok(());
        }
        self.size = self.size.saturating_add(data.len());
        if self.size > MAX_FILES {
            return Err(DecryptionError::TooMany);
        }
        let opened = self.opener.open(&data, format, format);
        let opened = opened.map_err(|error| DecryptionError::File { path: path.clone(), error })?;
        if let Some(Decrypted { bytes, is_intact, .. }) = opened {
            if !is_intact {
                self.opener.found.changed.push(path.clone());
            }
            self.decrypted.insert(path, bytes.into());
        }
        Ok(())
    }
}
