//! `kubectl delete`: what goes with an object, what stays, and what has to be waited for.

use super::people::everyone;

#[test]
fn what_an_object_owns_goes_with_it() {
    everyone(|person| {
        for cascade in ["background", "foreground"] {
            person.deploy_app();
            assert_eq!(person.delete(&format!("deploy app --cascade={cascade}")), "deployment.apps \"app\" deleted\n");
            if cascade == "foreground" {
                assert_eq!(person.ok("get rs -l app=app -o name"), "");
            }
            person.eventually("get rs,pods -l app=app -o name", |text| text.is_empty());
        }
    });
}

#[test]
fn orphans_stay_and_are_adopted() {
    everyone(|person| {
        person.deploy_app();
        let pods = person.ok("get pods -l app=app -o name");
        person.delete("deploy app --cascade=orphan");
        assert_eq!(person.ok("get pods -l app=app -o name"), pods);
        assert_eq!(person.value("rs -l app=app", ".items[*].metadata.ownerReferences"), "");
        let sets = person.ok("get rs -o name");
        person.ok("apply -f app.yaml");
        person.eventually("get rs -o jsonpath='{.items[*].metadata.ownerReferences[*].name}'", |text| text == "app");
        assert_eq!(person.ok("get rs -o name"), sets);
        assert_eq!(person.ok("get pods -l app=app -o name"), pods);
    });
}

#[test]
fn an_owner_that_is_gone_takes_what_names_it() {
    everyone(|person| {
        person.ok("create configmap owner");
        person.ok("create configmap owned");
        let uid = person.value("cm owner", ".metadata.uid");
        let owner = format!(
            "{{\"metadata\":{{\"ownerReferences\":[{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"name\":\"owner\",\"uid\":\
             \"{uid}\"}}]}}}}"
        );
        person.ok(&format!("patch cm owned -p '{owner}'"));
        person.delete("cm owner");
        person.eventually("get cm -o name", |text| text.is_empty());
    });
}

#[test]
fn objects_are_deleted_by_name_label_file_or_all_at_once() {
    everyone(|person| {
        let make = || {
            for name in ["a", "b", "c"] {
                person.ok(&format!("create configmap {name}"));
            }
            person.ok("label cm a b tier=web");
        };
        make();
        assert_eq!(person.delete("cm -l tier=web"), "configmap \"a\" deleted\nconfigmap \"b\" deleted\n");
        assert_eq!(person.delete("cm/c"), "configmap \"c\" deleted\n");
        make();
        assert_eq!(person.delete("cm --all").lines().count(), 3);
        assert_eq!(person.delete("cm --all"), "No resources found\n");
        assert_eq!(person.refused("delete cm nope"), "Error from server (NotFound): configmaps \"nope\" not found\n");
        assert_eq!(person.delete("cm nope --ignore-not-found"), "");
        let unnamed = "error: resource(s) were provided, but no name was specified\n";
        assert_eq!(person.refused("delete cm"), unnamed);
        person.write("app.yaml", super::people::APP).ok("apply -f app.yaml");
        assert_eq!(person.delete("-f app.yaml --dry-run=server"), "deployment.apps \"app\" deleted (server dry run)\n");
        assert_eq!(person.delete("-f app.yaml"), "deployment.apps \"app\" deleted\n");
    });
}

#[test]
fn a_pod_without_a_node_goes_at_once() {
    everyone(|person| {
        person.ok("run one --image=nginx");
        person.ok("run two --image=nginx");
        assert_eq!(person.delete("pod one"), "pod \"one\" deleted\n");
        assert_eq!(person.delete("pod two --force --grace-period=0"), "pod \"two\" force deleted\n");
        assert_eq!(person.ok("get pods -o name"), "");
    });
}

#[test]
fn finalizers_are_waited_for() {
    everyone(|person| {
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: held\n  finalizers: [example.org/hold]\n";
        person.ok_with("create -f -", map);
        assert_eq!(person.delete("cm held --wait=false"), "configmap \"held\" deleted\n");
        assert!(!person.value("cm held", ".metadata.deletionTimestamp").is_empty());
        let late = person.refused("delete cm held --timeout=1s");
        assert_eq!(late, "error: timed out waiting for the condition on configmaps/held\n");
        let going = person.start("delete cm held --timeout=60s");
        going.until(|text| text.contains("\"held\" deleted"));
        person.ok("patch cm held --type=json -p '[{\"op\":\"remove\",\"path\":\"/metadata/finalizers\"}]'");
        going.end();
        person.eventually("get cm held", |text| text.contains("not found"));
    });
}

#[test]
fn a_namespace_goes_with_all_that_is_in_it() {
    everyone(|person| {
        let name = format!("{}-gone", person.namespace);
        person.ok(&format!("create namespace {name}"));
        person.ok(&format!("create deployment app --image=app --replicas=2 -n {name}"));
        person.ok(&format!("create configmap settings -n {name}"));
        assert_eq!(person.ok(&format!("delete namespace {name}")), format!("namespace \"{name}\" deleted\n"));
        let missing = format!("Error from server (NotFound): namespaces \"{name}\" not found\n");
        assert_eq!(person.refused(&format!("get namespace {name}")), missing);
        assert_eq!(person.ok(&format!("get deployments,pods,configmaps -n {name} -o name")), "");
        let why =
            "Error from server (Forbidden): namespaces \"default\" is forbidden: this namespace may not be deleted\n";
        assert_eq!(person.refused("delete namespace default"), why);
    });
}
