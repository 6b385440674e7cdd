//! Random files of shapes that no formatter writes, compared with `kubectl kustomize`: anchors, merge keys, ends of documents,
//! encodings, escapes, numbers, patches without what tells items apart.

use std::fs;

use cowherd_oracle::Tool;
use cowherd_render::{Overlay, render};
use cowherd_tree::{DiskTree, TreePath};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// How many random files are compared of each kind, unless `PROPTEST_CASES` says so.
const CASES: u32 = 40;

/// What begins an error where kubectl says nothing and leaves something out.
const LEFT_OUT: &str = "kubectl leaves out";

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    ProptestConfig { cases, max_shrink_iters: 200, failure_persistence: None, ..Default::default() }
}

/// Builds a directory of these files here and with kubectl; both must print the same, or fail.
fn compare(files: &[(&str, &[u8])]) -> Result<(), TestCaseError> {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, content) in files {
        fs::write(directory.path().join(name), content).expect("a file");
    }
    let output = Tool::new("kubectl").arg("kustomize").arg(directory.path()).unrecorded().output();
    let (expected, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match render(&DiskTree::new(directory.path()), &TreePath::root(), &Overlay::default()) {
        Ok(objects) => {
            prop_assert!(output.status.success(), "we build what kubectl refuses: {}", errors);
            let ours = cowherd_yaml::write_documents(&objects);
            prop_assert!(ours == expected, "ours:\n{}\nexpected:\n{}", ours, expected);
        }
        Err(error) if error.to_string().contains(LEFT_OUT) => {}
        Err(error) => prop_assert!(!output.status.success(), "we refuse what kubectl builds: {}", error),
    }
    Ok(())
}

/// What may stand in the data of a ConfigMap. `x` is an anchor of each document.
const ENTRIES: [&str; 29] = [
    "a: &v w",
    "b: *x",
    "<<: {q: w, a: z}",
    "<<: *m",
    "<<: [*m, {q: z, r: s}]",
    "!!merge <<: *m",
    "\"<<\": x",
    "'<<': *m",
    "!!str <<: x",
    "&k c: d",
    "e: *k",
    "*v : y",
    "? f\n  : g",
    "h: [-]",
    "i: {j: -, k: [-, -]}",
    "l: \"\\N\\_\\L\\P\"",
    "m: \"a \\N\\N b\\x85\"",
    "n: \"\\u00e9\\x41\\U0001F600\\e\\0\"",
    "o: 12345678901234567890",
    "p: |2\n     x\n    y",
    "r: >-\n    x\n\n      y\n    z",
    "s: !!binary aGk=",
    "t: !foo 1",
    "u: 0o17",
    "v: 1_000",
    "w: 1e400",
    "y: \"a\\\n    b\"",
    "z: 'it''s",
    "aa: {b: c}}",
];

/// What separates documents.
const SEPARATORS: [&str; 10] = [
    "---\n",
    "---\n",
    "--- # c\n",
    "...\n---\n",
    "...\n",
    "---\n\u{feff}",
    "---\n---\n",
    "---  \n# c\n",
    "\n---\n",
    "",
];

fn document() -> impl Strategy<Value = String> {
    let names = ["web", "n1", "'12'", "\"0x1F\"", "'true'", "1.0.0"];
    let block = (select(names.to_vec()), subsequence(ENTRIES.to_vec(), 0..6)).prop_map(|(name, entries)| {
        // What several keys << of different styles mean beside each other is left to the cases of the corpus.
        let is_merge = |entry: &&str| entry.contains("<<");
        let merge = entries.iter().position(is_merge);
        let entries = entries.iter().enumerate().filter(|(at, entry)| !is_merge(entry) || Some(*at) == merge);
        let entries: String = entries.map(|(_, entry)| format!("  {entry}\n")).collect();
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations: {{a: &x 1.10}}\nx-base: &m {{q: '1', b: x}}\ndata:\n{entries}"
        )
    });
    let json = select(vec!["a", "b"]).prop_map(|name| {
        format!("{{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\n\t\"metadata\":{{\"name\":\"{name}\"}}}}\n")
    });
    prop_oneof![4 => block, 1 => json]
}

/// How a file is written.
#[derive(Clone, Copy, Debug)]
enum Encoding {
    Utf8,
    Marked,
    LineFeeds,
    Utf16(fn(u16) -> [u8; 2]),
}

impl Encoding {
    fn encoded(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.into(),
            Self::Marked => format!("\u{feff}{text}").into(),
            Self::LineFeeds => text.replace('\n', "\r\n").into(),
            Self::Utf16(bytes) => format!("\u{feff}{text}").encode_utf16().flat_map(bytes).collect(),
        }
    }
}

fn encoding() -> impl Strategy<Value = Encoding> {
    prop_oneof![
        5 => Just(Encoding::Utf8),
        1 => Just(Encoding::Marked),
        1 => Just(Encoding::LineFeeds),
        1 => Just(Encoding::Utf16(u16::to_le_bytes)),
        1 => Just(Encoding::Utf16(u16::to_be_bytes)),
    ]
}

/// Objects with lists that patches merge.
const OBJECTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}, finalizers: [a, b]}
spec:
  replicas: 9007199254740993
  template:
    metadata: {annotations: {n: 1.10}}
    spec:
      containers:
      - name: web
        image: nginx
        env: [{name: A, value: x}, {name: B, value: y}]
        ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}, {containerPort: 443, name: tls}]
      - {name: side, image: busybox}
      volumes: [{name: v, emptyDir: {}}, {name: w, configMap: {name: c}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  ports: [{port: 80, name: http}, {port: 443, protocol: TCP}]
---
apiVersion: example.com/v1
kind: Foo
metadata: {name: web}
spec: {list: [{name: a, v: 1}], big: 12345678901234567890, float: 1.5e30}
";

/// An item of a list as a patch has it: with or without its key, twice, empty, with a directive.
fn item(key: &'static str, names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let name = prop_oneof![6 => select(names).prop_map(Some), 1 => Just(None)];
    let fields = subsequence(
        vec!["image: x", "value: z", "name: p", "protocol: UDP", "protocol: TCP", "env: [{name: A, value: n}]"],
        0..3,
    );
    let directive = prop_oneof![8 => Just(""), 1 => Just("$patch: delete"), 1 => Just("$patch: replace"), 1 => Just("$patch: merge")];
    (name, fields, directive).prop_map(move |(name, fields, directive)| {
        let key = name.map(|name| format!("{key}: {name}"));
        let mut seen = Vec::new();
        let all = key.into_iter().chain(fields.into_iter().map(str::to_owned)).chain(Some(directive.to_owned()));
        let unique = all.filter(|field| {
            let name = field.split(':').next().unwrap_or_default().to_owned();
            let is_new = !field.is_empty() && !seen.contains(&name);
            seen.push(name);
            is_new
        });
        format!("{{{}}}", unique.collect::<Vec<_>>().join(", "))
    })
}

fn list(field: &'static str, key: &'static str, names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let alone = select(vec!["{$patch: replace}", "{$patch: delete}", "{$patch: merge}"]).prop_map(str::to_owned);
    vec(prop_oneof![9 => item(key, names), 1 => alone], 0..4)
        .prop_map(move |items| format!("{field}: [{}]", items.join(", ")))
}

fn merge_patch() -> impl Strategy<Value = String> {
    let containers = list("containers", "name", &["web", "side", "new"]);
    let volumes = list("volumes", "name", &["v", "w", "'1'"]);
    let hosts = list("hostAliases", "ip", &["a", "b"]);
    let top = select(vec!["", "", "", "$patch: replace\n", "$patch: delete\n", "$patch: merge\n"]);
    let deployment = (containers, volumes, hosts, top).prop_map(|(containers, volumes, hosts, top)| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, finalizers: [b, c]}}\n{top}spec: {{template: {{spec: {{{containers}, {volumes}, {hosts}}}}}}}\n"
        )
    });
    let in_container = (list("env", "name", &["A", "B", "C"]), list("ports", "containerPort", &["80", "443", "8080"]));
    let inner = in_container.prop_map(|(env, ports)| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec: {{template: {{spec: {{containers: [{{name: web, {env}, {ports}}}, {{name: new, {env}}}]}}}}}}\n"
        )
    });
    let service = list("ports", "port", &["80", "443", "8080"])
        .prop_map(|ports| format!("apiVersion: v1\nkind: Service\nmetadata: {{name: web}}\nspec: {{{ports}}}\n"));
    prop_oneof![deployment, inner, service]
}

const NUMBERS: [&str; 12] = [
    "12345678901234567890",
    "9007199254740993",
    "-9223372036854775808",
    "18446744073709551615",
    "1e21",
    "1.5e20",
    "0.1",
    "1e-7",
    "0x1F",
    "1_000",
    "[1, {a: 9007199254740993}]",
    "\"1\"",
];

fn json_patch() -> impl Strategy<Value = String> {
    let paths = ["/spec/x", "/spec/big", "/spec/template/metadata/labels"];
    let operation = (select(paths.to_vec()), select(NUMBERS.to_vec()))
        .prop_map(|(path, value)| format!("- {{op: add, path: {path}, value: {value}}}\n"));
    vec(operation, 1..4).prop_map(|operations| operations.concat())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn files_are_read_as_kubectl_reads_them(
        documents in vec((document(), select(SEPARATORS.to_vec())), 1..4),
        encoding in encoding(),
    ) {
        let text: String = documents.iter().map(|(document, separator)| format!("{document}{separator}")).collect();
        compare(&[("kustomization.yaml", b"resources: [all.yaml]\n"), ("all.yaml", &encoding.encoded(&text))])?;
    }

    #[test]
    fn lists_are_merged_as_kubectl_merges_them(patches in vec(merge_patch(), 1..3)) {
        let entries: String = patches.iter().map(|patch| format!("- patch: |\n    {}\n", patch.trim_end().replace('\n', "\n    "))).collect();
        let kustomization = format!("resources: [all.yaml]\npatches:\n{entries}");
        compare(&[("kustomization.yaml", kustomization.as_bytes()), ("all.yaml", OBJECTS.as_bytes())])?;
    }

    #[test]
    fn numbers_come_out_of_json_patches_as_from_kubectl(patch in json_patch(), kind in select(vec!["Deployment", "Foo"])) {
        let kustomization = format!(
            "resources: [all.yaml]\npatches:\n- target: {{kind: {kind}}}\n  patch: |\n    {}\n", patch.trim_end().replace('\n', "\n    ")
        );
        compare(&[("kustomization.yaml", kustomization.as_bytes()), ("all.yaml", OBJECTS.as_bytes())])?;
    }
}
