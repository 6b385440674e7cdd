//! Tenants that try to climb.

pub mod climbing_by_flux;
pub mod climbing_by_roles;
pub mod odd_addresses;
pub mod others_leases;
