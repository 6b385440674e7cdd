//! Why another cluster gave no answer, in one sentence.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use cowherd_source::{TlsRemedies, tls_fault};
use tower::BoxError;

use super::connector::ConnectError;
use crate::occasion::line;

/// What can be done about certificates, of who names a cluster by a kubeconfig.
const REMEDIES: TlsRemedies = TlsRemedies {
    authority: "if that is right, give the certificate of its authority: certificate-authority-data of the kubeconfig, or ca.crt of \
                the ConfigMap",
    name: "use a name that it has, give the server a certificate for this one, or say the name in tls-server-name",
    own: "give one that it accepts: client-certificate-data and client-key-data of the kubeconfig",
};

/// What is said of a server that is something else.
pub(super) const NO_API: &str = "what answers there is no Kubernetes API; check the address";
/// How much of what a cluster says is said, in characters: it may be any text.
const LONGEST: usize = 300;
/// How many causes are looked through.
const DEEPEST: usize = 16;

/// Why there was no answer.
#[derive(Debug)]
pub(super) struct Fault(String);

impl Fault {
    pub(super) fn slow(limit: Duration) -> Self {
        Self(format!("it did not answer within {}s", limit.as_secs()))
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self(format!("its answer is larger than {} MiB", limit / 1024 / 1024))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Fault {}

/// What is to be said of an error of a connection.
pub(super) fn of(error: BoxError) -> Fault {
    let error: &(dyn Error + 'static) = &*error;
    if let Some(fault) = tls_fault(error) {
        return Fault(fault.with_remedies(&REMEDIES).to_string());
    }
    let causes = causes(error);
    let own = causes.iter().find_map(|cause| {
        cause
            .downcast_ref::<ConnectError>()
            .map(ToString::to_string)
            .or_else(|| cause.downcast_ref::<Fault>().map(ToString::to_string))
    });
    Fault(own.unwrap_or_else(|| causes.last().map(ToString::to_string).unwrap_or_default()))
}

/// What is to be said of what a client gives.
pub(super) fn told(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("it answered: {}", line(&status.message, LONGEST)),
        kube::Error::SerdeError(_) => NO_API.to_owned(),
        other => {
            let own = causes(other).iter().find_map(|cause| cause.downcast_ref::<Fault>()).map(ToString::to_string);
            own.unwrap_or_else(|| other.to_string())
        }
    }
}

/// An error and what caused it, the outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let (mut all, mut next) = (Vec::new(), Some(error));
    while let Some(error) = next.filter(|_| all.len() < DEEPEST) {
        all.push(error);
        next = error.source();
    }
    all
}
