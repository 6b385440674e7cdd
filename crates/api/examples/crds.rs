//! Prints the definitions of all resource types: `cargo run -p cowherd-api --example crds > deploy/crds.yaml`.

fn main() -> Result<(), serde_json::Error> {
    let crds: Vec<_> = cowherd_api::crds().into_iter().map(serde_json::to_value).collect::<Result<_, _>>()?;
    print!("{}", cowherd_yaml::write_documents(&crds));
    Ok(())
}
