//! `kubectl create`, `run` and `expose`.

use super::people::everyone;

#[test]
fn workloads_are_created() {
    everyone(|person| {
        assert_eq!(
            person.ok("create deployment web --image=nginx --replicas=3 --port=80"),
            "deployment.apps/web created\n"
        );
        assert_eq!(person.value("deploy web", ".spec.replicas"), "3");
        assert_eq!(person.value("deploy web", ".spec.template.spec.containers[0].imagePullPolicy"), "Always");
        assert_eq!(person.ok("create job once --image=busybox -- echo hi"), "job.batch/once created\n");
        let uid = person.value("job once", ".metadata.uid");
        assert_eq!(person.value("job once", ".spec.selector.matchLabels.batch\\.kubernetes\\.io/controller-uid"), uid);
        let cron = person.ok("create cronjob tick --image=busybox --schedule='*/5 * * * *' -- date");
        assert_eq!(cron, "cronjob.batch/tick created\n");
        let row = &person.table("get cronjob tick --no-headers")[0];
        assert_eq!(row[..9], ["tick", "*/5", "*", "*", "*", "*", "<none>", "False", "0"]);
        assert_eq!(person.ok("create job now --from=cronjob/tick"), "job.batch/now created\n");
        assert_eq!(person.value("job now", ".metadata.ownerReferences[0].name"), "tick");
        assert_eq!(person.ok("run pod --image=nginx --restart=Never -- sleep 1"), "pod/pod created\n");
        assert_eq!(person.value("pod pod", ".spec.containers[0].args"), "[\"sleep\",\"1\"]");
    });
}

#[test]
fn services_are_created_with_addresses_and_ports() {
    everyone(|person| {
        assert_eq!(person.ok("create service clusterip a --tcp=80:8080"), "service/a created\n");
        assert_eq!(person.ok("create service nodeport b --tcp=80"), "service/b created\n");
        assert_eq!(person.ok("create service loadbalancer c --tcp=443"), "service/c created\n");
        assert_eq!(person.ok("create service externalname d --external-name=example.org"), "service/d created\n");
        assert_eq!(person.ok("create service clusterip e --clusterip=None"), "service/e created\n");
        let rows = person.table("get services --no-headers");
        assert_eq!(rows[0][1], "ClusterIP");
        let address = rows[0][2].parse::<std::net::Ipv4Addr>().expect("an address").octets();
        assert!(address[0] == 10 && (96..112).contains(&address[1]), "{rows:?}");
        assert_eq!(rows[0][3..5], ["<none>", "80/TCP"]);
        assert_eq!(rows[1][1], "NodePort");
        let port: u16 = rows[1][4].strip_prefix("80:").unwrap().strip_suffix("/TCP").unwrap().parse().unwrap();
        assert!((30000..=32767).contains(&port), "{rows:?}");
        assert_eq!((rows[2][1].as_str(), rows[2][3].as_str()), ("LoadBalancer", "<pending>"));
        assert_eq!(rows[3][1..5], ["ExternalName", "<none>", "example.org", "<none>"]);
        assert_eq!(rows[4][1..5], ["ClusterIP", "None", "<none>", "<none>"]);
        person.deploy_app();
        assert_eq!(person.ok("expose deployment app --port=80 --target-port=8080 --name=f"), "service/f exposed\n");
        assert_eq!(person.value("service f", ".spec.selector"), "{\"app\":\"app\"}");
        assert_eq!(person.value("service f", ".spec.ports[0].targetPort"), "8080");
    });
}

#[test]
fn configuration_is_created() {
    everyone(|person| {
        person.write("file.txt", "hello\n");
        assert_eq!(person.ok("create configmap a --from-literal=b=c --from-file=file.txt"), "configmap/a created\n");
        assert_eq!(person.value("cm a", ".data"), "{\"b\":\"c\",\"file.txt\":\"hello\\n\"}");
        assert_eq!(person.ok("create secret generic a --from-literal=password=hunter2"), "secret/a created\n");
        assert_eq!(person.value("secret a", ".data.password"), "aHVudGVyMg==");
        let registry = "create secret docker-registry b --docker-server=r --docker-username=u --docker-password=p";
        assert_eq!(person.ok(registry), "secret/b created\n");
        let types: Vec<String> =
            person.table("get secrets --no-headers").into_iter().map(|row| row[1].clone()).collect();
        assert_eq!(types, ["Opaque", "kubernetes.io/dockerconfigjson"]);
    });
}

#[test]
fn policies_and_roles_are_created() {
    everyone(|person| {
        let own = &person.namespace;
        let created = |line: &str, what: &str| assert_eq!(person.ok(line), format!("{what} created\n"));
        created("create role r --verb=get --resource=pods", "role.rbac.authorization.k8s.io/r");
        created("create rolebinding r --role=r --user=jane", "rolebinding.rbac.authorization.k8s.io/r");
        let cluster = format!("create clusterrole {own} --verb=get --resource=nodes");
        created(&cluster, &format!("clusterrole.rbac.authorization.k8s.io/{own}"));
        let binding = format!("create clusterrolebinding {own} --clusterrole={own} --group=devs");
        created(&binding, &format!("clusterrolebinding.rbac.authorization.k8s.io/{own}"));
        created("create serviceaccount robot", "serviceaccount/robot");
        created("create quota q --hard=pods=5,cpu=2", "resourcequota/q");
        created("create pdb p --selector=app=app --min-available=50%", "poddisruptionbudget.policy/p");
        let class = format!("create priorityclass {own} --value=100 --description=some");
        created(&class, &format!("priorityclass.scheduling.k8s.io/{own}"));
        created("create ingress i --rule=example.org/*=web:80,tls=cert --class=c", "ingress.networking.k8s.io/i");
        let row = &person.table("get ingress i --no-headers")[0];
        assert_eq!(row[..4], ["i", "c", "example.org", "80,"]);
        let budget = &person.table("get pdb p --no-headers")[0];
        assert_eq!(budget[..4], ["p", "50%", "N/A", "0"]);
    });
}

#[test]
fn a_dry_run_leaves_nothing_behind() {
    everyone(|person| {
        let server = person.ok("create deployment web --image=nginx --dry-run=server");
        assert_eq!(server, "deployment.apps/web created (server dry run)\n");
        let client = person.ok("create deployment web --image=nginx --dry-run=client");
        assert_eq!(client, "deployment.apps/web created (dry run)\n");
        let yaml = person.ok("create deployment web --image=nginx --dry-run=server -o yaml");
        assert!(yaml.contains("  progressDeadlineSeconds: 600\n"), "{yaml}");
        assert_eq!(person.ok("get deployments -o name"), "");
        person.write("app.yaml", super::people::APP);
        let applied = person.ok("apply --server-side --dry-run=server -f app.yaml");
        assert_eq!(applied, "deployment.apps/app serverside-applied (server dry run)\n");
        assert_eq!(person.ok("get deployments -o name"), "");
    });
}

#[test]
fn names_are_made_up_on_request() {
    everyone(|person| {
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  generateName: made-\n";
        let (one, two) = (person.ok_with("create -f -", map), person.ok_with("create -f -", map));
        for said in [&one, &two] {
            let suffix = said.strip_prefix("configmap/made-").unwrap().strip_suffix(" created\n").unwrap();
            assert!(suffix.len() == 5 && suffix.chars().all(|c| c.is_ascii_alphanumeric()), "{said}");
        }
        assert_ne!(one, two);
        assert!(person.refused_with("apply -f -", map).contains("cannot use generate name with apply"));
    });
}

#[test]
fn what_cannot_be_created_is_refused_in_kubernetes_words() {
    everyone(|person| {
        person.ok("create configmap a");
        let twice = "error: failed to create configmap: configmaps \"a\" already exists\n";
        assert_eq!(person.refused("create configmap a"), twice);
        let nowhere = "error: failed to create configmap: namespaces \"nowhere\" not found\n";
        assert_eq!(person.refused("create configmap a -n nowhere"), nowhere);
        let namespace =
            format!("Error from server (AlreadyExists): namespaces \"{}\" already exists\n", person.namespace);
        assert_eq!(person.refused(&format!("create namespace {}", person.namespace)), namespace);
        let name = person.refused("create configmap A_");
        let why = "error: failed to create configmap: ConfigMap \"A_\" is invalid: metadata.name: Invalid value: \"A_\": \
                   a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and \
                   must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
                   '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')\n";
        assert_eq!(name, why);
        let pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n";
        assert_eq!(
            person.refused_with("create -f -", pod),
            "The Pod \"a\" is invalid: spec.containers: Required value\n"
        );
        let kind = person.refused_with("create -f -", &pod.replace("Pod", "Podd"));
        assert!(
            kind.contains("no matches for kind \"Podd\" in version \"v1\"\nensure CRDs are installed first\n"),
            "{kind}"
        );
    });
}
