//! `Chart.yaml`: what a chart says about itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::go::{self, DecodeError, Place};

/// What `Chart.yaml` says. Fields that it leaves out are empty.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// The name of the chart.
    pub name: String,
    /// The project's page.
    pub home: String,
    /// Where the sources are.
    pub sources: Vec<String>,
    /// The version of the chart.
    pub version: String,
    /// One sentence about the chart.
    pub description: String,
    /// Words to find the chart by.
    pub keywords: Vec<String>,
    /// Who maintains the chart.
    pub maintainers: Vec<Maintainer>,
    /// The URL of an icon.
    pub icon: String,
    /// `v1` or `v2`.
    pub api_version: String,
    /// Not used by Helm.
    pub condition: String,
    /// Not used by Helm.
    pub tags: String,
    /// The version of what the chart installs.
    pub app_version: String,
    /// Whether the chart should no longer be used.
    pub deprecated: bool,
    /// What other programs want to know; `None` is Go's nil map.
    pub annotations: Option<BTreeMap<String, String>>,
    /// The versions of Kubernetes that the chart works with, a constraint.
    pub kube_version: String,
    /// The charts that this one depends on; `None` where nothing is said about them.
    pub dependencies: Option<Vec<Dependency>>,
    /// `application`, `library` or nothing.
    pub chart_type: String,
    /// The list that has an empty item, which is only refused once the whole is read.
    pub(crate) empty_item_in: Option<&'static str>,
}

/// Somebody who maintains a chart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maintainer {
    /// The name.
    pub name: String,
    /// The address for mail.
    pub email: String,
    /// The address of a page.
    pub url: String,
}

/// A chart that another one depends on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dependency {
    /// The name of the chart.
    pub name: String,
    /// The versions that will do, a constraint.
    pub version: String,
    /// Where the chart comes from.
    pub repository: String,
    /// Paths in the values, separated by commas; the first that is a boolean decides whether the chart is used.
    pub condition: String,
    /// Words under `tags` in the values that decide the same where no condition does.
    pub tags: Vec<String>,
    /// Whether the chart is used, once that is decided.
    pub enabled: bool,
    /// Which values of the chart become values of its parent.
    pub import_values: Vec<Value>,
    /// Another name for the chart here.
    pub alias: String,
}

/// Why the metadata of a chart is refused, said as Helm says it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("validation: {0}")]
pub struct ValidationError(pub String);

/// The fields of `Chart.yaml`, in the order in which Go has them.
pub const FIELDS: &[&str] = &[
    "name",
    "home",
    "sources",
    "version",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "deprecated",
    "annotations",
    "kubeVersion",
    "dependencies",
    "type",
];
/// Those of a maintainer.
pub const MAINTAINER_FIELDS: &[&str] = &["name", "email", "url"];
/// Those of a dependency.
pub const DEPENDENCY_FIELDS: &[&str] =
    &["name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias"];

impl Metadata {
    /// Fills in what `value`, a document of `Chart.yaml` or `requirements.yaml`, says.
    pub(crate) fn decode(&mut self, value: &Value) -> Result<(), DecodeError> {
        let map = match value {
            Value::Null => return Ok(()),
            Value::Object(map) => map,
            other => return Err(DecodeError::Root { found: go::kind(other), expected: "v2.Metadata" }),
        };
        for (key, value) in map {
            let Some(field) = go::field_of(key, FIELDS) else { continue };
            let place = Place::new("Metadata", field);
            self.note_empty_item(field, value);
            match field {
                "name" => place.text(value, &mut self.name)?,
                "home" => place.text(value, &mut self.home)?,
                "sources" => place.texts(value, &mut self.sources)?,
                "version" => place.text(value, &mut self.version)?,
                "description" => place.text(value, &mut self.description)?,
                "keywords" => place.texts(value, &mut self.keywords)?,
                "maintainers" => {
                    let items = place.list(value, "[]*v2.Maintainer")?.map(Vec::as_slice).unwrap_or_default();
                    self.maintainers = items.iter().map(Maintainer::decode).collect::<Result<_, _>>()?;
                }
                "icon" => place.text(value, &mut self.icon)?,
                "apiVersion" => place.text(value, &mut self.api_version)?,
                "condition" => place.text(value, &mut self.condition)?,
                "tags" => place.text(value, &mut self.tags)?,
                "appVersion" => place.text(value, &mut self.app_version)?,
                "deprecated" => place.flag(value, &mut self.deprecated)?,
                "annotations" => self.annotations = place.text_map(value)?,
                "kubeVersion" => place.text(value, &mut self.kube_version)?,
                "dependencies" => {
                    let items = place.list(value, "[]*v2.Dependency")?;
                    let decode = |items: &Vec<Value>| items.iter().map(Dependency::decode).collect();
                    self.dependencies = items.map(decode).transpose()?;
                }
                _ => place.text(value, &mut self.chart_type)?,
            }
        }
        Ok(())
    }

    fn note_empty_item(&mut self, field: &'static str, value: &Value) {
        let is_list_of_structures = field == "maintainers" || field == "dependencies";
        if is_list_of_structures && value.as_array().is_some_and(|items| items.iter().any(Value::is_null)) {
            self.empty_item_in.get_or_insert(field);
        }
    }

    /// Cleans the texts and says what is wrong with them.
    pub(crate) fn validate(&mut self) -> Result<(), ValidationError> {
        self.sanitize();
        let required = |text: &str, field: &str| match text {
            "" => Err(ValidationError(format!("chart.metadata.{field} is required"))),
            _ => Ok(()),
        };
        required(&self.api_version, "apiVersion")?;
        required(&self.name, "name")?;
        if self.name == "." || self.name == ".." {
            return Err(ValidationError(format!("chart.metadata.name {:?} is not allowed", self.name)));
        }
        if self.name.contains('/') {
            return Err(ValidationError(format!("chart.metadata.name {:?} is invalid", self.name)));
        }
        required(&self.version, "version")?;
        if cowherd_version::Version::parse(&self.version).is_err() {
            return Err(ValidationError(format!("chart.metadata.version {:?} is invalid", self.version)));
        }
        if !matches!(self.chart_type.as_str(), "" | "application" | "library") {
            return Err(ValidationError("chart.metadata.type must be application or library".to_owned()));
        }
        if let Some(list) = self.empty_item_in {
            return Err(ValidationError(format!("{list} must not contain empty or null nodes")));
        }
        let mut names = std::collections::BTreeSet::new();
        for dependency in self.dependencies.iter_mut().flatten() {
            dependency.validate()?;
            if !names.insert(dependency.local_name().to_owned()) {
                let name = dependency.local_name();
                return Err(ValidationError(format!("more than one dependency with name or alias {name:?}")));
            }
        }
        Ok(())
    }

    fn sanitize(&mut self) {
        let texts = [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ];
        texts.into_iter().chain(&mut self.sources).chain(&mut self.keywords).for_each(sanitize);
        for maintainer in &mut self.maintainers {
            [&mut maintainer.name, &mut maintainer.email, &mut maintainer.url].into_iter().for_each(sanitize);
        }
    }

    /// Whether the chart only has templates for others to include.
    pub fn is_library(&self) -> bool {
        self.chart_type.eq_ignore_ascii_case("library")
    }

    /// `.Chart` as templates see it, without `IsRoot`: fields under the names that they have in Helm's source.
    /// Annotations that are left out are null here; in templates they are an empty map of texts.
    pub fn to_map(&self) -> Map<String, Value> {
        let maintainer = |of: &Maintainer| json!({"Name": of.name, "Email": of.email, "URL": of.url});
        let fields = [
            ("Name", json!(self.name)),
            ("Home", json!(self.home)),
            ("Sources", json!(self.sources)),
            ("Version", json!(self.version)),
            ("Description", json!(self.description)),
            ("Keywords", json!(self.keywords)),
            ("Maintainers", self.maintainers.iter().map(maintainer).collect()),
            ("Icon", json!(self.icon)),
            ("APIVersion", json!(self.api_version)),
            ("Condition", json!(self.condition)),
            ("Tags", json!(self.tags)),
            ("AppVersion", json!(self.app_version)),
            ("Deprecated", json!(self.deprecated)),
            ("Annotations", json!(self.annotations)),
            ("KubeVersion", json!(self.kube_version)),
            ("Dependencies", self.dependencies.iter().flatten().map(Dependency::to_value).collect()),
            ("Type", json!(self.chart_type)),
        ];
        fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Maintainer {
    fn decode(value: &Value) -> Result<Self, DecodeError> {
        let mut maintainer = Self::default();
        let map = Place::new("Metadata", "maintainers").map(value, "v2.Maintainer")?;
        for (key, value) in map.into_iter().flatten() {
            let Some(field) = go::field_of(key, MAINTAINER_FIELDS) else { continue };
            let place = Place::new("Maintainer", format!("maintainers.{field}"));
            match field {
                "name" => place.text(value, &mut maintainer.name)?,
                "email" => place.text(value, &mut maintainer.email)?,
                _ => place.text(value, &mut maintainer.url)?,
            }
        }
        Ok(maintainer)
    }
}

impl Dependency {
    /// The name that the chart has here: its alias, or else its own.
    pub fn local_name(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        let mut dependency = Self::default();
        let map = Place::new("Metadata", "dependencies").map(value, "v2.Dependency")?;
        for (key, value) in map.into_iter().flatten() {
            let Some(field) = go::field_of(key, DEPENDENCY_FIELDS) else { continue };
            let place = Place::new("Dependency", format!("dependencies.{field}"));
            match field {
                "name" => place.text(value, &mut dependency.name)?,
                "version" => place.text(value, &mut dependency.version)?,
                "repository" => place.text(value, &mut dependency.repository)?,
                "condition" => place.text(value, &mut dependency.condition)?,
                "tags" => place.texts(value, &mut dependency.tags)?,
                "enabled" => place.flag(value, &mut dependency.enabled)?,
                "import-values" => {
                    dependency.import_values = place.list(value, "[]interface {}")?.cloned().unwrap_or_default();
                }
                _ => place.text(value, &mut dependency.alias)?,
            }
        }
        Ok(dependency)
    }

    fn validate(&mut self) -> Result<(), ValidationError> {
        let texts = [&mut self.name, &mut self.version, &mut self.repository, &mut self.condition];
        texts.into_iter().chain(&mut self.tags).for_each(sanitize);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if self.alias.bytes().all(allowed) {
            return Ok(());
        }
        Err(ValidationError(format!("dependency {:?} has disallowed characters in the alias", self.name)))
    }

    fn to_value(&self) -> Value {
        json!({
            "Name": self.name,
            "Version": self.version,
            "Repository": self.repository,
            "Condition": self.condition,
            "Tags": self.tags,
            "Enabled": self.enabled,
            "ImportValues": self.import_values,
            "Alias": self.alias,
        })
    }
}

/// Makes every kind of space a plain one, and drops what cannot be printed.
fn sanitize(text: &mut String) {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return;
    }
    *text = text
        .chars()
        .filter_map(|c| match c {
            c if c.is_whitespace() => Some(' '),
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' => None,
            c if c.is_control() => None,
            c => Some(c),
        })
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(value: Value) -> Result<Metadata, String> {
        let mut metadata = Metadata::default();
        metadata.decode(&value).map_err(|error| error.to_string())?;
        metadata.validate().map_err(|error| error.to_string())?;
        Ok(metadata)
    }

    #[test]
    fn numbers_are_versions_and_names_are_of_any_case() {
        let chart = metadata(json!({"ApiVersion": "v2", "NAME": "e", "version": 1, "appVersion": 1.1})).unwrap();
        assert_eq!((chart.version.as_str(), chart.app_version.as_str()), ("1", "1.1"));
        assert_eq!(chart.to_map()["Annotations"], Value::Null);
    }

    #[test]
    fn what_helm_refuses_is_refused_in_its_words() {
        let refused = |extra: Value| {
            let mut chart = json!({"apiVersion": "v2", "name": "e", "version": "1.0.0"});
            for (key, value) in extra.as_object().unwrap() {
                chart[key] = value.clone();
            }
            metadata(chart).unwrap_err()
        };
        assert_eq!(refused(json!({"name": "a/b"})), "validation: chart.metadata.name \"a/b\" is invalid");
        assert_eq!(refused(json!({"version": "x"})), "validation: chart.metadata.version \"x\" is invalid");
        let two = json!({"dependencies": [{"name": "a"}, {"name": "b", "alias": "a"}]});
        assert_eq!(refused(two), "validation: more than one dependency with name or alias \"a\"");
        let alias = json!({"dependencies": [{"name": "a", "alias": "a.b"}]});
        assert_eq!(refused(alias), "validation: dependency \"a\" has disallowed characters in the alias");
    }
}
