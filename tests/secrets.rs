//! The values of Secrets have one exit, and that is `kubectl get secret`.

use crate::program::eventually;
use crate::program::fleet::Fleet;

const OLD: &str = "0ld-s3cret";
const NEW: &str = "n3w-s3cret";
/// The two, and what they are in base64.
const HIDDEN: [&str; 4] = [OLD, NEW, "MGxkLXMzY3JldA==", "bjN3LXMzY3JldA=="];

fn secret(value: &str, more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: token\n  namespace: default\n{more}stringData:\n  token: {value}\n"
    )
}

fn keeps_quiet(place: &str, text: &str) {
    for value in HIDDEN {
        assert!(!text.contains(value), "{place} shows {value}: {text}");
    }
}

fn keeps_quiet_everywhere(fleet: &Fleet) {
    let running = &fleet.running;
    let kinds = "kustomizations,gitrepositories,configmaps,events";
    keeps_quiet("kubectl get", &running.kubectl_ok(["get", kinds, "-A", "-o", "yaml", "--show-managed-fields"]));
    keeps_quiet("kubectl describe", &running.kubectl_ok(["describe", "secrets", "-A"]));
    for arguments in [
        &["get", "-A", "-o", "json"][..],
        &["events", "-A", "-o", "yaml"],
        &["events", "-A"],
        &["tree", "flux-system"],
        &["logs", "-A"],
        &["logs", "-A", "-o", "json"],
        &["diff"],
    ] {
        let output = running.cowherd(arguments);
        keeps_quiet("cowherd", &String::from_utf8_lossy(&output.stdout));
        keeps_quiet("cowherd", &String::from_utf8_lossy(&output.stderr));
    }
    keeps_quiet("the terminal", &running.said());
}

#[test]
fn the_value_of_a_secret_is_shown_nowhere_else() {
    let fleet = Fleet::start();
    fleet.repository.write("app/token.yaml", &secret(OLD, ""));
    fleet.wait_until_applied(&fleet.repository.commit("add a token"));
    fleet.running.cowherd_ok(["suspend", "kustomization", "app"]);
    fleet.repository.write("app/token.yaml", &secret(NEW, ""));
    fleet.repository.commit("change the token");
    keeps_quiet_everywhere(&fleet);
    fleet.running.cowherd_ok(["resume", "kustomization", "app"]);
    eventually("the token is changed", || {
        let seen = fleet.running.get("secret token -n default")["data"]["token"].clone();
        if seen == HIDDEN[3] { Ok(()) } else { Err(seen.to_string()) }
    });
    keeps_quiet_everywhere(&fleet);
}

#[test]
fn errors_about_a_secret_do_not_show_its_value() {
    let fleet = Fleet::start();
    // What is no base64 is refused with a message about the value, what is immutable with one about the object.
    let wrong = secret(NEW, "").replace("stringData", "data");
    fleet.repository.write("app/token.yaml", &wrong);
    fleet.repository.commit("write it down wrongly");
    fleet.running.wait_for_condition("kustomization app", "False", &["Secret/default/token", "base64"]);
    keeps_quiet_everywhere(&fleet);

    fleet.repository.write("app/token.yaml", &secret(OLD, "immutable: true\n"));
    fleet.wait_until_applied(&fleet.repository.commit("add a token for ever"));
    fleet.repository.write("app/token.yaml", &secret(NEW, "immutable: true\n"));
    fleet.repository.commit("change it");
    fleet.running.wait_for_condition("kustomization app", "False", &["Secret/default/token", "immutable"]);
    keeps_quiet_everywhere(&fleet);

    let broken = secret(NEW, "").replace("token: n3w", "token: {n3w");
    fleet.repository.write("app/token.yaml", &broken);
    fleet.repository.commit("break the file");
    fleet.running.wait_for_condition("kustomization app", "False", &["app/token.yaml"]);
    keeps_quiet_everywhere(&fleet);
}

#[test]
fn a_variable_from_a_secret_is_not_shown_when_it_breaks_something() {
    let fleet = Fleet::start();
    let running = &fleet.running;
    let literal = format!("--from-literal=token={NEW}");
    running.kubectl_ok(["create", "secret", "generic", "variables", "-n", "flux-system", &literal]);
    let substitute = "postBuild:\n  substituteFrom:\n  - kind: Secret\n    name: variables";
    fleet.repository.kustomization("app", "./app", substitute);
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: default}\nspec: {ports: [{port: 80, \
                   protocol: \"${token}\"}]}\n";
    fleet.repository.write("app/web.yaml", service);
    fleet.repository.commit("take a secret for something else");
    running.wait_for_condition("kustomization app", "False", &["Service/default/web", "spec.ports[0].protocol"]);
    keeps_quiet_everywhere(&fleet);
}
