//! Charts whose templates are texts, rendered here and by `helm template`.

mod charts;
mod dependencies;
mod manifests;
mod oracle;
mod schemas;
mod values;
