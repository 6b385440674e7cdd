//! Whether a certificate is of an authority that is trusted, and signs code.

use std::collections::HashSet;
use std::sync::OnceLock;

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
    /// By which of the certificates each of them is signed, found out once.
    signed_by: OnceLock<Vec<Vec<usize>>>,
}

impl Authority {
    /// One with these certificates, the last one of which is trusted.
    pub(crate) fn new(certificates: Vec<Certificate>, period: Period) -> Self {
        Self { certificates, period, signed_by: OnceLock::new() }
    }

    /// The certificate whose key signed `leaf`, which leads to the authority as it was at a time.
    fn issuer(&self, leaf: &Certificate, time: i64) -> Option<&Certificate> {
        let mut tried = HashSet::new();
        let mut issuers = self.certificates.iter().enumerate().filter(|_| self.period.contains(time));
        let found =
            issuers.find(|(at, issuer)| leaf.is_signed_by(issuer) && self.leads_to_root(*at, time, 0, &mut tried));
        found.map(|(_, issuer)| issuer)
    }

    /// Whether the certificate at a place may sign others, with `below` more of them in between, and leads to the one that is trusted.
    /// What was tried before led nowhere: certificates that sign each other make ways without number.
    fn leads_to_root(&self, at: usize, time: i64, below: usize, tried: &mut HashSet<(usize, usize)>) -> bool {
        let Some(certificate) = self.certificates.get(at) else { return false };
        if below >= self.certificates.len() || !tried.insert((at, below)) {
            return false;
        }
        if !certificate.may_sign_others(below) || !certificate.is_valid_at(time) {
            return false;
        }
        let is_root = self.certificates.last().is_some_and(|root| root.der == certificate.der);
        let signed_by = self.signed_by.get_or_init(|| self.find_signers());
        let mut issuers = signed_by.get(at).into_iter().flatten();
        is_root || issuers.any(|issuer| self.leads_to_root(*issuer, time, below + 1, tried))
    }

    /// By which of the certificates each of them is signed.
    fn find_signers(&self) -> Vec<Vec<usize>> {
        let signers = |certificate: &Certificate| {
            let all = self.certificates.iter().enumerate();
            all.filter(|(_, issuer)| certificate.is_signed_by(issuer)).map(|(at, _)| at).collect()
        };
        self.certificates.iter().map(signers).collect()
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

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints as Constraints, CertificateParams, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd};

    use super::*;

    /// When all of them count.
    const TIME: i64 = 1_700_000_000;

    /// A certificate that a key signs for itself, and may sign others with.
    fn own(key: &KeyPair) -> Certificate {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(Constraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2040, 1, 1));
        Certificate::read(params.self_signed(key).unwrap().der()).unwrap()
    }

    #[test]
    fn certificates_that_sign_each_other_lead_to_the_root_or_soon_to_nothing() {
        let (one, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut certificates: Vec<Certificate> = (0..7).map(|_| own(&one)).collect();
        certificates.push(own(&other));
        let authority = Authority::new(certificates.clone(), Period::default());
        let leaf = own(&one);
        assert!(
            authority.issuer(&leaf, TIME).is_none(),
            "each of seven is signed by each of them, and none by the last"
        );
        assert!(authority.issuer(&own(&other), TIME).is_some());
        certificates.pop();
        let authority = Authority::new(certificates, Period::default());
        assert!(authority.issuer(&leaf, TIME).is_some());
        assert!(authority.issuer(&leaf, 1_500_000_000).is_none(), "they did not count yet");
    }
}
