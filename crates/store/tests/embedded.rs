//! The store in a file does what every store does.

mod suite;

use cowherd_store::{Options, Store};
use suite::Place;
use tempfile::TempDir;

/// A file, and how it is opened.
struct File {
    directory: TempDir,
    options: Options,
}

impl File {
    fn new(options: Options) -> Self {
        Self { directory: tempfile::tempdir().expect("a directory"), options }
    }
}

impl Place for File {
    async fn open(&self) -> Store {
        Store::open(self.directory.path().join("state.redb"), self.options.clone()).expect("a store")
    }
}

mod with_memory {
    use super::*;

    suite::suite! { File::new(Options::default()) }
}

/// So little memory for events that whoever doesn't keep up reads the file.
mod with_little_memory {
    use super::*;

    suite::suite! { File::new(Options { window_events: 3, ..Options::default() }) }
}

mod forgetting {
    use super::*;

    #[test]
    fn stores_that_forget_soon_behave_as_the_model() {
        let options = Options { window_events: 3, history_events: 8, ..Options::default() };
        suite::model::stores_behave_as_the_model(|| File::new(options.clone()));
    }
}
