//! Whether a certificate is of an authority that is trusted, and signs code.

use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

use super::Certificate;
use crate::Refusal;
use crate::root::Period;

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const ALTERNATIVE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const NAME_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.30");
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
const ANY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// What is understood of what must be understood.
const UNDERSTOOD: [ObjectIdentifier; 4] = [BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, ALTERNATIVE_NAME];

/// An authority that gives certificates to those who sign.
#[derive(Clone, Debug)]
pub(crate) struct Authority {
    /// Its certificates, the last one of which is trusted.
    pub(crate) certificates: Vec<Certificate>,
    /// When it gave some.
    pub(crate) period: Period,
}

impl Authority {
    /// The certificate whose key signed `leaf`, which leads to the authority as it was at a time.
    fn issuer(&self, leaf: &Certificate, time: i64) -> Option<&Certificate> {
        let mut issuers = self.certificates.iter().filter(|_| self.period.contains(time));
        issuers.find(|issuer| leaf.is_signed_by(issuer) && self.leads_to_root(issuer, time, 0))
    }

    /// Whether a certificate may sign others, with `below` more of them in between, and leads to the one that is trusted.
    fn leads_to_root(&self, certificate: &Certificate, time: i64, below: usize) -> bool {
        if below >= self.certificates.len() || !certificate.may_sign_others(below) || !certificate.is_valid_at(time) {
            return false;
        }
        let is_root = self.certificates.last().is_some_and(|root| root.der == certificate.der);
        let leads =
            |issuer: &Certificate| certificate.is_signed_by(issuer) && self.leads_to_root(issuer, time, below + 1);
        is_root || self.certificates.iter().any(leads)
    }
}

/// The issuer of a certificate that signs code, by the authorities as they were at the time of the signature.
pub(crate) fn verify<'a>(
    leaf: &Certificate,
    authorities: &'a [Authority],
    time: i64,
) -> Result<&'a Certificate, Refusal> {
    if !leaf.is_valid_at(time) {
        return Err(Refusal::OutOfTime { not_before: leaf.not_before, not_after: leaf.not_after, time });
    }
    if !leaf.signs_code() {
        return Err(Refusal::NotForCode);
    }
    if !leaf.is_understood() {
        return Err(Refusal::CertificateNotUnderstood);
    }
    authorities.iter().find_map(|authority| authority.issuer(leaf, time)).ok_or(Refusal::UnknownAuthority)
}

impl Certificate {
    /// Whether it says of itself that it is for code.
    fn signs_code(&self) -> bool {
        let usage = self.extension::<ExtendedKeyUsage>(EXTENDED_KEY_USAGE);
        usage.is_ok_and(|usage| usage.is_some_and(|usage| usage.0.contains(&CODE_SIGNING)))
    }

    /// Whether everything is understood that must be.
    fn is_understood(&self) -> bool {
        self.extensions.iter().all(|extension| !extension.critical || UNDERSTOOD.contains(&extension.extn_id))
    }

    /// Whether it may sign certificates of those who sign code, with `below` more in between.
    fn may_sign_others(&self, below: usize) -> bool {
        let Ok(Some(constraints)) = self.extension::<BasicConstraints>(BASIC_CONSTRAINTS) else { return false };
        let fits = constraints.path_len_constraint.is_none_or(|most| below <= usize::from(most));
        let may_sign = match self.extension::<KeyUsage>(KEY_USAGE) {
            Ok(usage) => usage.is_none_or(|usage| usage.key_cert_sign()),
            Err(()) => false,
        };
        let is_for_code = match self.extension::<ExtendedKeyUsage>(EXTENDED_KEY_USAGE) {
            Ok(usage) => usage.is_none_or(|usage| usage.0.iter().any(|id| [CODE_SIGNING, ANY_USAGE].contains(id))),
            Err(()) => false,
        };
        // Constraints on names are not looked at: who has some is not taken for somebody without.
        let is_free = self.value(NAME_CONSTRAINTS).is_none();
        constraints.ca && fits && may_sign && is_for_code && is_free && self.is_understood()
    }
}
