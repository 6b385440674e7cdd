//! The resource that a command is about: `kustomization apps`, `source git flux-system`, or just `apps`.

use anyhow::{Result, bail};

/// The kinds that the agents reconcile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `kustomize.toolkit.fluxcd.io/v1`
    Kustomization,
    /// `source.toolkit.fluxcd.io/v1`
    GitRepository,
}

impl Kind {
    /// The name of the kind as manifests write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kustomization => "Kustomization",
            Self::GitRepository => "GitRepository",
        }
    }

    /// The kind that the leading words name, and the words behind it. `None` where the first word is no kind.
    pub fn take(words: &[String]) -> Result<Option<(Self, &[String])>> {
        let Some(first) = words.first() else { return Ok(None) };
        Ok(match first.to_ascii_lowercase().as_str() {
            "kustomization" | "kustomizations" | "ks" => Some((Self::Kustomization, &words[1..])),
            "gitrepository" | "gitrepositories" | "gitrepo" => Some((Self::GitRepository, &words[1..])),
            "source" | "sources" => match words.get(1).map(String::as_str) {
                Some("git") => Some((Self::GitRepository, &words[2..])),
                Some(other) => bail!("sources of kind {other:?} are not supported; the kind that is: git"),
                None => bail!("name the kind of source: `source git`"),
            },
            _ => None,
        })
    }
}

/// The words of a command line that name resources.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// The kind that was named, or Kustomization.
    pub kind: Kind,
    /// The names; none where only a kind, or nothing, was given.
    pub names: Vec<String>,
}

impl Target {
    /// Reads `[KIND] [NAME…]`; without a kind, the names are those of Kustomizations.
    pub fn parse(words: &[String]) -> Result<Self> {
        let (kind, names) = Kind::take(words)?.unwrap_or((Kind::Kustomization, words));
        Ok(Self { kind, names: names.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(words: &[&str]) -> Result<Target> {
        Target::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn flux_words_and_bare_names_are_understood() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let apps = Target { kind: Kind::Kustomization, names: names(&["apps"]) };
        assert_eq!(target(&["apps"]).unwrap(), apps);
        assert_eq!(target(&["kustomization", "apps"]).unwrap(), apps);
        assert_eq!(target(&["ks", "apps"]).unwrap(), apps);
        let source = Target { kind: Kind::GitRepository, names: names(&["flux-system"]) };
        assert_eq!(target(&["source", "git", "flux-system"]).unwrap(), source);
        assert!(target(&["source", "bucket", "x"]).is_err());
        assert_eq!(target(&[]).unwrap().names, names(&[]));
    }
}
