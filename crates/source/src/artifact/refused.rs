//! Layers that are not unpacked, so that they are downloaded once. Nothing of it is written down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cowherd_tree::ArchiveError;

/// How many layers are remembered.
const REMEMBERED: usize = 64;
/// For how long one is not asked for again.
const BELIEVED: Duration = Duration::from_secs(12 * 60 * 60);

/// Layers that are not unpacked, by the place where they would be kept.
#[derive(Default)]
pub(super) struct Refused(Vec<(String, Arc<ArchiveError>, Instant)>);

impl Refused {
    /// Why the layer is not asked for, if it is not. Who was asked by a person asks in any case.
    pub(super) fn of(&mut self, place: &str, is_requested: bool) -> Option<Arc<ArchiveError>> {
        self.0.retain(|(refused, _, since)| since.elapsed() < BELIEVED && !(is_requested && refused == place));
        self.0.iter().find(|(refused, ..)| refused == place).map(|(_, error, _)| error.clone())
    }

    /// Notes that a layer was not unpacked, which came as its digest says.
    pub(super) fn note(&mut self, place: &str, error: &Arc<ArchiveError>) {
        self.0.retain(|(refused, ..)| refused != place);
        if self.0.len() >= REMEMBERED {
            self.0.remove(0);
        }
        self.0.push((place.to_owned(), error.clone(), Instant::now()));
    }
}
