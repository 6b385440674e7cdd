//! `kubectl get`: every form of output, every way to choose.

use super::people::everyone;

#[test]
fn the_usual_kinds_are_listed_with_the_columns_that_people_know() {
    everyone(|person| {
        person.deploy_app();
        person.ok("create service clusterip app --tcp=80:8080");
        person.ok("create configmap settings --from-literal=a=b --from-literal=c=d");
        let headers = |line: &str| person.table(line)[0].join(" ");
        assert_eq!(headers("get deployments"), "NAME READY UP-TO-DATE AVAILABLE AGE");
        assert_eq!(
            headers("get deployments -o wide"),
            "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR"
        );
        assert_eq!(headers("get rs"), "NAME DESIRED CURRENT READY AGE");
        assert_eq!(headers("get pods"), "NAME READY STATUS RESTARTS AGE");
        assert_eq!(
            headers("get pods -o wide"),
            "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES"
        );
        assert_eq!(headers("get svc"), "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE");
        assert_eq!(headers("get svc -o wide"), "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR");
        assert_eq!(headers("get cm"), "NAME DATA AGE");
        assert_eq!(headers("get ns"), "NAME STATUS AGE");
        assert_eq!(headers("get sa"), "NAME SECRETS AGE");
        assert_eq!(headers("get events"), "LAST SEEN TYPE REASON OBJECT MESSAGE");
        assert_eq!(headers("get priorityclasses"), "NAME VALUE GLOBAL-DEFAULT AGE PREEMPTIONPOLICY");
        let pods = person.table("get pods --no-headers");
        assert_eq!(pods.len(), 2);
        assert!(pods.iter().all(|pod| pod[1..4] == ["0/1", "Pending", "0"]), "{pods:?}");
        let deployment = &person.table("get deployment app -o wide --no-headers")[0];
        assert_eq!(deployment[..4], ["app", "0/2", "2", "0"]);
        assert_eq!(deployment[5..], ["app", "app:1", "app=app"]);
        let settings = &person.table("get cm settings --no-headers")[0];
        assert_eq!(settings[..2], ["settings", "2"]);
    });
}

#[test]
fn what_belongs_together_is_listed_together() {
    everyone(|person| {
        person.deploy_app();
        let all = person.ok("get all -o name");
        let kinds: Vec<&str> = all.lines().map(|name| name.split('/').next().unwrap()).collect();
        assert_eq!(kinds, ["pod", "pod", "deployment.apps", "replicaset.apps"], "{all}");
        let several = person.ok("get deploy,rs,sa");
        for heading in ["deployment.apps/app ", "replicaset.apps/app-", "serviceaccount/default "] {
            assert!(several.lines().any(|line| line.starts_with(heading)), "{several}");
        }
        assert_eq!(person.ok("get deploy/app sa/default -o name"), "deployment.apps/app\nserviceaccount/default\n");
        let everywhere = person.table("get serviceaccounts -A");
        assert_eq!(everywhere[0][0], "NAMESPACE");
        for namespace in ["default", "kube-node-lease", "kube-public", "kube-system", &person.namespace] {
            let found = everywhere.iter().any(|row| row[..2] == [namespace.to_owned(), "default".to_owned()]);
            assert!(found, "{everywhere:?}");
        }
        assert_eq!(person.ok("get -f app.yaml -o name"), "deployment.apps/app\n");
    });
}

#[test]
fn objects_are_printed_in_every_form() {
    everyone(|person| {
        person.deploy_app();
        assert_eq!(person.ok("get deploy -o name"), "deployment.apps/app\n");
        assert_eq!(person.value("deploy app", ".spec.template.spec.containers[*].image"), "app:1");
        assert_eq!(person.value("deploy app", ".metadata.annotations.deployment\\.kubernetes\\.io/revision"), "1");
        assert_eq!(person.ok("get deploy app -o go-template='{{.spec.replicas}} {{.kind}}'"), "2 Deployment");
        let columns = person.ok(
            "get deploy -o custom-columns=NAME:.metadata.name,IMAGE:.spec.template.spec.containers[0].image,NONE:.nope",
        );
        assert_eq!(columns, "NAME   IMAGE   NONE\napp    app:1   <none>\n");
        let labels = person.table("get deploy --show-labels --no-headers");
        assert_eq!(labels[0].last().unwrap(), "app=app");
        let label = person.table("get deploy -L app");
        assert_eq!((label[0].last().unwrap().as_str(), label[1].last().unwrap().as_str()), ("APP", "app"));
        let kinds = person.table("get deploy --show-kind --no-headers");
        assert_eq!(kinds[0][0], "deployment.apps/app");

        let json = person.get("deploy app");
        assert_eq!(json["apiVersion"], "apps/v1");
        assert_eq!(json["metadata"]["generation"], 1);
        assert!(json["metadata"].get("managedFields").is_none());
        let list = person.get("deploy");
        assert_eq!((&list["kind"], &list["apiVersion"]), (&"List".into(), &"v1".into()));
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        let managed = person.ok("get deploy app -o yaml --show-managed-fields");
        assert!(managed.contains("manager: kubectl-client-side-apply\n    operation: Update\n"), "{managed}");
    });
}

#[test]
fn an_object_shows_the_defaults_that_kubernetes_sets() {
    everyone(|person| {
        person.deploy_app();
        let spec = person.ok("get deploy app -o yaml");
        let spec = &spec[spec.find("\nspec:\n").unwrap() + 1..spec.find("status:\n").unwrap()];
        assert_eq!(
            spec,
            "spec:\n  progressDeadlineSeconds: 600\n  replicas: 2\n  revisionHistoryLimit: 10\n  selector:\n    \
             matchLabels:\n      app: app\n  strategy:\n    rollingUpdate:\n      maxSurge: 25%\n      \
             maxUnavailable: 25%\n    type: RollingUpdate\n  template:\n    metadata:\n      labels:\n        \
             app: app\n    spec:\n      containers:\n      - image: app:1\n        imagePullPolicy: IfNotPresent\n        \
             name: app\n        resources: {}\n        terminationMessagePath: /dev/termination-log\n        \
             terminationMessagePolicy: File\n      dnsPolicy: ClusterFirst\n      restartPolicy: Always\n      \
             schedulerName: default-scheduler\n      securityContext: {}\n      terminationGracePeriodSeconds: 30\n"
        );
        let pod = &person.get("pods")["items"][0];
        assert_eq!(pod["status"]["phase"], "Pending");
        assert_eq!(pod["status"]["qosClass"], "BestEffort");
        assert_eq!(pod["spec"]["serviceAccountName"], "default");
        let owner = &pod["metadata"]["ownerReferences"][0];
        assert_eq!((&owner["kind"], &owner["controller"]), (&"ReplicaSet".into(), &true.into()));
        assert_eq!(owner["blockOwnerDeletion"], true);
    });
}

#[test]
fn objects_are_chosen_by_labels_and_fields() {
    everyone(|person| {
        for (name, labels) in [("a", "tier=web,env=prod"), ("b", "tier=web,env=dev"), ("c", "tier=db")] {
            person.ok(&format!("create configmap {name}"));
            person.ok(&format!("label configmap {name} {}", labels.replace(',', " ")));
        }
        let chosen = |selector: &str| person.ok(&format!("get cm -o name {selector}")).replace("configmap/", "");
        assert_eq!(chosen("-l tier=web"), "a\nb\n");
        assert_eq!(chosen("-l tier!=web"), "c\n");
        assert_eq!(chosen("-l tier=web,env=dev"), "b\n");
        assert_eq!(chosen("-l 'tier in (web, db),env'"), "a\nb\n");
        assert_eq!(chosen("-l 'tier notin (db)'"), "a\nb\n");
        assert_eq!(chosen("-l '!env'"), "c\n");
        assert_eq!(chosen("--field-selector metadata.name=b"), "b\n");
        assert_eq!(chosen("--field-selector metadata.name!=b -l tier"), "a\nc\n");
        assert_eq!(chosen("--chunk-size=1"), "a\nb\nc\n");
        let sorted = person.ok("get cm --sort-by='{.metadata.labels.env}' -l env -o custom-columns=:.metadata.name");
        assert_eq!(sorted.split_whitespace().collect::<Vec<_>>(), ["b", "a"]);

        person.ok("run waiting --image=nginx");
        assert_eq!(person.ok("get pods --field-selector status.phase=Pending -o name"), "pod/waiting\n");
        assert_eq!(person.ok("get pods --field-selector status.phase=Running,spec.nodeName=x -o name"), "");
        let pods = "Error from server (BadRequest): Unable to find \"/v1, Resource=pods\" that match label selector \
                    \"\", field selector \"foo=bar\": field label not supported: foo\n";
        assert_eq!(person.refused("get pods --field-selector foo=bar"), pods);
        let maps = person.refused("get cm --field-selector foo=bar");
        let why = "field selector \"foo=bar\": \"foo\" is not a known field selector: only \"metadata.name\", \
                   \"metadata.namespace\"\n";
        assert!(maps.ends_with(why), "{maps}");
    });
}

#[test]
fn what_is_not_there_is_said_in_kubernetes_words() {
    everyone(|person| {
        let nothing = format!("No resources found in {} namespace.\n", person.namespace);
        assert_eq!(person.warned("get pods"), nothing);
        assert_eq!(person.warned("get nodes"), "No resources found\n");
        assert_eq!(person.warned("get nodes,leases -A"), "No resources found\n");
        assert_eq!(person.refused("get pod x"), "Error from server (NotFound): pods \"x\" not found\n");
        assert_eq!(person.ok("get pod x --ignore-not-found"), "");
        let both = "Error from server (NotFound): pods \"x\" not found\nError from server (NotFound): \
                    deployments.apps \"y\" not found\n";
        assert_eq!(person.refused("get pod/x deploy/y"), both);
        assert_eq!(person.refused("get foo"), "error: the server doesn't have a resource type \"foo\"\n");
        let raw = "Error from server (NotFound): the server could not find the requested resource\n";
        assert_eq!(person.refused("get --raw /nope"), raw);
        assert_eq!(person.ok("get --raw /readyz"), "ok");
        assert_eq!(person.ok("get --raw /livez"), "ok");
    });
}

#[test]
fn subresources_have_tables_of_their_own() {
    everyone(|person| {
        person.deploy_app();
        let scale = person.table("get deploy app --subresource=scale");
        assert_eq!(scale[0], ["NAME", "DESIRED", "AVAILABLE", "AGE"]);
        assert_eq!(scale[1][..3], ["app", "2", "2"]);
        assert_eq!(person.value("deploy app --subresource=scale", ".kind"), "Scale");
        assert_eq!(person.value("deploy app --subresource=scale", ".status.selector"), "app=app");
        assert_eq!(person.table("get deploy app --subresource=status")[1][..2], ["app", "0/2"]);
    });
}
