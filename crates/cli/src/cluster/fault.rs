//! What is wrong with a request to a cluster, which cluster that was, and what to do.

use std::error::Error;
use std::fmt;

use cowherd_source::{TlsRemedies, tls_fault};
use kube::core::Status;
use kube::runtime::watcher;

use super::origin::{Choice, Origin};
use crate::failure;

/// An error that is about the cluster that was asked. Whoever reads of it has to learn which one that was.
#[derive(Debug)]
pub enum Fault {
    /// The cluster answers that it will not.
    Refused(Box<Status>),
    /// No answer came that could be understood.
    Unanswered(Box<kube::Error>),
    /// What was asked for is not there.
    Missing(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // What the API says is meant for people; the rest of its answer is not.
            Self::Refused(status) if status.message.is_empty() => {
                write!(f, "the cluster answers {} {}", status.code, status.reason)
            }
            Self::Refused(status) => f.write_str(&status.message),
            Self::Missing(text) => f.write_str(text),
            Self::Unanswered(error) => f.write_str(&unanswered(error, &REMEDIES)),
        }
    }
}

/// Nothing says which cluster is meant, to a command that can be told of these.
#[derive(Debug)]
pub struct Nowhere(pub Choice);

impl fmt::Display for Nowhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no cluster to work on: {}", self.0.name_one())
    }
}

impl Error for Nowhere {}

/// Whether there is no cluster: none is named, or nothing listens where it is to be.
pub fn is_of_no_cluster(error: &anyhow::Error) -> bool {
    error.is::<Nowhere>() || remedy(error) == Some(Remedy::Start)
}

/// What can be done about the certificate of an API server.
const REMEDIES: TlsRemedies = TlsRemedies {
    authority: "the kubeconfig is of another control plane, or of one that was made anew since: take the one that it has now",
    name: "reach it by a name that it has, or start it with --tls-san and this one",
    own: "take the kubeconfig that it has now",
};

/// The same where the kubeconfig says by which name its server is to be known.
const OF_SERVER_NAME: TlsRemedies = TlsRemedies {
    name: "that name is the tls-server-name of the cluster in the kubeconfig: take it out there, or write a name that the \
           certificate has",
    ..REMEDIES
};

/// Why no answer came.
fn unanswered(error: &kube::Error, remedies: &'static TlsRemedies) -> String {
    let fault = tls_fault(error).map(|fault| fault.with_remedies(remedies).to_string());
    let cause = fault.unwrap_or_else(|| innermost(error));
    match Sort::of(error) {
        Sort::Unreachable => format!("the cluster does not answer: {cause}"),
        Sort::Certificate => {
            format!("the certificates of the cluster and those that it is asked with do not fit: {cause}")
        }
        Sort::Stranger => format!("what answers is no Kubernetes API: {cause}"),
        Sort::Login => format!("no credentials for the cluster: {cause}"),
        Sort::Proxy => format!("the cluster is behind a proxy, through which cowherd reaches none: {error}"),
    }
}

impl Error for Fault {}

/// What keeps an answer from coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    /// Nothing listens there, or it cannot be reached from here.
    Unreachable,
    /// One side does not trust the certificate of the other.
    Certificate,
    /// Something else listens there.
    Stranger,
    /// What is to give credentials gives none.
    Login,
    /// There is a proxy between.
    Proxy,
}

impl Sort {
    fn of(error: &kube::Error) -> Self {
        match error {
            kube::Error::Auth(_) => Self::Login,
            kube::Error::ProxyProtocolDisabled { .. } | kube::Error::ProxyProtocolUnsupported { .. } => Self::Proxy,
            kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => Self::Stranger,
            other => Self::of_transport(&innermost(other)),
        }
    }

    /// What rustls and hyper say, who have no type for it that could be looked for.
    fn of_transport(cause: &str) -> Self {
        if cause.contains("certificate") || cause.contains("fatal alert") {
            Self::Certificate
        } else if cause.contains("corrupt message") || cause.contains("invalid HTTP") {
            Self::Stranger
        } else {
            Self::Unreachable
        }
    }
}

/// The cause of all causes.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}

/// The error of a request, as one that is about the cluster.
pub fn explain(error: kube::Error) -> anyhow::Error {
    match error {
        kube::Error::Api(status) => Fault::Refused(status).into(),
        error => Fault::Unanswered(Box::new(error)).into(),
    }
}

/// The error of who may not list some kinds, each by its name in paths with its group: all of them are told together. `None`
/// where there are none.
pub fn unseen(refused: Vec<(String, Box<Status>)>) -> Option<anyhow::Error> {
    let mut all = refused.into_iter();
    let (_, mut first) = all.next()?;
    let others: Vec<String> = all.map(|(name, _)| name).collect();
    if !others.is_empty() {
        first.message = format!("{}; so are {}", first.message, others.join(", "));
    }
    Some(Fault::Refused(first).into())
}

/// The error of who asked for what the cluster does not have.
pub fn missing(text: impl Into<String>) -> anyhow::Error {
    Fault::Missing(text.into()).into()
}

/// An error as it is told: of one that is about a cluster also which cluster that is, by what it was meant, and what to do.
pub fn told(error: &anyhow::Error, origin: impl FnOnce() -> Option<Origin>) -> String {
    let text = text(error);
    let Some((remedy, origin)) = remedy(error).and_then(|remedy| Some((remedy, origin()?))) else { return text };
    let (text, remedy) = match origin.outlived().filter(|_| refuses_the_login(error)) {
        Some(outlived) => (outlived, Remedy::Renew),
        None => match of_another_name(error).filter(|_| origin.says_a_server_name()) {
            Some(error) => (unanswered(error, &OF_SERVER_NAME), Remedy::Another),
            None => (text, remedy),
        },
    };
    [vec![text, origin.asked()], remedy.lines(&origin)].concat().join("\n  ")
}

/// The error, if it is that the certificate is for other names than the one by which the cluster is to be known.
fn of_another_name(error: &anyhow::Error) -> Option<&kube::Error> {
    let found =
        error.chain().find_map(|cause| match (cause.downcast_ref::<Fault>(), cause.downcast_ref::<kube::Error>()) {
            (Some(Fault::Unanswered(error)), _) => Some(error.as_ref()),
            (_, error) => error,
        });
    found.filter(|error| tls_fault(*error).is_some_and(|fault| fault.is_about_a_name()))
}

/// Whether the cluster does not accept what it is shown to log in.
fn refuses_the_login(error: &anyhow::Error) -> bool {
    let is_unknown = |status: &Status| status.code == 401;
    let is_refused = |error: &kube::Error| match error {
        kube::Error::Api(status) => is_unknown(status),
        error => innermost(error).contains("fatal alert"),
    };
    error.chain().any(|cause| match (cause.downcast_ref::<Fault>(), cause.downcast_ref::<kube::Error>()) {
        (Some(Fault::Refused(status)), _) => is_unknown(status),
        (Some(Fault::Unanswered(error)), _) => is_refused(error),
        (_, Some(error)) => is_refused(error),
        _ => false,
    })
}

/// The error with its causes. Of a watch it is enough to say what ended it.
fn text(error: &anyhow::Error) -> String {
    let is_of_a_watch = error.chain().any(|cause| cause.is::<watcher::Error>());
    match error.chain().find_map(|cause| cause.downcast_ref::<kube::Error>()) {
        Some(kube::Error::Api(status)) if is_of_a_watch => Fault::Refused(status.clone()).to_string(),
        Some(other) if is_of_a_watch => unanswered(other, &REMEDIES),
        _ => failure::text(error),
    }
}

/// What can be done about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Remedy {
    /// Somebody has to start it.
    Start,
    /// The kubeconfig is of an earlier cluster, or of none.
    TakeAgain,
    /// The kubeconfig is of this cluster, and too old.
    Renew,
    /// Somebody has to log in.
    LogIn,
    /// Somebody else has to give rights.
    Ask,
    /// The kubeconfig has to do without a proxy.
    NoProxy,
    /// It may be another cluster that is meant.
    Another,
}

fn remedy(error: &anyhow::Error) -> Option<Remedy> {
    let of_sort = |error: &kube::Error| match Sort::of(error) {
        Sort::Unreachable => Remedy::Start,
        Sort::Certificate | Sort::Stranger => Remedy::TakeAgain,
        Sort::Login => Remedy::LogIn,
        Sort::Proxy => Remedy::NoProxy,
    };
    let of_status = |status: &Status| match status.code {
        // The request makes no sense, whichever cluster gets it.
        400 | 422 => None,
        401 => Some(Remedy::TakeAgain),
        403 => Some(Remedy::Ask),
        _ => Some(Remedy::Another),
    };
    error.chain().find_map(|cause| match (cause.downcast_ref::<Fault>(), cause.downcast_ref::<kube::Error>()) {
        (Some(Fault::Missing(_)), _) => Some(Remedy::Another),
        (Some(Fault::Refused(status)), _) => of_status(status),
        (Some(Fault::Unanswered(error)), _) => Some(of_sort(error)),
        (None, Some(kube::Error::Api(status))) => of_status(status),
        (None, Some(error)) => Some(of_sort(error)),
        (None, None) => None,
    })
}

impl Remedy {
    /// What is said of it, a line for each thing that can be done.
    fn lines(self, origin: &Origin) -> Vec<String> {
        let own = match self {
            Self::Start => match origin.start() {
                Some(command) => Some(format!("to start it: {command}")),
                None => Some(format!(
                    "if it is one of cowherd's, start it where its data directory is: {}",
                    origin.choice().start()
                )),
            },
            Self::TakeAgain => Some(format!(
                "another one may listen there by now, or it has new certificates: take its kubeconfig again{}",
                origin.kubeconfig_of_plane()
            )),
            Self::Renew => Some(format!(
                "whoever has the cluster has a newer one: take its kubeconfig again{}",
                origin.kubeconfig_of_plane()
            )),
            Self::LogIn => Some("log in as that kubeconfig has it, and try again".to_owned()),
            Self::Ask => Some("whoever administers that cluster can give you the rights".to_owned()),
            Self::NoProxy => Some(
                "clusters are asked directly: take proxy-url out of that kubeconfig, or use a copy without it"
                    .to_owned(),
            ),
            Self::Another => None,
        };
        own.into_iter().chain(origin.another()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_an_answer_from_coming_is_told_by_what_the_libraries_say() {
        for (cause, sort) in [
            ("Connection refused (os error 111)", Sort::Unreachable),
            ("failed to lookup address information: Name or service not known", Sort::Unreachable),
            ("invalid peer certificate: UnknownIssuer", Sort::Certificate),
            ("received fatal alert: DecryptError", Sort::Certificate),
            ("received corrupt message of type InvalidContentType", Sort::Stranger),
            ("invalid HTTP version parsed", Sort::Stranger),
        ] {
            assert_eq!(Sort::of_transport(cause), sort, "{cause}");
        }
    }

    #[test]
    fn no_cluster_is_told_from_one_that_answers() {
        let refused = Status { code: 403, ..Status::default() };
        assert!(is_of_no_cluster(&Nowhere(Choice::All).into()));
        assert!(!is_of_no_cluster(&Fault::Refused(Box::new(refused)).into()));
        assert!(!is_of_no_cluster(&missing("nothing is there")));
        assert!(!is_of_no_cluster(&anyhow::anyhow!("another")));
    }

    #[test]
    fn kinds_that_may_not_be_seen_are_told_together() {
        let refused = |name: &str| {
            let status = Status::failure(&format!("{name} is forbidden: User \"jane\" cannot list"), "Forbidden");
            (name.to_owned(), Box::new(status.with_code(403)))
        };
        assert!(unseen(Vec::new()).is_none());
        let error = unseen(["a.example.com", "b.example.com", "c"].map(refused).to_vec()).unwrap();
        assert_eq!(error.to_string(), "a.example.com is forbidden: User \"jane\" cannot list; so are b.example.com, c");
        assert_eq!(remedy(&error.context("this is not all")), Some(Remedy::Ask));
    }

    #[test]
    fn what_is_about_no_cluster_is_told_as_it_is() {
        let error = anyhow::anyhow!("no such flag").context("cannot");
        assert_eq!(told(&error, || unreachable!("nobody asks which cluster")), "cannot: no such flag");
        assert_eq!(told(&missing("nothing is there").context("looked"), || None), "looked: nothing is there");
    }
}
