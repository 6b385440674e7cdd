//! `kubectl describe`.

use super::people::everyone;

/// Whether a line says this, however its words are spaced.
fn says(text: &str, wanted: &str) -> bool {
    text.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") == wanted)
}

#[track_caller]
fn assert_says(text: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(says(text, wanted), "{wanted:?} is not a line of:\n{text}");
    }
}

#[test]
fn a_deployment_is_described_with_its_replica_sets_conditions_and_events() {
    everyone(|person| {
        person.deploy_app();
        let described = person.eventually("describe deployment app", |text| text.contains("ScalingReplicaSet"));
        assert_says(
            &described,
            &[
                "Name: app",
                &format!("Namespace: {}", person.namespace),
                "Labels: app=app",
                "Selector: app=app",
                "Replicas: 2 desired | 2 updated | 2 total | 0 available | 2 unavailable",
                "StrategyType: RollingUpdate",
                "RollingUpdateStrategy: 25% max unavailable, 25% max surge",
                "Image: app:1",
                "Available False MinimumReplicasUnavailable",
                "Progressing True ReplicaSetUpdated",
                "OldReplicaSets: <none>",
            ],
        );
        assert!(described.contains("(2/2 replicas created)"), "{described}");
    });
}

#[test]
fn a_pod_is_described_with_why_it_waits() {
    everyone(|person| {
        person.ok("run web --image=nginx:1 --port=80 --env=A=b --labels=tier=web");
        let described = person.eventually("describe pod web", |text| text.contains("FailedScheduling"));
        assert_says(
            &described,
            &[
                "Name: web",
                "Priority: 0",
                "Service Account: default",
                "Node: <none>",
                "Labels: tier=web",
                "Status: Pending",
                "Image: nginx:1",
                "Port: 80/TCP",
                "A: b",
                "PodScheduled False",
                "QoS Class: BestEffort",
                "Tolerations: node.kubernetes.io/not-ready:NoExecute op=Exists for 300s",
            ],
        );
        let event = described.lines().last().unwrap();
        assert!(event.ends_with("default-scheduler  no nodes available to schedule pods"), "{described}");
    });
}

#[test]
fn secrets_are_described_without_their_values() {
    everyone(|person| {
        person.ok("create secret generic key --from-literal=password=hunter2");
        let described = person.ok("describe secret key");
        assert_says(&described, &["Type: Opaque", "password: 7 bytes"]);
        assert!(!described.contains("hunter2") && !described.contains("aHVudGVyMg"), "{described}");
        person.ok("create configmap settings --from-literal=color=blue");
        let described = person.ok("describe configmap settings");
        assert!(described.contains("Data\n====\ncolor:\n----\nblue\n"), "{described}");
    });
}

#[test]
fn services_and_ingresses_are_described() {
    everyone(|person| {
        person.ok("create service nodeport web --tcp=80:8080");
        person.ok("create ingress web --rule=example.org/=web:80 --class=nginx");
        let service = person.ok("describe service web");
        assert_says(
            &service,
            &[
                "Selector: app=web",
                "Type: NodePort",
                "IP Family Policy: SingleStack",
                "IP Families: IPv4",
                "Port: 80-8080 80/TCP",
                "TargetPort: 8080/TCP",
                "Session Affinity: None",
                "External Traffic Policy: Cluster",
                "Internal Traffic Policy: Cluster",
            ],
        );
        let ip = person.value("service web", ".spec.clusterIP");
        assert_says(&service, &[&format!("IP: {ip}"), &format!("IPs: {ip}")]);
        let ingress = person.ok("describe ingress web");
        assert_says(&ingress, &["Ingress Class: nginx", "example.org"]);
        assert!(ingress.contains("web:80"), "{ingress}");
    });
}

#[test]
fn namespaces_quotas_and_roles_are_described() {
    everyone(|person| {
        person.ok("create quota most --hard=pods=5");
        let described = person.ok(&format!("describe namespace {}", person.namespace));
        let label = format!("Labels: kubernetes.io/metadata.name={}", person.namespace);
        assert_says(&described, &[&label, "Status: Active", "Name: most", "No LimitRange resource."]);
        person.ok("create role reader --verb=get,list --resource=pods,deployments.apps");
        let role = person.ok("describe role reader");
        assert_says(&role, &["pods [] [] [get list]", "deployments.apps [] [] [get list]"]);
        person.ok("create rolebinding readers --role=reader --serviceaccount=default:robot --user=jane");
        let binding = person.ok("describe rolebinding readers");
        assert_says(&binding, &["Kind: Role", "Name: reader", "User jane", "ServiceAccount robot default"]);
        assert_says(&person.ok("describe serviceaccount default"), &["Name: default", "Image pull secrets: <none>"]);
    });
}

#[test]
fn jobs_and_autoscalers_are_described() {
    everyone(|person| {
        person.deploy_app();
        person.ok("create job once --image=busybox -- echo hi");
        let job = person.ok("describe job once");
        assert_says(&job, &["Parallelism: 1", "Completions: 1", "Completion Mode: NonIndexed", "Backoff Limit: 6"]);
        person.ok("create cronjob tick --image=busybox --schedule='*/5 * * * *'");
        let cron = person.ok("describe cronjob tick");
        assert_says(&cron, &["Schedule: */5 * * * *", "Concurrency Policy: Allow", "Suspend: False"]);
        person.ok("autoscale deployment app --min=1 --max=3");
        let scaler = person.ok("describe hpa app");
        assert_says(&scaler, &["Reference: Deployment/app", "Min replicas: 1", "Max replicas: 3"]);
    });
}

#[test]
fn what_is_not_there_cannot_be_described() {
    everyone(|person| {
        let missing = "Error from server (NotFound): deployments.apps \"app\" not found\n";
        assert_eq!(person.refused("describe deployment app"), missing);
    });
}
