//! `kubectl rollout`.

use super::people::everyone;

#[test]
fn a_rollout_is_followed_recorded_and_undone() {
    everyone(|person| {
        person.deploy_app();
        let waiting = "Waiting for deployment \"app\" rollout to finish: 0 of 2 updated replicas are available...\n";
        assert_eq!(person.ok("rollout status deploy/app --watch=false"), waiting);
        let late = person.refused("rollout status deploy/app --timeout=1s");
        assert_eq!(late, "error: timed out waiting for the condition\n");
        person.ok("annotate deploy app kubernetes.io/change-cause='the first'");
        person.eventually("rollout history deploy/app", |text| text.contains("1         the first"));
        person.ok("set image deploy/app app=app:2");
        person.ok("annotate deploy app kubernetes.io/change-cause='the second' --overwrite");
        let both = "deployment.apps/app \nREVISION  CHANGE-CAUSE\n1         the first\n2         the second\n\n";
        person.eventually("rollout history deploy/app", |text| text == both);
        let second = person.ok("rollout history deploy/app --revision=2");
        assert!(second.starts_with("deployment.apps/app with revision #2\n"), "{second}");
        assert!(second.contains("app:2"), "{second}");
        assert_eq!(person.ok("rollout undo deploy/app"), "deployment.apps/app rolled back\n");
        assert_eq!(person.value("deploy app", ".spec.template.spec.containers[0].image"), "app:1");
        let numbered = "deployment.apps/app \nREVISION  CHANGE-CAUSE\n2         the second\n3         the first\n\n";
        person.eventually("rollout history deploy/app", |text| text == numbered);
        assert_eq!(person.ok("rollout undo deploy/app --to-revision=2"), "deployment.apps/app rolled back\n");
        assert_eq!(person.value("deploy app", ".spec.template.spec.containers[0].image"), "app:2");
        let none = person.refused("rollout undo deploy/app --to-revision=99");
        assert_eq!(none, "error: unable to find specified revision 99 in history\n");
    });
}

#[test]
fn a_paused_deployment_waits() {
    everyone(|person| {
        person.deploy_app();
        person.ok("set image deploy/app app=app:2");
        person.eventually("get rs -o name", |text| text.lines().count() == 2);
        assert_eq!(person.ok("rollout pause deploy/app"), "deployment.apps/app paused\n");
        assert_eq!(person.refused("rollout pause deploy/app"), "error: deployments.apps \"app\" is already paused\n");
        person.ok("set image deploy/app app=app:3");
        let generation = person.value("deploy app", ".metadata.generation");
        person
            .ok(&format!("wait --for=jsonpath='{{.status.observedGeneration}}'={generation} deploy/app --timeout=20s"));
        assert_eq!(person.ok("get rs -o name").lines().count(), 2);
        let paused = person.eventually("describe deploy app", |text| text.contains("DeploymentPaused"));
        assert!(paused.contains("Progressing    Unknown  DeploymentPaused"), "{paused}");
        let undo = person.refused("rollout undo deploy/app");
        assert!(undo.contains("you cannot rollback a paused deployment"), "{undo}");
        assert_eq!(person.ok("rollout resume deploy/app"), "deployment.apps/app resumed\n");
        assert_eq!(person.refused("rollout resume deploy/app"), "error: deployments.apps \"app\" is not paused\n");
        person.eventually("get rs -o name", |text| text.lines().count() == 3);
    });
}

#[test]
fn a_restart_makes_new_pods() {
    everyone(|person| {
        person.deploy_app();
        assert_eq!(person.ok("rollout restart deploy/app"), "deployment.apps/app restarted\n");
        person.eventually("get rs -o name", |text| text.lines().count() == 2);
        let stamp =
            person.value("deploy app", ".spec.template.metadata.annotations.kubectl\\.kubernetes\\.io/restartedAt");
        assert!(!stamp.is_empty());
        // Surge allows one Pod more, of the new ReplicaSet.
        person.eventually("get pods -l app=app -o name", |text| text.lines().count() == 3);
    });
}
