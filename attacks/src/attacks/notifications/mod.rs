//! Alerts and Receivers, which a tenant writes, and the port of webhooks, which anybody may reach.

pub mod costly_filters;
pub mod heavy_patterns;
pub mod slow_webhooks;
mod webhook;
