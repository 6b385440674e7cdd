//! What the fields of a kustomization generate and change, in kustomize's order.

use crate::error::{Cause, RenderError};

use super::accumulator::Accumulator;
use super::files::directory::Directory;
use super::files::file::Kustomization;
use super::generators::generate;
use super::generators::generate::Made;
use super::generators::helm;
use super::objects::origin::{self, Origin};
use super::objects::set::ResourceSet;
use super::patches::patch;
use super::patches::schemas::Schemas;
use super::transformers::config::Config;
use super::transformers::images;
use super::transformers::labels;
use super::transformers::names;
use super::transformers::names::Affix;
use super::transformers::namespace::{self, Subjects};
use super::transformers::replacements;
use super::transformers::replicas;

/// Makes the ConfigMaps, Secrets and charts' objects of `kustomization`.
pub(super) fn generate(
    directory: &Directory<'_>,
    kustomization: &Kustomization,
    resources: &mut ResourceSet,
) -> Result<(), RenderError> {
    let global = kustomization.generator_options.as_ref();
    let config_maps = kustomization.config_map_generator.iter().map(|generator| (generate::Kind::ConfigMap, generator));
    let secrets = kustomization.secret_generator.iter().map(|generator| (generate::Kind::Secret, generator));
    for (at, (kind, generator)) in config_maps.enumerate().chain(secrets.enumerate()) {
        let (field, plugin) = match kind {
            generate::Kind::ConfigMap => ("configMapGenerator", "ConfigMapGenerator"),
            generate::Kind::Secret => ("secretGenerator", "SecretGenerator"),
        };
        generate::make(directory, generator, kind, global)
            .and_then(|made| absorb(directory, made, plugin, resources))
            .map_err(|error| error.in_field(format!("{field}[{at}]")))?;
    }
    for (at, chart) in kustomization.helm_charts.iter().enumerate() {
        let field = || format!("helmCharts[{at}]");
        match helm::inflate(directory, &kustomization.helm_globals, chart) {
            Ok(made) => {
                let made = Made { made, behavior: String::new() };
                absorb(directory, made, "HelmChartInflationGenerator", resources)
                    .map_err(|error| error.in_field(field()))?;
            }
            Err(error) => directory.elsewhere.skip(error.in_field(field()))?,
        }
    }
    Ok(())
}

fn absorb(directory: &Directory<'_>, made: Made, plugin: &str, resources: &mut ResourceSet) -> Result<(), RenderError> {
    for mut resource in made.made {
        resource.origin = own_origin(directory, plugin);
        generate::absorb(resource, &made.behavior, resources).map_err(|cause| directory.error(cause))?;
    }
    Ok(())
}

/// The origin of what the kustomization itself makes and changes; `None` where nobody asks.
fn own_origin(directory: &Directory<'_>, plugin: &str) -> Option<Origin> {
    directory.origin.as_ref().map(|origin| origin.of_field(directory.file.file_name(), plugin))
}

/// Notes that a transformer of the kustomization itself went over all objects.
fn note(directory: &Directory<'_>, plugin: &str, resources: &mut ResourceSet) {
    if let Some(origin) = own_origin(directory, plugin) {
        origin::note_transformation(resources, &origin);
    }
}

/// Changes what is gathered as the fields of `kustomization` say.
pub(super) fn transform(
    directory: &Directory<'_>,
    kustomization: &Kustomization,
    schemas: &Schemas,
    gathered: &mut Accumulator,
) -> Result<(), RenderError> {
    let Accumulator { resources, config, .. } = gathered;
    let invalid = |field: &str| {
        let field = field.to_owned();
        move |message: String| directory.error(Cause::Invalid(message)).in_field(field)
    };
    patches(directory, kustomization, schemas, resources)?;
    if !kustomization.namespace.is_empty() {
        directory.spend_on(resources.len(), kustomization.namespace.len())?;
        let change = namespace::Change {
            namespace: &kustomization.namespace,
            places: config.namespaces(),
            subjects: Subjects::Default,
            unset_only: false,
        };
        namespace::set(resources, &change).map_err(invalid("namespace"))?;
        resources.check_unique()?;
        note(directory, "NamespaceTransformer", resources);
    }
    if !kustomization.name_prefix.is_empty() {
        names::put(resources, Affix::Prefix(&kustomization.name_prefix), config.name_prefix(), directory.budget)
            .map_err(invalid("namePrefix"))?;
        note(directory, "PrefixTransformer", resources);
    }
    if !kustomization.name_suffix.is_empty() {
        names::put(resources, Affix::Suffix(&kustomization.name_suffix), config.name_suffix(), directory.budget)
            .map_err(invalid("nameSuffix"))?;
        note(directory, "SuffixTransformer", resources);
    }
    set_labels(directory, kustomization, config, resources)?;
    if !kustomization.common_annotations.is_empty() {
        labels::set(resources, &kustomization.common_annotations, config.common_annotations(), directory.budget)
            .map_err(invalid("commonAnnotations"))?;
        note(directory, "AnnotationsTransformer", resources);
    }
    for (at, patch) in kustomization.patches_json6902.iter().enumerate() {
        patch::json6902(directory, patch, resources)
            .map_err(|error| error.in_field(format!("patchesJson6902[{at}]")))?;
        note(directory, "PatchJson6902Transformer", resources);
    }
    for (at, replica) in kustomization.replicas.iter().enumerate() {
        replicas::set(resources, replica, config.replicas()).map_err(invalid(&format!("replicas[{at}]")))?;
        note(directory, "ReplicaCountTransformer", resources);
    }
    for (at, image) in kustomization.images.iter().enumerate() {
        directory.spend_on(resources.len(), image.new_name.len() + image.new_tag.len() + image.digest.len())?;
        images::set(resources, image, config.images(), directory.budget).map_err(invalid(&format!("images[{at}]")))?;
        note(directory, "ImageTagTransformer", resources);
    }
    if !kustomization.replacements.is_empty() {
        let loaded = replacements::load(directory, &kustomization.replacements)?;
        replacements::apply(directory, &loaded, resources).map_err(invalid("replacements"))?;
        note(directory, "ReplacementTransformer", resources);
    }
    Ok(())
}

fn set_labels(
    directory: &Directory<'_>,
    kustomization: &Kustomization,
    config: &Config,
    resources: &mut ResourceSet,
) -> Result<(), RenderError> {
    let invalid = |message: String, field: String| directory.error(Cause::Invalid(message)).in_field(field);
    for (at, label) in kustomization.labels.iter().enumerate() {
        labels::places(label, config)
            .and_then(|places| labels::set(resources, &label.pairs, &places, directory.budget))
            .map_err(|message| invalid(message, format!("labels[{at}]")))?;
        note(directory, "LabelTransformer", resources);
    }
    labels::set(resources, &kustomization.common_labels, config.common_labels(), directory.budget)
        .map_err(|message| invalid(message, "commonLabels".into()))?;
    // kustomize goes over the objects once more where there are labels of either form.
    if !(kustomization.labels.is_empty() && kustomization.common_labels.is_empty()) {
        note(directory, "LabelTransformer", resources);
    }
    Ok(())
}

fn patches(
    directory: &Directory<'_>,
    kustomization: &Kustomization,
    schemas: &Schemas,
    resources: &mut ResourceSet,
) -> Result<(), RenderError> {
    let mut merged = 0;
    for (at, patch) in kustomization.patches_strategic_merge.iter().enumerate() {
        merged += patch::strategic_merge(directory, patch, schemas, resources)
            .map_err(|error| error.in_field(format!("patchesStrategicMerge[{at}]")))?;
    }
    if merged == 0 && !kustomization.patches_strategic_merge.is_empty() {
        let cause = Cause::Invalid("the patches appear to be empty".into());
        return Err(directory.error(cause).in_field("patchesStrategicMerge"));
    }
    if !kustomization.patches_strategic_merge.is_empty() {
        note(directory, "PatchStrategicMergeTransformer", resources);
    }
    for (at, patch) in kustomization.patches.iter().enumerate() {
        patch::patch(directory, patch, schemas, resources).map_err(|error| error.in_field(format!("patches[{at}]")))?;
        note(directory, "PatchTransformer", resources);
    }
    Ok(())
}
