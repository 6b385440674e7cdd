//! What the fields of a kustomization generate and change, in kustomize's order.

use crate::error::{Cause, RenderError};

use super::accumulator::Accumulator;
use super::directory::Directory;
use super::file::Kustomization;
use super::names::Affix;
use super::namespace::{self, Subjects};
use super::set::ResourceSet;
use super::{generate, images, labels, names, patch, replacements, replicas};

/// Makes the ConfigMaps and Secrets of `kustomization`.
pub(super) fn generate(
    directory: &Directory<'_>,
    kustomization: &Kustomization,
    resources: &mut ResourceSet,
) -> Result<(), RenderError> {
    let global = kustomization.generator_options.as_ref();
    let config_maps = kustomization.config_map_generator.iter().enumerate();
    let secrets = kustomization.secret_generator.iter().enumerate();
    let all = config_maps
        .map(|(at, generator)| (generate::Kind::ConfigMap, format!("configMapGenerator[{at}]"), generator))
        .chain(secrets.map(|(at, generator)| (generate::Kind::Secret, format!("secretGenerator[{at}]"), generator)));
    for (kind, field, generator) in all {
        generate::generate(directory, generator, kind, global, resources).map_err(|error| error.in_field(field))?;
    }
    Ok(())
}

/// Changes what is gathered as the fields of `kustomization` say.
pub(super) fn transform(
    directory: &Directory<'_>,
    kustomization: &Kustomization,
    gathered: &mut Accumulator,
) -> Result<(), RenderError> {
    let Accumulator { resources, config, .. } = gathered;
    let invalid = |field: &str| {
        let field = field.to_owned();
        move |message: String| directory.error(Cause::Invalid(message)).in_field(field)
    };
    patches(directory, kustomization, resources)?;
    if !kustomization.namespace.is_empty() {
        let change = namespace::Change {
            namespace: &kustomization.namespace,
            places: config.namespaces(),
            subjects: Subjects::Default,
            unset_only: false,
        };
        namespace::set(resources, &change).map_err(invalid("namespace"))?;
        resources.check_unique()?;
    }
    names::put(resources, Affix::Prefix(&kustomization.name_prefix), config.name_prefix())
        .map_err(invalid("namePrefix"))?;
    names::put(resources, Affix::Suffix(&kustomization.name_suffix), config.name_suffix())
        .map_err(invalid("nameSuffix"))?;
    for (at, label) in kustomization.labels.iter().enumerate() {
        let places = labels::places(label, config);
        places
            .and_then(|places| labels::set(resources, &label.pairs, &places))
            .map_err(invalid(&format!("labels[{at}]")))?;
    }
    labels::set(resources, &kustomization.common_labels, config.common_labels()).map_err(invalid("commonLabels"))?;
    labels::set(resources, &kustomization.common_annotations, config.common_annotations())
        .map_err(invalid("commonAnnotations"))?;
    for (at, patch) in kustomization.patches_json6902.iter().enumerate() {
        patch::json6902(directory, patch, resources)
            .map_err(|error| error.in_field(format!("patchesJson6902[{at}]")))?;
    }
    for (at, replica) in kustomization.replicas.iter().enumerate() {
        replicas::set(resources, replica, config.replicas()).map_err(invalid(&format!("replicas[{at}]")))?;
    }
    for (at, image) in kustomization.images.iter().enumerate() {
        images::set(resources, image, config.images()).map_err(invalid(&format!("images[{at}]")))?;
    }
    let loaded = replacements::load(directory, &kustomization.replacements)?;
    replacements::apply(resources, &loaded).map_err(invalid("replacements"))
}

fn patches(
    directory: &Directory<'_>,
    kustomization: &Kustomization,
    resources: &mut ResourceSet,
) -> Result<(), RenderError> {
    let mut merged = 0;
    for (at, patch) in kustomization.patches_strategic_merge.iter().enumerate() {
        merged += patch::strategic_merge(directory, patch, resources)
            .map_err(|error| error.in_field(format!("patchesStrategicMerge[{at}]")))?;
    }
    if merged == 0 && !kustomization.patches_strategic_merge.is_empty() {
        let cause = Cause::Invalid("the patches appear to be empty".into());
        return Err(directory.error(cause).in_field("patchesStrategicMerge"));
    }
    for (at, patch) in kustomization.patches.iter().enumerate() {
        patch::patch(directory, patch, resources).map_err(|error| error.in_field(format!("patches[{at}]")))?;
    }
    Ok(())
}
