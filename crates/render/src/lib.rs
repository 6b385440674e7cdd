//! Desired state to manifests: plain YAML and kustomizations.
