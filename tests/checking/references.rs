//! Names that lead nowhere, and what may be meant.

use super::Story;

#[test]
fn what_may_be_meant_is_a_warning() {
    let story = Story::begin();
    story.repository.config_map("app/red.yaml", "red", "1");
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: default}\nspec:\n  containers:\n  - name: a\n    image: \
               b\n    envFrom:\n    - configMapRef: {name: nobody}\n    - configMapRef: {name: red}\n";
    story.repository.write("app/pod.yaml", pod);
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 0);
    assert!(
        lines[0].starts_with("app/pod.yaml:9: warning: ") && lines[0].contains("there is no ConfigMap nobody"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 1);
    assert_eq!(story.lines(&["--strict"]).1, 1);
}

#[test]
fn names_that_lead_nowhere_are_told_with_those_that_may_be_meant() {
    let story = Story::begin();
    let repository = &story.repository;
    repository.kustomization("late", "./late", "dependsOn: [{name: ohter}]").config_map("late/a.yaml", "late", "1");
    repository.write("app/source.yaml", SOURCE);
    let misspelt = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: far, namespace: \
                    flux-system}\nspec:\n  interval: 1m\n  prune: true\n  path: ./\n  sourceRef:\n    kind: GitRepository\n    \
                    name: podinof\n  dependsOn:\n  - name: othre\n  postBuild:\n    substituteFrom:\n    - {kind: Secret, name: \
                    nobodys}\n";
    repository.write("cluster/far.yaml", misspelt);
    // That its source is not known hides nothing of the rest.
    story.says(
        "cluster/far.yaml:12",
        "there is no Kustomization flux-system/othre in this cluster; did you mean other?",
    );
    story.says("cluster/far.yaml:15", "there is no Secret flux-system/nobodys in the repository");
    story
        .says("cluster/far.yaml:8", "there is no GitRepository podinof in the repository (did you mean podinfo?); say");
    story.says(
        "cluster/late.yaml:14",
        "there is no Kustomization flux-system/ohter in this cluster; did you mean other?",
    );
}

const SOURCE: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: podinfo, namespace: \
                      flux-system}\nspec: {interval: 1m, url: https://git.example.com/podinfo}\n";

#[test]
fn secrets_and_config_maps_that_kinds_of_flux_name_are_looked_for_alike() {
    let story = Story::begin();
    let repository = &story.repository;
    repository.kustomization("far", "./far", "kubeConfig: {secretRef: {name: cluster-kubeconfig}}");
    repository.config_map("far/a.yaml", "a", "1");
    for name in ["one", "two"] {
        let decryption = "decryption: {provider: sops, secretRef: {name: sops-keys}}";
        repository.kustomization(name, &format!("./{name}"), decryption);
        repository.config_map(&format!("{name}/a.yaml"), name, "1");
    }
    let object = |kind: &str, name: &str, spec: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: flux-system}}\nspec:\n{spec}"
        )
    };
    let git = "  interval: 1m\n  url: https://example.com/a\n  secretRef: {name: deploy-key}\n  proxySecretRef: {name: there}\n";
    let oci = "  interval: 1m\n  url: oci://example.com/a\n  certSecretRef: {name: ca}\n  serviceAccountName: puller\n";
    repository.write("cluster/git.yaml", &object("GitRepository", "a", git));
    repository.write("cluster/oci.yaml", &object("OCIRepository", "a", oci));
    let there =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: there, namespace: flux-system}\nstringData: {address: a}\n";
    repository.write("cluster/there.yaml", there);
    let (lines, status) = story.lines(&[]);
    assert_eq!(status, 0, "{lines:#?}");
    for (place, words) in [
        ("cluster/far.yaml:14: ", "spec.kubeConfig.secretRef: there is no Secret cluster-kubeconfig in the repository"),
        ("cluster/git.yaml:7: ", "spec.secretRef: there is no Secret deploy-key in the repository"),
        ("cluster/oci.yaml:7: ", "spec.certSecretRef: there is no Secret ca in the repository"),
        ("cluster/oci.yaml:8: ", "spec.serviceAccountName: there is no ServiceAccount puller in the repository"),
        ("cluster/one.yaml:14: ", "spec.decryption.secretRef: there is no Secret sops-keys in the repository"),
        ("cluster/one.yaml:14: ", "; 2 objects, also at cluster/two.yaml:14 [reference]"),
    ] {
        let found = lines.iter().any(|line| line.starts_with(&format!("{place}warning: ")) && line.contains(words));
        assert!(found, "{place}{words}: {lines:#?}");
    }
    assert_eq!(lines.len(), 5, "{lines:#?}");
    let secret =
        |name: &str| format!("---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: flux-system}}\n");
    let names = ["cluster-kubeconfig", "deploy-key", "ca", "sops-keys"];
    let account = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: puller, namespace: flux-system}\n";
    let given = repository.path.join("../given.yaml");
    std::fs::write(&given, names.map(secret).concat() + account).unwrap();
    assert_eq!(story.lines(&["--with", given.to_str().unwrap(), "--strict"]), (Vec::new(), 0));
}
