//! IPAddresses.

use cowherd_schema::{FieldError, FieldPath};
use serde_json::Value;

use crate::checks::{self, Errors};
use crate::json::Read;
use crate::kind::Kind;
use crate::names::{self, NameRule};
use crate::strategy::Rules;
use crate::table::{self, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    short_names: &["ip"],
    names: NameRule::IpAddress,
    rules: Rules {
        validate,
        validate_update: |new, old, errors| {
            let (new, old) = (&new["spec"]["parentRef"], &old["spec"]["parentRef"]);
            checks::immutable(new, old, &FieldPath::new("spec.parentRef"), errors);
        },
        columns: &[NAME, Column::text("ParentRef", "The object that the address belongs to.")],
        cells: |address, _| {
            let parent = &address["spec"]["parentRef"];
            let parts = ["resource", "group", "namespace", "name"].map(|field| parent.text(field));
            let resource = if parts[1].is_empty() { parts[0].to_owned() } else { format!("{}.{}", parts[0], parts[1]) };
            let parts: Vec<&str> =
                [resource.as_str(), parts[2], parts[3]].into_iter().filter(|part| !part.is_empty()).collect();
            vec![table::name(address), parts.join("/").into()]
        },
        fields: |address| {
            let parent = &address["spec"]["parentRef"];
            let group = parent.text("group");
            let resource = parent.text("resource");
            let whole = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
            vec![("spec.parentRef.resource", whole)]
        },
        ..Rules::PLAIN
    },
    ..Kind::cluster(super::V1, "IPAddress", "ipaddresses", "ipaddress", "io.k8s.api.networking.v1.IPAddress")
};

fn validate(address: &Value, errors: &mut Errors) {
    let path = FieldPath::new("spec.parentRef");
    let parent = &address["spec"]["parentRef"];
    if !parent.is_object() {
        errors.push(FieldError::required(&path, ""));
        return;
    }
    checks::optional_form(parent, "group", &path, names::subdomain, errors);
    for field in ["resource", "name"] {
        checks::required_form(parent, field, &path, |text| names::path_segment(text, false), errors);
    }
}
