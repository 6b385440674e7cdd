//! Generates the field numbers by which Kubernetes' own types are written in binary.
//!
//! They stand in the tags of the Go types, in the repositories `kubernetes/api` and `kubernetes/apimachinery`.
//! The result has a paragraph per type: its name, then a line per field with number, name, flag and type.
//! See `crates/apiserver/src/wire` for what they mean.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The packages of `kubernetes/api` whose types clients send.
const PACKAGES: &[&str] = &[
    "admissionregistration/v1",
    "apps/v1",
    "authentication/v1",
    "authorization/v1",
    "autoscaling/v1",
    "autoscaling/v2",
    "batch/v1",
    "coordination/v1",
    "core/v1",
    "discovery/v1",
    "events/v1",
    "networking/v1",
    "policy/v1",
    "rbac/v1",
    "scheduling/v1",
    "storage/v1",
];

#[derive(Default)]
struct Types {
    structs: BTreeMap<String, Vec<Field>>,
    aliases: BTreeMap<String, String>,
}

struct Field {
    number: u32,
    name: String,
    go: String,
    place: Place,
}

/// What becomes of a field in JSON.
#[derive(Clone, Copy)]
enum Place {
    /// Its own fields stand in its place.
    Inline,
    /// It stands there whatever it holds; nothing is `null` for a pointer, the zero for a value.
    Kept { pointer: bool },
    /// It stands there unless it is a pointer to nothing, or a value that is empty (`omitempty`).
    NonEmpty { pointer: bool },
    /// It stands there unless it is zero, which a structure can be as well (`omitzero`).
    NonZero,
}

impl Place {
    fn sign(self) -> char {
        match self {
            Self::Inline => '^',
            Self::Kept { pointer: true } => '&',
            Self::Kept { pointer: false } => '*',
            Self::NonEmpty { pointer: true } => '?',
            Self::NonEmpty { pointer: false } => '-',
            Self::NonZero => '0',
        }
    }
}

/// Writes `crates/apiserver/data/wire.txt.gz` from checkouts of the three repositories.
pub fn run(root: &Path, api: &Path, machinery: &Path, extensions: &Path) -> Result<()> {
    let mut types = Types::default();
    for package in PACKAGES {
        read(&api.join(package).join("types.go"), package, &mut types)?;
    }
    read(&machinery.join("pkg/apis/meta/v1/types.go"), "meta/v1", &mut types)?;
    for file in ["types.go", "types_jsonschema.go"] {
        read(&extensions.join("pkg/apis/apiextensions/v1").join(file), "apiextensions/v1", &mut types)?;
    }
    let mut text = String::new();
    for (name, fields) in &types.structs {
        text.push_str(&format!("{name}\n"));
        let package = name.split('.').next().unwrap_or_default();
        for field in fields {
            let flag = field.place.sign();
            let kind = types.kind(&field.go, package).with_context(|| format!("{name}.{}", field.name))?;
            let go = types.name_of(&field.go, package).map(|name| format!(" {name}")).unwrap_or_default();
            text.push_str(&format!("{} {} {flag} {kind}{go}\n", field.number, field.name));
        }
        text.push('\n');
    }
    let path = root.join("crates/apiserver/data/wire.txt.gz");
    std::fs::create_dir_all(path.parent().context("no folder")?)?;
    let mut file = flate2::write::GzEncoder::new(std::fs::File::create(&path)?, flate2::Compression::best());
    file.write_all(text.as_bytes())?;
    file.finish()?;
    println!("{} types", types.structs.len());
    Ok(())
}

fn read(path: &Path, package: &str, types: &mut Types) -> Result<()> {
    let source = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut current: Option<(String, Vec<Field>)> = None;
    for line in source.lines() {
        let line = line.split("//").next().unwrap_or_default().trim_end();
        if let Some((name, fields)) = &mut current {
            if line == "}" {
                types.structs.insert(std::mem::take(name), std::mem::take(fields));
                current = None;
            } else if let Some(field) = field(line.trim()) {
                fields.push(field);
            }
            continue;
        }
        let Some(declared) = line.strip_prefix("type ") else { continue };
        let Some((name, definition)) = declared.split_once(' ') else { continue };
        let name = format!("{package}.{name}");
        match definition.trim() {
            "struct {" => current = Some((name, Vec::new())),
            "struct {}" | "struct{}" => {
                types.structs.insert(name, Vec::new());
            }
            "interface {" => {}
            alias => {
                types.aliases.insert(name, alias.trim_start_matches("= ").to_owned());
            }
        }
    }
    Ok(())
}

/// Reads a field with its tags; `None` for what is not written.
fn field(line: &str) -> Option<Field> {
    let (declared, tags) = line.split_once('`')?;
    let tag = |name: &str| {
        let (_, rest) = tags.split_once(&format!("{name}:\""))?;
        rest.split('"').next()
    };
    let number = tag("protobuf")?.split(',').nth(1)?.parse().ok()?;
    let mut json = tag("json")?.split(',');
    let name = json.next()?.to_owned();
    let options: Vec<&str> = json.collect();
    let mut words = declared.split_whitespace();
    let first = words.next()?;
    let go = words.next().unwrap_or(first).to_owned();
    let pointer = go.starts_with('*');
    let place = if options.contains(&"inline") {
        Place::Inline
    } else if options.contains(&"omitzero") {
        Place::NonZero
    } else if options.contains(&"omitempty") {
        Place::NonEmpty { pointer }
    } else {
        Place::Kept { pointer }
    };
    let name = if matches!(place, Place::Inline) { "-".to_owned() } else { name };
    Some(Field { number, name, go, place })
}

impl Types {
    /// What Go calls a type that has a name of its own and is no structure, or is made of one, as its decoder says it.
    fn name_of(&self, go: &str, package: &str) -> Option<String> {
        let go = go.trim_start_matches('*');
        if let Some(item) = go.strip_prefix("[]") {
            return Some(format!("[]{}", self.name_of(item, package)?));
        }
        if let Some((key, value)) = go.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
            let (key_name, value_name) = (self.name_of(key, package), self.name_of(value, package));
            if key_name.is_none() && value_name.is_none() {
                return None;
            }
            let plain = |name: Option<String>, go: &str| name.unwrap_or_else(|| go.to_owned());
            return Some(format!("map[{}]{}", plain(key_name, key), plain(value_name, value)));
        }
        let qualified = match go.split_once('.') {
            Some(("types", name)) => return Some(format!("types.{name}")),
            Some(("metav1", name)) => format!("meta/v1.{name}"),
            Some(("v1" | "apiv1" | "corev1", name)) => format!("core/v1.{name}"),
            Some(_) => return None,
            None => format!("{package}.{go}"),
        };
        let name = qualified.rsplit('.').next()?;
        self.aliases.contains_key(&qualified).then(|| format!("{}.{name}", package_name(&qualified)))
    }

    fn kind(&self, go: &str, package: &str) -> Result<String> {
        let go = go.trim_start_matches('*');
        if let Some(item) = go.strip_prefix("[]").filter(|item| *item != "byte") {
            return Ok(format!("[]{}", self.kind(item, package)?));
        }
        if let Some((_, value)) = go.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
            return Ok(format!("{{}}{}", self.kind(value, package)?));
        }
        let plain = match go {
            "string" | "types.UID" => Some("s"),
            "int" | "int32" | "int64" | "uint32" | "uint64" | "uint8" => Some("i"),
            "bool" => Some("b"),
            "float64" => Some("f"),
            "[]byte" => Some("y"),
            "resource.Quantity" => Some("Q"),
            "intstr.IntOrString" => Some("O"),
            "runtime.RawExtension" => Some("R"),
            "metav1.Time" => Some("T"),
            "metav1.MicroTime" => Some("M"),
            "Time" if package == "meta/v1" => Some("T"),
            "MicroTime" if package == "meta/v1" => Some("M"),
            "FieldsV1" if package == "meta/v1" => Some("F"),
            "JSON" | "JSONSchemaPropsOrBool" | "JSONSchemaPropsOrArray" | "JSONSchemaPropsOrStringArray"
                if package == "apiextensions/v1" =>
            {
                Some("R")
            }
            _ => None,
        };
        if let Some(plain) = plain {
            return Ok(plain.to_owned());
        }
        let name = match go.split_once('.') {
            Some(("metav1", name)) => format!("meta/v1.{name}"),
            Some(("v1" | "apiv1" | "corev1", name)) => format!("core/v1.{name}"),
            Some(("types", "NamespacedName")) => bail!("{go} is not written"),
            Some(("types", _)) => return Ok("s".to_owned()),
            Some((other, _)) => bail!("{go} is of a package that is not read: {other}"),
            None => format!("{package}.{go}"),
        };
        if self.structs.contains_key(&name) {
            return Ok(name);
        }
        let alias = self.aliases.get(&name).with_context(|| format!("{name} is not declared"))?;
        let package = name.split('.').next().unwrap_or_default();
        // A list with a name of its own is a message that holds the list, except where it is a field itself.
        let kind = self.kind(alias, package)?;
        Ok(if kind.starts_with("[]") { format!("({kind})") } else { kind })
    }
}

/// The last part of the package in `apps/v1.Deployment`.
fn package_name(qualified: &str) -> &str {
    let package = qualified.rsplit_once('.').map_or(qualified, |(package, _)| package);
    package.rsplit('/').next().unwrap_or(package)
}
