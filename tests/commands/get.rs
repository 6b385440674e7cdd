//! `cowherd get`: Kustomizations and sources, and how they are.

use serde_json::Value;

use super::code;
use crate::program::fleet::Fleet;

#[test]
fn get_shows_what_there_is_in_tables_and_for_programs() {
    let fleet = Fleet::start();
    let running = &fleet.running;
    let table = running.cowherd_ok(["get"]);
    let revision = format!("main@sha1:{}", &fleet.first[..8]);
    for row in ["gitrepository/flux-system", "kustomization/app", "kustomization/other", "kustomization/flux-system"] {
        let line = table.lines().find(|line| line.starts_with(row)).unwrap_or_else(|| panic!("no {row} in {table}"));
        assert!(line.contains(&revision) && line.contains("False") && line.contains("True"), "{line}");
    }
    for (format, parse) in [("json", Value::is_object as fn(&Value) -> bool), ("yaml", Value::is_object)] {
        let text = running.cowherd_ok(["get", "kustomizations", "-A", "-o", format]);
        let list = cowherd_yaml::parse_documents(text.as_bytes(), &Default::default()).unwrap().remove(0).value;
        assert!(parse(&list));
        let names: Vec<&str> =
            list["items"].as_array().unwrap().iter().map(|item| item["metadata"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["app", "flux-system", "other"]);
        assert_eq!(list["items"][0]["kind"], "Kustomization");
    }
    let one: Value = serde_json::from_str(&running.cowherd_ok(["get", "ks", "app", "-o", "json"])).unwrap();
    let mut same = running.get("kustomization app -n flux-system");
    same["metadata"].as_object_mut().unwrap().remove("managedFields");
    assert_eq!(one, same);

    fleet.repository.write("app/broken.yaml", "{");
    fleet.repository.commit("make a mistake");
    running.wait_for_condition("kustomization app", "False", &["app/broken.yaml"]);
    let failed = running.cowherd_ok(["get", "-A", "--status-selector", "ready=false"]);
    assert!(failed.contains("app/broken.yaml") && !failed.contains("other"), "{failed}");
    let ready = running.cowherd_ok(["get", "kustomizations", "--status-selector", "ready=true", "--no-header"]);
    assert!(ready.contains("other") && !ready.contains("broken"), "{ready}");
    let mistyped = running.cowherd(["get", "-A", "--status-selector", "ready=flase"]);
    let error = String::from_utf8_lossy(&mistyped.stderr);
    assert!(!mistyped.status.success() && error.contains("true, false or unknown"), "{error}");
}

#[test]
fn get_takes_the_words_of_kubectl_and_shows_as_much_as_is_asked_for() {
    let fleet = Fleet::start();
    let running = &fleet.running;
    assert_eq!(running.cowherd_ok(["get", "ks/app", "-o", "name"]), "kustomization.kustomize.toolkit.fluxcd.io/app\n");
    let names = running.cowherd_ok(["get", "-o", "name"]);
    assert!(names.starts_with("gitrepository.source.toolkit.fluxcd.io/flux-system\nkustomization."), "{names}");
    let wide = running.cowherd_ok(["get", "kustomizations.kustomize.toolkit.fluxcd.io/app", "-o", "wide"]);
    let expected = [&format!("main@sha1:{}", fleet.first), "GitRepository/flux-system", "./app"];
    assert!(expected.iter().all(|text| wide.contains(*text)), "{wide}");
    let (status, said) = code(&fleet, &["get", "ks/app", "gitrepo/flux-system"]);
    assert!(status == 2 && said.contains("one kind at a time"), "{said}");
    for arguments in [&["reconcile", "appproject", "podinfo"][..], &["get", "appproject/podinfo"]] {
        let (status, said) = code(&fleet, arguments);
        assert!(status == 2 && said.contains("AppProject is not supported"), "{said}");
    }
}
