//! Hooks: manifests that are applied at a moment of a release's life instead of with the others.

use std::fmt;

/// A moment of a release's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookEvent {
    /// Before the release is installed.
    PreInstall,
    /// After the release was installed.
    PostInstall,
    /// Before the release is deleted.
    PreDelete,
    /// After the release was deleted.
    PostDelete,
    /// Before the release is upgraded.
    PreUpgrade,
    /// After the release was upgraded.
    PostUpgrade,
    /// Before the release is rolled back.
    PreRollback,
    /// After the release was rolled back.
    PostRollback,
    /// When the release is tested.
    Test,
}

/// A manifest with the annotation `helm.sh/hook`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The name of the object.
    pub name: String,
    /// The kind of the object.
    pub kind: String,
    /// The template that it comes from.
    pub path: String,
    /// The manifest.
    pub content: String,
    /// When it is applied.
    pub events: Vec<HookEvent>,
    /// `helm.sh/hook-weight`: hooks of one event are applied in this order.
    pub weight: i64,
    /// `helm.sh/hook-delete-policy`, in lower case.
    pub delete_policies: Vec<String>,
    /// `helm.sh/hook-output-log-policy`, in lower case.
    pub output_log_policies: Vec<String>,
}

impl Hook {
    /// Whether the hook is a test.
    pub fn is_test(&self) -> bool {
        self.events.contains(&HookEvent::Test)
    }
}

impl HookEvent {
    /// The event that `text` names.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "pre-install" => Self::PreInstall,
            "post-install" => Self::PostInstall,
            "pre-delete" => Self::PreDelete,
            "post-delete" => Self::PostDelete,
            "pre-upgrade" => Self::PreUpgrade,
            "post-upgrade" => Self::PostUpgrade,
            "pre-rollback" => Self::PreRollback,
            "post-rollback" => Self::PostRollback,
            // Helm 2 knew tests that were meant to succeed.
            "test" | "test-success" => Self::Test,
            _ => return None,
        })
    }

    /// The name of the event.
    pub fn name(self) -> &'static str {
        match self {
            Self::PreInstall => "pre-install",
            Self::PostInstall => "post-install",
            Self::PreDelete => "pre-delete",
            Self::PostDelete => "post-delete",
            Self::PreUpgrade => "pre-upgrade",
            Self::PostUpgrade => "post-upgrade",
            Self::PreRollback => "pre-rollback",
            Self::PostRollback => "post-rollback",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for HookEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
