//! The log of a running `up`, `server` or `agent`: what it writes to standard error and to its data directory, and how
//! `cowherd logs` reads that again.
//!
//! A line of the file is a JSON object, as tracing writes it. Two files are kept, each of a limited size.

mod file;
mod filter;
mod flux;
mod follow;
mod harmless;
mod line;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

pub use filter::{Filter, Level, Subject};
pub use follow::Log;
pub use line::Line;

use crate::terminal;
use file::File;
use flux::Flux;
use harmless::{Harmless, Spelling};

/// What is written to the data directory unless `COWHERD_LOG` says otherwise.
const KEPT: &str = "info";

/// Where a data directory keeps its log.
pub fn directory(data_dir: &Path) -> PathBuf {
    data_dir.join("logs")
}

/// How lines are written to standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    /// For people
    #[default]
    Console,
    /// As Flux's controllers write them, for `flux logs` and whatever gathers logs
    Json,
}

/// Begins to log: to standard error what is of `level` and above, and to the data directory what is worth to be kept.
/// `COWHERD_LOG`, such as `warn,cowherd_gitops=debug`, says it for both.
pub fn start(level: &str, encoding: Encoding, data_dir: &Path) {
    let filter = |level| EnvFilter::try_from_env("COWHERD_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    // A line that cannot be written is lost. To say so there, where nothing can be written, would end whoever logs.
    let to_stderr = match encoding {
        Encoding::Console => {
            let stderr = || Harmless(std::io::stderr(), Spelling::Plain);
            let layer = fmt::layer().with_writer(stderr).with_ansi(terminal::colours());
            layer.log_internal_errors(false).boxed()
        }
        Encoding::Json => {
            let stderr = || Flux(Harmless(std::io::stderr(), Spelling::Json));
            let layer = fmt::layer().json().with_span_list(true).with_current_span(false);
            layer.with_writer(stderr).log_internal_errors(false).boxed()
        }
    };
    let to_stderr = to_stderr.with_filter(filter(level));
    let file = File::new(&directory(data_dir));
    let to_file = fmt::layer().json().with_span_list(true).with_current_span(false);
    let to_file = to_file
        .with_writer(move || Harmless(file.clone(), Spelling::Json))
        .log_internal_errors(false)
        .with_filter(filter(KEPT));
    // Only one subscriber can be set, and only one ever is.
    let _ = tracing_subscriber::registry().with(to_stderr).with(to_file).try_init();
}
