//! Whether the server is ready, and who is told why it is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::{local, request::*};
use cowherd_apiserver::User;
use serde_json::{Value, json};

#[tokio::test]
async fn why_it_is_not_ready_is_told_to_who_may_ask_for_the_check_alone() {
    let (server, _directory) = local().await;
    let is_well = Arc::new(AtomicBool::new(true));
    let well = is_well.clone();
    let check = move || if well.load(Ordering::SeqCst) { Ok(()) } else { Err("/srv/data is gone".to_owned()) };
    server.add_check("controllers", check);
    let anyone = [User::anonymous(), User::authenticated("jane", ["herders"])];
    let those = [User::authenticated("prober", ["system:monitoring"]), User::admin()];
    for user in anyone.iter().chain(&those) {
        let client = server.client_as(user.clone(), "test");
        assert_eq!(get(&client, "/readyz").await, (200, json!("ok")));
        let (code, said) = get(&client, "/readyz?verbose").await;
        let words =
            "[+]ping ok\n[+]store ok\n[+]shutdown ok\n[+]following ok\n[+]controllers ok\nreadyz check passed\n";
        assert_eq!((code, said.as_str().unwrap()), (200, words));
    }
    is_well.store(false, Ordering::SeqCst);
    for (people, reason) in [(&anyone, "reason withheld"), (&those, "/srv/data is gone")] {
        for user in people {
            let client = server.client_as(user.clone(), "test");
            for path in ["/readyz", "/readyz?verbose"] {
                let (code, said) = get(&client, path).await;
                let words = format!(
                    "[+]ping ok\n[+]store ok\n[+]shutdown ok\n[+]following ok\n[-]controllers failed: {reason}\nreadyz check failed\n"
                );
                assert_eq!((code, said.as_str().unwrap()), (500, words.as_str()), "{}", user.name);
            }
            assert_eq!(get(&client, "/livez").await, (200, json!("ok")), "it lives nevertheless");
        }
    }
}

#[tokio::test]
async fn a_server_whose_file_was_removed_is_not_ready_and_writes_nothing() {
    let (server, directory) = local().await;
    let client = server.client();
    let map = |name: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    let maps = "/api/v1/namespaces/default/configmaps";
    assert_eq!(post(&client, maps, map("before")).await.0, 201);
    // As `git clean -fdx` does with a data directory in a repository.
    std::fs::remove_dir_all(directory.path()).unwrap();
    let (code, said) = get(&client, "/readyz").await;
    let said = said.as_str().unwrap_or_default();
    assert_eq!(code, 500, "{said}");
    assert!(said.contains("[-]store failed: cannot write to the store: the file was removed"), "{said}");
    let (code, status) = post(&client, maps, map("after")).await;
    assert_eq!(code, 500, "{status}");
    assert!(message(&status).contains("git clean -x"), "{status}");
    let (code, list) = get(&client, maps).await;
    assert_eq!((code, names(&list)), (200, vec!["before"]), "reads go on");
    assert_eq!(get(&client, &format!("{maps}/after")).await.0, 404);
    assert_eq!(delete(&client, &format!("{maps}/before"), Value::Null).await.0, 500);
}
