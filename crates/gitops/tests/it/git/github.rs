//! A repository that an app of GitHub may read.

use cowherd_gitserver::github::{APP, GitHub, INSTALLATION, OWNER};
use cowherd_gitserver::http::{Behaviour, Server};
use cowherd_source::{Access, Network};
use serde_json::{Value, json};

use super::{SOURCE, condition, reconcile, says};
use crate::world::{FLUX, Repository, World};

/// What the Secret of the app has.
fn secret(github: &GitHub, more: Value) -> Value {
    let mut data = json!({ "githubAppID": APP.to_string(), "githubAppPrivateKey": github.private_key,
        "githubAppBaseURL": github.url(), "ca.crt": github.certificate });
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    data
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_given_tokens_and_fetches_with_them() {
    let mut world = World::new().await;
    world.kill_agents().await;
    world.policy.access = Access { network: Network::Others(vec!["127.0.0.1".parse().unwrap()]), ..Access::default() };
    world.start_agents();
    let directory = tempfile::tempdir().unwrap();
    let github = GitHub::start(directory.path());
    let fleet = Repository::new(directory.path().join("fleet"));
    fleet.write("a.yaml", "");
    let first = fleet.commit("first");
    let server = Server::start(directory.path());
    let only = |authorization: String| Behaviour { authorization: Some(authorization), ..Behaviour::default() };
    server.behave(only(GitHub::authorization(0)));
    let keep = async |data: Value| {
        let object = json!({ "metadata": { "name": "app", "namespace": FLUX }, "stringData": data });
        match world.get("v1", "Secret", Some(FLUX), "app").await {
            None => world.create("v1", "Secret", object).await,
            Some(_) => {
                let data = json!({ "data": null, "stringData": object["stringData"] });
                world.patch("v1", "Secret", FLUX, "app", data).await;
            }
        }
    };
    keep(secret(&github, json!({ "githubAppInstallationID": INSTALLATION.to_string() }))).await;
    let spec = json!({ "interval": "1h", "url": server.url("fleet/.git"), "ref": { "branch": "main" },
        "provider": "github", "secretRef": { "name": "app" } });
    world
        .create(SOURCE, "GitRepository", json!({ "metadata": { "name": FLUX, "namespace": FLUX }, "spec": spec }))
        .await;
    says(&world, FLUX, "True", "Succeeded", &first).await;
    let asked = format!("POST /app/installations/{INSTALLATION}/access_tokens");
    assert_eq!(github.seen(), std::slice::from_ref(&asked));

    // A token is good for an hour, and is not asked for at each look.
    let second = fleet.commit("second");
    reconcile(&world, FLUX, "1").await;
    says(&world, FLUX, "True", "Succeeded", &second).await;
    assert_eq!(github.seen(), Vec::<String>::new());

    // One that is not taken any more is followed by another, and so is one that has ended.
    server.behave(only(GitHub::authorization(1)));
    github.give_until("2000-01-01T00:00:00Z");
    let third = fleet.commit("third");
    reconcile(&world, FLUX, "2").await;
    says(&world, FLUX, "True", "Succeeded", &third).await;
    assert_eq!(github.seen(), std::slice::from_ref(&asked));
    server.behave(only(GitHub::authorization(2)));
    let fourth = fleet.commit("fourth");
    reconcile(&world, FLUX, "3").await;
    says(&world, FLUX, "True", "Succeeded", &fourth).await;

    // The installation may be known by who has it, who is no organization.
    keep(secret(&github, json!({ "githubAppInstallationOwner": OWNER }))).await;
    server.behave(only(GitHub::authorization(3)));
    github.seen();
    let fifth = fleet.commit("fifth");
    reconcile(&world, FLUX, "4").await;
    says(&world, FLUX, "True", "Succeeded", &fifth).await;
    let looked = ["orgs", "users"].map(|of| format!("GET /{of}/{OWNER}/installation"));
    assert_eq!(github.seen(), [looked.to_vec(), vec![asked]].concat());

    // Nobody is believed who signs with another key, and what is missing is named.
    let other = GitHub::start(&directory.path().join("fleet"));
    let wrong =
        json!({ "githubAppInstallationID": INSTALLATION.to_string(), "githubAppPrivateKey": other.private_key });
    keep(secret(&github, wrong)).await;
    reconcile(&world, FLUX, "5").await;
    let refused = "answered 401 to the question for a token: A JSON web token could not be decoded";
    let status = says(&world, FLUX, "False", "AuthenticationFailed", refused).await;
    assert_eq!(status["artifact"]["revision"], fifth);
    assert!(!status.to_string().contains("PRIVATE KEY"), "{status}");
    for (more, said) in [
        (json!({}), "it has to have one of githubAppInstallationID and githubAppInstallationOwner"),
        (json!({ "githubAppInstallationOwner": "../x" }), "its githubAppInstallationOwner is no name"),
        (json!({ "githubAppInstallationID": "x" }), "its githubAppInstallationID is no number"),
        (json!({ "githubAppInstallationID": "1", "githubAppPrivateKey": "x" }), "is no private RSA key in PEM format"),
        (json!({ "githubAppInstallationID": "1", "githubAppBaseURL": "http://x" }), "does not begin with https://"),
    ] {
        keep(secret(&github, more)).await;
        reconcile(&world, FLUX, said).await;
        says(&world, FLUX, "False", "InvalidProviderConfiguration", said).await;
    }
    keep(secret(&github, json!({ "githubAppInstallationID": "1" }))).await;
    world.patch(SOURCE, "GitRepository", FLUX, FLUX, json!({ "spec": { "provider": "generic" } })).await;
    let unexpected = "secretRef 'app' has github app data but provider is not set to github";
    says(&world, FLUX, "False", "InvalidProviderConfiguration", unexpected).await;
    let none = json!({ "spec": { "provider": "github", "secretRef": null } });
    world.patch(SOURCE, "GitRepository", FLUX, FLUX, none).await;
    let status = says(&world, FLUX, "False", "InvalidProviderConfiguration", "secretRef with github app data").await;
    assert_eq!(condition(&status, "Stalled")["status"], "True");
}
