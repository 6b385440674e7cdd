//! Making certificates, and telling which are still good.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SerialNumber,
};
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{Authority, Identity, PkiError, certificate::Certificate, files, fitting};
use crate::identity::MASTERS;

/// How long the authority is valid.
const AUTHORITY_DAYS: i64 = 3650;
/// How long the other certificates are valid.
const DAYS: i64 = 365;
/// With less than this left, a certificate is made anew; but not the authority, with which all would become worthless that was
/// handed out.
const RENEW_DAYS: i64 = 60;
/// The name of the authority.
const AUTHORITY: &str = "cowherd-ca";

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(days.saturating_mul(24))
}

/// What lies in a directory of certificates.
pub struct Found {
    /// The certificate of the authority, in PEM.
    pub authority: String,
    /// What the server shows.
    pub server: Identity,
    /// What the admin shows.
    pub admin: Identity,
    /// Whether the authority was made just now.
    pub is_new: bool,
}

/// Opens what is good and makes what is missing. An authority is made only as `wanted` has it.
pub fn open(directory: &Path, names: &[String], wanted: Authority) -> Result<Found, PkiError> {
    let paths = |name: &str| paths(directory, name);
    let now = Timestamp::now();
    let (authority, is_new) = match known(directory, now, wanted)? {
        Some(known) => (known, false),
        None => (make_authority(paths("ca"), now)?, true),
    };
    let (_, key_path) = paths("ca");
    let key = KeyPair::from_pem(&authority.key)
        .map_err(|error| PkiError::Damaged { path: key_path, detail: error.to_string() })?;
    let issuer = Issuer::new(authority_params(now)?, key);
    let keep = |name: &str| -> Result<Option<Identity>, PkiError> {
        let kept = if is_new { None } else { read(paths(name), now)? };
        Ok(kept.filter(|kept| fitting::is_of(kept, &authority)))
    };

    // The names are kept beside the certificate: when they change, it is made anew.
    let listed = names.join("\n");
    let names_path = directory.join("server.names");
    let same_names = files::read(&names_path)?.as_deref() == Some(listed.as_str());
    let server = match keep("server")?.filter(|_| same_names) {
        Some(known) => known,
        None => {
            let params = server_params(names, now)?;
            let made = make(paths("server"), params, &issuer)?;
            files::write(&names_path, &listed)?;
            made
        }
    };
    let admin = match keep("admin")? {
        Some(known) => known,
        None => make(paths("admin"), admin_params(now)?, &issuer)?,
    };
    Ok(Found { authority: authority.certificate, server, admin, is_new })
}

/// Where a certificate and its key lie.
fn paths(directory: &Path, name: &str) -> (PathBuf, PathBuf) {
    (directory.join(format!("{name}.crt")), directory.join(format!("{name}.key")))
}

/// The authority that is there; `None` where one is to be made.
///
/// # Errors
/// When it is lost, and no other one may take its place.
fn known(directory: &Path, now: Timestamp, wanted: Authority) -> Result<Option<Identity>, PkiError> {
    let (certificate, key) = paths(directory, "ca");
    let is_there = |name: &str| paths(directory, name).0.exists();
    // A first start that was cut off leaves the key alone, which is written first, and nothing that was made with it.
    let is_known = wanted == Authority::Known || is_there("ca") || is_there("server") || is_there("admin");
    let (path, detail) = match (files::read(&certificate)?, files::read(&key)?) {
        (Some(pem), Some(key_pem)) => {
            let identity = Identity { certificate: pem, key: key_pem };
            match fitting::authority(&identity, now) {
                Ok(()) => return Ok(Some(identity)),
                Err(detail) => (certificate, detail),
            }
        }
        _ if !is_known => return Ok(None),
        (None, _) => (certificate, "there is no such file".to_owned()),
        (_, None) => (key, "there is no such file".to_owned()),
    };
    if wanted == Authority::Replaceable { Ok(None) } else { Err(PkiError::Lost { path, detail }) }
}

/// A certificate and its key, unless one of them is missing or the certificate expires soon.
fn read((certificate, key): (PathBuf, PathBuf), now: Timestamp) -> Result<Option<Identity>, PkiError> {
    let (Some(pem), Some(key)) = (files::read(&certificate)?, files::read(&key)?) else { return Ok(None) };
    let damaged = |detail: String| PkiError::Damaged { path: certificate.clone(), detail };
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| damaged(error.to_string()))?;
    let parsed = Certificate::parse(&der).map_err(|error| damaged(format!("no X.509 certificate: {error}")))?;
    let good = parsed.not_after.duration_since(now) > days(RENEW_DAYS);
    Ok(good.then_some(Identity { certificate: pem, key }))
}

fn params(
    name: &str,
    organization: Option<&str>,
    now: Timestamp,
    lifetime: i64,
) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    if let Some(organization) = organization {
        subject.push(DnType::OrganizationName, organization);
    }
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    // Clocks differ, and are set back: that is to lock nobody out.
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    let (year, month, day) = date(now.checked_add(days(lifetime)).unwrap_or(now));
    params.not_after = rcgen::date_time_ymd(year, month, day);
    let serial = crate::random::bytes::<16>().map_err(|error| PkiError::Tls(error.to_string()))?;
    params.serial_number = Some(SerialNumber::from_slice(&serial.map(|byte| byte & 0x7f)));
    Ok(params)
}

/// The year, month and day of a time.
fn date(time: Timestamp) -> (i32, u8, u8) {
    let zoned = time.to_zoned(jiff::tz::TimeZone::UTC);
    let part = |number: i8| u8::try_from(number).unwrap_or(1);
    (i32::from(zoned.year()), part(zoned.month()), part(zoned.day()))
}

fn authority_params(now: Timestamp) -> Result<CertificateParams, PkiError> {
    let mut params = params(AUTHORITY, None, now, AUTHORITY_DAYS)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn server_params(names: &[String], now: Timestamp) -> Result<CertificateParams, PkiError> {
    let mut params = params("kube-apiserver", None, now, DAYS)?;
    params.subject_alt_names = CertificateParams::new(names.to_vec())?.subject_alt_names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn admin_params(now: Timestamp) -> Result<CertificateParams, PkiError> {
    let mut params = params("kubernetes-admin", Some(MASTERS), now, DAYS)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn make_authority(paths: (PathBuf, PathBuf), now: Timestamp) -> Result<Identity, PkiError> {
    let key = KeyPair::generate()?;
    let certificate = authority_params(now)?.self_signed(&key)?;
    keep(paths, Identity { certificate: certificate.pem(), key: key.serialize_pem() })
}

fn make(
    paths: (PathBuf, PathBuf),
    params: CertificateParams,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<Identity, PkiError> {
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    keep(paths, Identity { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// Writes the key before the certificate: one without the other is made anew.
fn keep((certificate, key): (PathBuf, PathBuf), identity: Identity) -> Result<Identity, PkiError> {
    files::write(&key, &identity.key)?;
    files::write(&certificate, &identity.certificate)?;
    Ok(identity)
}
