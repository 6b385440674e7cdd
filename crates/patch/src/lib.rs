//! The ways a Kubernetes object is changed: JSON patch, merge patch, strategic merge patch and server-side apply.
