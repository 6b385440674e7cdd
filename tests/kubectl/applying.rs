//! `kubectl apply`, client side and server side, and `kubectl diff`.

use super::people::{APP, everyone};

const SETTINGS: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  labels:
    part: all
data:
  color: red
";

#[test]
fn applying_creates_changes_and_leaves_alone() {
    everyone(|person| {
        person.write("app.yaml", &format!("{APP}---\n{SETTINGS}"));
        assert_eq!(person.ok("apply -f app.yaml"), "deployment.apps/app created\nconfigmap/settings created\n");
        assert_eq!(person.ok("apply -f app.yaml"), "deployment.apps/app unchanged\nconfigmap/settings unchanged\n");
        person.write("app.yaml", &format!("{}---\n{SETTINGS}", APP.replace("app:1", "app:2")));
        let dry = person.ok("apply -f app.yaml --dry-run=server");
        assert_eq!(
            dry,
            "deployment.apps/app configured (server dry run)\nconfigmap/settings unchanged (server dry run)\n"
        );
        assert_eq!(person.value("deploy app", ".spec.template.spec.containers[0].image"), "app:1");
        assert_eq!(person.ok("apply -f app.yaml"), "deployment.apps/app configured\nconfigmap/settings unchanged\n");
        assert_eq!(person.value("deploy app", ".spec.template.spec.containers[0].image"), "app:2");
        let last = person.ok("apply view-last-applied deploy/app");
        assert!(last.contains("- image: app:2\n"), "{last}");
    });
}

#[test]
fn applying_removes_what_the_manifest_no_longer_says() {
    everyone(|person| {
        let more = SETTINGS.replace("  color: red\n", "  color: red\n  size: big\n");
        person.ok_with("apply -f -", &more);
        person.ok("patch configmap settings -p '{\"data\":{\"by-hand\":\"yes\"}}'");
        assert_eq!(person.ok_with("apply -f -", SETTINGS), "configmap/settings configured\n");
        assert_eq!(person.value("cm settings", ".data"), "{\"by-hand\":\"yes\",\"color\":\"red\"}");

        person.ok("delete configmap settings");
        person.ok_with("apply --server-side -f -", &more);
        person.ok("patch configmap settings -p '{\"data\":{\"by-hand\":\"yes\"}}'");
        person.ok_with("apply --server-side -f -", SETTINGS);
        assert_eq!(person.value("cm settings", ".data"), "{\"by-hand\":\"yes\",\"color\":\"red\"}");
    });
}

#[test]
fn who_else_changed_a_field_is_named_until_one_of_them_gives_way() {
    everyone(|person| {
        person.write("app.yaml", APP).write("other.yaml", &APP.replace("app:1", "app:2"));
        assert_eq!(person.ok("apply --server-side -f app.yaml"), "deployment.apps/app serverside-applied\n");
        let refused = person.refused("apply --server-side -f other.yaml --field-manager=other");
        let conflict = "conflict with \"kubectl\": .spec.template.spec.containers[name=\"app\"].image\n";
        assert!(refused.starts_with(&format!("error: Apply failed with 1 conflict: {conflict}")), "{refused}");
        let forced = "apply --server-side -f other.yaml --field-manager=other --force-conflicts";
        assert_eq!(person.ok(forced), "deployment.apps/app serverside-applied\n");
        assert_eq!(person.value("deploy app", ".spec.template.spec.containers[0].image"), "app:2");

        person.ok("set image deploy/app app=app:3");
        person.ok("scale deploy/app --replicas=5");
        let refused = person.refused("apply --server-side -f app.yaml");
        let both = "error: Apply failed with 2 conflicts: conflicts with \"kubectl\" with subresource \"scale\" using apps/v1:\n\
                    - .spec.replicas\nconflicts with \"kubectl-set\" using apps/v1:\n\
                    - .spec.template.spec.containers[name=\"app\"].image\n";
        assert!(refused.starts_with(both), "{refused}");
    });
}

#[test]
fn objects_applied_by_the_client_can_go_on_with_the_server() {
    everyone(|person| {
        person.write("app.yaml", APP);
        person.ok("apply -f app.yaml");
        assert_eq!(person.ok("apply --server-side -f app.yaml"), "deployment.apps/app serverside-applied\n");
        let managers = person.ok("get deploy app --show-managed-fields -o \
             jsonpath='{range .metadata.managedFields[*]}{.manager}={.operation}{.subresource} {end}'");
        assert!(managers.contains("kubectl=Apply "), "{managers}");
        assert!(!managers.contains("kubectl-client-side-apply"), "{managers}");
        // What the client had applied is the server's to change and to take away.
        person.write("app.yaml", &APP.replace("  labels:\n    app: app\nspec", "spec"));
        person.ok("apply --server-side -f app.yaml");
        assert_eq!(person.value("deploy app", ".metadata.labels"), "");
        // And back again.
        person.write("app.yaml", &APP.replace("app:1", "app:2"));
        assert_eq!(person.ok("apply -f app.yaml"), "deployment.apps/app configured\n");
        assert_eq!(person.value("deploy app", ".spec.template.spec.containers[0].image"), "app:2");
    });
}

#[test]
fn what_the_client_applied_is_no_conflict_unless_somebody_changed_it() {
    everyone(|person| {
        person
            .write("app.yaml", APP)
            .write("next.yaml", &APP.replace("app:1", "app:2").replace("replicas: 2", "replicas: 3"));
        person.ok("apply -f app.yaml");
        let stranger = person.refused("apply --server-side -f next.yaml --field-manager=stranger");
        assert!(
            stranger.contains("Apply failed with 2 conflicts: conflicts with \"kubectl-client-side-apply\""),
            "{stranger}"
        );
        person.ok("scale deploy app --replicas=5");
        let scaled = person.refused("apply --server-side -f next.yaml");
        let why = "error: Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" using apps/v1: \
                   .spec.replicas\n";
        assert!(scaled.starts_with(why), "{scaled}");
        person.ok("scale deploy app --replicas=3");
        assert_eq!(person.ok("apply --server-side -f next.yaml"), "deployment.apps/app serverside-applied\n");
        assert_eq!(person.value("deploy app", ".spec.template.spec.containers[0].image"), "app:2");
    });
}

#[test]
fn what_the_server_added_stays_when_the_server_merges() {
    everyone(|person| {
        let job = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: once\nspec:\n  template:\n    spec:\n      \
                   restartPolicy: Never\n      containers:\n      - name: once\n        image: once:1\n";
        let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: pod\nspec:\n  containers:\n  - name: pod\n    image: pod:1\n";
        let service =
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  type: NodePort\n  ports:\n  - port: 80\n";
        person.write("all.yaml", &format!("{job}---\n{pod}---\n{service}"));
        person.ok("apply -f all.yaml");
        let made = || {
            let selector = person.value("job once", ".spec.selector") + &person.value("job once", ".metadata.labels");
            selector + &person.value("pod pod", ".spec.tolerations") + &person.value("service web", ".spec")
        };
        let before = made();
        for _ in 0..2 {
            let applied = person.run("apply --server-side -f all.yaml");
            assert!(applied.status.success() && applied.stderr.is_empty(), "{applied:?}");
        }
        assert_eq!(made(), before);
        assert_eq!(person.run("diff --server-side -f all.yaml").status.code(), Some(0));
    });
}

#[test]
fn pruning_removes_what_is_no_longer_in_the_manifests() {
    everyone(|person| {
        person.write("all.yaml", &format!("{SETTINGS}---\n{}", SETTINGS.replace("settings", "extras")));
        person.write("one.yaml", SETTINGS);
        person.ok("create configmap bystander");
        person.ok("apply -f all.yaml");
        let list = "--prune-allowlist=core/v1/ConfigMap";
        let pruned = person.ok(&format!("apply -f one.yaml --prune -l part=all {list}"));
        assert_eq!(pruned, "configmap/settings unchanged\nconfigmap/extras pruned\n");

        let set = format!("--prune --applyset=configmap/set --namespace={}", person.namespace);
        let apply = |file: &str| {
            let mut command = person.command(&format!("apply -f {file} {set} --server-side --force-conflicts"));
            let output = command.env("KUBECTL_APPLYSET", "true").output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(apply("all.yaml"), "configmap/settings serverside-applied\nconfigmap/extras serverside-applied\n");
        assert_eq!(apply("one.yaml"), "configmap/settings serverside-applied\nconfigmap/extras pruned\n");
        assert_eq!(person.ok("get cm -o name"), "configmap/bystander\nconfigmap/set\nconfigmap/settings\n");
    });
}

#[test]
fn a_difference_is_shown_and_told_by_the_exit_code() {
    everyone(|person| {
        person.write("app.yaml", APP);
        person.ok("apply -f app.yaml");
        let same = person.run("diff -f app.yaml");
        assert_eq!((same.status.code(), same.stdout.as_slice()), (Some(0), [].as_slice()));
        person.write("app.yaml", &APP.replace("app:1", "app:2"));
        for line in ["diff -f app.yaml", "diff -f app.yaml --server-side --force-conflicts"] {
            let diff = person.run(line);
            let text = String::from_utf8(diff.stdout).unwrap();
            assert_eq!(diff.status.code(), Some(1), "{text}");
            assert!(text.contains("-  generation: 1\n+  generation: 2\n"), "{text}");
            assert!(text.contains("-      - image: app:1\n+      - image: app:2\n"), "{text}");
            let changed = text.lines().filter(|line| line.starts_with(['+', '-'])).count();
            assert_eq!(changed, 6, "{text}");
        }
        person
            .write("secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: key\nstringData:\n  a: hunter2\n");
        let secret = person.run("diff -f secret.yaml");
        let text = String::from_utf8(secret.stdout).unwrap();
        assert_eq!(secret.status.code(), Some(1));
        assert!(text.contains("+kind: Secret\n") && text.contains("+  a: '***"), "{text}");
        assert_eq!(person.ok("get secrets -o name"), "");
        assert!(person.run("diff -f nope.yaml").status.code() > Some(1));
    });
}

#[test]
fn a_kustomization_is_applied_and_removed() {
    everyone(|person| {
        person.write("base/app.yaml", APP).write("base/kustomization.yaml", "resources: [app.yaml]\n");
        let overlay = "resources: [../base]\nnamePrefix: dev-\nimages:\n- name: app\n  newTag: '9'\nconfigMapGenerator:\n\
                       - name: settings\n  literals: [a=b]\n";
        person.write("dev/kustomization.yaml", overlay);
        let applied = person.ok("apply -k dev");
        assert!(applied.starts_with("configmap/dev-settings-"), "{applied}");
        assert!(applied.ends_with(" created\ndeployment.apps/dev-app created\n"), "{applied}");
        assert_eq!(person.value("deploy dev-app", ".spec.template.spec.containers[0].image"), "app:9");
        assert_eq!(person.run("diff -k dev").status.code(), Some(0));
        let deleted = person.delete("-k dev");
        assert!(deleted.ends_with("deployment.apps \"dev-app\" deleted\n"), "{deleted}");
    });
}
