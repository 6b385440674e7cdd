//! Tenants that try to climb.

pub mod climbing_by_flux;
pub mod climbing_by_roles;
pub mod many_expressions;
pub mod odd_addresses;
pub mod others_leases;
pub mod swelling_objects;
pub mod tangled_dependencies;
