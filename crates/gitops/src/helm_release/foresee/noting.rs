//! Hides what templates look up of Secrets.

use std::sync::{Mutex, PoisonError};

use cowherd_apply::mask::Mask;
use cowherd_helm::engine::Lookup;
use serde_json::{Value, json};

/// Looks nothing up on the word of those who may be allowed less than whoever looks.
pub(super) struct Guarded<L> {
    pub(super) lookup: L,
    pub(super) is_open: bool,
}

impl<L: Lookup> Lookup for Guarded<L> {
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>, String> {
        if self.is_open {
            return self.lookup.lookup(api_version, kind, namespace, name);
        }
        Err(format!(
            "the {kind} {namespace}/{name} is not looked up, since it is not known on whose behalf the agents act for a \
             HelmRelease that names no serviceAccountName: say it with --default-service-account NAME, or \
             --default-service-account= where they act with their own rights"
        ))
    }
}

/// Looks objects up, and notes what of them must not be shown.
pub(super) struct Noting<L> {
    lookup: L,
    mask: Mutex<Mask>,
}

impl<L> Noting<L> {
    /// Notes what this one finds.
    pub(super) fn new(lookup: L) -> Self {
        Self { lookup, mask: Mutex::default() }
    }

    /// What must not be shown of what was found.
    pub(super) fn mask(&self) -> Mask {
        self.mask.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<L: Lookup> Lookup for Noting<L> {
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>, String> {
        let found = self.lookup.lookup(api_version, kind, namespace, name)?;
        if (api_version, kind) == ("v1", "Secret") {
            let mut mask = self.mask.lock().unwrap_or_else(PoisonError::into_inner);
            let items = found.iter().flat_map(|found| found["items"].as_array().into_iter().flatten());
            // Items of a list do not say what they are.
            for object in found.iter().chain(items) {
                mask.add(&json!({ "apiVersion": api_version, "kind": kind, "data": object["data"] }));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Cluster(Value);

    impl Lookup for Cluster {
        fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Option<Value>, String> {
            Ok(Some(self.0.clone()))
        }
    }

    #[test]
    fn nothing_is_looked_up_for_whom_may_be_allowed_less() {
        let guarded = |is_open| Guarded { lookup: Cluster(json!({})), is_open }.lookup("v1", "Secret", "n", "a");
        assert!(guarded(true).unwrap().is_some());
        assert!(guarded(false).unwrap_err().contains("--default-service-account"));
    }

    #[test]
    fn values_of_secrets_that_are_looked_up_are_hidden_one_by_one_and_in_lists() {
        let hides = |found: Value, kind: &str| {
            let noting = Noting::new(Cluster(found));
            noting.lookup("v1", kind, "n", "").unwrap();
            noting.mask().text("it is hunter2-pass") != "it is hunter2-pass"
        };
        let object = json!({ "data": { "password": "aHVudGVyMi1wYXNz" } });
        assert!(hides(object.clone(), "Secret"));
        assert!(hides(json!({ "items": [object.clone()] }), "Secret"));
        assert!(!hides(object, "ConfigMap"));
    }
}
