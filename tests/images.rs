//! Image automation by the built program: a registry, a Git server that is pushed to, and a cluster that follows it.

use std::path::{Path, PathBuf};

use cowherd_gitserver::artifact::{Artifact, Repository as Place};
use cowherd_gitserver::http::{Behaviour, Server};
use cowherd_gitserver::registry::{Access, Registry};
use cowherd_gitserver::repository::run;
use tempfile::TempDir;

use crate::checking::Story;
use crate::program::fleet::repository;
use crate::program::{Running, eventually};

/// `jane:hunter2`, as clients show it.
const CREDENTIALS: &str = "Basic amFuZTpodW50ZXIy";

/// Pushes something with this tag.
fn tag(place: &Place<'_>, tag: &str) {
    Artifact::of(&[("a", tag.to_owned())]).push(place, tag);
}

/// A Deployment whose image follows the policy `app`. Its odd spaces and comments have to stay as they are.
fn deployment(image: &str) -> String {
    format!(
        "# who reads this\napiVersion: apps/v1\nkind:   Deployment\nmetadata: {{name: web, namespace: default}}\n\n\nspec:\n    selector: \
         {{matchLabels: {{app: web}}}}\n    template:\n        metadata: {{labels: {{app: web}}}}\n        spec:\n            containers:\n            \
         -   name: web\n                image: '{image}'   # {{\"$imagepolicy\": \"flux-system:app\"}}\n"
    )
}

/// What follows the image and writes it to the repository.
fn automation(image: &str, url: &str, push: &str) -> String {
    let metadata = |name: &str| format!("metadata: {{name: {name}, namespace: flux-system}}");
    [
        format!("apiVersion: v1\nkind: Secret\n{}\nstringData: {{username: jane, password: hunter2}}\n", metadata("git")),
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n{}\nspec: {{interval: 1h, url: '{url}', ref: {{branch: main}}, \
             secretRef: {{name: git}}}}\n",
            metadata("app")
        ),
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n{}\nspec: {{interval: 1h, prune: true, path: deploy, sourceRef: \
             {{kind: GitRepository, name: app}}}}\n",
            metadata("deployed")
        ),
        format!(
            "apiVersion: image.toolkit.fluxcd.io/v1beta2\nkind: ImageRepository\n{}\nspec: {{image: {image}, interval: 1s}}\n",
            metadata("app")
        ),
        format!(
            "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImagePolicy\n{}\nspec:\n  imageRepositoryRef: {{name: app}}\n  policy: {{semver: \
             {{range: '>=1.0.0'}}}}\n",
            metadata("app")
        ),
        format!(
            "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageUpdateAutomation\n{}\nspec:\n  interval: 1h\n  sourceRef: {{kind: \
             GitRepository, name: app}}\n  update: {{path: ./deploy, strategy: Setters}}\n  git:\n    commit:\n      author: {{name: robot, \
             email: robot@example.com}}\n      messageTemplate: |\n        Update images\n\n        {{{{ range .Changed.Changes }}}}{{{{ \
             .OldValue }}}} -> {{{{ .NewValue }}}}{{{{ end }}}}\n    push: {push}\n",
            metadata("app")
        ),
    ]
    .join("---\n")
}

/// A bare repository that is served, with the Deployment in it.
fn served(root: &Path, image: &str) {
    let work = cowherd_gitserver::Repository::new(root.join("work"));
    work.commit("deploy/web.yaml", &deployment(image));
    work.commit("other/web.yaml", &deployment(image));
    run(root, &["clone", "--quiet", "--bare", "work", "app.git"]);
    run(&root.join("app.git"), &["config", "http.receivepack", "true"]);
}

/// The image of the Deployment.
fn deployed(running: &Running, image: &str) {
    eventually(&format!("{image} is deployed"), || {
        let path = "jsonpath={.spec.template.spec.containers[0].image}";
        let output = running.kubectl(["get", "deployment", "web", "-n", "default", "-o", path]);
        let found = String::from_utf8_lossy(&output.stdout).into_owned();
        if found == image { Ok(()) } else { Err(found) }
    });
}

/// A registry with the first version of an image, and a repository on a server that deploys one.
struct Shop {
    image: String,
    root: PathBuf,
    server: Server,
    registry: Registry,
    directory: TempDir,
}

impl Shop {
    /// The repository deploys this version.
    fn open(version: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
        let image = format!("{}/team/app", registry.host);
        let root = directory.path().join("served");
        std::fs::create_dir_all(&root).unwrap();
        served(&root, &format!("{image}:{version}"));
        let server = Server::start(&root);
        server.behave(Behaviour { authorization: Some(CREDENTIALS.to_owned()), ..Behaviour::default() });
        let shop = Self { image, root, server, registry, directory };
        tag(&shop.place(), "1.0.0");
        shop
    }

    /// Where its tags are.
    fn place(&self) -> Place<'_> {
        Place::new(&self.registry.host, "team/app")
    }
}

#[test]
fn a_pushed_tag_becomes_a_commit_and_the_cluster_follows_it() {
    let shop = Shop::open("1.0.0");
    let Shop { image, root, server, directory, .. } = &shop;
    let place = shop.place();
    let git = |arguments: &[&str]| run(&root.join("app.git"), arguments);

    let fleet = repository(&directory.path().join("fleet"));
    fleet.write("cluster/images.yaml", &automation(image, &server.url("app.git"), "{branch: main}"));
    fleet.commit("follow an image");
    let arguments = ["up", "fleet", "--path", "cluster", "--allow-network", "127.0.0.1"];
    let running = Running::start(directory.path(), arguments);
    deployed(&running, &format!("{image}:1.0.0"));
    running.wait_for_condition("imagepolicy/app", "True", &["resolved to 1.0.0"]);
    running.wait_for_condition("imageupdateautomation/app", "True", &["repository up-to-date"]);
    let before = git(&["rev-parse", "main"]);

    tag(&place, "1.1.0-rc.1");
    tag(&place, "1.1.0");
    deployed(&running, &format!("{image}:1.1.0"));
    assert_eq!(git(&["rev-parse", "main^"]), before, "one commit");
    assert_eq!(git(&["diff", "--name-status", "main^", "main"]), "M\tdeploy/web.yaml", "nothing beside the path");
    let expected = deployment(&format!("{image}:1.1.0"));
    assert_eq!(git(&["show", "main:deploy/web.yaml"]), expected.trim_end(), "no other byte");
    let told = git(&["log", "-1", "--format=%an <%ae>%n%B", "main"]);
    assert_eq!(told, format!("robot <robot@example.com>\nUpdate images\n\n{image}:1.0.0 -> {image}:1.1.0"));
    running.wait_for_condition("imagepolicy/app", "True", &["resolved to 1.1.0 (previously", ":1.0.0)"]);

    let head = git(&["rev-parse", "main"]);
    let automation = running.get("imageupdateautomation app -n flux-system");
    assert_eq!(automation["status"]["lastPushCommit"], head.as_str(), "{automation}");
    assert_eq!(automation["status"]["observedSourceRevision"], format!("main@sha1:{head}"));
    assert_eq!(automation["status"]["observedPolicies"]["app"]["tag"], "1.1.0");
    let scanned = running.get("imagerepository app -n flux-system");
    assert_eq!(scanned["status"]["lastScanResult"]["latestTags"], serde_json::json!(["1.1.0-rc.1", "1.1.0", "1.0.0"]));
    assert_eq!(scanned["status"]["canonicalImageName"], image.as_str());
    let events = running.cowherd_ok(["events", "--for", "iua/app"]);
    assert!(events.contains(&format!("pushed commit '{}' to branch 'main'", &head[..7])), "{events}");
    let all = running.cowherd_ok(["get", "images", "all"]);
    for row in ["imagerepository/app", "imagepolicy/app", "imageupdateautomation/app"] {
        assert!(all.lines().any(|line| line.starts_with(row) && line.contains("True")), "{row}: {all}");
    }

    // What rests does nothing, and what is asked for is done.
    running.cowherd_ok(["suspend", "image", "update", "app"]);
    tag(&place, "1.2.0");
    running.wait_for_condition("imagepolicy/app", "True", &["resolved to 1.2.0"]);
    assert_eq!(git(&["rev-parse", "main"]), head);
    running.cowherd_ok(["resume", "image", "update", "app"]);
    deployed(&running, &format!("{image}:1.2.0"));
}

#[test]
fn another_branch_is_made_of_what_is_checked_out_and_stays_the_one_that_is_written() {
    let shop = Shop::open("0.9.0");
    let Shop { image, root, server, directory, .. } = &shop;
    let place = shop.place();
    let git = |arguments: &[&str]| run(&root.join("app.git"), arguments);
    let main = git(&["rev-parse", "main"]);
    let fleet = repository(&directory.path().join("fleet"));
    let push = "{branch: auto, refspec: 'refs/heads/auto:refs/heads/copy'}";
    fleet.write("cluster/images.yaml", &automation(image, &server.url("app.git"), push));
    fleet.commit("follow an image");
    let arguments = ["up", "fleet", "--path", "cluster", "--allow-network", "127.0.0.1"];
    let running = Running::start(directory.path(), arguments);
    let says = |branch: &str, tag: &str| {
        eventually(&format!("{branch} has {tag}"), || {
            let found = cowherd_gitserver::repository::git(&root.join("app.git"))
                .args(["show", &format!("{branch}:deploy/web.yaml")])
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&found.stdout).into_owned();
            if text == deployment(&format!("{image}:{tag}")) { Ok(()) } else { Err(text) }
        });
    };
    says("auto", "1.0.0");
    says("copy", "1.0.0");
    tag(&place, "1.1.0");
    says("auto", "1.1.0");
    says("copy", "1.1.0");
    assert_eq!(git(&["rev-list", "--count", &format!("{main}..auto")]), "2", "the second stands on the first");
    assert_eq!(git(&["rev-parse", "main"]), main);
    deployed(&running, &format!("{image}:0.9.0"));
}

#[test]
fn what_is_not_done_of_images_is_told_where_it_is_written() {
    let story = Story::begin();
    let manifest = |spec: &str| {
        format!(
            "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageUpdateAutomation\nmetadata: {{name: a, namespace: flux-system}}\n{spec}"
        )
    };
    let signed = "spec:\n  interval: 1m\n  sourceRef: {kind: GitRepository, name: flux-system}\n  git:\n    commit:\n      author: {email: \
                  a@b}\n      signingKey: {secretRef: {name: k}, type: gpg}\n";
    story.repository.write("cluster/images.yaml", &manifest(signed));
    story.says("cluster/images.yaml:10", "spec.git.commit.signingKey.type \"gpg\" is not supported yet");
    let provider = "apiVersion: image.toolkit.fluxcd.io/v1\nkind: ImageRepository\nmetadata: {name: a, namespace: flux-system}\nspec:\n  image: \
                    a/b\n  interval: 1m\n  provider: aws\n";
    story.repository.write("cluster/images.yaml", provider);
    story.says("cluster/images.yaml:7", "spec.provider \"aws\" is not supported yet");
}
