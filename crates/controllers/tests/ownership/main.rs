//! Every rule of ownership, beside Kubernetes' own garbage collector.
//!
//! `cases.rs` has the cases. What the real collector makes of them is in `tests/recorded/ownership.json`; how it is
//! recorded again says CONTRIBUTING.md.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod case;
mod cases;
mod play;
mod see;

use std::collections::BTreeMap;
use std::path::PathBuf;

use cowherd_controlplane::{Budgets, Config, ControlPlane};
use futures::{StreamExt, stream};
use kube::Client;

use case::Case;
use play::Seen;

/// The variable that names the kubeconfig of a real cluster with the garbage collector as its only other writer.
const ORACLE: &str = "COWHERD_ORACLE_KUBECONFIG";

type Recorded = BTreeMap<String, Vec<Seen>>;

fn recording() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/ownership.json")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_case_ends_as_with_the_real_collector() {
    let directory = tempfile::tempdir().unwrap();
    let plane = ControlPlane::open(Config::new(directory.path()), &Budgets::default()).await.unwrap();
    let client = plane.client();

    let recorded: Recorded = serde_json::from_str(&std::fs::read_to_string(recording()).unwrap()).unwrap();
    let cases = cases::all();
    let names: Vec<&str> = cases.iter().map(|case| case.name).collect();
    assert!(recorded.keys().all(|name| names.contains(&name.as_str())), "a case was recorded that is no more");
    let failures: Vec<String> = at_once(&client, cases, |client, number, case| {
        let expected = case.instead.clone().unwrap_or_else(|| recorded[case.name].clone());
        async move { play::expect(&client, number, &case, &expected).await }
    })
    .await
    .into_iter()
    .filter_map(Result::err)
    .collect();
    plane.stop().await;
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real cluster, in the kubeconfig that COWHERD_ORACLE_KUBECONFIG names"]
async fn record_what_the_real_collector_does() {
    let kubeconfig = kube::config::Kubeconfig::read_from(std::env::var(ORACLE).unwrap()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    let client = Client::try_from(config).unwrap();
    let seen = at_once(&client, cases::all(), |client, number, case| async move {
        (case.name.to_owned(), play::record(&client, number, &case).await)
    });
    let recorded: Recorded = seen.await.into_iter().collect();
    std::fs::write(recording(), serde_json::to_string_pretty(&recorded).unwrap() + "\n").unwrap();
}

/// All cases at the same time, each in namespaces of its own.
async fn at_once<T, F: Future<Output = T>>(
    client: &Client,
    cases: Vec<Case>,
    play: impl Fn(Client, usize, Case) -> F,
) -> Vec<T> {
    let plays = cases.into_iter().enumerate().map(|(number, case)| play(client.clone(), number, case));
    stream::iter(plays.collect::<Vec<_>>()).buffer_unordered(16).collect().await
}
