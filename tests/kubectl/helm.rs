//! `helm`: releases of a chart.

use super::people::{Person, everyone};
use crate::program::succeeded;

fn chart(person: &Person) {
    person
        .write("web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\nappVersion: '1'\n")
        .write("web/values.yaml", "image: web:1\nreplicas: 2\n")
        .write(
            "web/templates/deployment.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  replicas: \
             {{ .Values.replicas }}\n  selector:\n    matchLabels:\n      app: {{ .Release.Name }}\n  template:\n    \
             metadata:\n      labels:\n        app: {{ .Release.Name }}\n    spec:\n      containers:\n      - name: web\n        \
             image: {{ .Values.image }}\n",
        )
        .write(
            "web/templates/service.yaml",
            "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  selector:\n    app: \
             {{ .Release.Name }}\n  ports:\n  - port: 80\n{{- if .Capabilities.APIVersions.Has \"batch/v1/CronJob\" }}\n---\n\
             apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  schedule: '@daily'\n  \
             jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: Never\n          containers:\n          \
             - name: web\n            image: {{ .Values.image }}\n{{- end }}\n",
        );
}

#[test]
fn a_release_is_installed_upgraded_rolled_back_and_removed() {
    everyone(|person| {
        chart(person);
        let helm = |line: &str| succeeded(person.helm(line));
        let installed = helm("install shop web");
        assert!(installed.contains("STATUS: deployed\nREVISION: 1\n"), "{installed}");
        assert_eq!(person.value("deploy shop", ".spec.template.spec.containers[0].image"), "web:1");
        assert_eq!(person.value("deploy shop", ".metadata.labels.app\\.kubernetes\\.io/managed-by"), "Helm");
        assert_eq!(person.ok("get cronjobs -o name"), "cronjob.batch/shop\n");
        assert_eq!(
            person.table("get secrets --no-headers")[0][..2],
            ["sh.helm.release.v1.shop.v1", "helm.sh/release.v1"]
        );

        let upgraded = helm("upgrade shop web --set image=web:2");
        assert!(upgraded.contains("REVISION: 2\n"), "{upgraded}");
        assert_eq!(person.value("deploy shop", ".spec.template.spec.containers[0].image"), "web:2");
        let listed = helm("list --no-headers");
        let row: Vec<&str> = listed.split_whitespace().collect();
        assert_eq!(row[..3], ["shop", &person.namespace, "2"]);
        assert!(listed.contains("deployed") && listed.contains("web-0.1.0"), "{listed}");
        assert!(helm("rollback shop 1").contains("Rollback was a success! Happy Helming!"));
        assert_eq!(person.value("deploy shop", ".spec.template.spec.containers[0].image"), "web:1");
        let history = helm("history shop");
        assert_eq!(history.lines().count(), 4, "{history}");
        assert!(history.contains("Rollback to 1"), "{history}");
        assert!(helm("get manifest shop").contains("image: web:1\n"));

        assert_eq!(helm("uninstall shop"), "release \"shop\" uninstalled\n");
        assert_eq!(person.ok("get deployments,services,cronjobs,secrets -o name"), "");
    });
}

#[test]
fn a_release_does_not_take_what_is_not_its_own() {
    everyone(|person| {
        chart(person);
        person.ok("create service clusterip shop --tcp=80");
        let refused = person.helm("install shop web");
        assert!(!refused.status.success());
        let why = String::from_utf8(refused.stderr).unwrap();
        assert!(why.contains("Service \"shop\"") && why.contains("exists and cannot be imported"), "{why}");
        assert_eq!(person.ok("get deployments -o name"), "");
    });
}
