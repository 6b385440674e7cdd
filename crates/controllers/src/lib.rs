//! Kubernetes' own loops: namespaces, garbage collection, Deployment to ReplicaSet to Pod.
