//! `images`.

use serde_json::Value;

use crate::kustomize::budget::Budget;
use crate::kustomize::fields::field_path::{FieldSpec, Leaf, WalkError};
use crate::kustomize::fields::scalar;
use crate::kustomize::objects::set::ResourceSet;
use crate::kustomize::pattern::{self, Fault, Pattern};
use crate::overlay::Image;

/// Where images stand besides the lists of containers, which are found wherever they are.
pub(crate) static PLACES: [FieldSpec; 6] = [
    FieldSpec::everywhere("spec/containers[]/image", true),
    FieldSpec::everywhere("spec/initContainers[]/image", true),
    FieldSpec::everywhere("spec/volumes[]/image/reference", true),
    FieldSpec::everywhere("spec/template/spec/containers[]/image", true),
    FieldSpec::everywhere("spec/template/spec/initContainers[]/image", true),
    FieldSpec::everywhere("spec/template/spec/volumes[]/image/reference", true),
];

/// Changes the images that `image` names.
pub(crate) fn set(
    resources: &mut ResourceSet,
    image: &Image,
    places: &[FieldSpec],
    budget: &Budget,
) -> Result<(), WalkError> {
    pattern::look_at(resources.len(), budget)?;
    // The name is part of a pattern, and one that is none matches nothing.
    let text = format!("^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$", image.name);
    let pattern = match Pattern::anywhere(&text, budget) {
        Ok(pattern) => pattern,
        Err(Fault::Invalid) => return Ok(()),
        Err(Fault::TooMuch(why)) => return Err(why),
    };
    let mut update = |value: &mut Value| {
        match value {
            Value::Object(_) | Value::Array(_) => Err("wrong node kind: an image must be a text".to_owned()),
            Value::String(reference) => {
                if pattern.is_match(reference) {
                    *reference = updated(reference, image);
                }
                Ok(())
            }
            // What is no text is an image all the same, and then means what it means unquoted.
            scalar => {
                let reference = scalar::text(scalar);
                if pattern.is_match(&reference) {
                    *scalar = scalar::plain(&updated(&reference, image));
                }
                Ok(())
            }
        }
    };
    for resource in resources.iter_mut().filter(|resource| resource.kind() != "CustomResourceDefinition") {
        in_containers(&mut resource.value, &mut |value| drop(update(value)));
        for place in places {
            place.apply(resource, Leaf::Never, &mut update)?;
        }
    }
    Ok(())
}

/// Calls `update` on the image of every container in a list of them, wherever it stands.
fn in_containers(value: &mut Value, update: &mut dyn FnMut(&mut Value)) {
    match value {
        Value::Object(map) => {
            for (name, field) in map {
                in_containers(field, update);
                if !matches!(name.as_str(), "containers" | "initContainers") {
                    continue;
                }
                for container in field.as_array_mut().into_iter().flatten() {
                    if let Some(image) = container.get_mut("image") {
                        update(image);
                    }
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| in_containers(item, update)),
        _ => {}
    }
}

fn updated(reference: &str, image: &Image) -> String {
    let (mut name, mut tag, mut digest) = split(reference);
    let suffixed;
    if !image.new_name.is_empty() {
        name = &image.new_name;
    }
    match (image.new_tag.as_str(), image.digest.as_str()) {
        ("", "") if !image.tag_suffix.is_empty() => {
            suffixed = format!("{tag}{}", image.tag_suffix);
            (tag, digest) = (&suffixed, "");
        }
        ("", "") => {}
        (new_tag, new_digest) => (tag, digest) = (new_tag, new_digest),
    }
    let mut updated = name.to_owned();
    for (separator, part) in [(':', tag), ('@', digest)] {
        if !part.is_empty() {
            updated.push(separator);
            updated += part;
        }
    }
    updated
}

/// Name, tag and digest; a port before the first slash is no tag.
fn split(reference: &str) -> (&str, &str, &str) {
    let (rest, digest) = reference.split_once('@').unwrap_or((reference, ""));
    let host = rest.find('/').unwrap_or(0);
    match rest[host..].find(':') {
        Some(colon) => (&rest[..host + colon], &rest[host + colon + 1..], digest),
        None => (rest, "", digest),
    }
}
