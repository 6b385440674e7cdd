//! What makes objects: ConfigMaps and Secrets from data, and charts.

pub(crate) mod generate;
pub(crate) mod hash;
pub(crate) mod helm;
