//! `kubectl api-resources`, `api-versions` and `explain`: finding out what there is.

use super::people::everyone;

#[test]
fn every_resource_is_listed_with_its_names() {
    everyone(|person| {
        let resources = person.table("api-resources");
        for wanted in [
            "configmaps cm v1 true ConfigMap",
            "namespaces ns v1 false Namespace",
            "pods po v1 true Pod",
            "services svc v1 true Service",
            "deployments deploy apps/v1 true Deployment",
            "replicasets rs apps/v1 true ReplicaSet",
            "statefulsets sts apps/v1 true StatefulSet",
            "jobs batch/v1 true Job",
            "cronjobs cj batch/v1 true CronJob",
            "horizontalpodautoscalers hpa autoscaling/v2 true HorizontalPodAutoscaler",
            "ingresses ing networking.k8s.io/v1 true Ingress",
            "poddisruptionbudgets pdb policy/v1 true PodDisruptionBudget",
            "clusterroles rbac.authorization.k8s.io/v1 false ClusterRole",
            "storageclasses sc storage.k8s.io/v1 false StorageClass",
            "customresourcedefinitions crd,crds apiextensions.k8s.io/v1 false CustomResourceDefinition",
        ] {
            assert!(resources.iter().any(|row| row.join(" ") == wanted), "{wanted} is not in {resources:?}");
        }
        let of_apps = person.ok("api-resources --api-group=apps -o name --sort-by=name");
        let names =
            "controllerrevisions.apps\ndaemonsets.apps\ndeployments.apps\nreplicasets.apps\nstatefulsets.apps\n";
        assert_eq!(of_apps, names);
        let cluster = person.ok("api-resources --namespaced=false -o name");
        assert!(cluster.lines().any(|name| name == "namespaces") && !cluster.contains("pods\n"), "{cluster}");
        let all = person.ok("api-resources --categories=all -o name");
        assert!(all.contains("deployments.apps\n") && !all.contains("configmaps\n"), "{all}");
        let wide = person.table("api-resources --api-group=apps -o wide");
        let deployments = wide.iter().find(|row| row[0] == "deployments").unwrap();
        assert_eq!(deployments[5..], ["create,delete,deletecollection,get,list,patch,update,watch", "all"]);
    });
}

#[test]
fn every_version_is_listed() {
    everyone(|person| {
        let versions = person.ok("api-versions");
        for wanted in ["v1", "apps/v1", "autoscaling/v1", "autoscaling/v2", "apiextensions.k8s.io/v1", "batch/v1"] {
            assert!(versions.lines().any(|version| version == wanted), "{wanted} is not in {versions}");
        }
        let sorted: Vec<&str> = versions.lines().collect();
        assert!(sorted.is_sorted(), "{versions}");
    });
}

#[test]
fn fields_are_explained() {
    everyone(|person| {
        let pod = person.ok("explain pods");
        assert!(pod.starts_with("KIND:       Pod\nVERSION:    v1\n"), "{pod}");
        assert!(pod.contains("  spec\t<PodSpec>\n"), "{pod}");
        let replicas = person.ok("explain deployment.spec.replicas");
        assert!(replicas.starts_with("GROUP:      apps\nKIND:       Deployment\nVERSION:    v1\n"), "{replicas}");
        assert!(replicas.contains("FIELD: replicas <integer>"), "{replicas}");
        let ports = person.ok("explain deploy.spec.template.spec.containers.ports --recursive");
        for field in ["  containerPort\t<integer> -required-\n", "  hostIP\t<string>\n", "  protocol\t<string>\n"] {
            assert!(ports.contains(field), "{ports}");
        }
        let whole = person.ok("explain deployment --recursive");
        assert!(whole.contains("maxSurge\t<IntOrString>") || whole.contains("maxSurge\t<string>"), "{whole}");
        let older = person.ok("explain hpa --api-version=autoscaling/v1");
        assert!(older.contains("VERSION:    v1\n"), "{older}");
        let plain = person.ok("explain pod.spec.containers --output=plaintext-openapiv2");
        assert!(plain.contains("RESOURCE: containers <[]Object>"), "{plain}");
        assert!(person.refused("explain pod.spec.nope").ends_with("error: field \"nope\" does not exist\n"));
        assert!(person.refused("explain foo").contains("the server doesn't have a resource type \"foo\""));
    });
}
