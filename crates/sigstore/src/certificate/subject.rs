//! Who a certificate is of, and who vouched for them.

use x509_cert::der::asn1::{ObjectIdentifier, Utf8StringRef};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use super::Certificate;
use crate::{Refusal, Signer};

const ALTERNATIVE_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// Fulcio's: who vouched, as bare text and as it should have been from the beginning.
const ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
const ISSUER_IN_DER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");

/// Fulcio's: a name that is neither an address nor a URI.
const OTHER_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.7");

/// The most names that a certificate may have.
const MAX_NAMES: usize = 32;

impl Certificate {
    /// Who it is of.
    pub(crate) fn signer(&self) -> Result<Signer, Refusal> {
        let names = self.extension::<SubjectAltName>(ALTERNATIVE_NAME).map_err(|()| Refusal::NoName)?;
        let names = names.ok_or(Refusal::NoName)?.0;
        if names.len() > MAX_NAMES {
            return Err(Refusal::NoName);
        }
        let subjects: Vec<String> = names.iter().filter_map(name).filter(|name| !name.is_empty()).collect();
        if subjects.is_empty() {
            return Err(Refusal::NoName);
        }
        Ok(Signer { issuer: self.voucher()?, subjects })
    }

    /// Who vouched, which the two extensions say alike.
    fn voucher(&self) -> Result<String, Refusal> {
        let bare = self.value(ISSUER).map(|bytes| String::from_utf8(bytes.to_vec()).map_err(|_| Refusal::NoIssuer));
        let in_der = self.extension::<Utf8StringRef<'_>>(ISSUER_IN_DER).map_err(|()| Refusal::NoIssuer)?;
        match (bare.transpose()?, in_der) {
            (Some(bare), Some(in_der)) if bare != in_der.as_str() => Err(Refusal::NoIssuer),
            (_, Some(in_der)) => Ok(in_der.as_str().to_owned()),
            (Some(bare), None) => Ok(bare),
            (None, None) => Ok(String::new()),
        }
    }
}

/// A name as it is compared.
fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::Rfc822Name(name) | GeneralName::DnsName(name) | GeneralName::UniformResourceIdentifier(name) => {
            Some(name.as_str().to_owned())
        }
        GeneralName::OtherName(other) if other.type_id == OTHER_NAME => {
            Utf8StringRef::try_from(&other.value).ok().map(|name| name.as_str().to_owned())
        }
        _ => None,
    }
}
