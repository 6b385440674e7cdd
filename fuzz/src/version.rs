//! Versions and constraints on them.

use std::cmp::Ordering;

use cowherd_version::{Constraint, Version};

/// Takes the first line of `data` for a constraint and the others for versions.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let constraint = Constraint::parse(lines.next().unwrap_or_default());
    let versions: Vec<Version> = lines.filter_map(|line| Version::parse(line).ok()).take(16).collect();
    for version in &versions {
        let again = Version::parse(&version.to_string()).expect("what is displayed is a version");
        assert_eq!(&again, version);
        if let Ok(constraint) = &constraint {
            constraint.allows(version);
        }
        for other in &versions {
            let order = version.compare(other);
            assert_eq!(order, other.compare(version).reverse(), "{version} and {other}");
            assert!(order != Ordering::Equal || version.pre == other.pre, "{version} and {other}");
        }
    }
}
