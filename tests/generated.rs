//! Artifacts that an ArtifactGenerator makes of parts of the repository: followed by the built program, and looked at without a cluster.

use cowherd_gitserver::repository::run;

use crate::checking::Story;
use crate::program::Running;
use crate::program::fleet::repository;
use crate::program::repository::{Repository, config_map};

/// A generator that makes an artifact of `infra`, and one of two directories of `apps`.
const GENERATOR: &str = "\
apiVersion: source.extensions.fluxcd.io/v1beta1
kind: ArtifactGenerator
metadata:
  name: flux-system
  namespace: flux-system
spec:
  sources:
    - alias: monorepo
      kind: GitRepository
      name: flux-system
  artifacts:
    - name: infrastructure
      originRevision: \"@monorepo\"
      copy:
        - from: \"@monorepo/infra/**\"
          to: \"@artifact/\"
    - name: apps
      originRevision: \"@monorepo\"
      copy:
        - from: \"@monorepo/apps/base/**\"
          to: \"@artifact/base/\"
        - from: \"@monorepo/apps/production/**\"
          to: \"@artifact/production/\"
";

/// Writes the generator and two Kustomizations of what it makes.
fn describe(repository: &Repository) {
    let of = |name: &str, artifact: &str, path: &str| {
        format!(
            "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: \
             flux-system}}\nspec: {{interval: 1h, retryInterval: 1s, prune: true, path: {path}, sourceRef: {{kind: \
             ExternalArtifact, name: {artifact}}}}}\n"
        )
    };
    let all = [GENERATOR, &of("maps", "infrastructure", "./maps"), &of("shop", "apps", "./production")];
    repository.write("cluster/artifacts.yaml", &all.concat());
    repository.config_map("infra/maps/map.yaml", "infra", "1");
    repository.write("apps/base/kustomization.yaml", "resources: [map.yaml]\n");
    repository.config_map("apps/base/map.yaml", "shop", "1");
    repository.write("apps/production/kustomization.yaml", "resources: [../base]\n");
}

#[test]
fn parts_of_a_repository_are_followed_each_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let fleet = repository(&directory.path().join("fleet"));
    describe(&fleet);
    fleet.commit("begin");
    let running = Running::start(directory.path(), ["up", "fleet", "--path", "cluster"]);
    running.wait_for_value("infra", "1");
    running.wait_for_value("shop", "1");
    let revision = |name: &str| {
        let path = "jsonpath={.status.artifact.revision}";
        running.kubectl_ok(["get", "externalartifact", name, "-n", "flux-system", "-o", path])
    };
    let (infra, apps) = (revision("infrastructure"), revision("apps"));
    running.wait_for_ready("maps", "True", &infra);
    running.wait_for_ready("shop", "True", &apps);
    let all = running.cowherd_ok(["get"]);
    for row in ["artifactgenerator/flux-system", "externalartifact/apps", "externalartifact/infrastructure"] {
        assert!(all.lines().any(|line| line.starts_with(row) && line.contains("True")), "{row}: {all}");
    }
    fleet.config_map("apps/base/map.yaml", "shop", "2").commit("one part");
    running.wait_for_value("shop", "2");
    running.cowherd_ok(["reconcile", "artifact", "generator", "flux-system"]);
    assert_ne!(revision("apps"), apps);
    assert_eq!(revision("infrastructure"), infra);
    running.wait_for_ready("shop", "True", &revision("apps"));
    running.cowherd_ok(["suspend", "ag/flux-system"]);
    let ag = running.cowherd_ok(["get", "artifact", "generators"]);
    assert!(ag.lines().any(|line| line.contains("flux-system") && line.contains("True")), "{ag}");
}

#[test]
fn what_is_wrong_in_a_part_is_told_where_it_is_written() {
    let story = Story::begin();
    describe(&story.repository);
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0));
    let odd = config_map("shop", "1").replace("\ndata:", "\ndta:");
    story.repository.write("apps/base/map.yaml", &odd);
    story.says("apps/base/map.yaml:6", "dta");
    story.repository.write("apps/production/kustomization.yaml", "resources: [../gone]\n");
    story.says("apps/production/kustomization.yaml:1", "gone");
    story.repository.write("apps/production/kustomization.yaml", "resources: [../base]\n");
    story.repository.write("cluster/artifacts.yaml", &GENERATOR.replace("kind: GitRepository", "kind: HelmRepository"));
    story.says("cluster/artifacts.yaml:7", "HelmRepository");
    story.repository.write("cluster/artifacts.yaml", &GENERATOR.replace("- name: apps", "- name: infrastructure"));
    story.says("cluster/artifacts.yaml:6", "duplicate artifact name 'infrastructure' found");
}

#[test]
fn what_a_branch_changes_of_a_part_is_told() {
    let story = Story::begin();
    describe(&story.repository);
    story.repository.commit("parts");
    run(&story.repository.path, &["checkout", "--quiet", "-b", "change"]);
    story.repository.config_map("apps/base/map.yaml", "shop", "2").commit("another value");
    let output = crate::program::cowherd(&story.repository.path).args(["diff", "--base", "main"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("ConfigMap/default/shop") && told.contains('2'), "{told}");
    assert!(!told.contains("ConfigMap/default/infra"), "{told}");
}
