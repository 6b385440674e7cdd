//! What whoever wrote a source can do where a server does not give what it asks for: by which fields.

use cowherd_source::WebProblem;

/// The fields of a kind of sources that help.
pub(crate) struct Fields {
    /// What takes credentials, in words.
    pub(crate) credentials: &'static str,
    /// What has a server asked over plain http, if anything does.
    pub(crate) insecure: &'static str,
}

/// A message with what can be done about the problem, where a field does it.
pub(crate) fn told(message: String, problem: Option<&WebProblem>, fields: &Fields) -> String {
    match problem {
        Some(WebProblem::Refused { is_anonymous: true, .. }) => format!("{message}: {}", fields.credentials),
        Some(WebProblem::Tls { fault, .. }) if fault.is_no_tls() => format!("{message}: {}", fields.insecure),
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_gave_no_credentials_is_told_where_they_go_and_who_did_is_not() {
        let fields = Fields { credentials: "by spec.secretRef", insecure: "by spec.insecure" };
        let refused = |is_anonymous| {
            let problem =
                WebProblem::Refused { url: "https://x".into(), cause: "the server answered 401".into(), is_anonymous };
            told(problem.to_string(), Some(&problem), &fields)
        };
        assert!(refused(true).ends_with("give credentials that may read this: by spec.secretRef"), "{}", refused(true));
        assert!(refused(false).ends_with("check the credentials and whether they may read this"), "{}", refused(false));
    }
}
