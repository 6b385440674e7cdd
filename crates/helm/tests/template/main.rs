//! Charts whose templates are texts, rendered here and by `helm template`.

mod charts;
mod dependencies;
mod limits;
mod manifests;
mod oracle;
mod schemas;
mod values;
