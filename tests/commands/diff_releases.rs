//! `cowherd diff` with a cluster: what a revision would change of the releases of charts.

use std::path::Path;

use cowherd_gitserver::artifact::{Artifact, Repository as Place, packed};
use cowherd_gitserver::files::Server;
use cowherd_gitserver::registry::{Access, Registry};
use serde_json::Value;

use super::code;
use crate::program::fleet::{self, Fleet};
use crate::program::repository::Repository;
use crate::program::{Running, eventually};

const CONFIG: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  color: {{ .Values.color | quote }}
  chart: {{ .Chart.Version | quote }}
";

const HOOK: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-before
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
data:
  color: {{ .Values.color | quote }}
";

/// A chart of this version, with its files below a directory.
fn chart(directory: &str, version: &str, templates: &[(&str, &str)]) -> Vec<(String, String)> {
    let metadata = format!("apiVersion: v2\nname: web\nversion: {version}\n");
    let mut files = vec![
        (format!("{directory}/Chart.yaml"), metadata),
        (format!("{directory}/values.yaml"), "color: red\n".to_owned()),
    ];
    files.extend(templates.iter().map(|(name, text)| (format!("{directory}/templates/{name}"), (*text).to_owned())));
    files
}

fn write_chart(repository: &Repository, version: &str, templates: &[(&str, &str)]) {
    for (path, content) in chart("charts/web", version, templates) {
        repository.write(&path, &content);
    }
}

/// A HelmRelease `name` of a chart that is taken from there, with more lines of its spec.
fn release(name: &str, from: &str, more: &str) -> String {
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {name}
  namespace: flux-system
spec:
  interval: 10m
  releaseName: {name}
  targetNamespace: default
{from}{more}"
    )
}

const OF_THE_REPOSITORY: &str = "  chart:
    spec:
      chart: ./charts/web
      sourceRef:
        kind: GitRepository
        name: flux-system
";

fn of_the_repository(name: &str, more: &str) -> String {
    release(name, OF_THE_REPOSITORY, more)
}

/// A followed repository of which `begin` makes something first, whose releases of these names are ready.
fn start(releases: &[&str], flags: &[&str], begin: impl FnOnce(&Repository)) -> Fleet {
    let directory = tempfile::tempdir().unwrap();
    start_in(directory, releases, flags, begin)
}

fn start_in(directory: tempfile::TempDir, releases: &[&str], flags: &[&str], begin: impl FnOnce(&Repository)) -> Fleet {
    let repository = fleet::repository(&directory.path().join("fleet"));
    begin(&repository);
    let first = repository.commit("begin");
    let running = Running::start(directory.path(), [&["up", "fleet", "--path", "cluster"], flags].concat());
    let fleet = Fleet { repository, running, first, directory };
    fleet.wait_until_applied(&fleet.first);
    for release in releases {
        fleet.running.wait_for_condition(&format!("helmrelease {release}"), "True", &["succeeded for release"]);
    }
    fleet
}

/// Makes something of the branch `next`, which nobody follows.
fn propose(fleet: &Fleet, change: impl FnOnce(&Repository)) {
    let repository = &fleet.repository;
    repository.git(["checkout", "--quiet", "-B", "next", "main"]);
    change(repository);
    repository.commit("what comes next");
    repository.git(["checkout", "--quiet", "main"]);
}

fn said(fleet: &Fleet, arguments: &[&str]) -> (i32, String) {
    code(fleet, &[arguments, &["--revision", "next"]].concat())
}

fn colors(fleet: &Fleet, config_map: &str) -> Value {
    fleet.running.get(&format!("configmap {config_map} -n default"))["data"]["color"].clone()
}

#[test]
fn values_of_a_commit_that_is_not_pushed_are_shown_object_by_object() {
    let fleet = start(&["web"], &[], |repository| {
        write_chart(repository, "0.1.0", &[("config.yaml", CONFIG), ("hook.yaml", HOOK)]);
        repository.write("cluster/web.yaml", &of_the_repository("web", "  values:\n    color: blue\n"));
    });
    let (status, same) = code(&fleet, &["diff"]);
    assert!(status == 0 && same.contains("the cluster is as the revision describes it"), "{same}");

    propose(&fleet, |repository| {
        repository.write("cluster/web.yaml", &of_the_repository("web", "  values:\n    color: green\n"));
    });
    let upgrade = "► HelmRelease/flux-system/web upgraded\n    chart web@0.1.0\n    with other values\n    hooks run, which are not \
                   compared: ConfigMap/web-before (pre-upgrade)\n► ConfigMap/default/web configured\n    data.color\n      - blue\n      \
                   + green\n";
    let (status, all) = said(&fleet, &["diff"]);
    assert_eq!(status, 1, "{all}");
    assert!(all.contains("► HelmRelease/flux-system/web configured\n    spec.values.color\n"), "{all}");
    assert!(all.contains(upgrade), "{all}");
    for words in ["hr/web", "helmrelease/web", "HelmRelease web", "helmreleases.helm.toolkit.fluxcd.io/web"] {
        let words: Vec<&str> = words.split(' ').collect();
        let (status, one) = said(&fleet, &[&["diff"], words.as_slice(), &["-n", "flux-system"]].concat());
        assert!(status == 1 && one.contains(upgrade) && one.contains("spec.values.color"), "{words:?}: {one}");
        assert!(!one.contains("default/red") && !one.contains("default/other"), "{one}");
    }

    let (status, text) = said(&fleet, &["diff", "hr/web", "-o", "json"]);
    let changes: Value = serde_json::from_str(&text).unwrap();
    let of = |action: &str| {
        changes.as_array().unwrap().iter().find(|change| change["action"] == action && change["name"] == "web").cloned()
    };
    assert_eq!(status, 1, "{text}");
    let upgraded = of("upgraded").unwrap();
    assert_eq!((&upgraded["kind"], &upgraded["notes"][0]), (&"HelmRelease".into(), &"chart web@0.1.0".into()));
    let config = changes.as_array().unwrap().iter().find(|change| change["kind"] == "ConfigMap").unwrap();
    assert_eq!(config["fields"], serde_json::json!([{ "path": "data.color", "before": "blue", "after": "green" }]));

    let (status, comment) = said(&fleet, &["diff", "-o", "markdown"]);
    assert_eq!(status, 1, "{comment}");
    for words in [
        "### 2 configured, 1 upgraded\n",
        "<b>flux-system/web</b> <code>HelmRelease</code>: 1 configured, 1 upgraded</summary>",
        "@@ ConfigMap/default/web configured @@\n  data.color\n- blue\n+ green\n",
        "@@ HelmRelease/flux-system/web upgraded @@\n! chart web@0.1.0\n",
    ] {
        assert!(comment.contains(words), "{words:?} is not in: {comment}");
    }
    let (status, nobody) = said(&fleet, &["diff", "hr/wbe"]);
    assert!(status != 0 && status != 1 && nobody.contains("did you mean web?"), "{status}: {nobody}");
    assert_eq!(colors(&fleet, "web"), "blue", "nothing was changed");
    assert_eq!(fleet.running.get("secrets -n flux-system -l owner=helm")["items"].as_array().unwrap().len(), 1);
}

#[test]
fn a_chart_that_a_commit_changes_is_compared_and_one_of_the_same_version_is_told() {
    let fleet = start(&["web"], &[], |repository| {
        write_chart(repository, "0.1.0", &[("config.yaml", CONFIG)]);
        repository.write("cluster/web.yaml", &of_the_repository("web", ""));
    });
    let more = CONFIG.replace("{{ .Release.Name }}", "{{ .Release.Name }}-more");
    propose(&fleet, |repository| write_chart(repository, "0.1.0", &[("config.yaml", CONFIG), ("more.yaml", &more)]));
    let (status, same) = said(&fleet, &["diff"]);
    assert_eq!(status, 0, "{same}");
    let told = "◎ HelmRelease flux-system/web: its chart has other templates than those that were released, under the same version, \
                web@0.1.0: nothing is upgraded until the version in Chart.yaml is another one";
    assert!(same.contains(told), "{same}");

    propose(&fleet, |repository| {
        std::fs::remove_file(repository.path.join("charts/web/templates/config.yaml")).unwrap();
        write_chart(repository, "0.2.0", &[("more.yaml", &more)]);
    });
    let (status, all) = said(&fleet, &["diff"]);
    assert_eq!(status, 1, "{all}");
    assert!(all.contains("► HelmRelease/flux-system/web upgraded\n    chart web@0.1.0 → web@0.2.0\n"), "{all}");
    assert!(all.contains("► ConfigMap/default/web-more created\n"), "{all}");
    assert!(all.contains("► ConfigMap/default/web deleted\n"), "{all}");
}

/// A repository of charts with these versions of the chart `web`.
fn charts(directory: &Path, versions: &[&str]) -> Server {
    let mut index = "apiVersion: v1\nentries:\n  web:\n".to_owned();
    std::fs::create_dir_all(directory).unwrap();
    for version in versions {
        std::fs::write(directory.join(format!("web-{version}.tgz")), packed_chart(version)).unwrap();
        index.push_str(&format!("  - {{name: web, version: {version}, urls: [web-{version}.tgz]}}\n"));
    }
    std::fs::write(directory.join("index.yaml"), index).unwrap();
    Server::start(directory)
}

fn packed_chart(version: &str) -> Vec<u8> {
    let files = chart("web", version, &[("config.yaml", CONFIG)]);
    packed(&files.iter().map(|(path, content)| (path.as_str(), content)).collect::<Vec<_>>())
}

#[test]
fn another_version_of_a_chart_is_fetched_from_where_the_revision_says() {
    let directory = tempfile::tempdir().unwrap();
    let server = charts(&directory.path().join("charts"), &["1.0.0", "1.1.0"]);
    let registry = Registry::start(&directory.path().join("registry"), &Access::Anyone);
    let place = Place::new(&registry.host, "team/web");
    for version in ["1.0.0", "2.0.0"] {
        let layer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
        Artifact::default().layer(layer, packed_chart(version)).push(&place, version);
    }
    let source = |url: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {{name: charts, namespace: \
             flux-system}}\nspec: {{interval: 1h, url: '{url}'}}\n"
        )
    };
    let of_charts = |version: &str| {
        let from = format!(
            "  chart:\n    spec: {{chart: web, version: {version}, sourceRef: {{kind: HelmRepository, name: charts}}}}\n"
        );
        release("web", &from, "")
    };
    let artifact = |tag: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nmetadata: {{name: web, namespace: \
             flux-system}}\nspec: {{interval: 1h, insecure: true, url: {}, ref: {{tag: {tag}}}, layerSelector: {{mediaType: \
             application/vnd.cncf.helm.chart.content.v1.tar+gzip, operation: copy}}}}\n",
            place.url()
        )
    };
    let of_registry = release("oci", "  chartRef: {kind: OCIRepository, name: web}\n", "");
    let url = server.url("").trim_end_matches('/').to_owned();
    let fleet = start_in(directory, &["web", "oci"], &["--allow-network", "127.0.0.1"], |repository| {
        repository.write("cluster/charts.yaml", &source(&url)).write("cluster/web.yaml", &of_charts("1.0.0"));
        repository.write("cluster/artifact.yaml", &artifact("1.0.0")).write("cluster/oci.yaml", &of_registry);
    });
    server.seen();
    let (status, same) = code(&fleet, &["diff"]);
    assert!(status == 0 && server.seen().is_empty(), "what no revision concerns is not fetched: {same}");

    propose(&fleet, |repository| {
        repository.write("cluster/web.yaml", &of_charts("1.1.0")).write("cluster/artifact.yaml", &artifact("2.0.0"));
    });
    let (status, all) = said(&fleet, &["diff"]);
    assert_eq!(status, 1, "{all}");
    let upgraded = "► HelmRelease/flux-system/web upgraded\n    chart web@1.0.0 → web@1.1.0\n► ConfigMap/default/web configured\n    \
                    data.chart\n      - 1.0.0\n      + 1.1.0\n";
    assert!(all.contains(upgraded), "{all}");
    assert!(all.contains("► HelmRelease/flux-system/oci upgraded\n    chart web@1.0.0+"), "{all}");
    assert!(all.contains("► ConfigMap/default/oci configured\n    data.chart\n"), "{all}");
    let (status, one) = said(&fleet, &["diff", "hr/oci"]);
    assert!(status == 1 && one.contains("HelmRelease/flux-system/oci upgraded"), "its source is another one: {one}");
    assert!(!one.contains("flux-system/web upgraded"), "{one}");

    // One that is not to be had hides no other, and says which.
    propose(&fleet, |repository| {
        repository.write("cluster/web.yaml", &of_charts("9.9.9")).write("cluster/artifact.yaml", &artifact("2.0.0"));
    });
    let (status, all) = said(&fleet, &["diff"]);
    assert_eq!(status, 3, "{all}");
    let why = all.lines().find(|line| line.starts_with("✗ HelmRelease flux-system/web: ")).unwrap_or_default();
    assert!(
        why.contains("HelmChart/flux-system/flux-system-web") && why.contains("9.9.9") && why.contains(&url),
        "{all}"
    );
    assert!(all.contains("► HelmRelease/flux-system/oci upgraded\n"), "{all}");

    // Credentials of the cluster are sent where they are sent now, and nowhere else.
    let evil = charts(&fleet.directory.path().join("evil"), &["6.6.6"]);
    let login = "apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: flux-system}\nstringData: {username: us, \
                 password: hunter2-hunter2}\n";
    fleet.repository.write("cluster/login.yaml", login);
    fleet.wait_until_applied(&fleet.repository.commit("a login"));
    propose(&fleet, |repository| {
        let elsewhere =
            source(evil.url("").trim_end_matches('/')).replace("interval", "secretRef: {name: login}, interval");
        repository.write("cluster/charts.yaml", &elsewhere).write("cluster/web.yaml", &of_charts("6.6.6"));
    });
    let (status, all) = said(&fleet, &["diff"]);
    assert_eq!(status, 3, "{all}");
    assert!(all.contains("is not sent what spec.secretRef names before that is applied"), "{all}");
    assert!(evil.seen().is_empty(), "{:?}", evil.seen().len());
}

#[test]
fn values_of_secrets_are_never_shown_whether_they_come_stay_or_go() {
    const PASSWORDS: [&str; 3] = ["hunter2-hunter2", "correct-horse-battery", "staple-staple"];
    let secret = |password: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: login, namespace: flux-system}}\nstringData: {{values.yaml: 'color: \
             {password}'}}\n"
        )
    };
    let looks_up = "{{ with lookup \"v1\" \"Secret\" \"flux-system\" \"seen\" }}apiVersion: v1\nkind: ConfigMap\nmetadata: \
                    {name: looked-up}\ndata:\n  seen: {{ .data.key | b64dec | quote }}\n{{ end }}";
    let from = "  valuesFrom: [{kind: Secret, name: login}]\n";
    let fleet = start(&["web"], &[], |repository| {
        write_chart(repository, "0.1.0", &[("config.yaml", CONFIG)]);
        repository
            .write("cluster/login.yaml", &secret(PASSWORDS[0]))
            .write("cluster/web.yaml", &of_the_repository("web", from));
    });
    let running = &fleet.running;
    running.kubectl_ok([
        "create",
        "secret",
        "generic",
        "seen",
        "-n",
        "flux-system",
        &format!("--from-literal=key={}", PASSWORDS[2]),
    ]);
    assert_eq!(colors(&fleet, "web"), PASSWORDS[0]);
    let check = |what: &str, is_told: &str| {
        for more in [&[][..], &["-o", "json"], &["-o", "markdown"], &["hr/web"]] {
            let (status, all) = said(&fleet, &[&["diff"], more].concat());
            assert_eq!(status, 1, "{what}: {all}");
            assert!(all.contains(is_told), "{what}: {is_told:?} is not in: {all}");
            assert!(!PASSWORDS.iter().any(|password| all.contains(password)), "{what}: {all}");
        }
    };
    propose(&fleet, |repository| {
        repository.write("cluster/login.yaml", &secret(PASSWORDS[1]));
    });
    check("another one", "data.color");
    propose(&fleet, |repository| {
        repository.write("cluster/web.yaml", &of_the_repository("web", "  values: {color: plain}\n"));
        repository.remove("cluster/login.yaml");
    });
    check("no longer used", "plain");
    propose(&fleet, |repository| {
        repository.write("cluster/web.yaml", &of_the_repository("web", "  values: {color: plain}\n"));
    });
    check("no longer used, and still there", "plain");
    propose(&fleet, |repository| {
        write_chart(repository, "0.2.0", &[("config.yaml", CONFIG), ("seen.yaml", looks_up)]);
    });
    check("looked up", "looked-up");
    propose(&fleet, |repository| {
        write_chart(repository, "0.2.0", &[("config.yaml", "{{ fail .Values.color }}")]);
    });
    let (status, all) = said(&fleet, &["diff"]);
    assert!(status == 3 && all.contains("✗ HelmRelease flux-system/web: "), "{all}");
    assert!(!PASSWORDS.iter().any(|password| all.contains(password)), "{all}");
}

#[test]
fn one_broken_release_hides_no_other_and_one_that_goes_takes_its_objects_along() {
    let fleet = start(&["web", "two", "three"], &[], |repository| {
        write_chart(
            repository,
            "0.1.0",
            &[("config.yaml", CONFIG), ("hook.yaml", &HOOK.replace("pre-install", "pre-delete"))],
        );
        for name in ["web", "two", "three"] {
            repository.write(&format!("cluster/{name}.yaml"), &of_the_repository(name, "  values: {color: blue}\n"));
        }
    });
    propose(&fleet, |repository| {
        let broken = "  values: {color: green}\n  valuesFrom: [{kind: ConfigMap, name: nowhere}]\n";
        repository.write("cluster/web.yaml", &of_the_repository("web", broken));
        repository.write("cluster/two.yaml", &of_the_repository("two", "  values: {color: green}\n"));
        repository.remove("cluster/three.yaml");
        repository.config_map("other/map.yaml", "other", "2");
    });
    for more in [&[][..], &["-o", "json"]] {
        let (status, all) = said(&fleet, &[&["diff"], more].concat());
        assert_eq!(status, 3, "{all}");
        let why = all.lines().find(|line| line.starts_with("✗ HelmRelease flux-system/web: ")).unwrap_or_default();
        assert!(why.contains("'flux-system/nowhere'"), "{all}");
        assert_eq!(all.matches("✗ ").count(), 1, "{all}");
        for name in ["\"name\": \"two\"", "\"name\": \"other\""].iter().filter(|_| !more.is_empty()) {
            assert!(all.contains(name), "{all}");
        }
    }
    let (_, all) = said(&fleet, &["diff"]);
    for told in [
        "► HelmRelease/flux-system/two upgraded\n",
        "► ConfigMap/default/two configured\n",
        "► ConfigMap/default/other configured\n",
        "► HelmRelease/flux-system/three deleted\n► HelmRelease/flux-system/three uninstalled\n    release default/three.v1\n    hooks \
         run, which are not compared: ConfigMap/three-before (pre-delete)\n",
        "► ConfigMap/default/three deleted\n",
    ] {
        assert!(all.contains(told), "{told:?} is not in: {all}");
    }
    let (status, one) = said(&fleet, &["diff", "hr/web"]);
    assert!(status == 3 && one.contains("nowhere") && !one.contains("upgraded"), "{one}");
    let (status, one) = said(&fleet, &["diff", "hr/two"]);
    assert!(status == 1 && one.contains("two upgraded") && !one.contains("nowhere"), "{one}");
    let (status, one) = said(&fleet, &["diff", "hr/three"]);
    assert!(status == 1 && one.contains("HelmRelease/flux-system/three deleted"), "{one}");
}

#[test]
fn what_a_new_release_needs_comes_with_the_revision() {
    let fleet = start(&[], &[], |repository| {
        write_chart(repository, "0.1.0", &[("config.yaml", CONFIG)]);
    });
    propose(&fleet, |repository| {
        let values = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: colors, namespace: shop}\ndata: {values.yaml: 'color: \
                      violet'}\n";
        let from = OF_THE_REPOSITORY.to_owned() + "        namespace: flux-system\n";
        let new = release("web", &from, "  valuesFrom: [{kind: ConfigMap, name: colors}]\n")
            .replace("namespace: flux-system\nspec", "namespace: shop\nspec");
        let new = new.replace("targetNamespace: default", "targetNamespace: shop");
        repository.write("app/namespace.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n");
        repository.write("app/values.yaml", values).write("app/web.yaml", &new);
        let own = new.replace("name: web\n", "name: own\n").replace("targetNamespace: shop", "targetNamespace: made");
        let own = own.replace("releaseName: web", "releaseName: own") + "  install: {createNamespace: true}\n";
        repository.write("app/own.yaml", &own);
    });
    let (status, all) = said(&fleet, &["diff"]);
    assert_eq!(status, 1, "{all}");
    for told in [
        "► Namespace/shop created\n",
        "► HelmRelease/shop/web created\n",
        "► HelmRelease/shop/web installed\n    chart web@0.1.0\n► ConfigMap/shop/web created\n",
        "+ color: violet\n",
        "► HelmRelease/shop/own installed\n    chart web@0.1.0\n► Namespace/made created\n",
        "► ConfigMap/made/own created\n",
    ] {
        assert!(all.contains(told), "{told:?} is not in: {all}");
    }
    let (status, one) = said(&fleet, &["diff", "hr/web", "-n", "shop"]);
    assert!(status == 1 && one.contains("HelmRelease/shop/web installed") && !one.contains("shop/own"), "{one}");
    fleet.repository.git(["merge", "--quiet", "--ff-only", "next"]);
    eventually("it is as it was told", || {
        match fleet.running.kubectl(["get", "configmap", "web", "-n", "shop"]).status.success() {
            true => Ok(()),
            false => Err(fleet.running.said()),
        }
    });
}
