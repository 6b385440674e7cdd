//! What a review says of a Kustomization, against what `kubectl kustomize` makes of both sides.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use cowherd_apply::FieldChange;
use cowherd_oracle::Tool;
use cowherd_review::{Context, Kind, Side, Wanted, review};
use cowherd_tree::DiskTree;
use serde_json::Value;

const DEPLOYMENT: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:1
        env:
        - {name: A, value: '1'}
        - {name: B, value: '2'}
        envFrom:
        - configMapRef: {name: settings}
      - name: sidecar
        image: busybox
";
const SERVICE: &str = "apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 80}
  - {name: metrics, port: 9090}
";
const BASE: &str = "resources: [deployment.yaml, service.yaml]
configMapGenerator:
- name: settings
  literals: [a=1, b=2]
";
const CLUSTER: &str = "apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: app, namespace: flux-system}
spec: {interval: 1m, prune: true, path: ./overlay, sourceRef: {kind: GitRepository, name: flux-system}}
";

/// A change: what the kustomization of `overlay`, and other files, are before and after.
struct Case {
    name: &'static str,
    before: &'static str,
    after: &'static str,
    /// Files that are there afterwards, or are others.
    files: &'static [(&'static str, &'static str)],
}

const PLAIN: &str = "resources: [../base]\n";

const CASES: &[Case] = &[
    Case { name: "nothing", before: PLAIN, after: PLAIN, files: &[] },
    Case {
        name: "an image",
        before: PLAIN,
        after: "resources: [../base]\nimages: [{name: nginx, newTag: '2'}]\n",
        files: &[],
    },
    Case {
        name: "a count and labels",
        before: "resources: [../base]\nreplicas: [{name: web, count: 2}]\n",
        after: "resources: [../base]\nreplicas: [{name: web, count: 3}]\ncommonLabels: {team: a}\n",
        files: &[],
    },
    Case {
        name: "a generated name",
        before: PLAIN,
        after: PLAIN,
        files: &[(
            "base/kustomization.yaml",
            "resources: [deployment.yaml, service.yaml]\nconfigMapGenerator:\n- name: settings\n  literals: [a=1, b=3]\n",
        )],
    },
    Case { name: "a prefix", before: PLAIN, after: "resources: [../base]\nnamePrefix: dev-\n", files: &[] },
    Case {
        name: "a namespace",
        before: "resources: [../base]\nnamespace: one\n",
        after: "resources: [../base]\nnamespace: two\n",
        files: &[],
    },
    Case {
        name: "a resource less, another one more",
        before: PLAIN,
        after: "resources: [../base, account.yaml]\n",
        files: &[
            ("overlay/account.yaml", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}\n"),
            (
                "base/kustomization.yaml",
                "resources: [deployment.yaml]\nconfigMapGenerator:\n- name: settings\n  literals: [a=1, b=2]\n",
            ),
        ],
    },
    Case {
        name: "an item at the top of a list",
        before: PLAIN,
        after: "resources: [../base]\npatches:\n- target: {kind: Deployment}\n  patch: '- {op: add, path: \
                /spec/template/spec/containers/0/env/0, value: {name: NEW, value: x}}'\n",
        files: &[],
    },
    Case {
        name: "items that go and change",
        before: PLAIN,
        after: "resources: [../base]\npatches:\n- patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: \
                web}\n    spec: {template: {spec: {containers: [{name: sidecar, $patch: delete}, {name: web, env: [{name: B, \
                value: '3'}], ports: [{containerPort: 80}]}]}}}\n- target: {kind: Service}\n  patch: |
    - {op: remove, path: /spec/ports/0}
    - {op: add, path: /metadata/annotations, value: {a.b/c: d}}\n",
        files: &[],
    },
    Case {
        name: "a component",
        before: PLAIN,
        after: "resources: [../base]\ncomponents: [../component]\n",
        files: &[(
            "component/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {from: component}, \
             includeTemplates: true}]\n",
        )],
    },
    Case {
        name: "all of it",
        before: PLAIN,
        after: "resources: [other.yaml]\n",
        files: &[("overlay/other.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n")],
    },
];

fn write(root: &Path, overlay: &str, files: &[(&str, &str)]) {
    let all = [
        ("base/deployment.yaml", DEPLOYMENT),
        ("base/service.yaml", SERVICE),
        ("base/kustomization.yaml", BASE),
        ("cluster/app.yaml", CLUSTER),
        ("overlay/kustomization.yaml", overlay),
    ];
    for (path, content) in all.iter().chain(files) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

type Name = (String, String, String);

/// The objects that kubectl makes of a side, by kind, namespace and name.
fn asked(root: &Path) -> BTreeMap<Name, Value> {
    let mut tool = Tool::new("kubectl");
    tool.args(["kustomize", "--load-restrictor", "LoadRestrictionsNone"]).arg(root.join("overlay")).reads(root);
    let output = tool.output();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let documents = cowherd_yaml::parse_documents(&output.stdout, &Default::default()).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let named = |object: Value| {
        let metadata = &object["metadata"];
        ((text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"])), object)
    };
    documents.into_iter().map(|document| named(document.value)).collect()
}

/// Takes the value at a path such as `spec.ports[name=http].port` out of an object.
fn take(object: &mut Value, path: &str) -> Option<Value> {
    let (parent, last) = if path.ends_with(']') {
        path.split_at(path.rfind('[').unwrap())
    } else {
        path.rsplit_once('.').unwrap_or(("", path))
    };
    let step = last.trim_matches(['[', ']']);
    match find(object, parent)? {
        Value::Object(map) => map.remove(step.trim_matches('"')),
        Value::Array(items) => position(items, step).filter(|at| *at < items.len()).map(|at| items.remove(at)),
        _ => None,
    }
}

fn find<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    if path.is_empty() {
        return Some(value);
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    if let Some(rest) = path.strip_prefix('[') {
        let (step, rest) = rest.split_once(']')?;
        let next = match value {
            Value::Array(items) => position(items, step).and_then(|at| items.get_mut(at))?,
            other => other.get_mut(step.trim_matches('"'))?,
        };
        return find(next, rest);
    }
    let (step, rest) = path.split_at(path.find(['.', '[']).unwrap_or(path.len()));
    find(value.get_mut(step)?, rest)
}

fn position(items: &[Value], step: &str) -> Option<usize> {
    match step.split_once('=') {
        Some((key, name)) => items.iter().position(|item| item[key].to_string().trim_matches('"') == name),
        None => step.parse().ok(),
    }
}

/// What is told is what stands there before and after, and what is left of both without it is the same.
fn accounts_for(fields: &[FieldChange], before: &Value, after: &Value, case: &str) {
    let (mut before, mut after) = (before.clone(), after.clone());
    let (order, fields): (Vec<_>, Vec<_>) = fields.iter().partition(|field| field.path.contains("[*]."));
    for field in order {
        // Items that stand in another order: told by their names.
        let (list, key) = field.path.split_once("[*].").unwrap();
        for (object, told) in [(&mut before, &field.before), (&mut after, &field.after)] {
            let items = find(object, list).and_then(Value::as_array_mut).unwrap();
            let names: Vec<Value> = items.iter().map(|item| item[key].clone()).collect();
            assert_eq!(Some(&Value::Array(names)), told.as_ref(), "{case}: {}", field.path);
            items.sort_by_key(|item| item[key].to_string());
        }
    }
    for field in &fields {
        assert_eq!(take(&mut before, &field.path), field.before, "{case}: {}", field.path);
        assert_eq!(take(&mut after, &field.path), field.after, "{case}: {}", field.path);
    }
    assert_eq!(before, after, "{case}: {fields:#?}");
}

#[test]
fn a_review_tells_what_kubectl_makes_differently_of_both_sides() {
    let directory = tempfile::tempdir().unwrap();
    for (number, case) in CASES.iter().enumerate() {
        let (base, head) =
            (directory.path().join(format!("{number}-base")), directory.path().join(format!("{number}-head")));
        write(&base, case.before, &[]);
        write(&head, case.after, case.files);
        let side = |root: &Path| Side { name: "a".into(), commit: None, tree: Arc::new(DiskTree::new(root)) };
        let found =
            review(&side(&base), &side(&head), &Wanted::Paths(&["./cluster".to_owned()]), &Context::alone()).unwrap();
        let unit = found.clusters[0].units.iter().find(|unit| unit.name.name == "app");
        let changes = unit.map(|unit| unit.changes.as_slice()).unwrap_or_default();
        let told = |wanted: Kind| -> BTreeSet<Name> {
            let of_kind = changes.iter().filter(|change| change.kind == wanted).map(|change| &change.object.id);
            of_kind.map(|id| (id.kind.clone(), id.namespace.clone(), id.name.clone())).collect()
        };
        let (before, after) = (asked(&base), asked(&head));
        let created = after.keys().filter(|name| !before.contains_key(name)).cloned().collect();
        let deleted = before.keys().filter(|name| !after.contains_key(name)).cloned().collect();
        let configured = after.iter().filter(|(name, object)| before.get(name).is_some_and(|old| old != *object));
        assert_eq!(told(Kind::Created), created, "{}", case.name);
        assert_eq!(told(Kind::Deleted), deleted, "{}", case.name);
        assert_eq!(told(Kind::Configured), configured.map(|(name, _)| name.clone()).collect(), "{}", case.name);
        for change in changes.iter().filter(|change| change.kind == Kind::Configured) {
            let id = &change.object.id;
            let name = (id.kind.clone(), id.namespace.clone(), id.name.clone());
            accounts_for(&change.fields, &before[&name], &after[&name], case.name);
        }
    }
}
