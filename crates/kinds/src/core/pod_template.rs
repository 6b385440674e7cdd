//! PodTemplates.

use cowherd_schema::FieldPath;

use super::pod;
use crate::json::Fill;
use crate::kind::Kind;
use crate::labels;
use crate::strategy::{Generations, Rules};
use crate::table::{self, Column, NAME};

pub(crate) const KIND: Kind = Kind {
    generations: Generations::With(&["template"]),
    rules: Rules {
        default: |object| {
            object.ensure("template");
            pod::default_template(object.inner("template"));
        },
        validate: |object, errors| pod::validate_template(&object["template"], &FieldPath::new("template"), errors),
        columns: &[
            NAME,
            Column::text("Containers", "The names of the containers."),
            Column::text("Images", "The images of the containers."),
            Column::text("Pod Labels", "The labels that Pods get."),
        ],
        cells: |object, _| {
            let (names, images) = table::containers(&object["template"]["spec"]);
            let marks = labels::format_map(&object["template"]["metadata"]["labels"]);
            vec![table::name(object), names, images, table::or(&marks, "<none>").into()]
        },
        ..Rules::PLAIN
    },
    ..Kind::namespaced(super::V1, "PodTemplate", "podtemplates", "podtemplate", "io.k8s.api.core.v1.PodTemplate")
};
