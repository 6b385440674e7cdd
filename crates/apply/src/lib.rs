//! Manifests to a cluster: order, server-side apply, inventory, prune, drift, health.
