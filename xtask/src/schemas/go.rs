//! What only the sources of the Go types say: which fields are written when they hold nothing, and what their types
//! are called. It is taken from what `cargo xtask wire` generated.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// The keyword under which a structure's fields are listed: `name`, its sign, `@structure` for each structure without
/// a name that it stands in, and `:type` where that has a name.
const KEYWORD: &str = "x-go-fields";

/// Adds to each structure how its fields are written, and tells the two types of times apart.
pub fn annotate(root: &Path, schemas: &mut BTreeMap<String, Value>) -> Result<()> {
    let structures = read(&root.join("crates/apiserver/data/wire.txt.gz"))?;
    for (name, schema) in schemas {
        let Some(map) = schema.as_object_mut() else { continue };
        if name.ends_with(".meta.v1.MicroTime") {
            map.insert("format".to_owned(), "micro-time".into());
        }
        if let Some(go) = go_name(name).filter(|go| structures.contains_key(go) && map.contains_key("properties")) {
            map.insert(KEYWORD.to_owned(), fields(&structures, &go, "").join(" ").into());
        }
    }
    Ok(())
}

/// `apps/v1.Deployment` for `io.k8s.api.apps.v1.Deployment`.
fn go_name(definition: &str) -> Option<String> {
    let mut parts = definition.rsplit('.');
    let (name, version, package) = (parts.next()?, parts.next()?, parts.next()?);
    Some(format!("{package}/{version}.{name}"))
}

fn read(path: &Path) -> Result<BTreeMap<String, Vec<[String; 4]>>> {
    let file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text)?;
    let field = |line: &str| {
        let mut words = line.split(' ').skip(1).map(str::to_owned);
        Some([words.next()?, words.next()?, words.next()?, words.next().unwrap_or_default()])
    };
    let structure = |paragraph: &str| {
        let mut lines = paragraph.lines();
        Some((lines.next()?.to_owned(), lines.filter_map(field).collect()))
    };
    Ok(text.split("\n\n").filter_map(structure).collect())
}

/// The fields of a structure, with those of the structures that stand in it without a name.
fn fields(structures: &BTreeMap<String, Vec<[String; 4]>>, name: &str, within: &str) -> Vec<String> {
    let mut words = Vec::new();
    for [field, sign, kind, go] in structures.get(name).into_iter().flatten() {
        match (sign.as_str(), go.as_str()) {
            ("^", _) => {
                let inner = kind.rsplit('.').next().unwrap_or_default();
                words.extend(fields(structures, kind, &format!("{within}@{inner}")));
            }
            (sign, "") => words.push(format!("{field}{sign}{within}")),
            (sign, go) => words.push(format!("{field}{sign}{within}:{go}")),
        }
    }
    words
}
