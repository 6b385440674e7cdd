//! Looks nothing up on the word of those who may be allowed less than whoever looks.

use cowherd_helm::engine::Lookup;
use serde_json::Value;

/// Looks objects up where that is open to an owner.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Cluster;

    impl Lookup for Cluster {
        fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<Option<Value>, String> {
            Ok(Some(json!({})))
        }
    }

    #[test]
    fn nothing_is_looked_up_for_whom_may_be_allowed_less() {
        let guarded = |is_open| Guarded { lookup: Cluster, is_open }.lookup("v1", "Secret", "n", "a");
        assert!(guarded(true).unwrap().is_some());
        assert!(guarded(false).unwrap_err().contains("--default-service-account"));
    }
}
