//! Archives (`.tar.gz`) as trees: charts, and layers of artifacts.

mod budget;
mod chart;
mod ending;
mod error;
mod layer;
mod limits;
mod name;
mod reader;

pub use chart::unpack;
pub use error::ArchiveError;
pub use layer::{unpack_files, unpack_layer};
pub use limits::ArchiveLimits;
