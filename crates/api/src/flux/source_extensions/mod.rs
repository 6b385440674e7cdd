//! `source.extensions.fluxcd.io`: artifacts made of sources.

pub mod v1beta1;
