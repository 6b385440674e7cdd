//! Hides what templates look up of Secrets.

use std::sync::{Mutex, PoisonError};

use cowherd_apply::mask::Mask;
use cowherd_helm::engine::Lookup;
use serde_json::{Value, json};

/// How much of what one render looks up of Secrets is known again, in bytes. Beyond that no word of its errors is told.
const LARGEST: usize = 4 << 20;

/// Looks objects up, and notes what of them must not be shown.
pub(super) struct Noting<L> {
    lookup: L,
    noted: Mutex<Noted>,
}

#[derive(Default)]
struct Noted {
    mask: Mask,
    bytes: usize,
}

impl Noted {
    /// Hides what a Secret has, if that is not too much.
    fn add(&mut self, data: &Value) {
        let lengths = data.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str().map(str::len));
        self.bytes = self.bytes.saturating_add(lengths.sum());
        if self.bytes <= LARGEST {
            self.mask.add(&json!({ "apiVersion": "v1", "kind": "Secret", "data": data }));
        }
    }
}

impl<L> Noting<L> {
    /// Notes what this one finds.
    pub(super) fn new(lookup: L) -> Self {
        Self { lookup, noted: Mutex::default() }
    }

    /// What must not be shown of what was found.
    pub(super) fn mask(&self) -> Mask {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).mask.clone()
    }

    /// What is told of an error of the render.
    pub(super) fn told(&self, error: &str) -> String {
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        match noted.bytes <= LARGEST {
            true => noted.mask.text(error),
            false => format!(
                "templates failed that look up more than {} MiB of Secrets; why is not told, since it could show them. Look up \
                 fewer of them",
                LARGEST >> 20
            ),
        }
    }
}

impl<L: Lookup> Lookup for Noting<L> {
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>, String> {
        let found = self.lookup.lookup(api_version, kind, namespace, name)?;
        if (api_version, kind) == ("v1", "Secret") {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            let items = found.iter().flat_map(|found| found["items"].as_array().into_iter().flatten());
            // Items of a list do not say what they are.
            for object in found.iter().chain(items) {
                noted.add(&object["data"]);
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

    #[test]
    fn an_error_is_told_without_what_was_looked_up_and_not_at_all_where_that_is_too_much() {
        let told = |data: Value| {
            let noting = Noting::new(Cluster(json!({ "data": data })));
            noting.lookup("v1", "Secret", "n", "s").unwrap();
            noting.told("execution error at web/templates/a.yaml: aHVudGVyMi1wYXNz is hunter2-pass")
        };
        let said = told(json!({ "password": "aHVudGVyMi1wYXNz" }));
        assert!(said.contains("web/templates/a.yaml") && !said.contains("hunter2") && !said.contains("aHVu"), "{said}");
        let said = told(json!({ "password": "aHVudGVyMi1wYXNz", "other": "A".repeat(LARGEST) }));
        assert!(said.starts_with("templates failed that look up more than 4 MiB of Secrets"), "{said}");
    }
}
