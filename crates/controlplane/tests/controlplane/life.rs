//! How a control plane begins and ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use cowherd_apiserver::User;
use cowherd_controlplane::{Budgets, Config, ControlPlane, Error, Listen};
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use serde_json::json;

use crate::repository::{self, converged, follow, until};

fn config_maps(client: Client) -> Api<ConfigMap> {
    Api::namespaced(client, "default")
}

/// Waits until all that was started has ended. Threads are those of the store and of watches on repositories.
async fn nothing_is_left(tasks: usize) {
    let runtime = tokio::runtime::Handle::current();
    until("all tasks have ended", async || {
        let alive = runtime.metrics().num_alive_tasks();
        if alive <= tasks { Ok(()) } else { Err(format!("{alive} are alive, and {tasks} were before")) }
    })
    .await;
    until("all threads have ended", async || {
        let threads: Vec<String> = std::fs::read_dir("/proc/self/task")
            .unwrap()
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
            .map(|name| name.trim().to_owned())
            .filter(|name| name.starts_with("store-writer") || name.starts_with("watch-repositor"))
            .collect();
        if threads.is_empty() { Ok(()) } else { Err(format!("{threads:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_without_a_trace_and_goes_on_from_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let repository = repository::make(&directory.path().join("repository"));
    let budgets = Budgets::default();
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    for round in 0..3 {
        let plane = follow(directory.path().join("plane"), &repository, &budgets).await;
        converged(&plane).await;
        // Ended while all goes on, then once more by being dropped: the next one finds the state free and whole.
        match round {
            0 => plane.stop().await,
            _ => drop(plane),
        }
        nothing_is_left(tasks).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_is_started_again_and_told_of() {
    let directory = tempfile::tempdir().unwrap();
    let mut plane = ControlPlane::open(Config::new(directory.path()), &Budgets::default()).await.unwrap();
    let starts = Arc::new(AtomicU32::new(0));
    plane.keep("fragile", {
        let starts = starts.clone();
        move || {
            let starts = starts.clone();
            async move {
                match starts.fetch_add(1, Ordering::SeqCst) {
                    0 => {}
                    1 => panic!("a bug"),
                    _ => std::future::pending().await,
                }
            }
        }
    });
    until("it runs for the third time", async || {
        let starts = starts.load(Ordering::SeqCst);
        if starts == 3 { Ok(()) } else { Err(format!("it was started {starts} times")) }
    })
    .await;
    let problems = plane.health().problems();
    let problem = problems.iter().find(|problem| problem.name == "fragile").unwrap();
    assert_eq!((problem.reason.as_str(), problem.restarts), ("it panicked, and is started again", 2));
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_what_its_configuration_says() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::new(directory.path());
    config.api.service_network = "172.20.0.0/24".parse().unwrap();
    config.controllers = "*,-deployment".parse().unwrap();
    config.listen = Some(Listen { address: "127.0.0.1:0".to_owned(), ..Listen::default() });
    let plane = ControlPlane::open(config, &Budgets::default()).await.unwrap();

    let services: Api<Service> = Api::namespaced(plane.client(), "default");
    let service = json!({ "metadata": { "name": "web" }, "spec": { "ports": [{ "port": 80 }] } });
    services.create(&PostParams::default(), &serde_json::from_value(service).unwrap()).await.unwrap();
    let addresses = services.list(&ListParams::default()).await.unwrap().into_iter();
    let mut addresses: Vec<_> = addresses.filter_map(|service| service.spec?.cluster_ip).collect();
    addresses.sort();
    assert_eq!(addresses[0], "172.20.0.1");
    assert!(addresses[1].starts_with("172.20.0."), "{addresses:?}");
    let outside =
        json!({ "metadata": { "name": "x" }, "spec": { "clusterIP": "10.96.0.9", "ports": [{ "port": 80 }] } });
    let refused = services.create(&PostParams::default(), &serde_json::from_value(outside).unwrap()).await.unwrap_err();
    assert!(refused.to_string().contains("does not match the current range 172.20.0.0/24"), "{refused}");

    until("the other controllers run", async || {
        let loops = plane.health().loops_by_name();
        let has = |name: &str| loops.iter().any(|known| known == name);
        if has("replicaset") && !has("deployment") { Ok(()) } else { Err(format!("{loops:?}")) }
    })
    .await;

    let kubeconfig = kube::config::Kubeconfig::read_from(plane.kubeconfig().unwrap()).unwrap();
    let remote = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await.unwrap();
    let remote = Client::try_from(remote).unwrap();
    let map = json!({ "metadata": { "name": "written" } });
    config_maps(remote).create(&PostParams::default(), &serde_json::from_value(map).unwrap()).await.unwrap();
    assert!(config_maps(plane.client()).get_opt("written").await.unwrap().is_some());
    let nobody = plane.client_as(User::known("nobody", &[]));
    let denied = config_maps(nobody).list(&ListParams::default()).await.unwrap_err();
    assert!(matches!(denied, kube::Error::Api(status) if status.code == 403));
    plane.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_never_have_one_state() {
    let directory = tempfile::tempdir().unwrap();
    let budgets = Budgets::default();
    let first = ControlPlane::open(Config::new(directory.path()), &budgets).await.unwrap();
    let second = ControlPlane::open(Config::new(directory.path()), &budgets).await.unwrap_err();
    assert!(matches!(second, Error::Store(cowherd_store::OpenError::Locked { .. })), "{second}");
    first.stop().await;
    ControlPlane::open(Config::new(directory.path()), &budgets).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_cannot_listen_leaves_its_state_to_others() {
    let directory = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let data_dir = directory.path().join("data");
    let mut config = Config::new(&data_dir);
    config.listen = Some(Listen { address: taken.local_addr().unwrap().to_string(), ..Listen::default() });
    let refused = ControlPlane::open(config.clone(), &Budgets::default()).await.unwrap_err();
    assert!(matches!(refused, Error::Listen { .. }), "{refused}");
    assert!(!data_dir.exists(), "nothing is made for what cannot start");
    let first = ControlPlane::open(Config::new(&data_dir), &Budgets::default()).await.unwrap();
    let refused = ControlPlane::open(config.clone(), &Budgets::default()).await.unwrap_err();
    assert!(matches!(refused, Error::Store(cowherd_store::OpenError::Locked { .. })), "{refused}");
    first.stop().await;
    let refused = ControlPlane::open(config, &Budgets::default()).await.unwrap_err();
    assert!(matches!(refused, Error::Listen { .. }), "{refused}");
    ControlPlane::open(Config::new(&data_dir), &Budgets::default()).await.unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_keeps_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let called = async |cluster: Option<&str>| {
        let mut config = Config::new(directory.path());
        let cluster = cluster.map(str::to_owned);
        config.listen = Some(Listen { address: "127.0.0.1:0".to_owned(), cluster, ..Listen::default() });
        let plane = ControlPlane::open(config, &Budgets::default()).await.unwrap();
        let kubeconfig = kube::config::Kubeconfig::read_from(plane.kubeconfig().unwrap()).unwrap();
        plane.stop().await;
        kubeconfig.current_context.unwrap()
    };
    assert_eq!(called(None).await, "cowherd");
    assert_eq!(called(Some("prod")).await, "prod");
    assert_eq!(called(None).await, "prod");
}
