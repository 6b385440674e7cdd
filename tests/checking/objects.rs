//! What is wrong with objects and the files that they are in.

use super::Story;
use crate::program::repository::config_map;

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place() {
    let story = Story::begin();
    let repository = &story.repository;
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: default\nspec:\n  replicas: \
                      three\n  selector:\n    matchLabels: {a: b}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      \
                      containers:\n      - name: a\n        image: b\n";
    repository.write("app/web.yaml", deployment);
    let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: default\nspec:\n  ports:\n  - name: \
                   a\n    port: 80\n    protcol: TCP\n  - {name: b, port: 99999, targetPort: 1}\n";
    repository.write("app/service.yaml", service);
    repository.write(
        "app/gadget.yaml",
        "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g, namespace: default}\n",
    );
    repository.config_map("app/other.yaml", "other", "1");
    repository.kustomization("lost", "./nowhere", "dependsOn:\n- name: app\n- name: nobody\n");
    repository.kustomization("broken", "./broken", "");
    repository.write("broken/kustomization.yaml", "resources:\n- gone.yaml\n- bad.yaml\npatches:\n- path: lost.yaml\n");
    repository.write("broken/bad.yaml", "a: 1\nb: [\n");
    repository.kustomization("one", "./one", "dependsOn: [{name: two}]").config_map("one/a.yaml", "one", "1");
    repository.kustomization("two", "./two", "dependsOn: [{name: one}]").config_map("two/a.yaml", "two", "1");
    repository.kustomization("vars", "./vars", "postBuild: {substitute: {known: x}}");
    repository.config_map("vars/a.yaml", "vars", "${known}-${forgotten}");
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 1);
    for (place, words) in [
        ("app/web.yaml:7", "spec.replicas"),
        ("app/service.yaml:10", "unknown field \"spec.ports[0].protcol\""),
        ("app/service.yaml:11", "spec.ports[1].port: Invalid value: 99999"),
        ("app/gadget.yaml:2", "nothing serves the kind Gadget of example.com/v1"),
        ("other/map.yaml:2", "flux-system/app (app/other.yaml:2) does too"),
        ("cluster/lost.yaml:9", "spec.path: ./nowhere: no such directory"),
        ("cluster/lost.yaml:16", "there is no Kustomization flux-system/nobody"),
        ("broken/kustomization.yaml:2", "resources[0]: gone.yaml: no such file"),
        ("broken/kustomization.yaml:5", "patches[0].path: lost.yaml: no such file"),
        ("broken/bad.yaml:2", "did not find expected"),
        ("cluster/one.yaml:14", "dependency cycle: flux-system/one -> flux-system/two -> flux-system/one"),
        ("vars/a.yaml:7", "the variable forgotten has no value"),
    ] {
        let found = lines.iter().any(|line| line.starts_with(&format!("{place}: error: ")) && line.contains(words));
        assert!(found, "{place}: {words}: {lines:#?}");
    }
    assert_eq!(lines.len(), 12, "nothing else, and nothing twice: {lines:#?}");
}

#[test]
fn no_mistake_of_an_object_hides_another() {
    let story = Story::begin();
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: default\n  labels:\n    a.b/c: 1\nspec:\n  replicas: \
                      \"two\"\n  minReadySeconds: \"x\"\n  selectr: {}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      \
                      containers:\n      - name: a\n        imag: b\n        stdin: 1\n";
    story.repository.write("app/web.yaml", deployment);
    let (lines, status) = story.lines(&[]);
    let told = [
        ("7", "cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"),
        ("8", "spec.selector: Required value"),
        ("9", "DeploymentSpec.spec.replicas of type int32"),
        ("10", "DeploymentSpec.spec.minReadySeconds of type int32"),
        ("11", "unknown field \"spec.selectr\""),
        ("16", "spec.template.spec.containers[0].image: Required value"),
        ("17", "unknown field \"spec.template.spec.containers[0].imag\""),
        ("18", "Container.spec.template.spec.containers.stdin of type bool"),
    ];
    for (line, words) in told {
        let place = format!("app/web.yaml:{line}: error: Deployment/default/web: ");
        assert!(lines.iter().any(|line| line.starts_with(&place) && line.contains(words)), "{words}: {lines:#?}");
    }
    assert_eq!((lines.len(), status), (told.len(), 1), "nothing else: {lines:#?}");
}

#[test]
fn an_object_has_its_line_whatever_its_name_may_mean_in_yaml() {
    let story = Story::begin();
    for name in ["n", "on", "2024-01-01"] {
        let map =
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: default\ndta: {{}}\n");
        story.repository.write(&format!("app/{name}.yaml"), &map);
        story.says(&format!("app/{name}.yaml:6"), "unknown field \"dta\"");
    }
}

#[test]
fn every_bad_document_of_a_file_is_told() {
    let story = Story::begin();
    let good = config_map("good", "1");
    let unreadable = format!("{good}---\na: [\n---\n{good}---\nb: }}\n");
    story.repository.write("app/unreadable.yaml", &unreadable);
    let nameless = "apiVersion: v1\nkind: ConfigMap\n";
    story
        .repository
        .write("app/nameless.yaml", &format!("{nameless}---\n{good}---\n{nameless}---\nmetadata: {{name: x}}\n"));
    let (lines, status) = story.lines(&[]);
    let first = good.lines().count() + 2;
    let expected = [
        format!("app/nameless.yaml:{}: error: not a Kubernetes object: missing metadata.name in this ConfigMap", 1),
        format!(
            "app/nameless.yaml:{}: error: not a Kubernetes object: missing metadata.name in this ConfigMap",
            first + 3
        ),
        format!("app/nameless.yaml:{}: error: not a Kubernetes object: missing kind", first + 6),
        format!("app/unreadable.yaml:{}: error: ", first),
        format!("app/unreadable.yaml:{}: error: ", 2 * first + 1),
    ];
    assert_eq!((lines.len(), status), (expected.len(), 1), "{lines:#?}");
    for (line, begin) in lines.iter().zip(&expected) {
        assert!(line.starts_with(begin), "{begin}: {lines:#?}");
    }
}

#[test]
fn an_object_that_many_describe_is_told_once() {
    let story = Story::begin();
    for number in 0..20 {
        story.repository.kustomization(&format!("many-{number:02}"), "./many", "");
    }
    story.repository.config_map("many/a.yaml", "a", "1").config_map("many/b.yaml", "b", "1");
    let (lines, _) = story.lines(&[]);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let words = "Kustomization flux-system/many-01 describes it, and flux-system/many-00 (many/a.yaml:2) does too; so do \
                 flux-system/many-02, flux-system/many-03, flux-system/many-04, flux-system/many-05, flux-system/many-06, and 13 more";
    assert!(lines[0].contains(words), "{lines:#?}");
}

#[test]
fn values_of_secrets_are_not_shown() {
    let story = Story::begin();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: default}\ndata: {a: 'hunter2!'}\n";
    story.repository.write("app/secret.yaml", secret);
    let output = story.run(&[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("app/secret.yaml:4: error: Secret/default/s") && !text.contains("hunter2"), "{text}");
}

#[test]
fn a_line_that_is_part_of_several_kustomizations_is_told_once_with_their_number() {
    let story = Story::begin();
    let repository = &story.repository;
    let scaler = "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: default}\nspec:\n  \
                  minReplicas: many\n  maxReplicas: 3\n  scaleTargetRef: {kind: Deployment, name: web}\n";
    repository.write("scaled/scaler.yaml", scaler);
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [scaler.yaml]\n";
    repository.write("scaled/kustomization.yaml", component);
    for name in ["one", "two", "three"] {
        repository.kustomization(name, &format!("./{name}"), "");
        repository
            .write(&format!("{name}/kustomization.yaml"), &format!("namePrefix: {name}-\ncomponents: [../scaled]\n"));
    }
    let (lines, status) = story.lines(&["--ignore", "no-controller"]);
    assert_eq!((lines.len(), status), (1, 1), "{lines:#?}");
    assert!(
        lines[0].starts_with("scaled/scaler.yaml:5: error: HorizontalPodAutoscaler/default/one-web: "),
        "{lines:#?}"
    );
    assert!(lines[0].contains("; it is part of 3 Kustomizations [schema]"), "{lines:#?}");
    assert_eq!(story.lines(&["-v", "--ignore", "no-controller"]).0.len(), 3);
}
