//! Versions of Kubernetes as `--kube-version` takes them.

use std::fmt;

/// The version of Kubernetes that templates see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeVersion {
    /// As it was given, with a leading `v`: `v1.33.4-gke.1245000`.
    pub version: String,
    /// Only the numbers: `v1.33.4`. Constraints are checked against it, and it is what the version prints as.
    pub normalized: String,
    /// The first number.
    pub major: String,
    /// The second number.
    pub minor: String,
}

/// Why a text is no version of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KubeVersionError {
    /// It does not start with a number.
    #[error("could not parse {0:?} as version")]
    NoVersion(String),
    /// It has only one number.
    #[error("illegal version string {0:?}")]
    TooShort(String),
    /// The first number starts with a zero.
    #[error("illegal zero-prefixed version component {component:?} in {version:?}")]
    LeadingZero {
        /// The number.
        component: String,
        /// The whole text.
        version: String,
    },
    /// A number is too large.
    #[error("illegal non-numeric version component {component:?} in {version:?}")]
    TooLarge {
        /// The number.
        component: String,
        /// The whole text.
        version: String,
    },
}

impl KubeVersion {
    /// The version that `text` says: two or more numbers with dots between them, then anything.
    pub fn parse(text: &str) -> Result<Self, KubeVersionError> {
        let numbers = leading_numbers(text).ok_or_else(|| KubeVersionError::NoVersion(text.to_owned()))?;
        let components: Vec<&str> = numbers.split('.').collect();
        let [first, _, ..] = components.as_slice() else {
            return Err(KubeVersionError::TooShort(text.to_owned()));
        };
        if first.starts_with('0') && *first != "0" {
            let component = (*first).to_owned();
            return Err(KubeVersionError::LeadingZero { component, version: text.to_owned() });
        }
        let parse = |component: &&str| {
            component.parse::<u64>().map_err(|_| KubeVersionError::TooLarge {
                component: (*component).to_owned(),
                version: text.to_owned(),
            })
        };
        let numbers: Vec<String> =
            components.iter().map(|component| Ok(parse(component)?.to_string())).collect::<Result<_, _>>()?;
        Ok(Self {
            version: if text.starts_with('v') { text.to_owned() } else { format!("v{text}") },
            normalized: format!("v{}", numbers.join(".")),
            major: numbers.first().cloned().unwrap_or_default(),
            minor: numbers.get(1).cloned().unwrap_or_default(),
        })
    }
}

impl Default for KubeVersion {
    /// The version that Helm v4.1.4 assumes.
    fn default() -> Self {
        Self {
            version: "v1.35.0".to_owned(),
            normalized: "v1.35.0".to_owned(),
            major: "1".to_owned(),
            minor: "35".to_owned(),
        }
    }
}

impl fmt::Display for KubeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.normalized)
    }
}

/// The numbers with dots between them at the start of `text`, after spaces and a `v`.
fn leading_numbers(text: &str) -> Option<&str> {
    if text.contains('\n') {
        // The rest of a version stays on its line.
        return None;
    }
    let text = text.trim_start_matches([' ', '\t', '\r', '\x0c']);
    let text = text.strip_prefix('v').unwrap_or(text);
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    if end == 0 {
        return None;
    }
    while bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    text.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_numbers_is_kept_but_not_compared() {
        let cases = [
            ("1.30", "v1.30", "v1.30", "1", "30"),
            ("v1.30.2-gke.1", "v1.30.2-gke.1", "v1.30.2", "1", "30"),
            (" 1.30.1 ", "v 1.30.1 ", "v1.30.1", "1", "30"),
            ("1.02.3", "v1.02.3", "v1.2.3", "1", "2"),
            ("v1.2.3.4", "v1.2.3.4", "v1.2.3.4", "1", "2"),
            ("1.30+", "v1.30+", "v1.30", "1", "30"),
        ];
        for (text, version, normalized, major, minor) in cases {
            let parsed = KubeVersion::parse(text).unwrap();
            let found = (&*parsed.version, &*parsed.normalized, &*parsed.major, &*parsed.minor);
            assert_eq!(found, (version, normalized, major, minor), "{text}");
        }
    }

    #[test]
    fn what_is_no_version_is_refused_as_helm_refuses_it() {
        let error = |text| KubeVersion::parse(text).unwrap_err().to_string();
        assert_eq!(error("1"), "illegal version string \"1\"");
        assert_eq!(error("abc"), "could not parse \"abc\" as version");
        assert_eq!(error("01.2"), "illegal zero-prefixed version component \"01\" in \"01.2\"");
        assert!(error("1.99999999999999999999999").contains("illegal"));
    }
}
