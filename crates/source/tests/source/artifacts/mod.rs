//! Artifacts of OCI registries.

mod credentials;
mod faults;
mod kept;
mod references;
mod signatures;

use std::path::Path;

use cowherd_gitserver::artifact::{Artifact, Repository};
use cowherd_source::{Access, ArtifactReference, ArtifactRepository, ArtifactSource, Artifacts, Fetched};
use cowherd_tree::TreePath;

/// Artifacts that are kept in `directory`.
fn artifacts(directory: &Path) -> Artifacts {
    Artifacts::open(directory.join("artifacts")).unwrap()
}

/// The artifact `latest` of a repository, on the word of the person who runs the test.
fn source(repository: &Repository<'_>) -> ArtifactSource {
    let mut source = ArtifactSource::new(ArtifactRepository::parse(&repository.url()).unwrap());
    source.access = Access::own();
    source
}

fn tagged(repository: &Repository<'_>, tag: &str) -> ArtifactSource {
    ArtifactSource { reference: ArtifactReference::tag(tag.to_owned()).unwrap(), ..source(repository) }
}

fn fetch(artifacts: &Artifacts, source: &ArtifactSource) -> Fetched {
    artifacts.fetch(source).unwrap_or_else(|error| panic!("{error}"))
}

fn text(fetched: &Fetched, path: &str) -> String {
    String::from_utf8(fetched.tree.read(&TreePath::parse(path).unwrap()).unwrap().to_vec()).unwrap()
}

/// An artifact with one file `a` of this content.
fn artifact(content: &str) -> Artifact {
    Artifact::of(&[("a", content)])
}
