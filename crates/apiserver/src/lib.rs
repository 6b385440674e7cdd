//! The embedded Kubernetes API over a store.
