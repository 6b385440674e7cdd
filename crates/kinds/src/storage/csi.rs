//! What CSI drivers say of themselves: CSIDrivers, CSINodes, CSIStorageCapacities.

use cowherd_schema::FieldPath;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::checks;
use crate::json::{Fill, Read};
use crate::kind::Kind;
use crate::quantity;
use crate::strategy::Rules;
use crate::table::{self, AGE, Column, NAME};

pub(crate) const DRIVER: Kind = Kind {
    rules: Rules {
        default: default_driver,
        validate_update: |new, old, errors| {
            for field in ["attachRequired", "fsGroupPolicy", "volumeLifecycleModes"] {
                let path = FieldPath::new("spec").child(field);
                checks::immutable(&new["spec"][field], &old["spec"][field], &path, errors);
            }
        },
        columns: &[
            NAME,
            Column::text("AttachRequired", "Whether volumes are attached before they are mounted."),
            Column::text("PodInfoOnMount", "Whether the driver is told of the Pod."),
            Column::text("StorageCapacity", "Whether the driver says how much room there is."),
            Column::text("TokenRequests", "For whom the driver gets tokens of the Pod."),
            Column::text("RequiresRepublish", "Whether volumes are mounted again and again."),
            Column::text("Modes", "How long volumes live."),
            AGE,
        ],
        cells: driver_cells,
        ..Rules::PLAIN
    },
    ..Kind::cluster(super::V1, "CSIDriver", "csidrivers", "csidriver", "io.k8s.api.storage.v1.CSIDriver")
};

pub(crate) const NODE: Kind = Kind {
    rules: Rules {
        columns: &[NAME, Column::number("Drivers", "How many drivers run on the node."), AGE],
        cells: |node, now| {
            let drivers = node["spec"].items("drivers").len();
            vec![table::name(node), drivers.into(), table::age(node, now)]
        },
        ..Rules::PLAIN
    },
    ..Kind::cluster(super::V1, "CSINode", "csinodes", "csinode", "io.k8s.api.storage.v1.CSINode")
};

pub(crate) const CAPACITY: Kind = Kind {
    rules: Rules {
        default: |capacity| {
            for field in ["capacity", "maximumVolumeSize"] {
                if let Some(amount) = capacity.as_object_mut().and_then(|map| map.get_mut(field)) {
                    quantity::canonicalize(amount);
                }
            }
        },
        validate: |capacity, errors| {
            let root = FieldPath::root();
            checks::required_form(capacity, "storageClassName", &root, crate::names::subdomain, errors);
            for field in ["capacity", "maximumVolumeSize"] {
                if capacity.has(field) {
                    checks::quantity(&capacity[field], &root.child(field), errors);
                }
            }
        },
        validate_update: |new, old, errors| {
            for field in ["nodeTopology", "storageClassName"] {
                checks::immutable(&new[field], &old[field], &FieldPath::new(field), errors);
            }
        },
        columns: &[
            NAME,
            Column::text("StorageClassName", "The class of the volumes."),
            Column::text("Capacity", "How much room there is."),
        ],
        cells: |capacity, _| {
            let amount = table::or(capacity.text("capacity"), "<unset>");
            vec![table::name(capacity), capacity.text("storageClassName").into(), amount.into()]
        },
        ..Rules::PLAIN
    },
    ..Kind::namespaced(
        super::V1,
        "CSIStorageCapacity",
        "csistoragecapacities",
        "csistoragecapacity",
        "io.k8s.api.storage.v1.CSIStorageCapacity",
    )
};

fn default_driver(driver: &mut Value) {
    let Some(spec) = driver.ensure("spec") else { return };
    spec.fill("attachRequired", true);
    spec.fill("fsGroupPolicy", "ReadWriteOnceWithFSType");
    for field in ["podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"] {
        spec.fill(field, false);
    }
    if spec.items("volumeLifecycleModes").is_empty() {
        spec.put("volumeLifecycleModes", json!(["Persistent"]));
    }
}

fn driver_cells(driver: &Value, now: Timestamp) -> Vec<Value> {
    let spec = &driver["spec"];
    let modes: Vec<&str> = spec.items("volumeLifecycleModes").iter().filter_map(Value::as_str).collect();
    let tokens: Vec<&str> = spec.items("tokenRequests").iter().map(|request| request.text("audience")).collect();
    vec![
        table::name(driver),
        spec["attachRequired"].as_bool().unwrap_or(true).into(),
        spec.flag("podInfoOnMount").into(),
        spec.flag("storageCapacity").into(),
        table::or(&tokens.join(","), "<unset>").into(),
        spec.flag("requiresRepublish").into(),
        table::or(&modes.join(","), "<none>").into(),
        table::age(driver, now),
    ]
}
