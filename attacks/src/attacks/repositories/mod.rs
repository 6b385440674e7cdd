//! Repositories, charts and git servers that nobody should trust.

pub mod bombs;
pub mod deltas;
pub mod endless_charts;
pub mod links_outside;
pub mod lying_servers;
pub mod many_deltas;
pub mod silent_servers;
