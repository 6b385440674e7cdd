//! `.Capabilities` as templates see it.

use std::any::Any;
use std::rc::Rc;

use cowherd_template::{Kind, List, Object, Type, Value};

use crate::capabilities::{Capabilities, HelmVersion, KubeVersion};

/// `.Capabilities`.
pub(crate) fn value(capabilities: &Capabilities) -> Value {
    Value::Object(Rc::new(Top(capabilities.clone())))
}

struct Top(Capabilities);

impl Object for Top {
    fn type_name(&self) -> &str {
        "*common.Capabilities"
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "KubeVersion" => Value::Object(Rc::new(Kubernetes(self.0.kube_version.clone()))),
            "APIVersions" => Value::Object(Rc::new(Versions(self.0.api_versions.clone()))),
            "HelmVersion" => Value::Object(Rc::new(Helm(self.0.helm_version.clone()))),
            _ => return None,
        })
    }

    fn print(&self) -> String {
        let Capabilities { kube_version, api_versions, helm_version } = &self.0;
        format!("&{{{} [{}] {}}}", struct_of(kube_version), api_versions.join(" "), Helm(helm_version.clone()).print())
    }

    fn plain(&self) -> Option<Value> {
        map_of(self.members()?)
    }

    fn members(&self) -> Option<Vec<(&'static str, Value)>> {
        fields(self, ["KubeVersion", "APIVersions", "HelmVersion"])
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `.Capabilities.KubeVersion`.
struct Kubernetes(KubeVersion);

fn struct_of(version: &KubeVersion) -> String {
    format!("{{{} {} {} {}}}", version.version, version.normalized, version.major, version.minor)
}

impl Object for Kubernetes {
    fn type_name(&self) -> &str {
        "common.KubeVersion"
    }

    fn has_method(&self, name: &str) -> bool {
        matches!(name, "String" | "GitVersion")
    }

    fn parameters(&self, _: &str) -> Option<&'static [Type]> {
        Some(&[])
    }

    fn call(&self, name: &str, _arguments: &[Value]) -> Option<Result<Value, String>> {
        Some(Ok(match name {
            "String" => Value::from(self.0.normalized.as_str()),
            "GitVersion" => Value::from(self.0.version.as_str()),
            _ => return None,
        }))
    }

    fn field(&self, name: &str) -> Option<Value> {
        Some(Value::from(match name {
            "Version" => self.0.version.as_str(),
            "Major" => self.0.major.as_str(),
            "Minor" => self.0.minor.as_str(),
            _ => return None,
        }))
    }

    fn print(&self) -> String {
        struct_of(&self.0)
    }

    fn print_in_place(&self) -> String {
        self.0.normalized.clone()
    }

    fn plain(&self) -> Option<Value> {
        map_of(self.members()?)
    }

    fn members(&self) -> Option<Vec<(&'static str, Value)>> {
        fields(self, ["Version", "Major", "Minor"])
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &Rc<dyn Object>) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>().is_some_and(|other| other.0 == self.0))
    }
}

/// `.Capabilities.APIVersions`.
struct Versions(Vec<String>);

impl Object for Versions {
    fn type_name(&self) -> &str {
        "common.VersionSet"
    }

    fn kind(&self) -> Kind {
        Kind::Slice
    }

    fn has_method(&self, name: &str) -> bool {
        name == "Has"
    }

    fn parameters(&self, _: &str) -> Option<&'static [Type]> {
        Some(&[Type::String])
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let wanted = arguments.first().and_then(Value::as_text).filter(|_| name == "Has")?;
        Some(Ok(Value::Bool(self.0.iter().any(|known| known.as_bytes() == wanted.as_bytes()))))
    }

    fn print(&self) -> String {
        format!("[{}]", self.0.join(" "))
    }

    fn is_true(&self) -> bool {
        !self.0.is_empty()
    }

    fn items(&self) -> Option<Vec<Value>> {
        Some(self.0.iter().map(|version| Value::from(version.as_str())).collect())
    }

    fn plain(&self) -> Option<Value> {
        Some(Value::List(List::strings(self.0.iter().map(String::as_str))))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `.Capabilities.HelmVersion`.
struct Helm(HelmVersion);

impl Object for Helm {
    fn type_name(&self) -> &str {
        "version.BuildInfo"
    }

    fn field(&self, name: &str) -> Option<Value> {
        let HelmVersion { version, git_commit, git_tree_state, go_version, kube_client_version } = &self.0;
        Some(Value::from(match name {
            "Version" => version.as_str(),
            "GitCommit" => git_commit.as_str(),
            "GitTreeState" => git_tree_state.as_str(),
            "GoVersion" => go_version.as_str(),
            "KubeClientVersion" => kube_client_version.as_str(),
            _ => return None,
        }))
    }

    fn print(&self) -> String {
        let HelmVersion { version, git_commit, git_tree_state, go_version, kube_client_version } = &self.0;
        format!("{{{version} {git_commit} {git_tree_state} {go_version} {kube_client_version}}}")
    }

    fn plain(&self) -> Option<Value> {
        map_of(self.members()?)
    }

    fn members(&self) -> Option<Vec<(&'static str, Value)>> {
        let HelmVersion { version, git_commit, git_tree_state, go_version, kube_client_version } = &self.0;
        let fields = [
            ("version", version),
            ("git_commit", git_commit),
            ("git_tree_state", git_tree_state),
            ("go_version", go_version),
            ("kube_client_version", kube_client_version),
        ];
        let given = fields.into_iter().filter(|(_, value)| !value.is_empty());
        Some(given.map(|(name, value)| (name, Value::from(value.as_str()))).collect())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &Rc<dyn Object>) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>().is_some_and(|other| other.0 == self.0))
    }
}

/// The fields of a struct by their names.
fn fields<const N: usize>(object: &dyn Object, names: [&'static str; N]) -> Option<Vec<(&'static str, Value)>> {
    names.into_iter().map(|name| Some((name, object.field(name)?))).collect()
}

/// What is a map of plain values then.
fn map_of(members: Vec<(&'static str, Value)>) -> Option<Value> {
    let plain = |value| match value {
        Value::Object(object) => object.plain(),
        value => Some(value),
    };
    let entry = |(name, value): (&'static str, Value)| Some((name.into(), plain(value)?));
    Some(Value::Map(members.into_iter().map(entry).collect::<Option<_>>()?))
}
