//! `notification.toolkit.fluxcd.io`: who is told of events, and who tells of changes elsewhere.

mod reference;
pub mod v1;
pub mod v1beta3;

pub use reference::EventSource;
