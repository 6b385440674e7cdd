//! Access, compared with a real kube-apiserver: its answers were recorded in `tests/recorded`.
//!
//! `COWHERD_KUBERNETES=KUBECONFIG cargo test -p cowherd-apiserver --test access` records them anew, of a control plane
//! that was just made and that the kubeconfig's user may do everything with.

#![allow(clippy::unwrap_used)]

mod beginning;
mod climbing;
mod cluster;
mod dry;
mod histories;
mod impersonating;
mod nulls;
mod parts;
mod patching;
mod rewritten;
mod statuses;
mod walking;
