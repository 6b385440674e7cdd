//! `kustomize.toolkit.fluxcd.io`: what is applied from a source.

pub mod v1;
