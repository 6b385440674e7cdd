//! What was found that becomes an input.

use std::collections::BTreeMap;

use cowherd_api::flux::controlplane::v1::Input;
use serde_json::{Value, json};

/// A branch, a tag or a request that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) id: String,
    pub(super) sha: Option<String>,
    pub(super) digest: Option<String>,
    pub(super) branch: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) author: Option<String>,
    pub(super) title: Option<String>,
    /// The branch or tag as GitLab writes it where names are short.
    pub(super) slug: Option<String>,
    pub(super) labels: Vec<String>,
}

impl Found {
    /// The branch of this name.
    pub(super) fn branch(name: &str, sha: &str) -> Self {
        Self {
            id: cowherd_resourceset::id(name),
            sha: Some(sha.to_owned()),
            branch: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// The tag of this name.
    pub(super) fn tag(name: &str, sha: &str) -> Self {
        Self {
            id: cowherd_resourceset::id(name),
            sha: Some(sha.to_owned()),
            tag: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// The tag of this name, of an artifact with this digest.
    pub(super) fn artifact(name: &str, digest: &str) -> Self {
        Self {
            id: cowherd_resourceset::id(name),
            digest: Some(digest.to_owned()),
            tag: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// The same as it was given before: what it is now counts where that says nothing.
    pub(super) fn again(mut self, before: &Input) -> Self {
        let text = |key: &str| before.get(key).and_then(Value::as_str).map(str::to_owned);
        let texts = [
            ("sha", &mut self.sha),
            ("branch", &mut self.branch),
            ("tag", &mut self.tag),
            ("author", &mut self.author),
            ("title", &mut self.title),
            ("slug", &mut self.slug),
        ];
        for (key, now) in texts {
            *now = text(key).or(now.take());
        }
        if let Some(labels) = before.get("labels").and_then(Value::as_array) {
            self.labels = labels.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        }
        self
    }

    /// The name of a branch or a tag.
    pub(super) fn name(&self) -> &str {
        self.tag.as_deref().or(self.branch.as_deref()).unwrap_or_default()
    }

    /// How many bytes its texts have.
    pub(super) fn size(&self) -> usize {
        let Self { id, sha, digest, branch, tag, author, title, slug, labels } = self;
        let given = [sha, digest, branch, tag, author, title, slug];
        id.len() + given.into_iter().flatten().chain(labels).map(String::len).sum::<usize>()
    }

    /// The input that it becomes.
    pub(super) fn input(self) -> Input {
        let texts = [
            ("digest", &self.digest),
            ("branch", &self.branch),
            ("tag", &self.tag),
            ("author", &self.author),
            ("title", &self.title),
            ("slug", &self.slug),
        ];
        let text = |(key, text): (&str, &Option<String>)| {
            Some((key.to_owned(), Value::String(text.clone().filter(|text| !text.is_empty())?)))
        };
        let mut input: BTreeMap<String, Value> = texts.into_iter().filter_map(text).collect();
        input.insert("id".to_owned(), json!(self.id));
        // What is at a commit says so also where nobody knows which.
        if let Some(sha) = &self.sha {
            input.insert("sha".to_owned(), json!(sha));
        }
        if !self.labels.is_empty() {
            input.insert("labels".to_owned(), json!(self.labels));
        }
        input
    }
}
