//! What all commands have in common: how they end, what they say for programs and to whom mistypes.

use serde_json::Value;

use super::code;
use crate::program::fleet::Fleet;

#[test]
fn exit_codes_tell_scripts_how_it_went() {
    let fleet = Fleet::start();
    for (arguments, expected, word) in [
        (&["get", "ks", "nothing"][..], 1, "not found"),
        (&["get", "gadgets"], 2, "unknown kind"),
        (&["tree", "nothing"], 1, "not found"),
        (&["reconcile", "kustomization", "nothing"], 1, "not found"),
        (&["suspend", "kustomization", "nothing"], 1, "not found"),
        (&["resume", "source", "git", "nothing"], 1, "not found"),
        (&["reconcile", "--nonsense"], 2, "--nonsense"),
        (&["nonsense"], 2, "nonsense"),
        (&["suspend"], 2, "required"),
        (&["reconcile"], 0, "Applied revision"),
    ] {
        let (status, said) = code(&fleet, arguments);
        assert_eq!(status, expected, "{arguments:?}: {said}");
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
    fleet.repository.write("app/broken.yaml", "{");
    fleet.repository.commit("make a mistake");
    fleet.running.wait_for_condition("kustomization app", "False", &["app/broken.yaml"]);
    let (status, said) = code(&fleet, &["reconcile", "kustomization", "app"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("app/broken.yaml"), "{said}");
}

#[test]
fn what_was_done_is_told_for_programs_too() {
    let fleet = Fleet::start();
    let parsed = |arguments: &[&str]| -> Value {
        let output = fleet.running.cowherd(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output:?}"))
    };
    let suspended = parsed(&["suspend", "ks/app", "-o", "json"]);
    assert_eq!((&suspended["metadata"]["name"], &suspended["spec"]["suspend"]), (&"app".into(), &true.into()));
    let resumed = parsed(&["resume", "ks/app", "ks/other", "--wait", "-o", "json"]);
    assert_eq!(resumed["kind"], "List");
    for (item, name) in resumed["items"].as_array().unwrap().iter().zip(["app", "other"]) {
        assert_eq!((&item["metadata"]["name"], &item["spec"]["suspend"]), (&name.into(), &false.into()));
        let ready = item["status"]["conditions"].as_array().unwrap().iter().find(|one| one["type"] == "Ready").unwrap();
        assert_eq!(ready["status"], "True");
    }
    let reconciled = parsed(&["reconcile", "source", "git", "flux-system", "-o", "json"]);
    assert_eq!(reconciled["kind"], "GitRepository");
    assert!(reconciled["status"]["artifact"]["revision"].as_str().unwrap().ends_with(&fleet.first));
}

#[test]
fn what_is_mistyped_is_told_with_what_may_be_meant() {
    let fleet = Fleet::start();
    for (words, told) in [
        (&["get", "kustomisations"][..], "did you mean kustomizations?"),
        (&["get", "appprojects"], "the kind AppProject is not supported yet"),
        (&["get", "ks/othr"], "\"othr\" not found in \"flux-system\" namespace; did you mean other?"),
        (&["reconcile", "kustomisation", "app"], "unknown kind \"kustomisation\"; did you mean kustomization?"),
        (&["suspend", "ks/ap"], "not found in \"flux-system\" namespace; did you mean app?"),
        (&["resume", "ks/app", "-n", "default"], "it is elsewhere: -n flux-system"),
        (&["history", "othr"], "did you mean other?"),
        (&["get", "--context", "nope"], "context \"nope\" does not exist; the contexts of"),
    ] {
        let (status, said) = code(&fleet, words);
        // A word that is no kind makes no sense; a name that nothing has is one that could be there.
        let expected = if told.contains("kind ") || told.contains("kustomizations?") { 2 } else { 1 };
        assert!(status == expected && said.contains(told), "{words:?}: {said}");
    }
    let (_, said) = code(&fleet, &["get", "--context", "nope"]);
    assert!(said.contains("are: cowherd") && !said.contains("cowherd up"), "{said}");
    let output = fleet.running.cowherd(["trcae", "cm/red"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("'trace'"), "{output:?}");
    for words in [&["get", "sources", "all"][..], &["get", "source", "all"], &["get", "sources"]] {
        let all = fleet.running.cowherd_ok(words);
        assert!(
            all.lines().nth(1).is_some_and(|line| line.starts_with("gitrepository/flux-system")),
            "{words:?}: {all}"
        );
        assert_eq!(all.lines().count(), 2, "{words:?}: {all}");
    }
}
