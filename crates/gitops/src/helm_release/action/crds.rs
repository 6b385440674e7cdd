//! The definitions of a chart, below its `crds/`.

use std::time::Duration;

use cowherd_apply::{Expectation, Manifest, Unmasked};
use cowherd_helm::{Chart, dependencies};
use serde_json::{Map, Value};

use super::super::manifests;
use super::{Acting, ActionError};
use crate::owner::OwnerName;

/// How long definitions may take until they are served.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What becomes of the definitions of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Policy {
    /// They are left out.
    Skip,
    /// Those that are missing are made.
    Create,
    /// They are made as the chart has them.
    CreateReplace,
}

impl Policy {
    /// What a spec says, or Flux's default.
    pub(in super::super) fn of(said: Option<&String>) -> Self {
        match said.map(String::as_str) {
            Some("Skip") => Self::Skip,
            Some("CreateReplace") => Self::CreateReplace,
            _ => Self::Create,
        }
    }
}

/// Makes the definitions of the chart as the policy says, and waits until they are served.
pub(super) async fn apply(
    acting: &mut Acting<'_>,
    (chart, values): (&Chart, &Map<String, Value>),
    policy: Policy,
) -> Result<(), ActionError> {
    let mut made = Vec::new();
    for mut definition in definitions(&acting.job.name, (chart, values), policy)? {
        let (applier, account) = (&acting.target.applier, acting.target.account.as_ref());
        if policy == Policy::Create {
            let there = applier.look(definition.versioned(), account).await.map_err(|error| wrong(error.text()))?;
            if there.is_some() {
                continue;
            }
        }
        definition.set_metadata(acting.job.name.mark_labels(), []);
        applier.apply_single(&definition, account).await.map_err(|error| wrong(error.text()))?;
        made.push(Expectation::healthy(definition.versioned().clone()));
    }
    let served = acting.target.applier.wait(&made, TIMEOUT, acting.job.cancelled()).await;
    served.map_err(|error| match error {
        cowherd_apply::ApplyError::Superseded => ActionError::Superseded,
        error => wrong(error.text()),
    })
}

/// The definitions of the chart that the policy is about. Those of charts that are not used are left out.
pub(in super::super) fn definitions(
    owner: &OwnerName,
    (chart, values): (&Chart, &Map<String, Value>),
    policy: Policy,
) -> Result<Vec<Manifest>, ActionError> {
    if policy == Policy::Skip || chart.custom_resources().is_empty() {
        return Ok(Vec::new());
    }
    let mut used = chart.clone();
    dependencies::process(&mut used, values).map_err(|error| ActionError::failed(&error))?;
    read(owner, &used).map_err(wrong)
}

fn wrong(error: Unmasked) -> ActionError {
    ActionError::Failed(error.within(|error| format!("failed to apply CustomResourceDefinitions: {error}")))
}

/// The definitions of the chart. What else lies there is no part of a release, and is left out, as Flux does.
fn read(owner: &OwnerName, chart: &Chart) -> Result<Vec<Manifest>, Unmasked> {
    let mut definitions = Vec::new();
    for file in chart.custom_resources() {
        let text = String::from_utf8_lossy(file.data);
        let of_file = |error: Unmasked| error.within(|error| format!("{}: {error}", file.path));
        for manifest in manifests::read(&text).map_err(of_file)? {
            let is_definition = manifest.id().kind == "CustomResourceDefinition";
            if is_definition {
                definitions.push(manifest);
            } else {
                tracing::warn!(
                    release = %owner, file = file.path, object = %manifest.id(),
                    "what is no CustomResourceDefinition below crds/ of a chart is left out"
                );
            }
        }
    }
    Ok(definitions)
}
