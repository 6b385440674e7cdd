//! Refspecs: where a commit goes besides its branch.

/// The whole name of a branch.
pub(super) fn of_branch(branch: &str) -> String {
    match branch.starts_with("refs/") {
        true => branch.to_owned(),
        false => format!("refs/heads/{branch}"),
    }
}

/// Why a refspec is none that can be pushed by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "spec.git.push.refspec {0:?} names nothing that is pushed; write [+]refs/heads/{1}:refs/heads/TARGET, or HEAD in the first place"
)]
pub(super) struct WrongRefspec(String, String);

/// The reference that a refspec has the commit pushed to, where the commit is at the head of `branch`; and whether it may stand
/// anywhere before, as a `+` says.
pub(super) fn target(refspec: &str, branch: &str) -> Result<(String, bool), WrongRefspec> {
    let wrong = || WrongRefspec(refspec.to_owned(), branch.to_owned());
    let (rest, is_forced) = match refspec.strip_prefix('+') {
        Some(rest) => (rest, true),
        None => (refspec, false),
    };
    let (from, to) = rest.split_once(':').unwrap_or((rest, rest));
    let head = of_branch(branch);
    let to = match (from.split_once('*'), to.split_once('*')) {
        (Some((before, after)), Some((start, end))) => {
            let inner = head.strip_prefix(before).and_then(|inner| inner.strip_suffix(after)).ok_or_else(wrong)?;
            format!("{start}{inner}{end}")
        }
        (None, None) if from == "HEAD" || from == head || of_branch(from) == head => to.to_owned(),
        _ => return Err(wrong()),
    };
    let is_whole = to.starts_with("refs/");
    if to.is_empty() || to == "HEAD" || to.contains('*') {
        return Err(wrong());
    }
    Ok((if is_whole { to } else { of_branch(&to) }, is_forced))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refspec_says_where_the_commit_goes_and_whether_it_may_overwrite() {
        for (refspec, to, is_forced) in [
            ("refs/heads/main:refs/heads/auto", "refs/heads/auto", false),
            ("+refs/heads/main:refs/heads/auto", "refs/heads/auto", true),
            ("HEAD:refs/for/main", "refs/for/main", false),
            ("main:auto", "refs/heads/auto", false),
            ("refs/heads/*:refs/heads/copy/*", "refs/heads/copy/main", false),
            ("refs/heads/main", "refs/heads/main", false),
        ] {
            assert_eq!(target(refspec, "main"), Ok((to.to_owned(), is_forced)), "{refspec}");
        }
        for refspec in
            ["", ":refs/heads/main", "refs/heads/other:refs/heads/x", "main:", "refs/heads/*:refs/heads/x", "HEAD"]
        {
            assert!(target(refspec, "main").is_err(), "{refspec}");
        }
    }
}
