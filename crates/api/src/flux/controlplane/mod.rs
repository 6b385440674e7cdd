//! The Flux Operator's resources: `fluxcd.controlplane.io`.

pub mod v1;
