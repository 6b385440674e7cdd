//! The values that take the place of variables in manifests.

use std::collections::{BTreeMap, BTreeSet};

use cowherd_api::flux::kustomize::v1::SubstituteReference;
use cowherd_apply::mask::Mask;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::{Api, Client};

use crate::producer::{Growth, weight_of_pairs};

/// How many references there may be.
const MOST: usize = 256;

/// Values by the names of their variables, and which of them must not be shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    pub(crate) values: BTreeMap<String, String>,
    /// The variables whose values are a Secret's.
    pub(crate) secret: BTreeSet<String>,
    pub(crate) mask: Mask,
}

/// Why the values could not be read.
#[derive(Debug, thiserror::Error)]
#[error("substitute from '{kind}/{name}' error: {cause}")]
pub(crate) struct VariablesError {
    kind: String,
    name: String,
    cause: String,
}

/// Reads the values: later references win over earlier ones, and what stands in the Kustomization wins over all.
pub(super) async fn read(
    client: &Client,
    namespace: &str,
    references: &[SubstituteReference],
    own: &BTreeMap<String, String>,
) -> Result<Variables, VariablesError> {
    let (mut variables, mut growth) = (Variables::default(), Growth::default());
    for (at, reference) in references.iter().enumerate() {
        let fail = |cause| VariablesError { kind: reference.kind.clone(), name: reference.name.clone(), cause };
        if at == MOST {
            return Err(fail(format!("there are more than {MOST} references; put their variables together")));
        }
        let found = match reference.kind.as_str() {
            "ConfigMap" => config_map(client, namespace, &reference.name).await,
            "Secret" => secret(client, namespace, &reference.name, &mut variables.mask).await,
            _ => return Err(fail("only ConfigMap and Secret hold variables".to_owned())),
        };
        match found {
            Ok(Some(values)) => {
                let added = growth.add("what spec.postBuild.substituteFrom leads to", weight_of_pairs(&values));
                added.map_err(|error| fail(error.to_string()))?;
                variables.extend(values, reference.kind == "Secret");
            }
            Ok(None) if reference.optional => {}
            Ok(None) => return Err(fail(missing(reference))),
            Err(kube::Error::Api(status)) => return Err(fail(status.message.clone())),
            Err(error) => return Err(fail(error.to_string())),
        }
    }
    variables.extend(own.clone(), false);
    Ok(variables)
}

impl Variables {
    /// These values win over those that there are.
    fn extend(&mut self, values: Values, are_secret: bool) {
        match are_secret {
            true => self.secret.extend(values.keys().cloned()),
            false => self.secret.retain(|name| !values.contains_key(name)),
        }
        self.values.extend(values);
    }
}

fn missing(reference: &SubstituteReference) -> String {
    format!("{} \"{}\" not found; create it, or make it optional", reference.kind, reference.name)
}

type Values = BTreeMap<String, String>;

async fn config_map(client: &Client, namespace: &str, name: &str) -> kube::Result<Option<Values>> {
    let api: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    Ok(api.get_opt(name).await?.map(|found| found.data.unwrap_or_default()))
}

async fn secret(client: &Client, namespace: &str, name: &str, mask: &mut Mask) -> kube::Result<Option<Values>> {
    let api: Api<Secret> = Api::namespaced(client.clone(), namespace);
    let Some(secret) = api.get_opt(name).await? else { return Ok(None) };
    let texts = secret.data.unwrap_or_default().into_iter();
    let values: Values = texts.map(|(key, bytes)| (key, String::from_utf8_lossy(&bytes.0).into_owned())).collect();
    values.values().for_each(|value| mask.add_text(value));
    Ok(Some(values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_as_secret_as_where_its_value_comes_from() {
        let values = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), String::new())).collect::<Values>();
        let mut variables = Variables::default();
        variables.extend(values(&["a", "b"]), true);
        variables.extend(values(&["b", "c"]), false);
        variables.extend(values(&["c"]), true);
        assert_eq!(variables.secret.iter().collect::<Vec<_>>(), ["a", "c"]);
    }
}
