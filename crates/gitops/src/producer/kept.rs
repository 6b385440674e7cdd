//! Renders that are kept over a restart: what an owner's manifests came to, under the key of all that made it so.
//!
//! A file for each owner holds what its last render read, what else it was made from, and the manifests. At the
//! next start it takes the place of a render wherever the tree still answers all reads alike. A file that is missing,
//! damaged or of another version costs a render, nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cowherd_render::RemoteSource;
use cowherd_tree::{Reads, Tree};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Inputs, Product};
use crate::owner::OwnerName;

/// The form of the files. Whoever changes it changes this.
const FORM: &str = "cowherd render 3";

/// The most bytes that a file may hold once it is unpacked.
const MAX_SIZE: u64 = 256 * 1024 * 1024;

/// A directory of renders.
#[derive(Debug)]
pub struct KeptRenders {
    directory: PathBuf,
    /// Which program renders: another one may render otherwise.
    program: String,
}

/// What is kept of a render.
pub(crate) struct Kept {
    pub(crate) inputs: Inputs,
    /// The identity of the manifests.
    pub(crate) digest: String,
    /// What of them was not filled in.
    pub(crate) unset: Option<String>,
    /// What of them was made of values of Secrets.
    pub(crate) made: BTreeSet<String>,
    /// What of the owner has no effect.
    pub(crate) without_effect: Option<String>,
    pub(crate) objects: Vec<Value>,
}

/// The content of a file.
#[derive(Serialize, Deserialize)]
struct File {
    /// All that the render was made from besides the tree and what is elsewhere.
    key: String,
    reads: Reads,
    remotes: Vec<(RemoteSource, String)>,
    digest: String,
    #[serde(default)]
    unset: Option<String>,
    #[serde(default)]
    made: BTreeSet<String>,
    without_effect: Option<String>,
    objects: Vec<Value>,
}

impl KeptRenders {
    /// The renders in `directory`, which is made where it is missing and belongs to its owner alone: manifests hold
    /// Secrets. `program` tells apart programs that may render otherwise.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn open(directory: impl Into<PathBuf>, program: &str) -> io::Result<Self> {
        let directory = directory.into();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        Ok(Self { directory, program: program.to_owned() })
    }

    /// What was kept for the owner, if it was made from `parameters` and `tree` answers as the tree did then. What
    /// is elsewhere is for the caller to look at.
    pub(crate) fn find(&self, name: &OwnerName, parameters: &str, tree: &dyn Tree) -> Option<Kept> {
        let kept = read(&self.path(name)).inspect_err(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::warn!(owner = %name, %error, "a kept render cannot be read; it is made again");
            }
        });
        let File { key, reads, remotes, digest, unset, without_effect, made, objects } = kept.ok()?;
        let holds = key == self.key(parameters) && reads.unchanged_in(tree).unwrap_or(false);
        let inputs = Inputs { reads, remotes: remotes.into_iter().collect(), is_complete: true };
        holds.then_some(Kept { inputs, digest, unset, without_effect, made, objects })
    }

    /// Keeps a render in the place of the one before. One that cannot be kept is made again at the next start.
    pub(crate) fn keep(&self, name: &OwnerName, parameters: &str, inputs: &Inputs, product: &Product) {
        let file = File {
            key: self.key(parameters),
            reads: inputs.reads.clone(),
            remotes: inputs.remotes.clone().into_iter().collect(),
            digest: product.digest.clone(),
            unset: product.unset.clone(),
            made: product.made.clone(),
            without_effect: product.without_effect.clone(),
            objects: product.objects().cloned().collect(),
        };
        if let Err(error) = write(&self.path(name), &file) {
            tracing::warn!(owner = %name, %error, "a render cannot be kept");
        }
    }

    /// Removes what was kept for an owner that is gone.
    pub(crate) fn forget(&self, name: &OwnerName) {
        let _ = fs::remove_file(self.path(name));
    }

    fn path(&self, name: &OwnerName) -> PathBuf {
        self.directory.join(hex(&Sha256::digest(format!("{}/{name}", name.kind.plural))))
    }

    fn key(&self, parameters: &str) -> String {
        let mut digest = Sha256::new();
        for part in [FORM, &self.program, parameters] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        hex(&digest.finalize())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A digest of the content stands before it: what a crash left half written is told from what is whole.
fn read(path: &Path) -> io::Result<File> {
    let mut file = fs::File::open(path)?;
    let mut digest = [0; 32];
    file.read_exact(&mut digest)?;
    let mut packed = Vec::new();
    file.take(MAX_SIZE).read_to_end(&mut packed)?;
    if Sha256::digest(&packed)[..] != digest {
        return Err(io::Error::other("the file is damaged"));
    }
    let unpacked = DeflateDecoder::new(packed.as_slice()).take(MAX_SIZE);
    serde_json::from_reader(io::BufReader::new(unpacked)).map_err(io::Error::other)
}

fn write(path: &Path, kept: &File) -> io::Result<()> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(io::BufWriter::new(&mut encoder), kept)?;
    let packed = encoder.finish()?;
    // A reconciliation of an owner that was made again may write at the same time.
    let staged = path.with_extension(format!("{:?}", std::thread::current().id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
    file.write_all(&Sha256::digest(&packed))?;
    file.write_all(&packed)?;
    fs::rename(&staged, path).inspect_err(|_| drop(fs::remove_file(&staged)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cowherd_tree::{MemoryTree, Recorder, TreePath};
    use serde_json::json;

    fn map() -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
    }

    fn product() -> Product {
        let unset = Some("the variable a has no value".to_owned());
        Product::again(vec![map()], "sha256:x".to_owned(), unset, ["hunter2".to_owned()].into()).unwrap()
    }

    fn inputs(tree: &MemoryTree) -> Inputs {
        let recorder = Recorder::new(tree);
        recorder.read(&TreePath::parse("a").unwrap()).unwrap();
        let source = RemoteSource::File { url: "https://example.com/a.yaml".to_owned() };
        Inputs { reads: recorder.into_reads(), remotes: [(source, "1".to_owned())].into(), is_complete: true }
    }

    #[test]
    fn a_render_is_found_again_until_what_made_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let name = OwnerName::new(&crate::kustomization::KIND, "flux-system", "apps");
        let tree = MemoryTree::new([("a", "1"), ("b", "1")]).unwrap();
        let open = |program| KeptRenders::open(directory.path(), program).unwrap();
        open("one").keep(&name, "parameters", &inputs(&tree), &product());

        let kept = open("one").find(&name, "parameters", &tree).unwrap();
        assert_eq!((kept.digest.as_str(), kept.unset.as_deref()), ("sha256:x", Some("the variable a has no value")));
        assert_eq!((kept.objects, kept.made), (vec![map()], ["hunter2".to_owned()].into()));
        assert_eq!(kept.inputs.remotes, inputs(&tree).remotes);
        let elsewhere = MemoryTree::new([("a", "1"), ("b", "2")]).unwrap();
        assert!(open("one").find(&name, "parameters", &elsewhere).is_some());
        let changed = MemoryTree::new([("a", "2"), ("b", "1")]).unwrap();
        assert!(open("one").find(&name, "parameters", &changed).is_none());
        assert!(open("one").find(&name, "others", &tree).is_none());
        assert!(open("two").find(&name, "parameters", &tree).is_none());
        assert!(
            open("one")
                .find(&OwnerName::new(&crate::kustomization::KIND, "flux-system", "other"), "parameters", &tree)
                .is_none()
        );
        open("one").forget(&name);
        assert!(open("one").find(&name, "parameters", &tree).is_none());
    }

    #[test]
    fn a_damaged_file_is_no_render() {
        let directory = tempfile::tempdir().unwrap();
        let name = OwnerName::new(&crate::kustomization::KIND, "flux-system", "apps");
        let tree = MemoryTree::new([("a", "1")]).unwrap();
        let renders = KeptRenders::open(directory.path(), "one").unwrap();
        renders.keep(&name, "parameters", &inputs(&tree), &product());
        let whole = fs::read(renders.path(&name)).unwrap();
        for length in 0..whole.len() {
            fs::write(renders.path(&name), &whole[..length]).unwrap();
            assert!(renders.find(&name, "parameters", &tree).is_none(), "{length} bytes");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(renders.path(&name), &damaged).unwrap();
            assert!(renders.find(&name, "parameters", &tree).is_none(), "byte {at}");
        }
        assert_eq!(fs::metadata(renders.path(&name)).unwrap().permissions().mode() & 0o777, 0o600);
    }

    use std::os::unix::fs::PermissionsExt;
}
