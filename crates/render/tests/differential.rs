//! Random kustomizations in two layers over the corpus' objects, compared with `kubectl kustomize`.

use std::fs;
use std::path::Path;

use cowherd_oracle::Tool;
use cowherd_render::{Overlay, render};
use cowherd_tree::{DiskTree, TreePath};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// How many random kustomizations are compared.
const CASES: u32 = 40;

const FILES: [&str; 13] = [
    "deployment.yaml",
    "service.yaml",
    "config.yaml",
    "secret.yaml",
    "account.yaml",
    "claim.yaml",
    "ingress.yaml",
    "hpa.yaml",
    "rbac.yaml",
    "statefulset.yaml",
    "jobs.yaml",
    "network.yaml",
    "hooks.yaml",
];

/// Fields that a layer may have besides its resources.
const FIELDS: [&str; 40] = [
    "namespace: one",
    "namespace: default",
    "namePrefix: pre-",
    "nameSuffix: -suf",
    "commonLabels: {app: other, team: a}",
    "commonAnnotations: {note: 'yes', link: 'https://example.com/a?b=c'}",
    "labels: [{pairs: {tier: x}}, {pairs: {tier: y, z: '1'}, includeTemplates: true}]",
    "labels: [{pairs: {tier: x}, includeSelectors: true}]",
    "images: [{name: nginx, newTag: '2'}, {name: busybox, newName: example.com/busybox}]",
    "images: [{name: example.com/busybox, digest: 'sha256:00'}, {name: nginx, tagSuffix: -x}]",
    "configMapGenerator: [{name: made, literals: [a=1]}]",
    "configMapGenerator: [{name: plain, literals: [a=1], options: {disableNameSuffixHash: true}}]",
    "secretGenerator: [{name: kept, literals: [a=1], options: {labels: {x: y}}}]",
    "generatorOptions: {labels: {made: by}, annotations: {made: by}}",
    "sortOptions: {order: fifo}",
    "patches: [{target: {kind: Deployment}, patch: '- {op: add, path: /metadata/annotations/x, value: y}'}]",
    "patches: [{target: {kind: Service|Ingress}, patch: '- {op: add, path: /spec/extra, value: [1, {a: null}]}'}]",
    "patches: [{target: {annotationSelector: note}, patch: '- {op: add, path: /spec/noted, value: true}'}]",
    "patches: [{target: {name: 'w.b', kind: Deployment}, patch: '{kind: Deployment, metadata: {name: x}, spec: \
     {template: {spec: {containers: [{name: sidecar, env: [{name: Q, value: q}]}, {name: new, image: nginx}]}}}}'}]",
    "patches: [{target: {kind: StatefulSet}, patch: '{kind: StatefulSet, metadata: {name: x}, spec: \
     {volumeClaimTemplates: [], template: {spec: {containers: [{name: db, $patch: delete}], volumes: [{name: v}]}}}}'}]",
    "patches: [{target: {kind: ServiceAccount}, patch: '{kind: ServiceAccount, metadata: {name: x, labels: {a: b}}, \
     imagePullSecrets: [{name: credentials}, {name: pull}]}'}]",
    "patches: [{target: {kind: Ingress}, patch: '{kind: Ingress, metadata: {name: x, annotations: null}, spec: \
     {rules: null, tls: [{secretName: credentials}]}}'}]",
    "patches: [{target: {kind: Secret}, patch: '{kind: Secret, metadata: {name: renamed}, $patch: merge}', \
     options: {allowNameChange: true}}]",
    "patches: [{target: {kind: Job}, patch: '{kind: Job, metadata: {name: x}, $patch: delete}'}]",
    "patches: [{target: {kind: NetworkPolicy}, patch: '- {op: copy, from: /spec/podSelector, path: /spec/also}'}]",
    "patches: [{target: {kind: Service, group: ''}, patch: '{kind: Service, metadata: {name: x}, spec: {ports: \
     [{port: 80, protocol: UDP}, {port: 443}]}}'}]",
    "replacements: [{source: {kind: Deployment, fieldPath: metadata.name}, targets: [{select: {kind: Service}, \
     fieldPaths: [metadata.annotations.deployed], options: {create: true}}]}]",
    "replacements: [{source: {kind: Service, name: web, fieldPath: kind}, targets: [{select: {kind: \
     Ingress}, fieldPaths: [spec.rules.0.host], options: {delimiter: ., index: 1}}, {select: {kind: Deployment}, \
     reject: [{name: other}], fieldPaths: ['spec.template.spec.containers.[name=web].image']}]}]",
    "replacements: [{sourceValue: '5', targets: [{select: {kind: Deployment}, fieldPaths: [spec.replicas, \
     'spec.template.metadata.annotations.[a.b/c]'], options: {create: true}}]}]",
    "vars: [{name: WEB, objref: {kind: Service, version: v1, name: web}}]",
    "configurations: [../config/references.yaml]",
    "configurations: [../config/fields.yaml]",
    "buildMetadata: [originAnnotations]",
    "buildMetadata: [originAnnotations, transformerAnnotations, managedByLabel]",
    "sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Service, ConfigMap], orderLast: [Deployment]}}",
    "transformers: [../config/labels.yaml]",
    "transformers: [../config/names.yaml, ../config/patch.yaml]",
    "generators: [../config/generator.yaml]",
    "validators: [../config/names.yaml]",
    "components: [../component]",
];

/// What the fields above name besides.
const CONFIGURED: [(&str, &str); 7] = [
    (
        "references.yaml",
        "nameReference: [{kind: ConfigMap, version: v1, fieldSpecs: [{path: spec/serviceName}]}, {kind: Service, \
         fieldSpecs: [{path: metadata/annotations/note}]}]\nvarReference: [{path: spec/selector}]\n",
    ),
    (
        "fields.yaml",
        "commonLabels: [{path: spec/extra/labels, kind: Service, create: true}]\nnamePrefix: [{path: metadata/name, \
         kind: Service}]\nlabels: [{path: spec/labels, kind: Ingress, create: true}]\nimages: [{path: \
         'spec/template/spec/images[]/name'}]\nreplicas: [{path: spec/size, kind: Deployment, create: true}]\n",
    ),
    (
        "labels.yaml",
        "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {plugged: 1}\nfieldSpecs: [{path: \
         metadata/labels, create: true}, {path: spec/template/metadata/labels, kind: Deployment, create: true}]\n",
    ),
    (
        "names.yaml",
        "apiVersion: builtin\nkind: SuffixTransformer\nmetadata: {name: s}\nsuffix: -plug\nfieldSpecs: [{path: \
         metadata/name, kind: ConfigMap}]\n",
    ),
    (
        "patch.yaml",
        "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: p}\ntarget: {kind: Deployment|StatefulSet}\n\
         patch: |-\n  kind: Deployment\n  metadata: {name: x}\n  spec: {template: {spec: {hostNetwork: true}}}\n",
    ),
    (
        "generator.yaml",
        "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: plugged}\nliterals: [web=$(WEB)]\n",
    ),
    ("unused.yaml", "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: plugged2}\nliterals: [a=b]\n"),
];

fn layer() -> impl Strategy<Value = String> {
    subsequence(FIELDS.to_vec(), 0..8).prop_shuffle().prop_map(|fields| {
        let mut text = String::new();
        let mut names: Vec<&str> = Vec::new();
        for field in fields {
            let name = field.split(':').next().unwrap_or_default();
            // Each field once.
            if !names.contains(&name) {
                names.push(name);
                text += field;
                text.push('\n');
            }
        }
        text
    })
}

fn write(directory: &Path, path: &str, content: &str) {
    let path = directory.join(path);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, content).expect("a file");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, max_shrink_iters: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn layers_are_built_as_kubectl_builds_them(
        files in subsequence(FILES.to_vec(), 1..=FILES.len()),
        base in layer(),
        overlay in layer(),
        component in select(vec!["namePrefix: c-", "images: [{name: nginx, newTag: c}]", "commonLabels: {c: d}",
            "configMapGenerator: [{name: added, literals: [x=y]}]", "namespace: comp"]),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/plain");
        for file in &files {
            let content = fs::read_to_string(corpus.join(file)).expect("a file of the corpus");
            write(directory.path(), &format!("base/{file}"), &content);
        }
        write(directory.path(), "base/kustomization.yaml", &format!("resources: [{}]\n{base}", files.join(", ")));
        for (name, content) in CONFIGURED {
            write(directory.path(), &format!("config/{name}"), content);
        }
        // A generated object of the same name would be refused in the second layer.
        let overlay = overlay.replace("name: made", "name: made2").replace("name: plain", "name: plain2")
            .replace("name: kept", "name: kept2").replace("name: WEB", "name: WEB2").replace("generator.yaml", "unused.yaml").replace("../component", "../component2");
        write(directory.path(), "overlay/kustomization.yaml", &format!("resources: [../base]\n{overlay}"));
        for name in ["component", "component2"] {
            let text = format!("kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\n{component}\n");
            let text = text.replace("name: added", &format!("name: added-{name}"));
            write(directory.path(), &format!("{name}/kustomization.yaml"), &text);
        }
        let tree = DiskTree::new(directory.path());
        let ours = render(&tree, &TreePath::parse("overlay").expect("a path"), &Overlay::default());
        let output = Tool::new("kubectl").args(["kustomize", "--load-restrictor", "LoadRestrictionsNone"])
            .arg(directory.path().join("overlay")).unrecorded().output();
        let expected = String::from_utf8_lossy(&output.stdout);
        match ours {
            Ok(objects) => {
                let ours = cowherd_yaml::write_documents(&objects);
                let errors = String::from_utf8_lossy(&output.stderr);
                prop_assert!(output.status.success(), "we build what kubectl refuses: {errors}");
                let differing = ours.lines().zip(expected.lines()).enumerate().find(|(_, (ours, theirs))| ours != theirs);
                prop_assert!(ours == expected, "first difference (line, (ours, expected)): {:?}", differing);
            }
            Err(error) => prop_assert!(!output.status.success(), "we refuse what kubectl builds: {error}"),
        }
    }
}
