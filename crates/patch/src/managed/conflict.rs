//! Why an apply is refused.

use std::fmt;

/// A field that somebody else owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who owns it.
    pub manager: String,
    /// The version through which it was written, if by an ordinary write rather than an apply.
    pub api_version: Option<String>,
    /// The subresource through which it was written, if any.
    pub subresource: Option<String>,
    /// The field, such as `.spec.template.spec.containers[name="nginx"].image`.
    pub field: String,
}

impl Conflict {
    /// What the cause of the error says: `conflict with "kubectl" using apps/v1`.
    pub fn message(&self) -> String {
        format!("conflict with {}", self.owner())
    }

    fn owner(&self) -> String {
        let mut owner = format!("{:?}", self.manager);
        if let Some(subresource) = &self.subresource {
            owner.push_str(&format!(" with subresource {subresource:?}"));
        }
        if let Some(version) = &self.api_version {
            owner.push_str(&format!(" using {version}"));
        }
        owner
    }
}

/// Why an apply is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Others own fields that the configuration gives another value; `force` would take them over. Sorted by owner.
    #[error("{}", ConflictMessage(.0))]
    Conflict(Vec<Conflict>),
    /// The configuration says who owns its fields, which only the server does.
    #[error("metadata.managedFields must be nil")]
    ManagedFieldsGiven,
    /// The configuration does not fit the schema: an unknown field, another type, or list items that cannot be told
    /// apart.
    #[error("failed to create typed patch object ({object}): {detail}")]
    Untyped {
        /// The object: `namespace/name; apps/v1, Kind=Deployment`.
        object: String,
        /// Each field and what is wrong with it.
        detail: String,
    },
    /// The live object's managedFields cannot be understood.
    #[error("failed to decode managed fields: {0}")]
    ManagedFields(String),
}

/// All conflicts in one text, as Kubernetes words it.
struct ConflictMessage<'a>(&'a [Conflict]);

impl fmt::Display for ConflictMessage<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [conflict] = self.0 {
            return write!(out, "Apply failed with 1 conflict: {}: {}", conflict.message(), conflict.field);
        }
        write!(out, "Apply failed with {} conflicts: ", self.0.len())?;
        let mut last: Option<String> = None;
        for conflict in self.0 {
            let owner = conflict.owner();
            if last.as_ref() != Some(&owner) {
                let separator = if last.is_some() { "\n" } else { "" };
                write!(out, "{separator}conflicts with {owner}:")?;
            }
            write!(out, "\n- {}", conflict.field)?;
            last = Some(owner);
        }
        Ok(())
    }
}
