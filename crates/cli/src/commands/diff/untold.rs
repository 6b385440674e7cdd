//! What of a comparison with a cluster could not be made.

use cowherd_apply::ObjectId;
use cowherd_gitops::PreviewError;

use crate::terminal::Mark;
use crate::terminal::text::plain;

/// What cannot be told, of which owner and why.
#[derive(Default)]
pub struct Untold {
    texts: Vec<String>,
    /// Whether somebody may not have the API try things out.
    is_forbidden: bool,
}

impl Untold {
    /// An owner is not compared.
    pub fn leave_out(&mut self, owner: &ObjectId, why: &str) {
        let ObjectId { kind, namespace, name, .. } = owner;
        self.say(format!("{kind} {namespace}/{name}: {why}"));
    }

    /// What could not be told of others cannot be told here either.
    pub fn join(&mut self, others: &Self) {
        self.is_forbidden |= others.is_forbidden;
        others.texts.iter().for_each(|text| self.say(text.clone()));
    }

    fn say(&mut self, text: String) {
        if !self.texts.contains(&text) {
            self.texts.push(text);
        }
    }

    /// All of it.
    pub fn texts(&self) -> &[String] {
        &self.texts
    }

    /// Whether all was told.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// A preview could not be made.
    pub fn add(&mut self, error: &PreviewError) {
        self.is_forbidden |= matches!(error, PreviewError::Forbidden(..));
        self.say(error.to_string());
    }

    /// Says it, and what can be done.
    pub fn tell(&self) {
        for text in &self.texts {
            crate::terminal::tell!("{} {}", Mark::Failure, plain(text));
        }
        if self.is_forbidden {
            crate::terminal::tell!("{ADVICE}");
        }
    }
}

/// What whoever may not have the API try things out can do.
const ADVICE: &str = "  \
    A comparison with a cluster has its API try out, by a dry run, what the agents would apply, and for that you need \
    their rights: to patch what they apply, and to impersonate the account that a Kustomization names\n  \
    To get them: an administrator binds you a role that has them, such as `edit` where it is enough\n  \
    To do without: cowherd diff --base REVISION compares revisions and asks no cluster";
