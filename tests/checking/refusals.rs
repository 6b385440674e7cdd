//! What the agents refuse.

use super::Story;

#[test]
fn what_the_agents_would_not_act_on_or_refuse_is_told() {
    let story = Story::begin();
    let kind = |api_version: &str, kind: &str, name: &str, more: &str| {
        format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: default}}\n{more}")
    };
    let claim = "spec:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n";
    story.repository.write("app/one.yaml", &kind("v1", "PersistentVolumeClaim", "one", claim));
    story.repository.write("app/two.yaml", &kind("v1", "PersistentVolumeClaim", "two", claim));
    let ports = "  ports: [{port: 80}]\n";
    story.repository.write("app/in.yaml", &kind("v1", "Service", "inside", &format!("spec:\n{ports}")));
    story
        .repository
        .write("app/out.yaml", &kind("v1", "Service", "outside", &format!("spec:\n  type: LoadBalancer\n{ports}")));
    story.repository.kustomization("moved", "./moved", "targetNamespace: nobodys").config_map("moved/a.yaml", "a", "1");
    story
        .repository
        .write("app/far.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: far\n  namespace: far\n");
    let source = |name: &str, url: &str, more: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: {name}, namespace: \
             flux-system}}\nspec:\n  interval: 1m\n  url: {url}\n{more}"
        )
    };
    story.repository.write("cluster/disk.yaml", &source("disk", "file:///srv/fleet", ""));
    story.repository.write("cluster/cloud.yaml", &source("cloud", "http://169.254.169.254/fleet", ""));
    story
        .repository
        .write("cluster/range.yaml", &source("range", "https://example.com/fleet", "  ref: {semver: 'not one'}\n"));
    story.repository.write("cluster/good.yaml", &source("good", "https://example.com/fleet", ""));
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 1, "a source that can never be fetched is an error: {lines:#?}");
    for (place, words) in [
        (
            "app/one.yaml:2: warning: PersistentVolumeClaim/default/one",
            "the control plane of cowherd has no controller for PersistentVolumeClaim: what describes it is not Ready there; \
             2 objects, also at app/two.yaml:2 [no-controller]",
        ),
        ("app/out.yaml:2: warning: Service/default/outside", "has no controller for Service of type LoadBalancer:"),
        (
            "cluster/moved.yaml:14: warning: Kustomization/flux-system/moved",
            "there is no Namespace nobodys in the repository",
        ),
        ("app/far.yaml:5: warning: ConfigMap/far/far", "there is no Namespace far in the repository"),
        ("cluster/disk.yaml:6: warning: GitRepository/flux-system/disk", "start cowherd with --local-repository"),
        (
            "cluster/cloud.yaml:6: warning: GitRepository/flux-system/cloud",
            "start cowherd with --allow-network 169.254.169.254",
        ),
        ("cluster/range.yaml:6: error: GitRepository/flux-system/range", "spec.ref.semver"),
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with(place) && line.contains(words)),
            "{place}: {words}: {lines:#?}"
        );
    }
    assert_eq!(lines.len(), 7, "{lines:#?}");
    let namespaces = "apiVersion: v1\nkind: Namespace\nmetadata: {name: nobodys}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: far}\n";
    let given = story.repository.path.join("../namespaces.yaml");
    std::fs::write(&given, namespaces).unwrap();
    let (lines, status) = story.lines(&["--with", given.to_str().unwrap(), "--ignore", "no-controller,source"]);
    assert_eq!((lines, status), (Vec::new(), 0));
}

#[test]
fn an_artifact_that_can_never_be_had_is_told() {
    let story = Story::begin();
    for (name, spec) in [
        ("tagged", "{interval: 1m, url: 'oci://example.com/apps:1'}"),
        ("cloud", "{interval: 1m, url: 'oci://example.com/apps', provider: aws}"),
        ("keyless", "{interval: 1m, url: 'oci://example.com/apps', verify: {provider: cosign}}"),
        (
            "anybody",
            "{interval: 1m, url: 'oci://example.com/apps', verify: {matchOIDCIdentity: [{issuer: '(', subject: x}]}}",
        ),
        ("good", "{interval: 1m, url: 'oci://example.com/apps', verify: {provider: cosign, secretRef: {name: keys}}}"),
    ] {
        let source = format!(
            "apiVersion: source.toolkit.fluxcd.io/v1beta2\nkind: OCIRepository\nmetadata: {{name: {name}, namespace: \
             flux-system}}\nspec: {spec}\n"
        );
        story.repository.write(&format!("cluster/{name}.yaml"), &source);
    }
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 1, "{lines:#?}");
    for (name, words) in [
        ("tagged", "the URL must have no tag"),
        ("cloud", "spec.provider \"aws\" is not supported yet"),
        ("anybody", "spec.verify.matchOIDCIdentity[0].issuer is no regular expression"),
    ] {
        let place = format!("cluster/{name}.yaml:4: error: OCIRepository/flux-system/{name}");
        assert!(lines.iter().any(|line| line.starts_with(&place) && line.contains(words)), "{place}: {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.contains("spec.verify.secretRef: there is no Secret keys")), "{lines:#?}");
    assert_eq!(lines.len(), 4, "{lines:#?}");
}

#[test]
fn addresses_of_this_machine_and_its_link_are_told_wherever_something_is_fetched_from() {
    let story = Story::begin();
    for (name, kind, url) in [
        ("registry", "OCIRepository", "oci://localhost:5000/apps"),
        ("link", "OCIRepository", "oci://[fe80::1]:5000/apps"),
        ("charts", "HelmRepository", "http://127.0.0.1:8879/charts"),
        ("far", "OCIRepository", "oci://ghcr.io/org/apps"),
        ("office", "HelmRepository", "https://10.0.0.7/charts"),
    ] {
        let source = format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: \
             flux-system}}\nspec:\n  interval: 1m\n  url: {url}\n"
        );
        story.repository.write(&format!("cluster/{name}.yaml"), &source);
    }
    let kustomization = "resources:\n- red.yaml\n- http://localhost:1/base.yaml\nhelmCharts:\n- name: x\n  repo: \
                         https://169.254.169.254/charts\n  version: 1.0.0\n";
    story.repository.write("app/kustomization.yaml", kustomization);
    let (lines, _) = story.lines(&["--offline"]);
    for (place, address) in [
        ("cluster/registry.yaml:6: warning: OCIRepository/flux-system/registry: ", "127.0.0.1"),
        ("cluster/link.yaml:6: warning: OCIRepository/flux-system/link: ", "fe80::1"),
        ("cluster/charts.yaml:6: warning: HelmRepository/flux-system/charts: ", "127.0.0.1"),
        ("app/kustomization.yaml:3: warning: resources[1]: ", "127.0.0.1"),
        ("app/kustomization.yaml:6: warning: helmCharts[0].repo: ", "169.254.169.254"),
    ] {
        let told = format!(
            "start cowherd with --allow-network {address}, or with --allow-network NAMESPACE={address} for those of one \
             namespace alone, if they may [source]"
        );
        assert!(
            lines.iter().any(|line| line.starts_with(place) && line.ends_with(&told)),
            "{place}: {told}: {lines:#?}"
        );
    }
    let refused = lines.iter().filter(|line| line.ends_with("[source]")).count();
    assert_eq!(refused, 5, "{lines:#?}");
}

#[test]
fn fields_of_releases_that_are_refused_are_told_where_they_are_written() {
    let story = Story::begin();
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: web\n  namespace: \
                   default\nspec:\n  interval: 1m\n  chartRef: {kind: OCIRepository, name: web}\n  healthCheckExprs:\n    \
                   - {apiVersion: v1, kind: ConfigMap, current: data.ready ==}\n";
    let repository = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata:\n  name: web\n  namespace: \
                      default\nspec:\n  url: https://charts.example.com\n  provider: aws\n";
    story.repository.write("app/release.yaml", release).write("app/repository.yaml", repository).commit("far away");
    let wrong = "spec.healthCheckExprs[0].current cannot be read as an expression of CEL: 1:14: syntax error: unexpected the end";
    story.says("app/release.yaml:10", wrong);
    story.says("app/repository.yaml:8", "spec.provider");
}
