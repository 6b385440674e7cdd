//! The objects of a build: their identity, their order, and where they come from.

pub(crate) mod order;
pub(crate) mod origin;
pub(crate) mod resource;
pub(crate) mod scope;
pub(crate) mod set;
