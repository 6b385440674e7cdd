//! `kubectl edit`, `patch`, `scale`, `autoscale`, `label`, `annotate`, `set` and `replace`.

use super::people::{APP, everyone};

#[test]
fn an_editor_changes_an_object() {
    everyone(|person| {
        person.deploy_app();
        let edited = (true, "deployment.apps/app edited\n".to_owned());
        assert_eq!(person.edit("deploy app", "s/app:1/app:2/"), edited);
        assert_eq!(person.value("deploy app", ".spec.template.spec.containers[0].image"), "app:2");
        let nothing = (true, "Edit cancelled, no changes made.\n".to_owned());
        assert_eq!(person.edit("deploy app", "s/nowhere/x/"), nothing);
        let (saved, said) = person.edit("deploy app", "s/replicas:.*/replicas:\\ -1/");
        assert!(!saved && said.contains("error: deployments.apps \"app\" is invalid"), "{said}");
        assert_eq!(person.value("deploy app", ".spec.replicas"), "2");
        assert_eq!(
            person.edit("deploy app --subresource=status", "s/observedGeneration:.*/observedGeneration:\\ 99/").1,
            edited.1
        );
    });
}

#[test]
fn patches_of_every_type_change_an_object() {
    everyone(|person| {
        person.deploy_app();
        let replicas = || person.value("deploy app", ".spec.replicas");
        assert_eq!(person.ok("patch deploy app -p '{\"spec\":{\"replicas\":3}}'"), "deployment.apps/app patched\n");
        assert_eq!(replicas(), "3");
        person.ok("patch deploy app --type=merge -p '{\"spec\":{\"replicas\":4}}'");
        assert_eq!(replicas(), "4");
        person.ok("patch deploy app --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":5}]'");
        assert_eq!(replicas(), "5");
        let sidecar =
            "'{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"side\",\"image\":\"side:1\"}]}}}}'";
        person.ok(&format!("patch deploy app -p {sidecar}"));
        assert_eq!(person.value("deploy app", ".spec.template.spec.containers[*].name"), "side app");
        person.ok(&format!("patch deploy app --type=merge -p {sidecar}"));
        assert_eq!(person.value("deploy app", ".spec.template.spec.containers[*].name"), "side");
        person.ok("patch deploy app --subresource=scale --type=merge -p '{\"spec\":{\"replicas\":1}}'");
        assert_eq!(replicas(), "1");
        person.ok("patch deploy app --subresource=status --type=merge -p '{\"status\":{\"collisionCount\":7}}'");
        assert_eq!(person.value("deploy app", ".status.collisionCount"), "7");
        let file = person.write("patch.yaml", "spec:\n  replicas: 2\n").ok("patch deploy app --patch-file=patch.yaml");
        assert_eq!(file, "deployment.apps/app patched\n");
        person.ok("create configmap a --from-literal=b=c");
        let again = person.ok("patch configmap a -p '{\"data\":{\"b\":\"c\"}}'");
        assert_eq!(again, "configmap/a patched (no change)\n");
    });
}

#[test]
fn a_patch_that_does_not_fit_changes_nothing() {
    everyone(|person| {
        person.deploy_app();
        let invalid = "the server rejected our request due to an error in our request";
        let test = person
            .refused("patch deploy app --type=json -p '[{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":9}]'");
        assert!(test.contains(invalid), "{test}");
        let gone = person.refused("patch deploy app --type=json -p '[{\"op\":\"remove\",\"path\":\"/spec/nope\"}]'");
        assert!(gone.contains(invalid), "{gone}");
        let negative = person.refused("patch deploy app -p '{\"spec\":{\"replicas\":-1}}'");
        let why =
            "The Deployment \"app\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0\n";
        assert_eq!(negative, why);
        let missing = person.refused("patch deploy nope -p '{}'");
        assert_eq!(missing, "Error from server (NotFound): deployments.apps \"nope\" not found\n");
        let unknown = person.warned("patch deploy app --type=merge -p '{\"spec\":{\"foo\":1}}'");
        assert_eq!(unknown, "Warning: unknown field \"spec.foo\"\n");
        assert_eq!(person.value("deploy app", ".metadata.generation"), "1");
    });
}

#[test]
fn workloads_are_scaled() {
    everyone(|person| {
        person.deploy_app();
        assert_eq!(person.ok("scale deploy app --replicas=3"), "deployment.apps/app scaled\n");
        person.eventually("get pods -l app=app -o name", |names| names.lines().count() == 3);
        let expected = person.refused("scale deploy app --replicas=1 --current-replicas=2");
        assert!(expected.ends_with("Expected replicas to be 2, was 3\n"), "{expected}");
        assert_eq!(person.ok("scale deploy --all --replicas=1 --current-replicas=3"), "deployment.apps/app scaled\n");
        person.eventually("get pods -l app=app -o name", |names| names.lines().count() == 1);
        assert_eq!(person.ok("scale -f app.yaml --replicas=0"), "deployment.apps/app scaled\n");
        person.eventually("get pods -l app=app -o name", |names| names.is_empty());
        let set = "horizontalpodautoscaler.autoscaling/app autoscaled\n";
        assert_eq!(person.ok("autoscale deploy app --min=1 --max=5"), set);
        let row = &person.table("get hpa app --no-headers")[0];
        assert_eq!(row[..2], ["app", "Deployment/app"]);
        assert_eq!(person.value("hpa app", ".spec.maxReplicas"), "5");
    });
}

#[test]
fn labels_and_annotations_are_put_on_and_taken_off() {
    everyone(|person| {
        person.ok("create configmap a");
        assert_eq!(person.ok("label cm a tier=web env=prod"), "configmap/a labeled\n");
        let refused = person.refused("label cm a tier=db");
        assert_eq!(refused, "error: 'tier' already has a value (web), and --overwrite is false\n");
        assert_eq!(person.ok("label cm a tier=db --overwrite"), "configmap/a labeled\n");
        assert_eq!(person.ok("label cm a tier-"), "configmap/a unlabeled\n");
        assert_eq!(person.ok("label cm a tier-"), "label \"tier\" not found.\nconfigmap/a not labeled\n");
        assert_eq!(person.ok("label cm --all all=yes"), "configmap/a labeled\n");
        assert_eq!(person.value("cm a", ".metadata.labels"), "{\"all\":\"yes\",\"env\":\"prod\"}");
        let invalid = person.refused("label cm a env='not valid' --overwrite");
        assert!(
            invalid.contains("a valid label must be an empty string or consist of alphanumeric characters"),
            "{invalid}"
        );
        assert_eq!(person.ok("annotate cm a note='hello there'"), "configmap/a annotated\n");
        assert_eq!(person.value("cm a", ".metadata.annotations.note"), "hello there");
        assert_eq!(person.ok("annotate cm a note-"), "configmap/a annotated\n");
        assert_eq!(person.value("cm a", ".metadata.annotations"), "");
    });
}

#[test]
fn parts_of_a_template_are_set() {
    everyone(|person| {
        person.deploy_app();
        assert_eq!(person.ok("set image deploy/app app=app:2"), "deployment.apps/app image updated\n");
        assert_eq!(person.refused("set image deploy/app x=y"), "error: unable to find container named \"x\"\n");
        assert_eq!(person.ok("set env deploy/app A=b"), "deployment.apps/app env updated\n");
        assert_eq!(person.ok("set env deploy/app --list"), "# Deployment app, container app\nA=b\n");
        let resources = person.ok("set resources deploy/app --limits=cpu=200m,memory=64Mi --requests=cpu=100m");
        assert_eq!(resources, "deployment.apps/app resource requirements updated\n");
        let kept = person.value("deploy app", ".spec.template.spec.containers[0].resources");
        assert_eq!(kept, "{\"limits\":{\"cpu\":\"200m\",\"memory\":\"64Mi\"},\"requests\":{\"cpu\":\"100m\"}}");
        assert_eq!(person.ok("set serviceaccount deploy/app robot"), "deployment.apps/app serviceaccount updated\n");
        person.ok("create service clusterip app --tcp=80");
        assert_eq!(person.ok("set selector service app a=b"), "service/app selector updated\n");
        person.ok("create role r --verb=get --resource=pods");
        person.ok("create rolebinding r --role=r");
        let subject = person.ok("set subject rolebinding r --user=jane");
        assert_eq!(subject, "rolebinding.rbac.authorization.k8s.io/r subjects updated\n");
    });
}

#[test]
fn an_object_is_replaced() {
    everyone(|person| {
        person.write("app.yaml", APP);
        let missing =
            "Error from server (NotFound): error when replacing \"app.yaml\": deployments.apps \"app\" not found\n";
        assert_eq!(person.refused("replace -f app.yaml"), missing);
        person.ok("create -f app.yaml");
        person.write("app.yaml", &APP.replace("app:1", "app:2"));
        // A controller may write its status between what kubectl reads and writes.
        let replaced = (0..20).map(|_| person.run("replace -f app.yaml")).find(|output| output.status.success());
        assert_eq!(replaced.unwrap().stdout, b"deployment.apps/app replaced\n");
        assert_eq!(person.value("deploy app", ".spec.template.spec.containers[0].image"), "app:2");
        let before = person.value("deploy app", ".metadata.uid");
        let forced = person.ok("replace --force -f app.yaml");
        assert!(forced.ends_with("deployment.apps/app replaced\n"), "{forced}");
        assert_ne!(person.value("deploy app", ".metadata.uid"), before);
    });
}
