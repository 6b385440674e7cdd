//! YAML as Kubernetes' tools read and write it, within limits.
