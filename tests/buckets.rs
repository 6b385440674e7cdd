//! Buckets of object storage, followed by the built program and steered by its commands.

use cowherd_gitserver::repository::run;
use cowherd_gitserver::storage::Storage;

use crate::checking::Story;
use crate::program::Running;
use crate::program::fleet::repository;
use crate::program::repository::{Repository, config_map};

/// The key by which the bucket is read.
const KEY: &str = "key-5ecret";

/// A bucket that Jane may read, with two ConfigMaps and what nobody is to apply.
fn storage() -> Storage {
    let storage = Storage::start("apps");
    storage.behave(|behaviour| behaviour.keys = Some(("jane".to_owned(), KEY.to_owned())));
    for name in ["shop", "cart"] {
        storage.put(&format!("shop/{name}.yaml"), config_map(name, "1"));
    }
    storage.put("shop/notes.md", "# notes");
    storage.put("shop/broken.yaml", "this: [is not");
    storage
}

/// Writes the Bucket, with this key, and a Kustomization of it.
fn describe(fleet: &Repository, endpoint: &str, key: &str) {
    let objects = [
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: keys, namespace: flux-system}}\nstringData: {{accesskey: jane, secretkey: \
             {key}}}\n"
        ),
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1beta2\nkind: Bucket\nmetadata: {{name: shop, namespace: flux-system}}\nspec:\n  \
             interval: 1h\n  endpoint: {endpoint}\n  insecure: true\n  bucketName: apps\n  ignore: |\n    *.md\n    /shop/broken.yaml\n  \
             secretRef: {{name: keys}}\n"
        ),
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: shop, namespace: flux-system}\nspec: \
         {interval: 1h, retryInterval: 1s, prune: true, path: shop, sourceRef: {kind: Bucket, name: shop}}\n"
            .to_owned(),
    ];
    fleet.write("cluster/shop.yaml", &objects.join("---\n"));
}

/// A fleet of what is in the bucket, once it is there.
struct Followed {
    storage: Storage,
    fleet: Repository,
    running: Running,
    // Goes last, when nobody writes into it any more.
    _directory: tempfile::TempDir,
}

impl Followed {
    fn start() -> Self {
        let (directory, storage) = (tempfile::tempdir().unwrap(), storage());
        let fleet = repository(&directory.path().join("fleet"));
        describe(&fleet, &storage.endpoint(), KEY);
        fleet.commit("begin");
        let arguments = ["up", "fleet", "--path", "cluster", "--allow-network", "127.0.0.1"];
        let running = Running::start(directory.path(), arguments);
        running.wait_for_value("shop", "1");
        Self { storage, fleet, running, _directory: directory }
    }
}

fn revision(running: &Running) -> String {
    let path = "jsonpath={.status.artifact.revision}";
    running.kubectl_ok(["get", "bucket", "shop", "-n", "flux-system", "-o", path])
}

#[test]
fn a_bucket_is_followed_as_a_repository_is() {
    let followed = Followed::start();
    let Followed { storage, running, .. } = &followed;
    running.wait_for_value("cart", "1");
    let first = revision(running);
    assert!(first.starts_with("sha256:"), "{first}");
    running.wait_for_ready("shop", "True", &first);
    let all = running.cowherd_ok(["get"]);
    let short: String = first.chars().take("sha256:01234567".len()).collect();
    for row in ["bucket/shop", "kustomization/shop"] {
        assert!(all.lines().any(|line| line.starts_with(row) && line.contains(&short)), "{row} {short}: {all}");
    }
    let one = running.cowherd_ok(["get", "sources", "bucket", "shop"]);
    assert!(one.contains(&format!("stored artifact: revision '{short}")), "{one}");

    storage.asked();
    storage.put("shop/shop.yaml", config_map("shop", "2"));
    storage.remove("shop/cart.yaml");
    running.cowherd_ok(["reconcile", "source", "bucket", "shop"]);
    running.wait_for_value("shop", "2");
    let second = revision(running);
    assert_ne!(second, first);
    running.wait_for_ready("shop", "True", &second);
    let left = running.kubectl(["get", "configmap", "cart", "-n", "default"]);
    assert!(!left.status.success(), "what left the bucket is pruned");
    let asked = storage.asked();
    assert!(asked.iter().all(|key| [".sourceignore", "shop/shop.yaml"].contains(&key.as_str())), "{asked:?}");

    running.cowherd_ok(["suspend", "source", "bucket", "shop"]);
    storage.put("shop/shop.yaml", config_map("shop", "3"));
    running.cowherd_ok(["reconcile", "kustomization", "shop"]);
    assert_eq!(running.value("shop"), "2");
    running.cowherd_ok(["resume", "source", "bucket", "shop", "--wait"]);
    running.wait_for_value("shop", "3");

    let traced = running.cowherd_ok(["trace", "cm/shop", "-n", "default"]);
    for part in ["Bucket", &storage.endpoint(), "apps", "does not say what it was made of"] {
        assert!(traced.contains(part), "{part:?} is not in: {traced}");
    }
    let diff = running.cowherd(["diff", "shop"]);
    let said = String::from_utf8_lossy(&diff.stderr).into_owned();
    assert!(!diff.status.success() && said.contains("is made of the Bucket shop"), "{said}");
}

#[test]
fn a_key_that_is_wrong_is_said_and_what_was_brought_stays_until_it_is_right_again() {
    let Followed { storage, fleet, running, _directory } = Followed::start();
    let first = revision(&running);

    describe(&fleet, &storage.endpoint(), "wrong-5ecret");
    fleet.commit("a wrong key");
    storage.put("shop/shop.yaml", config_map("shop", "2"));
    running.cowherd_ok(["reconcile", "kustomization", "flux-system", "--with-source"]);
    let failed = running.cowherd(["reconcile", "source", "bucket", "shop"]);
    let said = String::from_utf8_lossy(&failed.stdout).into_owned() + &String::from_utf8_lossy(&failed.stderr);
    assert!(!failed.status.success(), "{said}");
    for part in ["failed to confirm existence of 'apps' bucket", "SignatureDoesNotMatch", "spec.secretRef"] {
        assert!(said.contains(part), "{part:?} is not in: {said}");
    }
    let status = running.kubectl_ok(["get", "bucket", "shop", "-n", "flux-system", "-o", "jsonpath={.status}"]);
    assert!(status.contains("BucketOperationFailed") && status.contains("FetchFailed"), "{status}");
    assert!(!(status + &said).contains("5ecret"));
    assert_eq!((running.value("shop"), revision(&running)), ("1".to_owned(), first));

    describe(&fleet, &storage.endpoint(), KEY);
    fleet.commit("the right key");
    running.cowherd_ok(["reconcile", "kustomization", "flux-system", "--with-source"]);
    running.cowherd_ok(["reconcile", "source", "bucket", "shop"]);
    running.wait_for_value("shop", "2");
    let told = running.kubectl_ok(["get", "kustomizations,buckets,events", "-A", "-o", "yaml"]) + &running.said();
    assert!(!told.contains("5ecret"), "{told}");
}

#[test]
fn what_a_bucket_is_refused_for_is_said_where_it_is_written() {
    let story = Story::begin();
    describe(&story.repository, "minio.example.com", KEY);
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0));
    run(&story.repository.path, &["checkout", "--quiet", "-b", "change"]);
    story.repository.commit("a bucket");
    let output = crate::program::cowherd(&story.repository.path).args(["diff", "--base", "main"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("its source is Bucket flux-system/shop (http://minio.example.com/apps)"), "{told}");
    describe(&story.repository, "minio.example.com/apps", KEY);
    story.says("cluster/shop.yaml:11", "invalid endpoint \"minio.example.com/apps\"");
    describe(&story.repository, "127.0.0.1:9000", KEY);
    story.says("cluster/shop.yaml:11", "--allow-network 127.0.0.1");
    describe(&story.repository, "minio.example.com\n  provider: azure", KEY);
    story.says("cluster/shop.yaml:12", "spec.provider \"azure\" is not supported yet");
}
