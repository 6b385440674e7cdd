//! `image.toolkit.fluxcd.io`: images that are scanned, and what is written to Git of them.

pub mod v1;
