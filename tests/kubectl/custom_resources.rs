//! CustomResourceDefinitions and what they define.

use super::people::{Person, everyone};

const DEFINITION: &str = include_str!("prometheus/definition.yaml");
const PROMETHEUS: &str = include_str!("prometheus/prometheus.yaml");

/// Defines the resource; whoever comes second finds nothing of the first.
fn defined(story: impl Fn(&Person)) {
    everyone(|person| {
        person.write("definition.yaml", DEFINITION).write("prometheus.yaml", PROMETHEUS);
        let created = "customresourcedefinition.apiextensions.k8s.io/prometheuses.monitoring.coreos.com created\n";
        assert_eq!(person.ok("apply -f definition.yaml"), created);
        person.ok("wait --for=condition=Established crd/prometheuses.monitoring.coreos.com --timeout=20s");
        story(person);
        person.ok("delete -f definition.yaml");
    });
}

#[test]
fn a_custom_resource_is_refused_until_it_is_defined() {
    everyone(|person| {
        person.write("definition.yaml", DEFINITION).write("prometheus.yaml", PROMETHEUS);
        for how in ["", "--server-side"] {
            let refused = person.refused(&format!("apply {how} -f prometheus.yaml"));
            let why = "error: resource mapping not found for name: \"prometheus\" namespace: \"\" from \"prometheus.yaml\": no \
                       matches for kind \"Prometheus\" in version \"monitoring.coreos.com/v1\"\nensure CRDs are installed \
                       first\n";
            assert_eq!(refused, why);
        }
        person.ok("apply -f definition.yaml");
        person.ok("wait --for=condition=Established crd/prometheuses.monitoring.coreos.com --timeout=20s");
        assert_eq!(person.ok("apply -f prometheus.yaml"), "prometheus.monitoring.coreos.com/prometheus created\n");
        assert_eq!(person.ok("apply -f prometheus.yaml"), "prometheus.monitoring.coreos.com/prometheus unchanged\n");
        let gone = person.ok("delete crd prometheuses.monitoring.coreos.com");
        assert!(gone.contains("\"prometheuses.monitoring.coreos.com\" deleted"), "{gone}");
        let refused = person.refused("get prometheuses");
        assert!(
            refused.contains("the server could not find the requested resource")
                || refused.contains("the server doesn't have a resource type"),
            "{refused}"
        );
    });
}

#[test]
fn a_custom_resource_is_as_good_as_a_built_in_one() {
    defined(|person| {
        person.ok("apply -f prometheus.yaml");
        let table = person.table("get prom");
        assert_eq!(table[0], ["NAME", "VERSION", "DESIRED", "READY", "AGE"]);
        assert_eq!(table[1][..3], ["prometheus", "v0.7.0", "1"]);
        assert_eq!(person.table("get prometheuses -o wide")[0].last().unwrap(), "PAUSED");
        assert_eq!(person.ok("get prometheus-operator -o name"), "prometheus.monitoring.coreos.com/prometheus\n");
        let resources = person.table("api-resources --api-group=monitoring.coreos.com --no-headers");
        assert_eq!(resources[0], ["prometheuses", "prom", "monitoring.coreos.com/v1", "true", "Prometheus"]);
        assert!(person.ok("get crd -o name").contains("prometheuses.monitoring.coreos.com\n"));
        let described = person.ok("describe prom prometheus");
        assert!(
            described.contains("Retention:  180d") && described.contains("Kind:         Prometheus"),
            "{described}"
        );
        assert!(
            person.ok("describe crd prometheuses.monitoring.coreos.com").contains("Type:                  Established")
        );

        let status =
            "'{\"status\":{\"availableReplicas\":2,\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}'";
        person.ok(&format!("patch prom prometheus --subresource=status --type=merge -p {status}"));
        assert_eq!(person.table("get prom")[1][..4], ["prometheus", "v0.7.0", "1", "2"]);
        let met = "prometheus.monitoring.coreos.com/prometheus condition met\n";
        assert_eq!(person.ok("wait --for=condition=Ready prom/prometheus --timeout=20s"), met);
        let scaled = person.ok("scale prom/prometheus --replicas=3");
        assert_eq!(scaled, "prometheus.monitoring.coreos.com/prometheus scaled\n");
        assert_eq!(person.value("prom prometheus", ".spec.replicas"), "3");
        assert_eq!(person.table("get prom prometheus --subresource=scale --no-headers")[0][..2], ["prometheus", "3"]);
        assert_eq!(person.ok("label prom prometheus a=b"), "prometheus.monitoring.coreos.com/prometheus labeled\n");
        let edited = person.edit("prom prometheus", "s/180d/90d/");
        assert_eq!(edited, (true, "prometheus.monitoring.coreos.com/prometheus edited\n".to_owned()));
        let diff = person.run("diff -f prometheus.yaml");
        let text = String::from_utf8(diff.stdout).unwrap();
        assert!(text.contains("-  retention: 90d\n+  retention: 180d\n"), "{text}");
        assert_eq!(person.value("prom prometheus", ".metadata.generation"), "3");
    });
}

#[test]
fn a_custom_resource_is_validated() {
    defined(|person| {
        let refused = person.refused_with("apply -f -", &PROMETHEUS.replace("180d", "forever"));
        assert!(
            refused.contains("spec.retention: Invalid value: \"forever\": spec.retention in body should match '^("),
            "{refused}"
        );
        person.ok("apply -f prometheus.yaml");
        let patch = |patch: &str| person.refused(&format!("patch prom prometheus --type=merge -p '{patch}'"));
        assert_eq!(
            patch("{\"spec\":{\"replicas\":-1}}"),
            "The Prometheus \"prometheus\" is invalid: spec.replicas: Invalid value: -1: spec.replicas in body should be \
             greater than or equal to 0\n"
        );
        assert_eq!(
            patch("{\"spec\":{\"logLevel\":\"loud\"}}"),
            "The Prometheus \"prometheus\" is invalid: spec.logLevel: Unsupported value: \"loud\": supported values: \
             \"debug\", \"info\"\n"
        );
        assert_eq!(
            patch("{\"spec\":{\"version\":5}}"),
            "The Prometheus \"prometheus\" is invalid: spec.version: Invalid value: \"integer\": spec.version in body must \
             be of type string: \"integer\"\n"
        );
        assert_eq!(
            patch("{\"spec\":{\"version\":null}}"),
            "The Prometheus \"prometheus\" is invalid: spec.version: Required value\n"
        );
        let strategic = person.refused("patch prom prometheus -p '{}'");
        assert!(strategic.contains("application/strategic-merge-patch+json is not supported"), "{strategic}");
    });
}

#[test]
fn unknown_fields_of_a_custom_resource_are_refused_or_left_out() {
    defined(|person| {
        let unknown = PROMETHEUS.replace("retention:", "retenshun:");
        person.write("unknown.yaml", &unknown);
        let refused = person.refused("create -f unknown.yaml");
        let why = "strict decoding error: unknown field \"spec.retenshun\"\n";
        assert!(
            refused.starts_with(
                "Error from server (BadRequest): error when creating \"unknown.yaml\": Prometheus in \
                                     version \"v1\" cannot be handled as a Prometheus: "
            ) && refused.ends_with(why),
            "{refused}"
        );
        for how in ["", "--validate=warn", "--validate=ignore"] {
            let served = person.refused(&format!("apply --server-side -f unknown.yaml {how}"));
            let place = format!("({}/prometheus; monitoring.coreos.com/v1, Kind=Prometheus)", person.namespace);
            let why =
                format!("failed to create typed patch object {place}: .spec.retenshun: field not declared in schema\n");
            assert!(served.ends_with(&why), "{served}");
        }
        let warned = person.warned("create -f unknown.yaml --validate=warn");
        assert_eq!(warned, "Warning: unknown field \"spec.retenshun\"\n");
        assert_eq!(person.value("prom prometheus", ".spec.retenshun"), "");
        let refused = person.refused_with("apply -f -", &unknown.replace("v0.7.0", "v0.8.0"));
        assert!(refused.ends_with(why), "{refused}");
    });
}

#[test]
fn the_fields_of_a_custom_resource_are_explained() {
    defined(|person| {
        let whole = person.ok("explain prometheus");
        assert!(
            whole.starts_with("GROUP:      monitoring.coreos.com\nKIND:       Prometheus\nVERSION:    v1\n"),
            "{whole}"
        );
        assert!(whole.contains("  spec\t<Object> -required-\n    What is wanted.\n"), "{whole}");
        let spec = person.ok("explain prometheus.spec --recursive");
        for line in ["  logLevel\t<string>\n", "  replicas\t<integer>\n", "  version\t<string> -required-\n"] {
            assert!(spec.contains(line), "{spec}");
        }
    });
}
