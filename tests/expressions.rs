//! What expressions of CEL decide: whether custom resources are as they should be, and whether dependencies are ready.

use crate::program::fleet::Fleet;
use crate::program::{Running, eventually};

const WIDGETS: &str = "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      schema:
        openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}
";

/// What decides on Widgets, whose status has no conditions.
const EXPRESSIONS: &str = "wait: true
timeout: 2m
healthCheckExprs:
  - apiVersion: example.com/v1
    kind: Widget
    inProgress: has(status.phase) && status.phase == 'Working'
    failed: status.phase == 'Broken'
    current: status.phase == 'Fine' && status.parts.all(p, p.ready)
";

fn widget(name: &str) -> String {
    format!(
        "apiVersion: example.com/v1\nkind: Widget\nmetadata: {{name: {name}, namespace: default}}\nspec: {{size: 1}}\n"
    )
}

/// A controller has written the status of a Widget.
fn becomes(running: &Running, name: &str, status: &str) {
    let patch = format!("{{\"status\":{status}}}");
    running.kubectl_ok([
        "patch",
        "widget",
        name,
        "-n",
        "default",
        "--subresource=status",
        "--type=merge",
        "-p",
        &patch,
    ]);
}

fn is_there(running: &Running, widget: &str) {
    eventually("the Widget is there", || match running.kubectl(["get", "widget", widget, "-n", "default"]) {
        output if output.status.success() => Ok(()),
        output => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    });
}

/// A Kustomization waits for the health of what it brought.
fn is_waited_for(running: &Running, name: &str, commit: &str) {
    let condition = "jsonpath={.status.conditions[?(@.type=='Reconciling')].message}";
    eventually("health is waited for", || {
        let output = running.kubectl(["get", "kustomization", name, "-n", "flux-system", "-o", condition]);
        let message = String::from_utf8_lossy(&output.stdout).into_owned();
        let is_it = ["Running health checks", commit].iter().all(|word| message.contains(word));
        if is_it { Ok(()) } else { Err(message) }
    });
}

#[test]
fn a_custom_resource_is_ready_once_its_expression_says_so_and_fails_at_once_where_it_does() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    repository.kustomization("widgets", "./widgets", EXPRESSIONS);
    repository.write("widgets/definition.yaml", WIDGETS).write("widgets/one.yaml", &widget("one"));
    let first = repository.commit("add a widget");
    is_there(running, "one");
    // Nothing is known of it before anybody has written a status: the expressions cannot be evaluated.
    is_waited_for(running, "widgets", &first);
    becomes(running, "one", r#"{"phase":"Working","parts":[]}"#);
    becomes(running, "one", r#"{"phase":"Fine","parts":[{"ready":true},{"ready":false}]}"#);
    is_waited_for(running, "widgets", &first);
    becomes(running, "one", r#"{"phase":"Fine","parts":[{"ready":true},{"ready":true}]}"#);
    running.wait_for_ready("widgets", "True", &first);

    // What was decided of it before holds, as long as it is as it was.
    repository.config_map("widgets/map.yaml", "beside", "1");
    let second = repository.commit("add something beside it");
    running.wait_for_ready("widgets", "True", &second);

    repository.write("widgets/two.yaml", &widget("two"));
    let third = repository.commit("add another one");
    is_there(running, "two");
    becomes(running, "two", r#"{"phase":"Broken"}"#);
    let words = ["failed early due to stalled resources", "Widget/default/two status: 'Failed'"];
    running.wait_for_condition("kustomization widgets", "False", &words);
    becomes(running, "two", r#"{"phase":"Fine","parts":[]}"#);
    running.wait_for_ready("widgets", "True", &third);
}

#[test]
fn a_dependency_is_waited_for_as_its_expression_says_and_nothing_else_of_it_counts() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let depends = "dependsOn:\n  - name: other\n    readyExpr: >\n      self.metadata.?labels.version.orValue('1') ==\n      \
                   dep.metadata.?labels.version.orValue('0')";
    repository.kustomization("late", "./late", depends).config_map("late/map.yaml", "late", "1");
    repository.commit("add what waits");
    let words = ["dependency 'flux-system/other' is not ready according to readyExpr eval"];
    running.wait_for_condition("kustomization late", "False", &words);
    // That it is ready counts for nothing, and neither does that it is not.
    let label = |version: &str| {
        let labelled = format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: other, namespace: flux-system, labels: \
             {{version: '{version}'}}}}\nspec: {{interval: 1h, prune: true, path: ./other, sourceRef: {{kind: GitRepository, name: \
             flux-system}}}}\n"
        );
        let commit = repository.write("cluster/other.yaml", &labelled).commit(version);
        eventually(&format!("its label says {version}"), || {
            let other = running.get("kustomization other -n flux-system");
            if other["metadata"]["labels"]["version"] == version { Ok(()) } else { Err(other.to_string()) }
        });
        commit
    };
    label("2");
    running.wait_for_condition("kustomization late", "False", &words);
    running.wait_for_ready("late", "True", &label("1"));

    let depends = "dependsOn:\n  - name: other\n    readyExpr: dep.status.none == 1";
    repository.kustomization("late", "./late", depends);
    repository.commit("ask for what is not there");
    let words = ["failed to evaluate the CEL expression 'dep.status.none == 1': no such key: none"];
    running.wait_for_condition("kustomization late", "False", &words);
}

#[test]
fn what_is_no_expression_is_refused_with_its_field_and_the_place_in_it() {
    let fleet = Fleet::start();
    let (repository, running) = (&fleet.repository, &fleet.running);
    let wrong =
        "healthCheckExprs:\n  - apiVersion: example.com/v1\n    kind: Widget\n    current: status.phase == 'Fine' &";
    repository.kustomization("app", "./app", wrong);
    repository.kustomization(
        "other",
        "./other",
        "dependsOn:\n  - name: app\n    readyExpr: dep.metadata.name + self.metadata.name",
    );
    repository.commit("make mistakes");
    let words = ["spec.healthCheckExprs[0].current cannot be read", "1:24: syntax error: unexpected character '&'"];
    running.wait_for_condition("kustomization app", "False", &words);
    let words =
        ["spec.dependsOn[0].readyExpr cannot be read", "1:1: the expression has to be of the type bool, and is of dyn"];
    running.wait_for_condition("kustomization other", "False", &words);
    for name in ["app", "other"] {
        let kustomization = running.get(&format!("kustomization {name} -n flux-system"));
        let conditions = kustomization["status"]["conditions"].as_array().unwrap();
        let reasons: Vec<&str> = conditions.iter().filter_map(|one| one["reason"].as_str()).collect();
        assert!(conditions.iter().any(|one| one["type"] == "Stalled" && one["status"] == "True"), "{conditions:?}");
        assert!(reasons.iter().all(|reason| *reason == "InvalidCELExpression"), "{reasons:?}");
    }
}
