//! What is logged during a reconciliation names the controller and the object.

use std::io::Write;
use std::sync::{Arc, Mutex};

use cowherd_runtime::{Controller, Error, Next, Runtime};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use crate::cluster::{Cluster, eventually};

/// Text that was logged.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Logs what the thread does from here on, as long as both are kept.
    pub fn of_this_thread(&self) -> (tracing::Dispatch, tracing::subscriber::DefaultGuard) {
        let written = self.clone();
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone()).finish();
        // Where there is one subscriber, a line that another test meets first is asked of that test's thread alone, and is off
        // for all. Where there are two, both are asked.
        let other = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
        (other, tracing::subscriber::set_default(subscriber))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

#[tokio::test]
async fn a_line_says_whose_reconciliation_it_is_of() {
    let (log, cluster) = (Log::default(), Cluster::start().await);
    // Tests of one thread: what is spawned here logs here.
    let _logging = log.of_this_thread();
    cluster.create("seen", json!({})).await;
    let runtime = Runtime::new(cluster.client.clone());
    let maps = runtime.informer::<ConfigMap>();
    let reconciling = tokio::spawn(Controller::of(&runtime, "looker", &maps).run(|_| async {
        tracing::info!("looked");
        Err::<Next, _>(Error::Invalid("it is odd".to_owned()))
    }));
    eventually("lines of the reconciliation", || async {
        let text = log.text();
        let spans = "reconcile{controller=\"looker\" object=default/seen}: ";
        let line = |says: &str| text.lines().any(|line| line.contains(spans) && line.contains(says));
        if line("looked") && line("reconciliation failed; trying again") { Ok(()) } else { Err(text) }
    })
    .await;
    reconciling.abort();
}
