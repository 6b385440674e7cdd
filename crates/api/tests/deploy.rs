//! What deploy/ holds is what the program brings.

#[test]
fn the_definitions_of_deploy_are_those_of_the_program() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/crds.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let crds: Vec<_> = cowherd_api::crds().iter().map(|crd| serde_json::to_value(crd).unwrap()).collect();
    let written = cowherd_yaml::write_documents(&crds);
    assert!(text == written, "run `cargo run -p cowherd-api --example crds > deploy/crds.yaml`");
}
