//! What is said of an error.

/// The error with its causes, each of them once: many libraries have said theirs already in their own words.
pub fn text(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text.as_str() {
        "" => cause,
        said if said.contains(cause.trim()) => text,
        said => format!("{said}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("in a: {0}")]
    struct Repeating(#[source] std::fmt::Error);

    #[test]
    fn a_cause_is_said_once() {
        let cause = std::fmt::Error.to_string();
        let error = anyhow::Error::from(Repeating(std::fmt::Error)).context("no render");
        assert_eq!(text(&error), format!("no render: in a: {cause}"));
        assert_eq!(text(&anyhow!("one").context("two")), "two: one");
    }
}
