//! Who we are to the server of a bucket, and what a manifest may reach.

use std::time::Duration;

use cowherd_gitserver::storage::Storage;
use cowherd_source::{
    Access, Auth, BucketKeys, BucketProblem, BucketSource, Network, ProxyServer, StorageLimits, Tenants, WebProblem,
};

use super::{BUCKET, artifacts, fetch, refused, source, text};

fn keys(access: &str, secret: &str) -> Option<BucketKeys> {
    Some(BucketKeys { access_key: access.into(), secret_key: secret.into() })
}

/// A bucket that only Jane may read.
fn of_jane() -> Storage {
    let storage = Storage::start(BUCKET);
    storage.put("a b/c+d.yaml", "1");
    storage.behave(|behaviour| behaviour.keys = Some(("jane".into(), "jane-5ecret".into())));
    storage
}

#[test]
fn requests_are_signed_and_a_wrong_key_is_said_without_showing_it() {
    let directory = tempfile::tempdir().unwrap();
    let storage = of_jane();
    let kept = artifacts(directory.path());
    let with = |keys: Option<BucketKeys>| BucketSource { keys, ..source(&storage) };
    assert_eq!(text(&fetch(&kept, &with(keys("jane", "jane-5ecret"))), "a b/c+d.yaml"), "1");
    for (keys, said, remedy) in [
        (
            keys("jane", "other-5ecret"),
            "SignatureDoesNotMatch",
            "check accesskey and secretkey in the Secret of spec.secretRef",
        ),
        (keys("joe", "jane-5ecret"), "InvalidAccessKeyId", "check accesskey and secretkey"),
        (None, "AccessDenied: Access Denied", "no credentials were given: name a Secret with accesskey and secretkey"),
    ] {
        let error = refused(&kept, &with(keys));
        assert!(error.starts_with("failed to confirm existence of 'apps' bucket: 403 Forbidden, "), "{error}");
        assert!(error.contains(said) && error.contains(remedy), "{error}");
    }
    storage.behave(|behaviour| behaviour.keys = None);
    assert_eq!(text(&fetch(&kept, &with(None)), "a b/c+d.yaml"), "1");
    assert!(storage.seen().iter().all(|seen| !seen.path.contains("5ecret")));
}

#[test]
fn the_region_is_the_one_that_is_given_or_else_the_one_that_the_server_says() {
    let directory = tempfile::tempdir().unwrap();
    let storage = of_jane();
    storage.behave(|behaviour| behaviour.region = "eu-west-7".into());
    let kept = artifacts(directory.path());
    let in_region = |region: Option<&str>, scope: &str| BucketSource {
        keys: keys("jane", "jane-5ecret"),
        region: region.map(str::to_owned),
        scope: scope.into(),
        ..source(&storage)
    };
    assert_eq!(fetch(&kept, &in_region(Some("eu-west-7"), "a")).objects, 1);
    storage.seen();
    assert_eq!(fetch(&kept, &in_region(None, "b")).objects, 1);
    let refusals = storage.seen().iter().filter(|seen| seen.status == 400).count();
    assert_eq!(refusals, 1, "once it is known, it is used");
    let error = refused(&kept, &in_region(Some("us-east-1"), "c"));
    assert!(error.contains("set spec.region to what the bucket is in: \"eu-west-7\""), "{error}");
    storage.behave(|behaviour| behaviour.region = "no\nregion".into());
    assert!(refused(&kept, &in_region(None, "d")).contains("set spec.region"));
}

#[test]
fn tls_is_spoken_with_the_authorities_that_are_given() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::start_tls(BUCKET);
    storage.put("a.yaml", "1");
    let kept = artifacts(directory.path());
    let error = refused(&kept, &source(&storage));
    assert!(error.contains("TLS with https://localhost:") && error.contains("spec.certSecretRef"), "{error}");
    let ca = storage.certificate.clone().map(String::into_bytes);
    let trusting = BucketSource { certificates: Auth { ca, ..Auth::default() }, ..source(&storage) };
    assert_eq!(text(&fetch(&kept, &trusting), "a.yaml"), "1");
    let broken = Auth { ca: Some(b"none".to_vec()), ..Auth::default() };
    let error = refused(&kept, &BucketSource { certificates: broken, ..source(&storage) });
    assert!(error.contains("ca.crt holds no certificate in PEM format"), "{error}");
}

#[test]
fn a_manifest_reaches_what_it_may_and_a_proxy_only_what_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::start(BUCKET);
    storage.put("a.yaml", "1");
    let kept = artifacts(directory.path());
    let of_manifest = BucketSource { access: Access::default(), ..source(&storage) };
    let error = kept.bucket(&of_manifest).unwrap_err();
    assert!(matches!(error.problem, BucketProblem::Web(WebProblem::Forbidden { .. })), "{error}");
    assert!(error.to_string().contains("--allow-network 127.0.0.1"), "{error}");
    assert!(storage.seen().is_empty());
    let network = Network::Others(vec!["127.0.0.1".parse().unwrap()]);
    let allowed = BucketSource { access: Access { network, ..Access::default() }, ..of_manifest.clone() };
    assert_eq!(fetch(&kept, &allowed).objects, 1);
    let proxy = cowherd_gitserver::proxy::Proxy::start("jane:open-sesame");
    let proxied =
        ProxyServer::new(&format!("http://{}", proxy.address), Some("jane"), Some(&"open-sesame".into())).unwrap();
    let through = BucketSource { proxy: Some(proxied), scope: "proxied".into(), ..allowed };
    assert_eq!(fetch(&kept, &through).objects, 1);
    assert!(!proxy.seen().is_empty());
}

#[test]
fn what_is_kept_counts_for_who_wants_it_and_there_is_no_more_than_that() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::start(BUCKET);
    storage.put("a.bin", vec![1; 100 << 10]);
    storage.put("b.bin", vec![2; 100 << 10]);
    let kept = artifacts(directory.path());
    let tenants = Tenants::default().with_storage(StorageLimits { total: 1 << 30, per_namespace: 300 << 10 });
    let of = |namespace: &str| BucketSource {
        tenant: Some(tenants.tenant(namespace, namespace)),
        scope: namespace.into(),
        ..source(&storage)
    };
    let first = fetch(&kept, &of("a"));
    storage.put("c.bin", vec![3; 150 << 10]);
    let error = refused(&kept, &of("a"));
    assert!(error.contains("it cannot be kept: what sources of the namespace a keep on disk"), "{error}");
    drop(first);
    storage.remove("a.bin");
    assert_eq!(fetch(&kept, &of("a")).objects, 2, "what nobody reads any more counts no longer");
    let left = std::fs::read_dir(directory.path().join("artifacts/layers")).unwrap();
    assert!(left.flatten().all(|file| !file.file_name().to_string_lossy().starts_with(".partial-")));
}

#[test]
fn who_does_not_want_it_any_more_does_not_wait() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::start(BUCKET);
    storage.put("a.yaml", "1");
    storage.behave(|behaviour| behaviour.hang_after = Some(0));
    let wanted = source(&storage);
    let cancel = wanted.cancel.clone();
    let begun = std::time::Instant::now();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        cancel.cancel();
    });
    let error = artifacts(directory.path()).bucket(&wanted).unwrap_err();
    assert!(matches!(error.problem, BucketProblem::Web(WebProblem::Cancelled)), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}
