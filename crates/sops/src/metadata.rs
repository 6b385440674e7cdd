//! What SOPS writes into a document of how it is encrypted.

use crate::SopsError;
use crate::rules::Rule;
use crate::tree::{Item, Map, Value, get};

/// The key that the metadata stands under.
pub(crate) const KEY: &str = "sops";
/// What a key of metadata begins with where there are no mappings.
pub(crate) const PREFIX: &str = "sops_";
/// What is encrypted that says nothing of it.
const DEFAULT_SUFFIX: &str = "_unencrypted";
/// The most keys that a document may name.
const MAX_KEYS: usize = 1000;

/// How a document is encrypted.
#[derive(Debug)]
pub(crate) struct Metadata {
    /// Each has a share of the data key; a single one the key itself.
    pub(crate) groups: Vec<Group>,
    /// How many groups must be opened; 0 for all.
    pub(crate) threshold: usize,
    /// The code that tells whether something was changed, encrypted.
    pub(crate) mac: String,
    /// When it was encrypted, as the code is bound to it.
    pub(crate) modified: String,
    /// Whether the code covers only what is encrypted.
    pub(crate) mac_only_encrypted: bool,
    pub(crate) rule: Rule,
}

/// Keys any of which opens the same.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) age: Vec<MasterKey>,
    pub(crate) open_pgp: Vec<MasterKey>,
    /// What only a service of others opens, in words.
    pub(crate) elsewhere: Vec<String>,
}

/// A data key, or a share of it, encrypted for somebody.
#[derive(Debug)]
pub(crate) struct MasterKey {
    /// For whom.
    pub(crate) recipient: String,
    pub(crate) encrypted: String,
}

impl Metadata {
    pub(crate) fn read(map: &Map) -> Result<Self, SopsError> {
        let groups = groups(map)?;
        let count = |group: &Group| group.age.len() + group.open_pgp.len() + group.elsewhere.len();
        let keys: usize = groups.iter().map(count).sum();
        if keys == 0 {
            return Err(misfit("it names no key"));
        }
        if keys > MAX_KEYS {
            return Err(misfit(&format!("it names {keys} keys; at most {MAX_KEYS} are looked at")));
        }
        let modified = text(map, "lastmodified")?;
        Ok(Self {
            groups,
            threshold: number(map, "shamir_threshold")?,
            mac: text(map, "mac")?,
            modified: modified.strip_suffix("+00:00").map_or_else(|| modified.clone(), |time| format!("{time}Z")),
            mac_only_encrypted: truth(map, "mac_only_encrypted")?,
            rule: rule(map)?,
        })
    }
}

/// What others wrote, for an error.
fn shown(text: &str) -> String {
    /// The recipients of age have 62 characters, names of keys of clouds up to some 130.
    const LONGEST: usize = 150;
    let short: String = text.chars().take(LONGEST).collect();
    cowherd_text::harmless(&short).replace(['\n', '\t'], " ")
}

fn misfit(problem: &str) -> SopsError {
    SopsError::Metadata(problem.to_owned())
}

fn groups(map: &Map) -> Result<Vec<Group>, SopsError> {
    let single = Group::read(map)?;
    if !single.is_empty() {
        return Ok(vec![single]);
    }
    maps(map, "key_groups")?.into_iter().map(Group::read).collect()
}

impl Group {
    fn read(map: &Map) -> Result<Self, SopsError> {
        let keys = |field: &str, recipient: &str| {
            let key =
                |map: &Map| Ok(MasterKey { recipient: shown(&text(map, recipient)?), encrypted: text(map, "enc")? });
            maps(map, field)?.into_iter().map(key).collect::<Result<Vec<_>, SopsError>>()
        };
        let mut elsewhere = Vec::new();
        for (field, name, words) in [
            ("kms", "arn", "AWS KMS"),
            ("gcp_kms", "resource_id", "GCP KMS"),
            ("azure_kv", "vault_url", "Azure Key Vault"),
            ("hc_vault", "vault_address", "HashiCorp Vault"),
            ("hckms", "key_id", "Huawei Cloud KMS"),
        ] {
            for key in maps(map, field)? {
                elsewhere.push(format!("{words} {}", shown(&text(key, name)?)));
            }
        }
        Ok(Self { age: keys("age", "recipient")?, open_pgp: keys("pgp", "fp")?, elsewhere })
    }

    fn is_empty(&self) -> bool {
        self.age.is_empty() && self.open_pgp.is_empty() && self.elsewhere.is_empty()
    }
}

fn rule(map: &Map) -> Result<Rule, SopsError> {
    let pattern =
        |field: &str, text: &str| Rule::pattern(text).map_err(|problem| misfit(&format!("{field} {problem}")));
    let mut rules = Vec::new();
    for field in [
        "unencrypted_suffix",
        "encrypted_suffix",
        "unencrypted_regex",
        "encrypted_regex",
        "unencrypted_comment_regex",
        "encrypted_comment_regex",
    ] {
        let text = text(map, field)?;
        if text.is_empty() {
            continue;
        }
        rules.push(match field {
            "unencrypted_suffix" => Rule::UnencryptedSuffix(text),
            "encrypted_suffix" => Rule::EncryptedSuffix(text),
            "unencrypted_regex" => Rule::UnencryptedKey(pattern(field, &text)?),
            "encrypted_regex" => Rule::EncryptedKey(pattern(field, &text)?),
            "unencrypted_comment_regex" => Rule::UnencryptedComment(pattern(field, &text)?),
            _ => Rule::EncryptedComment(pattern(field, &text)?),
        });
    }
    if rules.len() > 1 {
        return Err(misfit("it has more than one rule of what is encrypted"));
    }
    Ok(rules.pop().unwrap_or_else(|| Rule::UnencryptedSuffix(DEFAULT_SUFFIX.to_owned())))
}

/// The text of a field; empty where it is not there.
fn text(map: &Map, field: &str) -> Result<String, SopsError> {
    match get(map, field) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::Text(text) | Value::Time(text)) => Ok(text.clone()),
        Some(Value::Int(number)) => Ok(number.to_string()),
        Some(other) => Err(misfit(&format!("{field} is {}, and has to be a text", other.kind()))),
    }
}

fn number(map: &Map, field: &str) -> Result<usize, SopsError> {
    let number = match get(map, field) {
        None | Some(Value::Null) => Some(0),
        Some(Value::Int(number)) => usize::try_from(*number).ok(),
        Some(Value::Text(text)) => text.parse().ok(),
        Some(_) => None,
    };
    number.ok_or_else(|| misfit(&format!("{field} is no number")))
}

fn truth(map: &Map, field: &str) -> Result<bool, SopsError> {
    match get(map, field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(truth)) => Ok(*truth),
        Some(Value::Text(text)) if matches!(text.as_str(), "true" | "True" | "TRUE" | "t" | "T" | "1") => Ok(true),
        Some(Value::Text(text)) if matches!(text.as_str(), "false" | "False" | "FALSE" | "f" | "F" | "0" | "") => {
            Ok(false)
        }
        Some(_) => Err(misfit(&format!("{field} is neither true nor false"))),
    }
}

/// The mappings in the list of a field.
fn maps<'m>(map: &'m Map, field: &str) -> Result<Vec<&'m Map>, SopsError> {
    let items = match get(map, field) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::List(items)) => items,
        Some(other) => return Err(misfit(&format!("{field} is {}, and has to be a list", other.kind()))),
    };
    let mut maps = Vec::new();
    for item in items {
        match item {
            Item::Comment(_) => {}
            Item::Value(Value::Map(map)) => maps.push(map),
            Item::Value(_) => return Err(misfit(&format!("{field} has something else than mappings"))),
        }
    }
    Ok(maps)
}
