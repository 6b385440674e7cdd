//! `kubectl get --watch`, `kubectl wait`, `kubectl events`: seeing things happen.

use super::people::everyone;

#[test]
fn a_watch_shows_what_happens_as_it_happens() {
    everyone(|person| {
        person.ok("create configmap before");
        let watch = person.start("get configmaps --watch --output-watch-events");
        watch.until(|text| text.contains("ADDED") && text.contains("before"));
        person.ok("create configmap one --from-literal=a=b");
        watch.until(|text| lines(text).contains(&["ADDED", "one", "1"]));
        person.ok("patch configmap one -p '{\"data\":{\"c\":\"d\"}}'");
        watch.until(|text| lines(text).contains(&["MODIFIED", "one", "2"]));
        person.delete("configmap one");
        let text = watch.until(|text| lines(text).contains(&["DELETED", "one", "2"]));
        assert!(text.starts_with("EVENT "), "{text}");
        assert_eq!(lines(&text).len(), 4, "{text}");
    });
}

fn lines(text: &str) -> Vec<[&str; 3]> {
    let words = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    words.filter_map(|words| words.get(..3)?.try_into().ok()).collect()
}

#[test]
fn a_watch_tells_only_of_what_was_chosen() {
    everyone(|person| {
        let chosen = person.start("get configmaps -w -l tier=web -o name");
        let named = person.start("get configmap two --watch-only -o name --ignore-not-found --request-timeout=60s");
        drop(named);
        person.ok("create configmap one");
        person.ok("create configmap two");
        person.ok("label configmap two tier=web");
        let text = chosen.until(|text| text.contains("two"));
        assert_eq!(text, "configmap/two\n");
        // To who watches a selection, an object that leaves it is gone.
        person.ok("label configmap two tier=db --overwrite");
        person.ok("label configmap one tier=web");
        let text = chosen.until(|text| text.contains("one"));
        assert_eq!(text.lines().last(), Some("configmap/one"));
    });
}

#[test]
fn a_deployments_rise_can_be_watched() {
    everyone(|person| {
        let watch = person.start("get replicasets -w --no-headers");
        person.ok("create deployment web --image=nginx --replicas=3");
        watch.until(|text| {
            text.lines().any(|line| line.split_whitespace().collect::<Vec<_>>()[1..4] == ["3", "3", "0"])
        });
    });
}

#[test]
fn waiting_ends_when_what_was_waited_for_is_there() {
    everyone(|person| {
        person.deploy_app();
        let met = "deployment.apps/app condition met\n";
        assert_eq!(person.ok("wait --for=condition=Progressing deploy/app --timeout=20s"), met);
        assert_eq!(person.ok("wait --for=condition=Available=False deploy/app --timeout=20s"), met);
        assert_eq!(person.ok("wait --for=jsonpath='{.spec.replicas}'=2 deploy/app --timeout=20s"), met);
        assert_eq!(person.ok("wait --for=jsonpath='{.status.observedGeneration}' deploy/app --timeout=20s"), met);
        assert_eq!(person.ok("wait --for=create deploy/app --timeout=20s"), met);
        let pods = person.ok("wait --for=condition=PodScheduled=False pods --all --timeout=20s");
        assert_eq!(pods.lines().filter(|line| line.ends_with(" condition met")).count(), 2, "{pods}");
        let timeout = person.refused("wait --for=condition=Available deploy/app --timeout=1s");
        assert_eq!(timeout, "error: timed out waiting for the condition on deployments/app\n");
        let missing = person.refused("wait --for=condition=Available deploy/nope --timeout=1s");
        assert_eq!(missing, "Error from server (NotFound): deployments.apps \"nope\" not found\n");
    });
}

#[test]
fn waiting_sees_what_comes_and_goes_meanwhile() {
    everyone(|person| {
        let coming = person.start("wait --for=create configmap/late --timeout=60s");
        person.ok("create configmap late");
        coming.until(|text| text == "configmap/late condition met\n");
        let changing = person.start("wait --for=jsonpath={.data.a}=b configmap/late --timeout=60s");
        person.ok("patch configmap late -p '{\"data\":{\"a\":\"b\"}}'");
        changing.until(|text| text == "configmap/late condition met\n");
        let going = person.start("wait --for=delete configmap/late --timeout=60s");
        person.delete("configmap late");
        going.until(|text| text.is_empty() || text == "configmap/late condition met\n");
        assert_eq!(person.ok("wait --for=delete configmap/never --timeout=5s"), "");
    });
}

#[test]
fn events_tell_what_the_controllers_did() {
    everyone(|person| {
        person.deploy_app();
        let told = person.eventually("get events", |text| text.contains("FailedScheduling"));
        for words in [
            "Normal    ScalingReplicaSet   deployment/app",
            "Scaled up replica set app-",
            "from 0 to 2",
            "SuccessfulCreate",
            "Created pod: app-",
            "no nodes available to schedule pods",
        ] {
            assert!(told.contains(words), "{words:?} is not in {told}");
        }
        let about = person.table("events --for deployment/app");
        assert_eq!(about[0], ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]);
        assert_eq!(about.len(), 2);
        assert_eq!(about[1][1..4], ["Normal", "ScalingReplicaSet", "Deployment/app"]);
        let warnings = person.eventually("events --types=Warning --no-headers", |text| text.lines().count() == 2);
        assert!(warnings.lines().all(|line| line.contains("FailedScheduling")), "{warnings}");
        let same = person.ok("get events.events.k8s.io -o name");
        let core = person.ok("get events -o name");
        assert_eq!(same.lines().count(), core.lines().count());
        let named = "get events --field-selector involvedObject.kind=Deployment,involvedObject.name=app -o name";
        assert_eq!(person.ok(named).lines().count(), 1);
    });
}
