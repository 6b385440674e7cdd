//! Where transformers find the fields that they change: kustomize's own lists, and what `configurations` and `crds`
//! add to them.
//!
//! Most builds add nothing, and then nothing is copied: [`Config::Default`] hands out constants.

mod crds;

use std::sync::Arc;

use cowherd_yaml::{Dialect, parse_documents_as};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Cause, RenderError};

use super::annotations;
use super::images;
use super::labels;
use super::names;
use super::namespace;
use super::references::{self, BackReferences};
use super::replicas;
use super::vars;
use crate::kustomize::fields::field_path::FieldSpec;
use crate::kustomize::files::decode;
use crate::kustomize::files::directory::Directory;
use crate::kustomize::objects::order;

pub(crate) use crds::from_crds;

/// The fields that transformers change.
#[derive(Clone, Debug, Default)]
pub(crate) enum Config {
    /// None: that of a build which has gathered nothing yet.
    #[default]
    Empty,
    /// Those that kustomize knows.
    Default,
    /// Others, too.
    Extended(Arc<Lists>),
}

/// The lists of a configuration, as a file holds them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Lists {
    name_prefix: Vec<FieldSpec>,
    name_suffix: Vec<FieldSpec>,
    #[serde(rename = "namespace")]
    namespaces: Vec<FieldSpec>,
    common_labels: Vec<FieldSpec>,
    labels: Vec<FieldSpec>,
    template_labels: Vec<FieldSpec>,
    common_annotations: Vec<FieldSpec>,
    name_reference: Vec<BackReferences>,
    var_reference: Vec<FieldSpec>,
    images: Vec<FieldSpec>,
    replicas: Vec<FieldSpec>,
}

/// Makes the functions that give a list of a configuration.
macro_rules! lists {
    ($($name:ident, $field:ident: $default:expr;)*) => {
        impl Config {
            $(
                pub(crate) fn $name(&self) -> &[FieldSpec] {
                    match self {
                        Self::Empty => &[],
                        Self::Default => $default,
                        Self::Extended(lists) => &lists.$field,
                    }
                }
            )*
        }
    };
}

lists! {
    name_prefix, name_prefix: &names::PLACES;
    name_suffix, name_suffix: &names::PLACES;
    namespaces, namespaces: &namespace::PLACES;
    common_labels, common_labels: &labels::COMMON;
    labels, labels: &[];
    template_labels, template_labels: labels::templates();
    common_annotations, common_annotations: &annotations::COMMON;
    var_references, var_reference: &vars::PLACES;
    images, images: &images::PLACES;
    replicas, replicas: &replicas::PLACES;
}

impl Config {
    /// Whether the lists are others than kustomize's own.
    pub(crate) fn is_extended(&self) -> bool {
        matches!(self, Self::Extended(_))
    }

    /// The references by name, where they are others than kustomize's own.
    pub(crate) fn name_references(&self) -> Option<&[BackReferences]> {
        match self {
            Self::Extended(lists) => Some(&lists.name_reference),
            _ => None,
        }
    }

    /// Adds what `other` has.
    pub(crate) fn merge(&mut self, other: Self) -> Result<(), String> {
        *self = match (std::mem::take(self), other) {
            (this, Self::Empty) => this,
            (Self::Empty | Self::Default, Self::Default) => Self::Default,
            // Also what is added to nothing: in the order that it has by now, one place may make another superfluous.
            (this, other) => {
                let mut lists = this.into_lists();
                Arc::make_mut(&mut lists).merge(&other.into_lists())?;
                Self::Extended(lists)
            }
        };
        Ok(())
    }

    fn into_lists(self) -> Arc<Lists> {
        match self {
            Self::Empty => Arc::default(),
            Self::Default => Arc::new(Lists::known()),
            Self::Extended(lists) => lists,
        }
    }
}

impl Lists {
    /// Those that kustomize knows.
    fn known() -> Self {
        let default = Config::Default;
        Self {
            name_prefix: default.name_prefix().to_vec(),
            name_suffix: default.name_suffix().to_vec(),
            namespaces: default.namespaces().to_vec(),
            common_labels: default.common_labels().to_vec(),
            labels: default.labels().to_vec(),
            template_labels: default.template_labels().to_vec(),
            common_annotations: default.common_annotations().to_vec(),
            name_reference: references::known(),
            var_reference: default.var_references().to_vec(),
            images: default.images().to_vec(),
            replicas: default.replicas().to_vec(),
        }
        .sorted()
    }

    fn merge(&mut self, other: &Self) -> Result<(), String> {
        merge_all(&mut self.name_prefix, &other.name_prefix)?;
        merge_all(&mut self.name_suffix, &other.name_suffix)?;
        merge_all(&mut self.namespaces, &other.namespaces)?;
        merge_all(&mut self.common_labels, &other.common_labels)?;
        merge_all(&mut self.labels, &other.labels)?;
        merge_all(&mut self.template_labels, &other.template_labels)?;
        merge_all(&mut self.common_annotations, &other.common_annotations)?;
        merge_all(&mut self.var_reference, &other.var_reference)?;
        merge_all(&mut self.images, &other.images)?;
        merge_all(&mut self.replicas, &other.replicas)?;
        for added in &other.name_reference {
            self.add_references(added)?;
        }
        self.sort();
        Ok(())
    }

    fn add_references(&mut self, added: &BackReferences) -> Result<(), String> {
        let mut found = false;
        for known in self.name_reference.iter_mut().filter(|known| known.target() == added.target()) {
            merge_all(&mut known.referrers, &added.referrers)?;
            found = true;
        }
        if !found {
            self.name_reference.push(added.clone());
        }
        Ok(())
    }

    fn sorted(mut self) -> Self {
        self.sort();
        self
    }

    fn sort(&mut self) {
        let lists = [
            &mut self.name_prefix,
            &mut self.name_suffix,
            &mut self.namespaces,
            &mut self.common_labels,
            &mut self.labels,
            &mut self.template_labels,
            &mut self.common_annotations,
            &mut self.var_reference,
            &mut self.images,
            &mut self.replicas,
        ];
        for list in lists {
            list.sort_by_cached_key(|place| order::type_key(&place.group, &place.version, &place.kind));
        }
        self.name_reference.sort_by_cached_key(|known| {
            let target = known.target();
            order::type_key(target.group, target.version, target.kind)
        });
    }
}

/// Adds `places` to `into`, each unless it is there.
pub(crate) fn merge_all(into: &mut Vec<FieldSpec>, places: &[FieldSpec]) -> Result<(), String> {
    places.iter().try_for_each(|place| merge_one(into, place))
}

/// Adds `place` to `into` unless one for more objects or the same is there; one that differs in whether the field is
/// made is a conflict.
pub(crate) fn merge_one(into: &mut Vec<FieldSpec>, place: &FieldSpec) -> Result<(), String> {
    // As kustomize has it: what is there must be selected by what comes, not the other way round.
    match into.iter().find(|known| known.path == place.path && place.fits(&known.group, &known.version, &known.kind)) {
        Some(known) if known.create != place.create => {
            Err(format!("conflicting fieldspecs: {:?} is there with create: {}", place.path, known.create))
        }
        Some(_) => Ok(()),
        None => {
            into.push(place.clone());
            Ok(())
        }
    }
}

/// What the files at `paths` configure, together with kustomize's own lists.
pub(crate) fn from_files(directory: &Directory<'_>, paths: &[String]) -> Result<Config, RenderError> {
    let mut config = Config::Default;
    for (at, path) in paths.iter().enumerate() {
        let field = || format!("configurations[{at}]");
        let lists = read(directory, path).map_err(|error| error.in_field(field()))?;
        let invalid = |message| directory.error(Cause::Invalid(message)).in_field(field());
        config.merge(Config::Extended(Arc::new(lists))).map_err(invalid)?;
    }
    Ok(config)
}

fn read(directory: &Directory<'_>, path: &str) -> Result<Lists, RenderError> {
    let file = directory.join(path)?;
    let documents = parse_documents_as(&directory.load(path)?, Dialect::Kubernetes, &directory.options.yaml)
        .map_err(|error| RenderError::yaml(&file, error))?;
    let Some(document) = documents.into_iter().next() else { return Ok(Lists::default()) };
    let lists = match document.value {
        Value::Null => Lists::default(),
        value => decode::strict_yaml::<Lists>(value).map_err(|cause| RenderError::new(&file, cause))?,
    };
    Ok(lists.sorted())
}
