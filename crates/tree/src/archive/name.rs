//! The paths of an archive's entries, as Helm reads them.

use super::ArchiveError;
use crate::TreePath;

/// The path that an entry has below the directory that all files of an archive stand in.
///
/// The first component of the name is left out, whatever it is. Archives packed on Windows may have backslashes:
/// a name with one is taken apart at backslashes alone.
pub(super) fn path(name: &str) -> Result<TreePath, ArchiveError> {
    let separator = if name.contains('\\') { '\\' } else { '/' };
    let Some((_, below)) = name.split_once(separator) else {
        return Err(ArchiveError::NoDirectory(name.to_owned()));
    };
    let below = below.replace('\\', "/");
    if below.starts_with('/') {
        return Err(ArchiveError::Absolute(name.to_owned()));
    }
    let path = TreePath::root().join(&below).map_err(|_| outside_or_text(name))?;
    if path.is_root() {
        return Err(ArchiveError::NoDirectory(name.to_owned()));
    }
    // Helm refuses whatever begins with two dots, be it a name like "..data".
    if path.as_str().starts_with("..") {
        return Err(ArchiveError::Outside(name.to_owned()));
    }
    if names_a_drive(path.as_str()) {
        return Err(ArchiveError::Absolute(name.to_owned()));
    }
    Ok(path)
}

fn outside_or_text(name: &str) -> ArchiveError {
    if name.contains('\0') { ArchiveError::PathText(name.to_owned()) } else { ArchiveError::Outside(name.to_owned()) }
}

/// `c:/x`, which a program on Windows would take for an absolute path.
fn names_a_drive(path: &str) -> bool {
    matches!(path.as_bytes(), [letter, b':', b'/', ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_component_is_left_out() {
        for (name, expected) in [
            ("web/Chart.yaml", "Chart.yaml"),
            ("web/templates/a.yaml", "templates/a.yaml"),
            ("./Chart.yaml", "Chart.yaml"),
            ("/web/Chart.yaml", "web/Chart.yaml"),
            ("web/a/../b", "b"),
            ("web/./b//c", "b/c"),
            ("web\\templates\\a.yaml", "templates/a.yaml"),
        ] {
            assert_eq!(path(name).unwrap().as_str(), expected, "{name}");
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for name in ["web/../x", "web/a/../../x", "web/..", "web/..data", "web\\..\\x"] {
            assert!(matches!(path(name), Err(ArchiveError::Outside(_))), "{name}");
        }
        for name in ["web//etc/passwd", "//etc", "web/c:/x", "web\\C:\\x"] {
            assert!(matches!(path(name), Err(ArchiveError::Absolute(_))), "{name}");
        }
        for name in ["Chart.yaml", "web/.", "web/", "web/a/.."] {
            assert!(matches!(path(name), Err(ArchiveError::NoDirectory(_))), "{name}");
        }
        assert!(matches!(path("web/a\0b"), Err(ArchiveError::PathText(_))));
    }
}
