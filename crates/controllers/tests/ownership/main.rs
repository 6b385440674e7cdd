//! Every rule of ownership, beside Kubernetes' own garbage collector.
//!
//! `cases.rs` has the cases. What the real collector makes of them is in `tests/recorded/ownership.json`; how it is
//! recorded again says CONTRIBUTING.md.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../beside/mod.rs"]
mod beside;
mod case;
mod cases;
mod play;
mod see;

use cowherd_controlplane::{Budgets, Config, ControlPlane};

use beside::{Recording, at_once};
use case::Case;
use play::Playing;

#[tokio::test(flavor = "multi_thread")]
async fn each_case_ends_as_with_the_real_collector() {
    let directory = tempfile::tempdir().unwrap();
    let plane = ControlPlane::open(Config::new(directory.path()), &Budgets::default()).await.unwrap();
    let cases = cases::all();
    let recorded = Recording::read("ownership", &cases.iter().map(|case| case.name).collect::<Vec<_>>());
    let failures = at_once(plane.client(), cases, |client, number, case: Case| {
        let expected = case.instead.clone().unwrap_or_else(|| recorded.of(case.name));
        async move { beside::expect::<Playing>(&client, number, (case.name, &case.steps), &expected).await }
    });
    let failures: Vec<String> = failures.await.into_iter().filter_map(Result::err).collect();
    plane.stop().await;
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real cluster, in the kubeconfig that COWHERD_ORACLE_KUBECONFIG names"]
async fn record_what_the_real_collector_does() {
    let seen = at_once(beside::oracle().await, cases::all(), |client, number, case| async move {
        (case.name.to_owned(), beside::record::<Playing>(&client, number, &case.steps).await)
    });
    Recording::new("ownership", seen.await).write();
}
