//! Words as a shell takes them, for commands that somebody is advised to copy.

use std::path::Path;

/// A word as a shell takes it: as it is where it has nothing that means something to a shell, else between quotes.
pub fn word(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:@%+,=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// A path as a shell takes it, which also begins with no sign that makes a flag of it.
pub fn path(path: &Path) -> String {
    let shown = path.display().to_string();
    if shown.starts_with('-') { word(&format!("./{shown}")) } else { word(&shown) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_a_shell_is_quoted_and_nothing_else() {
        for plain in ["clusters/prod", "/srv/Äpp", "a=b,c", "HEAD@1", "127.0.0.1:6443"] {
            assert_eq!(word(plain), plain);
        }
        for (text, quoted) in [
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("$(reboot)", "'$(reboot)'"),
            ("~", "'~'"),
            ("*", "'*'"),
            ("[::]:6443", "'[::]:6443'"),
            ("a\nb", "'a\nb'"),
        ] {
            assert_eq!(word(text), quoted);
        }
    }

    #[test]
    fn a_path_is_no_flag() {
        assert_eq!(path(Path::new("-rf")), "./-rf");
        assert_eq!(path(Path::new("-r f")), "'./-r f'");
        assert_eq!(path(Path::new("a-b")), "a-b");
    }
}
