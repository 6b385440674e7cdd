//! `cowherd tree`: what was applied, and by whom.

use serde_json::Value;

use crate::program::fleet::Fleet;

#[test]
fn tree_shows_what_was_applied_by_whom() {
    let fleet = Fleet::start();
    let tree = fleet.running.cowherd_ok(["tree", "kustomization", "flux-system"]);
    let expected = "Kustomization/flux-system/flux-system
├── Kustomization/flux-system/app
│   ├── ConfigMap/default/blue
│   └── ConfigMap/default/red
└── Kustomization/flux-system/other
    └── ConfigMap/default/other
";
    assert_eq!(tree, expected);
    let tree: Value = serde_json::from_str(&fleet.running.cowherd_ok(["tree", "flux-system", "-o", "json"])).unwrap();
    assert_eq!(tree["resources"][0]["resources"][1]["resource"]["name"], "red");
}
