//! An alias of `Result`, written out: what `cargo mutants` takes for a type of its own it does not know how to make, and so leaves
//! alone what returns it, such as the check of what somebody may do.

use std::fs;
use std::path::Path;

use anyhow::Result;

/// Where the alias is used.
const USED: &str = "crates/apiserver/src";
/// Where it is defined.
const DEFINED: &str = "status.rs";
const ALIAS: &str = "ApiResult<";
const ERROR: &str = "crate::status::ApiError";

/// Writes the alias out in a tree of sources.
pub fn write_out(tree: &Path) -> Result<()> {
    in_directory(&tree.join(USED))
}

fn in_directory(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            in_directory(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with(DEFINED) {
            let text = fs::read_to_string(&path)?;
            fs::write(&path, written_out(&text))?;
        }
    }
    Ok(())
}

/// The text with `Result<T, crate::status::ApiError>` for `ApiResult<T>`.
fn written_out(text: &str) -> String {
    let Some((before, rest)) = text.split_once(ALIAS) else { return text.to_owned() };
    let (mut depth, mut previous) = (1, ' ');
    let end = rest.find(|c| {
        depth += match c {
            '<' => 1,
            '>' if !matches!(previous, '-' | '=') => -1,
            _ => 0,
        };
        previous = c;
        depth == 0
    });
    let Some(end) = end else { return text.to_owned() };
    format!("{before}Result<{}, {ERROR}{}", written_out(&rest[..end]), written_out(&rest[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_written_out_however_it_is_nested() {
        assert_eq!(written_out("fn a() -> ApiResult<()> {}"), "fn a() -> Result<(), crate::status::ApiError> {}");
        assert_eq!(
            written_out("ApiResult<Result<(A, Vec<B>), ApiResult<C>>>; Option<fn() -> ApiResult<D>>; use ApiResult;"),
            "Result<Result<(A, Vec<B>), Result<C, crate::status::ApiError>>, crate::status::ApiError>; \
             Option<fn() -> Result<D, crate::status::ApiError>>; use ApiResult;"
        );
        assert_eq!(written_out("ApiResult<impl Fn() -> A>"), "Result<impl Fn() -> A, crate::status::ApiError>");
    }
}
