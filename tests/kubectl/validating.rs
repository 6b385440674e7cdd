//! What is wrong with a manifest is said field by field.

use super::people::{APP, everyone};

#[test]
fn unknown_fields_are_refused_warned_of_or_ignored_as_asked() {
    everyone(|person| {
        let wrong = APP.replace("replicas:", "replica:").replace("image: app:1", "image: app:1\n        imagee: x");
        person.write("wrong.yaml", &wrong);
        for command in ["create", "apply"] {
            let why = "Error from server (BadRequest): error when creating \"wrong.yaml\": Deployment in version \"v1\" \
                       cannot be handled as a Deployment: strict decoding error: unknown field \"spec.replica\", unknown \
                       field \"spec.template.spec.containers[0].imagee\"\n";
            assert_eq!(person.refused(&format!("{command} -f wrong.yaml")), why);
        }
        let served = person.refused("apply --server-side -f wrong.yaml");
        for field in [".spec.replica", ".spec.template.spec.containers[name=\"app\"].imagee"] {
            assert!(served.contains(&format!("{field}: field not declared in schema")), "{served}");
        }
        let warnings = "Warning: unknown field \"spec.replica\"\nWarning: unknown field \
                        \"spec.template.spec.containers[0].imagee\"\n";
        assert_eq!(person.warned("apply -f wrong.yaml --validate=warn"), warnings);
        assert_eq!(person.warned("apply -f wrong.yaml --validate=ignore"), "");
        assert_eq!(person.value("deploy app", ".spec.replica"), "");
    });
}

#[test]
fn values_of_the_wrong_type_are_refused() {
    everyone(|person| {
        person.write("wrong.yaml", &APP.replace("replicas: 2", "replicas: two"));
        let why = "Error from server (BadRequest): error when creating \"wrong.yaml\": Deployment in version \"v1\" cannot be \
                   handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas \
                   of type int32\n";
        assert_eq!(person.refused("create -f wrong.yaml"), why);
        let served = person.refused("apply --server-side -f wrong.yaml");
        assert!(served.contains(".spec.replicas: expected numeric (int or float), got string"), "{served}");
    });
}

#[test]
fn all_that_is_wrong_is_listed() {
    everyone(|person| {
        let wrong = APP
            .replace("replicas: 2", "replicas: -1")
            .replace("      labels:\n        app: app", "      labels:\n        app: other")
            .replace("name: app\n        image", "name: App\n        image");
        let refused = person.refused_with("create -f -", &wrong);
        assert!(refused.starts_with("The Deployment \"app\" is invalid: \n* "), "{refused}");
        for line in [
            "* spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            "* spec.template.metadata.labels: Invalid value: {\"app\":\"other\"}: `selector` does not match template \
             `labels`",
            "* spec.template.spec.containers[0].name: Invalid value: \"App\": a lowercase RFC 1123 label must consist of \
             lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. \
             'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
        ] {
            assert!(refused.lines().any(|said| said == line), "{line:?} is not in {refused}");
        }
        let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  ports:\n  - port: 99999\n";
        let refused = person.refused_with("create -f -", service);
        let why = "The Service \"web\" is invalid: \n* spec.ports[0].port: Invalid value: 99999: must be between 1 and 65535, \
                   inclusive\n* spec.ports[0].targetPort: Invalid value: 99999: must be between 1 and 65535, inclusive\n";
        assert_eq!(refused, why);
    });
}

#[test]
fn what_may_not_change_stays() {
    everyone(|person| {
        person.ok_with("apply -f -", APP);
        let other = APP.replace("app: app", "app: other");
        let refused = person.refused_with("apply -f -", &other);
        let why = "spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"other\"}}: field is immutable";
        assert!(refused.contains(why), "{refused}");
        person.ok("create job once --image=busybox");
        let refused = person.refused("set image job/once once=busybox:2");
        assert!(
            refused.contains("spec.template: Invalid value: ") && refused.contains(": field is immutable"),
            "{refused}"
        );
        person.ok("create secret generic key --from-literal=a=b");
        person.ok("patch secret key -p '{\"immutable\":true}'");
        let refused = person.refused("patch secret key -p '{\"data\":{\"a\":\"eA==\"}}'");
        let why = "The Secret \"key\" is invalid: data: Forbidden: field is immutable when `immutable` is set\n";
        assert_eq!(refused, why);
    });
}

#[test]
fn an_outdated_object_does_not_overwrite_a_newer_one() {
    everyone(|person| {
        let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  resourceVersion: \"1\"\ndata:\n  a: b\n";
        person.ok("create configmap a");
        person.write("a.yaml", map);
        let why = "Error from server (Conflict): error when replacing \"a.yaml\": Operation cannot be fulfilled on \
                   configmaps \"a\": the object has been modified; please apply your changes to the latest version and try \
                   again\n";
        assert_eq!(person.refused("replace -f a.yaml"), why);
    });
}
