//! What is logged while something is reconciled names the object, the revision, who wrote it, and the cause.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::world::{World, config_map, kustomization};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_line_says_what_is_reconciled_at_which_revision() {
    let log = Log::default();
    let written = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone()).finish();
    // Where there is one subscriber, a line that another test meets first is asked of that test's thread alone, and is off
    // for all. Where there are two, both are asked.
    let _other = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    // Tests of one thread: what is spawned here logs here.
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = World::new().await;
    world.repository.write("app/map.yaml", &config_map("apps", "map", "1"));
    let revision = world.repository.commit("first");
    world.follow_repository().await;
    world.add(kustomization("app", "./app", json!({}))).await;
    world.ready("app", &revision).await;
    let span = format!(
        "reconcile{{controller=\"kustomization\" object=flux-system/app revision=\"{revision}\" author=\"Test\" \
         subject=\"first\" cause=\"it was made or changed\"}}: "
    );
    world
        .until("a line of the reconciliation", async || {
            let text = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
            let found = text.lines().any(|line| line.contains(&span) && line.contains("Reconciliation finished in"));
            if found { Ok(()) } else { Err(text) }
        })
        .await;
}
