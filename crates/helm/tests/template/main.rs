//! Charts, rendered here and by `helm template`.

mod charts;
mod dependencies;
mod engine;
mod limits;
mod manifests;
mod oracle;
mod schemas;
mod values;
