//! On whose behalf requests are made.

use super::*;

#[tokio::test]
async fn whether_the_api_sees_an_account_and_has_it_is_asked() {
    let world = World::new().await;
    let account = of_one_namespace(&world).await;
    assert!(world.applier.can_act_for(&account).await.unwrap());
    assert!(!world.applier.has_account(&account).await.unwrap(), "it has rights, and is not there");
    let object =
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "one", "namespace": "default" } });
    world.apply("accounts", vec![object]).await.unwrap();
    assert!(world.applier.has_account(&account).await.unwrap());
    for (namespace, name) in [("other", "one"), ("default", "two")] {
        assert!(!world.applier.has_account(&Account::service_account(namespace, name)).await.unwrap());
    }
    // Of users that are none of the cluster's nobody knows.
    let person = Account { user: "jane".to_owned() };
    assert!(world.applier.has_account(&person).await.unwrap() && world.applier.can_act_for(&person).await.unwrap());
}

#[tokio::test]
async fn an_api_that_sees_another_one_than_asked_for_is_told_apart() {
    // A proxy drops who is to be acted for: the API sees the agent itself.
    let proxy = tower::service_fn(|_: http::Request<kube::client::Body>| async {
        let answer = json!({ "status": { "userInfo": { "username": "system:serviceaccount:flux-system:agent" } } });
        Ok::<_, std::convert::Infallible>(http::Response::new(kube::client::Body::from(
            answer.to_string().into_bytes(),
        )))
    });
    let (applier, _drift) = Applier::new(kube::Client::new(proxy, "default"), Options::default());
    assert!(!applier.can_act_for(&Account::service_account("default", "one")).await.unwrap());
}
