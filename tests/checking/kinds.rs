//! Kinds that nothing serves, and what brings them.

use super::Story;

#[test]
fn what_no_definition_would_help_is_told_as_that() {
    let story = Story::begin();
    for (file, api_version, kind) in
        [("policy", "argoproj.io/v1alpha1", "AppProject"), ("claim", "resource.k8s.io/v1", "ResourceClaimTemplat")]
    {
        let object = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: g, namespace: default}}\n");
        story.repository.write(&format!("app/{file}.yaml"), &object);
    }
    story
        .repository
        .kustomization("keyed", "./keyed", "decryption: {provider: sops, serviceAccountName: a}")
        .config_map("keyed/a.yaml", "k", "1");
    story.says("app/policy.yaml:2", "cowherd does not do the kind AppProject of argoproj.io/v1alpha1 yet");
    let mistyped = "cowherd does not serve the kind ResourceClaimTemplat of resource.k8s.io/v1; correct its name";
    story.says("app/claim.yaml:2: error", mistyped);
    story.says(
        "cluster/keyed.yaml:14",
        "spec.decryption.serviceAccountName is not supported yet; no key service is asked",
    );
    let (lines, _) = story.lines(&[]);
    assert!(!lines.iter().any(|line| line.contains("CustomResourceDefinition")), "{lines:?}");
}

#[test]
fn what_a_real_cluster_serves_is_no_error() {
    let story = Story::begin();
    let objects = [
        ("claim", "resource.k8s.io/v1", "ResourceClaimTemplate"),
        ("policy", "admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy"),
        ("binding", "admissionregistration.k8s.io/v1beta1", "MutatingAdmissionPolicyBinding"),
        ("flow", "flowcontrol.apiserver.k8s.io/v1", "FlowSchema"),
    ];
    for (file, api_version, kind) in objects {
        let object = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\n");
        story.repository.write(&format!("app/{file}.yaml"), &object);
    }
    let checks = "healthChecks: [{apiVersion: resource.k8s.io/v1, kind: ResourceClaim, name: a, namespace: default}]";
    story.repository.kustomization("waits", "./waits", checks).config_map("waits/a.yaml", "waits", "1");
    let (lines, status) = story.lines(&[]);
    assert_eq!((lines.len(), status), (5, 0), "{lines:#?}");
    for (file, api_version, kind) in objects {
        let told =
            format!("cowherd does not serve the kind {kind} of {api_version}, so that this is not checked: a real");
        story.says(&format!("app/{file}.yaml:2: warning"), &told);
    }
    story
        .says("app/policy.yaml:2", "as admissionregistration.k8s.io/v1alpha1 and admissionregistration.k8s.io/v1beta1");
    story.says("cluster/waits.yaml:14: warning", "it is never healthy but on a real cluster that does");
    assert_eq!(story.lines(&["--strict"]).1, 1);
}

#[test]
fn a_kind_that_is_served_in_another_version_is_told_with_that_one() {
    let story = Story::begin();
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: p, namespace: default}\nspec: {interval: 1m, \
                   chart: {spec: {chart: podinfo, sourceRef: {kind: HelmRepository, name: p}}}}\n";
    // It may bring definitions, but none of these.
    story.repository.write("app/release.yaml", release);
    let objects = [
        ("former", "kustomize.toolkit.fluxcd.io/v1beta1", "Kustomization", "kustomize.toolkit.fluxcd.io/v1"),
        ("repository", "source.toolkit.fluxcd.io/v1beta1", "HelmRepository", "source.toolkit.fluxcd.io/v1"),
        ("old", "helm.toolkit.fluxcd.io/v2beta1", "HelmRelease", "helm.toolkit.fluxcd.io/v2"),
        ("job", "batch/v1beta1", "CronJob", "batch/v1"),
        ("budget", "policy/v1beta1", "PodDisruptionBudget", "policy/v1"),
        ("web", "v1", "Deployment", "apps/v1"),
        ("ingress", "extensions/v1beta1", "Ingress", "networking.k8s.io/v1"),
    ];
    for (name, api_version, kind, _) in objects {
        let object = format!(
            "kind: {kind}\napiVersion: {api_version}\nmetadata: {{name: {name}, namespace: default}}\nspec: {{}}\n"
        );
        story.repository.write(&format!("app/{name}.yaml"), &object);
    }
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 1, "{lines:#?}");
    for (name, api_version, kind, served) in objects {
        let begin = format!("app/{name}.yaml:2: error: {kind}/default/{name}: ");
        let told = format!("the kind {kind} is served as {served}, not as {api_version}; write apiVersion: {served}");
        assert!(lines.iter().any(|line| line.starts_with(&begin) && line.contains(&told)), "{name}: {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.contains("CustomResourceDefinition")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains("for patchesStrategicMerge: write spec.patches")), "{lines:#?}");
}

#[test]
fn former_versions_that_are_served_are_followed_and_fields_that_are_gone_are_told() {
    let story = Story::begin();
    let kustomization = "apiVersion: kustomize.toolkit.fluxcd.io/v1beta2\nkind: Kustomization\nmetadata: {name: former, namespace: \
                         flux-system}\nspec:\n  interval: 1m\n  prune: true\n  path: ./former\n  sourceRef: {kind: GitRepository, name: \
                         flux-system}\n";
    story.repository.write("cluster/former.yaml", kustomization).config_map("former/a.yaml", "${unset}", "1");
    let source = "apiVersion: source.toolkit.fluxcd.io/v1beta2\nkind: GitRepository\nmetadata: {name: elsewhere, namespace: \
                  flux-system}\nspec:\n  interval: 1m\n  url: https://example.com/a\n";
    story.repository.write("cluster/source.yaml", source);
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 1, "{lines:#?}");
    assert!(lines.iter().all(|line| line.starts_with("former/a.yaml:")), "what it applies is looked at: {lines:#?}");
    story.repository.config_map("former/a.yaml", "former", "1");
    assert_eq!(story.lines(&["--strict"]), (Vec::new(), 0));
    story.repository.write("cluster/source.yaml", &format!("{source}  gitImplementation: go-git\n"));
    story.repository.write("cluster/former.yaml", &format!("{kustomization}  validation: client\n"));
    story.says("cluster/source.yaml:7", "unknown field \"spec.gitImplementation\"; leave it out");
    story.says("cluster/former.yaml:9", "unknown field \"spec.validation\"; leave it out");
}

#[test]
fn definitions_in_the_repository_bring_their_kinds() {
    let story = Story::begin();
    let definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: \
                      gadgets.example.com}\nspec:\n  group: example.com\n  scope: Namespaced\n  names: {plural: gadgets, kind: \
                      Gadget}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      \
                      openAPIV3Schema:\n        type: object\n        properties:\n          size: {type: integer}\n";
    let gadget = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g, namespace: default}\nsize: large\n";
    story.repository.write("app/gadget.yaml", gadget);
    let given = story.repository.path.join("../definition.yaml");
    std::fs::write(&given, definition).unwrap();
    story.says("app/gadget.yaml:2", "nothing serves the kind Gadget");
    let (lines, _) = story.lines(&["--with", given.to_str().unwrap()]);
    assert!(lines[0].starts_with("app/gadget.yaml:4: error: Gadget/default/g: size: Invalid value"), "{lines:?}");
    story.repository.write("other/definition.yaml", definition);
    story.says("app/gadget.yaml:4", "size: Invalid value");
    assert_eq!(story.lines(&["--ignore", "schema"]), (Vec::new(), 0));
}

#[test]
fn every_object_of_a_missing_kind_is_told_with_its_place() {
    let story = Story::begin();
    let gadget = |name: usize| {
        format!("---\napiVersion: example.com/v1\nkind: Gadget\nmetadata: {{name: g{name:02}, namespace: default}}\n")
    };
    story.repository.write("app/gadgets.yaml", &(0..30).map(gadget).collect::<String>());
    let (lines, status) = story.lines(&[]);
    assert_eq!((lines.len(), status), (1, 1), "{lines:#?}");
    let places: String = (1..=10).map(|number| format!(" app/gadgets.yaml:{},", 4 * number + 3)).collect();
    let told = format!("; 30 objects, also at{places} and 19 more (-v names them) [unserved-kind]");
    assert!(
        lines[0].starts_with("app/gadgets.yaml:3: error: Gadget/default/g00: ") && lines[0].ends_with(&told),
        "{lines:#?}"
    );
    let (lines, status) = story.lines(&["-v"]);
    assert_eq!((lines.len(), status), (30, 1), "{lines:#?}");
    assert!(lines[29].starts_with("app/gadgets.yaml:119: error: Gadget/default/g29: nothing serves"), "{lines:#?}");
    // Programs get all of them.
    let report: serde_json::Value = serde_json::from_slice(&story.run(&["-o", "json"]).stdout).unwrap();
    let others = report["findings"][0]["others"].as_array().unwrap();
    assert_eq!(others.len(), 29);
    let last = serde_json::json!({ "file": "app/gadgets.yaml", "line": 119, "object": "Gadget/default/g29" });
    assert_eq!(others[28], last);
}
