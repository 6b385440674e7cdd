//! `notification.toolkit.fluxcd.io/v1beta3`.

mod alert;
mod provider;

pub use alert::{Alert, AlertSpec, alert_crd};
pub use provider::{Provider, ProviderSpec, provider_crd};
