//! Which tags a repository has, and what each of them names.

use super::{ArtifactError, ArtifactProblem, ArtifactSource, ArtifactStep, Artifacts};
use crate::Digest;
use crate::connect::Line;
use crate::deadline::Deadline;
use crate::registry::Registry;
use crate::web::Web;

impl Artifacts {
    /// Of the tags that the repository of `source` has and that `fits`, those that `choose` leaves, in its order, with the digests of
    /// the manifests that they name. Which artifact the source refers to does not matter. Nothing is kept.
    ///
    /// # Errors
    /// When the registry does not give them in time, or has more tags than are read.
    pub fn tags(
        &self,
        source: &ArtifactSource,
        fits: impl Fn(&str) -> bool,
        choose: impl FnOnce(Vec<String>) -> Vec<String>,
    ) -> Result<Vec<(String, Digest)>, ArtifactError> {
        let at = |step| move |problem| ArtifactError { step, problem: ArtifactProblem::Web(problem) };
        let line = Line::new(&source.access, &source.cancel).through(source.proxy.as_ref());
        let web = Web::new(&source.auth, &self.0.authorities, Deadline::after(source.timeout), line);
        let web = web.map_err(at(ArtifactStep::Credentials))?;
        let registry = Registry::new(web, &source.repository.name, source.is_plain());
        let tags = registry.tags(|tag| fits(&tag).then_some(tag)).map_err(at(ArtifactStep::Tag))?;
        let named = |tag: String| {
            let digest = match registry.digest(&tag)? {
                Some(digest) => digest,
                None => registry.manifest(&tag, None)?.1,
            };
            Ok((tag, digest))
        };
        choose(tags).into_iter().map(named).collect::<Result<_, _>>().map_err(at(ArtifactStep::Digest))
    }
}
