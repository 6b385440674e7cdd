//! Records the roles and bindings that a real control plane has from its start.
//!
//! They are those of a kube-apiserver and a kube-controller-manager that nobody else has written to; the latter's
//! clusterrole-aggregation-controller has filled in the rules of roles that gather those of others.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

/// In the order in which they can be made.
const KINDS: &[&str] = &["clusterroles", "clusterrolebindings", "roles", "rolebindings"];

/// Writes `crates/apiserver/data/rbac.jsonl` from the cluster of a kubeconfig: a document a line, sorted.
pub fn run(root: &Path, kubeconfig: &Path) -> Result<()> {
    let mut lines = Vec::new();
    for kind in KINDS {
        let output = Command::new("kubectl")
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .args(["get", kind, "--all-namespaces", "--output=json"])
            .output()
            .context("cannot run kubectl")?;
        if !output.status.success() {
            bail!("kubectl: {}", String::from_utf8_lossy(&output.stderr));
        }
        let list: Value = serde_json::from_slice(&output.stdout)?;
        let items = list.get("items").and_then(Value::as_array).context("kubectl printed no list")?;
        let mut documents = items.iter().map(recorded).collect::<Result<Vec<String>>>()?;
        documents.sort();
        lines.append(&mut documents);
    }
    let path = root.join("crates/apiserver/data/rbac.jsonl");
    std::fs::write(&path, lines.join("\n") + "\n").with_context(|| path.display().to_string())?;
    println!("{} documents", lines.len());
    Ok(())
}

/// A document without what is different in each cluster.
fn recorded(item: &Value) -> Result<String> {
    let mut document = item.as_object().context("an item is no object")?.clone();
    let metadata = document.get("metadata").and_then(Value::as_object).context("an item has no metadata")?;
    let kept = ["annotations", "labels", "name", "namespace"];
    let kept: Map<String, Value> =
        kept.into_iter().filter_map(|field| Some((field.to_owned(), metadata.get(field)?.clone()))).collect();
    let waits = document.contains_key("aggregationRule") && document.get("rules").is_none_or(Value::is_null);
    if waits {
        bail!("the rules of {} are not aggregated yet", Value::Object(kept));
    }
    document.insert("metadata".to_owned(), json!(kept));
    Ok(serde_json::to_string(&document)?)
}
