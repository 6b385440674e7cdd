//! PodDisruptionBudgets, beside Kubernetes' own disruption controller.
//!
//! `cases.rs` has the cases. What the real controller makes of them is in `tests/recorded/budgets.json`; how it is
//! recorded again says CONTRIBUTING.md.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../beside/mod.rs"]
mod beside;
mod cases;
mod play;

use cowherd_controlplane::{Budgets, Config, ControlPlane};

use beside::{Recording, at_once};
use cases::Case;
use play::Playing;

#[tokio::test(flavor = "multi_thread")]
async fn each_case_ends_as_with_the_real_controller() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::new(directory.path());
    config.controllers = "disruption,serviceaccount".parse().unwrap();
    let plane = ControlPlane::open(config, &Budgets::default()).await.unwrap();
    let cases = cases::all();
    let recorded = Recording::read("budgets", &cases.iter().map(|case| case.name).collect::<Vec<_>>());
    let failures = at_once(plane.client(), cases, |client, number, case: Case| {
        let expected = recorded.of(case.name);
        async move { beside::expect::<Playing>(&client, number, (case.name, &case.steps), &expected).await }
    });
    let failures: Vec<String> = failures.await.into_iter().filter_map(Result::err).collect();
    plane.stop().await;
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real cluster, in the kubeconfig that COWHERD_ORACLE_KUBECONFIG names"]
async fn record_what_the_real_controller_does() {
    let seen = at_once(beside::oracle().await, cases::all(), |client, number, case| async move {
        (case.name.to_owned(), beside::record::<Playing>(&client, number, &case.steps).await)
    });
    Recording::new("budgets", seen.await).write();
}
