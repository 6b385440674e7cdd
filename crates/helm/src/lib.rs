//! Helm charts to manifests, as `helm template` renders them.
