//! What the kinds that are patched look like, as far as patches tell it apart.

use serde_json::{Value, json};

/// What a field may hold.
#[derive(Clone)]
pub enum Shape {
    /// One of these values.
    One(Vec<Value>),
    /// Texts by names.
    Texts,
    /// Some of these values.
    Several(Vec<Value>),
    Map(Vec<Field>),
    /// Maps that the value of a field, here one of those, tells apart.
    Items {
        key: &'static str,
        keys: Vec<Value>,
        fields: Vec<Field>,
    },
}

/// A field of a map.
#[derive(Clone)]
pub struct Field {
    pub name: &'static str,
    pub shape: Shape,
    /// Whether an object without it is refused.
    pub required: bool,
}

/// A kind that is patched.
pub struct Kind {
    /// Where its objects are.
    pub path: &'static str,
    /// What each of them has.
    pub fixed: Value,
    /// What they are made with.
    pub fields: Vec<Field>,
    /// What is patched of them at `/status`.
    pub status: Vec<Field>,
}

fn one(values: Value) -> Shape {
    let Value::Array(values) = values else { panic!("not a list") };
    Shape::One(values)
}

fn several(values: Value) -> Shape {
    let Value::Array(values) = values else { panic!("not a list") };
    Shape::Several(values)
}

fn items(key: &'static str, keys: Value, fields: Vec<Field>) -> Shape {
    let Value::Array(keys) = keys else { panic!("not a list") };
    Shape::Items { key, keys, fields }
}

fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false }
}

fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true }
}

fn map(fields: Vec<Field>) -> Shape {
    Shape::Map(fields)
}

fn metadata() -> Field {
    let owner = vec![
        must("apiVersion", one(json!(["v1"]))),
        must("kind", one(json!(["ConfigMap"]))),
        must("name", one(json!(["a", "b"]))),
        may("blockOwnerDeletion", one(json!([true, false]))),
    ];
    let fields = vec![
        may("annotations", Shape::Texts),
        may("finalizers", several(json!(["example.org/a", "example.org/b", "example.org/c", "example.org/d"]))),
        may("ownerReferences", items("uid", json!(["u1", "u2", "u3"]), owner)),
    ];
    may("metadata", map(fields))
}

fn conditions(types: Value) -> Field {
    let time = one(json!(["2024-01-01T00:00:00Z"]));
    let fields = vec![
        must("status", one(json!(["True", "False"]))),
        may("reason", one(json!(["A", "B"]))),
        may("message", one(json!(["a", "b"]))),
        must("lastTransitionTime", time),
    ];
    may("conditions", items("type", types, fields))
}

fn containers() -> Shape {
    let reference = |name| map(vec![must("name", one(json!(["m", "n"]))), must(name, one(json!(["k", "l"])))]);
    let from = vec![may("configMapKeyRef", reference("key")), may("secretKeyRef", reference("key"))];
    let port = vec![
        may("name", one(json!(["web", "dns"]))),
        may("protocol", one(json!(["TCP", "UDP"]))),
        may("hostPort", one(json!([0, 80]))),
    ];
    let probe = map(vec![
        may("httpGet", map(vec![must("port", one(json!([80, "web"]))), may("path", one(json!(["/a", "/b"])))])),
        may("periodSeconds", one(json!([1, 2]))),
    ]);
    let fields = vec![
        must("image", one(json!(["a", "b"]))),
        may("command", several(json!(["x", "y", "z"]))),
        may(
            "env",
            items(
                "name",
                json!(["A", "B", "C", "D"]),
                vec![may("value", one(json!(["1", "2"]))), may("valueFrom", map(from))],
            ),
        ),
        may("ports", items("containerPort", json!([80, 81, 82]), port)),
        may(
            "volumeMounts",
            items(
                "mountPath",
                json!(["/a", "/b"]),
                vec![must("name", one(json!(["data", "config"]))), may("readOnly", one(json!([true, false])))],
            ),
        ),
        may(
            "resources",
            map(vec![may(
                "limits",
                map(vec![may("cpu", one(json!(["1", 2, "100m"]))), may("memory", one(json!(["1Gi"])))]),
            )]),
        ),
        may("livenessProbe", probe),
        may(
            "securityContext",
            map(vec![may(
                "capabilities",
                map(vec![may("add", several(json!(["A", "B"]))), may("drop", several(json!(["C", "D"])))]),
            )]),
        ),
    ];
    items("name", json!(["one", "two", "three", "four"]), fields)
}

fn deployment() -> Kind {
    let volume = vec![
        may("emptyDir", map(vec![may("medium", one(json!(["Memory"])))])),
        may(
            "configMap",
            map(vec![
                must("name", one(json!(["m", "n"]))),
                may("items", several(json!([{ "key": "k", "path": "p" }, { "key": "l", "path": "q" }]))),
            ]),
        ),
        may("hostPath", map(vec![must("path", one(json!(["/h"]))), may("type", one(json!(["", "File"])))])),
    ];
    let spread = vec![
        must("maxSkew", one(json!([1, 2]))),
        must("whenUnsatisfiable", one(json!(["DoNotSchedule", "ScheduleAnyway"]))),
    ];
    let pod = map(vec![
        must("containers", containers()),
        may("initContainers", items("name", json!(["first", "second"]), vec![must("image", one(json!(["a", "b"])))])),
        may("volumes", items("name", json!(["data", "config", "more"]), volume)),
        may("imagePullSecrets", items("name", json!(["p", "q", "r"]), vec![])),
        may(
            "hostAliases",
            items(
                "ip",
                json!(["10.0.0.1", "10.0.0.2"]),
                vec![may("hostnames", several(json!(["a.example", "b.example"])))],
            ),
        ),
        may(
            "tolerations",
            several(json!([{ "key": "k", "operator": "Exists" }, { "key": "l", "operator": "Exists" }])),
        ),
        may("topologySpreadConstraints", items("topologyKey", json!(["zone", "host"]), spread)),
        may("nodeSelector", Shape::Texts),
        may(
            "securityContext",
            map(vec![may("runAsUser", one(json!([1, 2]))), may("supplementalGroups", several(json!([1, 2, 3])))]),
        ),
    ]);
    let strategy = map(vec![
        may("type", one(json!(["RollingUpdate", "Recreate"]))),
        may(
            "rollingUpdate",
            map(vec![may("maxSurge", one(json!([1, "25%"]))), may("maxUnavailable", one(json!([1, "50%"])))]),
        ),
    ]);
    let template = map(vec![may("metadata", map(vec![may("annotations", Shape::Texts)])), must("spec", pod)]);
    let spec = map(vec![may("replicas", one(json!([0, 1, 2]))), may("strategy", strategy), must("template", template)]);
    let fixed = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "spec": {
        "selector": { "matchLabels": { "app": "a" } }, "template": { "metadata": { "labels": { "app": "a" } } } } });
    Kind {
        path: "/apis/apps/v1/namespaces/walk/deployments",
        fixed,
        fields: vec![metadata(), must("spec", spec)],
        status: vec![
            metadata(),
            may(
                "status",
                map(vec![
                    may("replicas", one(json!([0, 1]))),
                    conditions(json!(["Available", "Progressing", "Other"])),
                ]),
            ),
        ],
    }
}

fn service() -> Kind {
    let ports = vec![
        must("name", one(json!(["web", "dns", "more"]))),
        may("protocol", one(json!(["TCP", "UDP"]))),
        may("targetPort", one(json!([80, "web"]))),
    ];
    let spec = map(vec![
        must("ports", items("port", json!([80, 81, 82, 83]), ports)),
        may("selector", Shape::Texts),
        may("externalIPs", several(json!(["10.1.0.1", "10.1.0.2"]))),
    ]);
    Kind {
        path: "/api/v1/namespaces/walk/services",
        fixed: json!({ "apiVersion": "v1", "kind": "Service", "spec": { "clusterIP": "None", "ipFamilyPolicy": "SingleStack" } }),
        fields: vec![metadata(), must("spec", spec)],
        status: vec![metadata(), may("status", map(vec![conditions(json!(["A", "B"]))]))],
    }
}

fn account() -> Kind {
    Kind {
        path: "/api/v1/namespaces/walk/serviceaccounts",
        fixed: json!({ "apiVersion": "v1", "kind": "ServiceAccount" }),
        fields: vec![
            metadata(),
            may("secrets", items("name", json!(["s", "t", "u"]), vec![])),
            may("imagePullSecrets", items("name", json!(["p", "q", "r"]), vec![])),
            may("automountServiceAccountToken", one(json!([true, false]))),
        ],
        status: vec![],
    }
}

fn config_map() -> Kind {
    Kind {
        path: "/api/v1/namespaces/walk/configmaps",
        fixed: json!({ "apiVersion": "v1", "kind": "ConfigMap" }),
        fields: vec![metadata(), may("data", Shape::Texts), may("immutable", one(json!([false])))],
        status: vec![],
    }
}

fn secret() -> Kind {
    Kind {
        path: "/api/v1/namespaces/walk/secrets",
        fixed: json!({ "apiVersion": "v1", "kind": "Secret" }),
        fields: vec![metadata(), may("stringData", Shape::Texts)],
        status: vec![],
    }
}

fn pod() -> Kind {
    let fixed = json!({ "apiVersion": "v1", "kind": "Pod", "spec": {
        "automountServiceAccountToken": false, "containers": [{ "name": "c", "image": "i" }] } });
    let tolerations = json!([{ "key": "k", "operator": "Exists" }, { "key": "l", "operator": "Exists" }]);
    Kind {
        path: "/api/v1/namespaces/walk/pods",
        fixed,
        fields: vec![
            metadata(),
            must(
                "spec",
                map(vec![
                    may("tolerations", several(tolerations)),
                    may("activeDeadlineSeconds", one(json!([100, 50]))),
                ]),
            ),
        ],
        status: vec![may(
            "status",
            map(vec![
                conditions(json!(["Ready", "PodScheduled", "Other"])),
                may("podIPs", items("ip", json!(["10.3.0.1", "fd00::1"]), vec![])),
                may("podIP", one(json!(["10.3.0.1"]))),
                may("message", one(json!(["a", "b"]))),
            ]),
        )],
    }
}

/// The kinds that are patched.
pub fn kinds() -> Vec<Kind> {
    vec![deployment(), service(), account(), config_map(), secret(), pod()]
}
