//! Brings desired state here: Git repositories as trees of content ids.
