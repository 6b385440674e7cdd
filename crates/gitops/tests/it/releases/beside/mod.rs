//! HelmReleases beside Flux's own controllers.
//!
//! `tests/releases/` has the cases, `tests/recorded/releases/` what the real controllers make of them whenever a case looks; how that
//! is recorded again says docs/testing.md.

mod case;
mod compare;
mod hand;
mod seen;
mod stage;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use kube::Client;
use serde_json::Value;

use case::{Case, Step};
use compare::differences;
use stage::Stage;

/// The variable that names the kubeconfig of a real cluster on which source-controller and helm-controller run.
const ORACLE: &str = "COWHERD_ORACLE_KUBECONFIG";
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long nothing must have changed before it is taken for the end, when it is recorded.
const STEADY: Duration = Duration::from_secs(12);
/// How many cases are played at the same time.
const AT_ONCE: usize = 16;

/// Plays a case, and says what is to be seen whenever it looks, when nothing changes any more.
async fn record(client: &Client, case: Case, directory: &Path) -> (Vec<Value>, Vec<Value>) {
    let mut stage = Stage::set(client, case, directory, true).await;
    let (mut looks, mut observed) = (Vec::new(), Vec::new());
    for step in stage.case.steps.clone() {
        if !matches!(step, Step::Look) {
            stage.take(&step).await;
            continue;
        }
        let began = Instant::now();
        let (mut seen, mut since) = (stage.see().await, Instant::now());
        while since.elapsed() < STEADY && began.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = stage.see().await;
            if now != seen || !stage.is_at_rest().await {
                (seen, since) = (now, Instant::now());
            }
        }
        looks.push(seen);
        observed.extend(stage.observed().await);
    }
    (looks, observed)
}

/// Plays a case, and compares what is to be seen with what was recorded, whenever it looks.
async fn compare(client: &Client, case: Case, directory: &Path) -> Result<(), String> {
    let recorded = recorded(&case.name);
    let mut stage = Stage::set(client, case, directory, false).await;
    let mut expected = recorded.into_iter();
    for (at, step) in stage.case.steps.clone().iter().enumerate() {
        if !matches!(step, Step::Look) {
            stage.take(step).await;
            continue;
        }
        let expected = expected.next().ok_or_else(|| format!("{}: not all looks are recorded", stage.case.name))?;
        let began = Instant::now();
        loop {
            let seen = stage.see().await;
            let differences = differences(&stage.case, &seen, &expected);
            if differences.is_empty() {
                break;
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("{}, at step {at}:\n  {}", stage.case.name, differences.join("\n  ")));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

fn recordings() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/releases")
}

fn recording(case: &str) -> PathBuf {
    recordings().join(format!("{case}.json"))
}

fn recorded(case: &str) -> Vec<Value> {
    let text =
        std::fs::read_to_string(recording(case)).unwrap_or_else(|error| panic!("{case} is not recorded: {error}"));
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_case_ends_as_with_the_real_helm_controller() {
    let shop = super::Shop::open().await;
    let directory = tempfile::tempdir().unwrap();
    let played = stream::iter(case::all()).map(|case| compare(&shop.world.client, case, directory.path()));
    let played: Vec<Result<(), String>> = played.buffer_unordered(AT_ONCE).collect().await;
    let failures: Vec<String> = played.into_iter().filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real cluster with source-controller and helm-controller, in the kubeconfig that COWHERD_ORACLE_KUBECONFIG names"]
async fn record_what_the_real_helm_controller_says() {
    let kubeconfig = kube::config::Kubeconfig::read_from(std::env::var(ORACLE).unwrap()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    let client = Client::try_from(config).unwrap();
    let directory = tempfile::tempdir().unwrap();
    // Those that are named by the variable alone, where it is set.
    let only = std::env::var("COWHERD_CASES").unwrap_or_default();
    let only: Vec<&str> = only.split(',').filter(|name| !name.is_empty()).collect();
    let cases = case::all().into_iter().filter(|case| only.is_empty() || only.contains(&case.name.as_str()));
    std::fs::create_dir_all(recordings()).unwrap();
    let observed = stream::iter(cases).map(|case| async {
        let (path, directory, client) = (recording(&case.name), directory.path(), client.clone());
        let (looks, observed) = record(&client, case, directory).await;
        std::fs::write(path, serde_json::to_string_pretty(&looks).unwrap() + "\n").unwrap();
        observed
    });
    let observed: Vec<Vec<Value>> = observed.buffer_unordered(AT_ONCE).collect().await;
    if only.is_empty() {
        let lines: BTreeSet<String> = observed.into_iter().flatten().map(|one| one.to_string() + "\n").collect();
        std::fs::write(recordings().with_file_name("release-digests.jsonl"), String::from_iter(lines)).unwrap();
    }
}
