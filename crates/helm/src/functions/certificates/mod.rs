//! Functions that make keys and certificates.

mod der;
mod dsa;
mod keys;
mod pem;

use std::any::Any;
use std::net::IpAddr;
use std::rc::Rc;

use cowherd_template::{Fault, Function, Object, Type, Value};
use ring::digest;
use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::{Decode, Encode, Tag};

use crate::functions::Context;
use crate::functions::call::arguments::{Call, Outcome, any, bytes, int, printed, string};
use crate::functions::call::limits::price;
use crate::functions::chance::random;
use crate::functions::dates::layout;
use crate::functions::dates::time::{Time, Zone};
use crate::functions::formats::encoding;
use keys::PrivateKey;

const CERTIFICATE: Type = Type::Object("sprig.certificate");

/// How many bits the keys of certificates have.
const CERTIFICATE_KEY: usize = 2048;

/// How many bits the keys have that are asked for alone.
const LONE_KEY: usize = 4096;

pub(super) fn functions<'c>() -> impl Iterator<Item = Function<Context<'c>>> {
    [
        Function::new("genPrivateKey", &[Type::String], private_key),
        Function::new("buildCustomCert", &[Type::String, Type::String], custom),
        Function::new("genCA", &[Type::String, Type::Int], |call, given| authority(call, given, None)),
        Function::new("genCAWithKey", &[Type::String, Type::Int, Type::String], |call, given| {
            authority(call, given, Some(2))
        }),
        Function::new("genSelfSignedCert", &[Type::String, Type::List, Type::List, Type::Int], |call, given| {
            self_signed(call, given, None)
        }),
        Function::new(
            "genSelfSignedCertWithKey",
            &[Type::String, Type::List, Type::List, Type::Int, Type::String],
            |call, given| self_signed(call, given, Some(4)),
        ),
        Function::new(
            "genSignedCert",
            &[Type::String, Type::List, Type::List, Type::Int, CERTIFICATE],
            |call, given| signed(call, given, None),
        ),
        Function::new(
            "genSignedCertWithKey",
            &[Type::String, Type::List, Type::List, Type::Int, CERTIFICATE, Type::String],
            |call, given| signed(call, given, Some(5)),
        ),
    ]
    .into_iter()
}

/// A certificate and its private key, both in PEM.
#[derive(Clone, PartialEq, Eq)]
struct Certificate {
    cert: String,
    key: String,
}

impl Object for Certificate {
    fn type_name(&self) -> &str {
        "sprig.certificate"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(Value::from(self.cert.as_str())),
            "Key" => Some(Value::from(self.key.as_str())),
            _ => None,
        }
    }

    fn print(&self) -> String {
        format!("{{{} {}}}", self.cert, self.key)
    }

    fn plain(&self) -> Option<Value> {
        let fields = [("Cert", &self.cert), ("Key", &self.key)];
        Some(Value::Map(fields.into_iter().map(|(name, text)| (name.into(), Value::from(text.as_str()))).collect()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn equals(&self, other: &Rc<dyn Object>) -> Option<bool> {
        Some(other.as_any().downcast_ref::<Self>().is_some_and(|other| other == self))
    }
}

fn private_key(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    let kind = string(arguments, 0);
    call.spend(if matches!(&*kind, "" | "rsa") { price::LARGE_KEY } else { price::SMALL })?;
    let random = call.context().random();
    let key = match &*kind {
        "" | "rsa" => PrivateKey::rsa(LONE_KEY, random)?,
        "ecdsa" => PrivateKey::p256(random),
        "ed25519" => PrivateKey::ed25519(random)?,
        "dsa" => return Ok(Value::from(pem::encode("DSA PRIVATE KEY", &dsa::generate(random)))),
        kind => return Ok(Value::from(format!("Unknown type {kind}"))),
    };
    Ok(Value::from(key.to_pem()?))
}

fn custom(call: &mut Call<'_, '_>, arguments: &[Value]) -> Outcome {
    call.spend(price::SMALL)?;
    let decode = |at: usize, what: &str| {
        let decoded = encoding::base64(bytes(arguments, at)).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        decoded.ok_or_else(|| format!("unable to decode base64 {what}"))
    };
    let (cert, key) = (decode(0, "certificate")?, decode(1, "private key")?);
    let block = pem::decode(&cert).ok_or("unable to decode certificate")?;
    parsed(&block.data).map_err(|why| format!("error parsing certificate: decodedCert.Bytes: {why}"))?;
    call.spend(PrivateKey::price(&key))?;
    let is_dsa = pem::decode(&key).is_some_and(|block| block.label == "DSA PRIVATE KEY");
    if !is_dsa {
        PrivateKey::parse(&key).map_err(|why| format!("error parsing private key: {why}"))?;
    }
    Ok(Value::Object(Rc::new(Certificate { cert, key })))
}

fn parsed(data: &[u8]) -> Result<CertificateInner<Raw>, String> {
    CertificateInner::from_der(data).map_err(|error| format!("x509: malformed certificate: {error}"))
}

/// The key at a place of the arguments, or a new one.
fn key(call: &mut Call<'_, '_>, arguments: &[Value], at: Option<usize>) -> Result<PrivateKey, Fault> {
    Ok(match at {
        Some(at) => {
            let text = string(arguments, at);
            // It is read, and signs once, at the least.
            call.spend(2 * PrivateKey::price(&text))?;
            PrivateKey::parse(&text).map_err(|why| format!("parsing private key: {why}"))?
        }
        None => {
            call.spend(price::SMALL + price::KEY)?;
            PrivateKey::rsa(CERTIFICATE_KEY, call.context().random())
                .map_err(|why| format!("error generating rsa key: {why}"))?
        }
    })
}

fn authority(call: &mut Call<'_, '_>, arguments: &[Value], given_key: Option<usize>) -> Outcome {
    let key = key(call, arguments, given_key)?;
    let subject = Subject { is_authority: true, ..Subject::new(arguments, int(arguments, 1)) };
    subject.certificate(call, &key, None)
}

fn self_signed(call: &mut Call<'_, '_>, arguments: &[Value], given_key: Option<usize>) -> Outcome {
    let key = key(call, arguments, given_key)?;
    Subject::named(arguments)?.certificate(call, &key, None)
}

fn signed(call: &mut Call<'_, '_>, arguments: &[Value], given_key: Option<usize>) -> Outcome {
    let authority = match any(arguments, 4) {
        Value::Object(object) => object.as_any().downcast_ref::<Certificate>().cloned(),
        _ => None,
    };
    let authority = authority.ok_or("unable to decode certificate")?;
    let key = key(call, arguments, given_key)?;
    // The key of the authority is read, too, and signs.
    call.spend(PrivateKey::price(&authority.key))?;
    let block = pem::decode(&authority.cert).ok_or("unable to decode certificate")?;
    let certificate =
        parsed(&block.data).map_err(|why| format!("error parsing certificate: decodedSignerCert.Bytes: {why}"))?;
    let signer = PrivateKey::parse(&authority.key).map_err(|why| format!("error parsing private key: {why}"))?;
    let subject = Subject::named(arguments)?;
    subject.certificate(call, &key, Some(&Issuer::new(&certificate, signer)?))
}

/// Who signs a certificate.
struct Issuer {
    name: Vec<u8>,
    key_id: Option<Vec<u8>>,
    key: PrivateKey,
}

impl Issuer {
    fn new(certificate: &CertificateInner<Raw>, key: PrivateKey) -> Result<Self, String> {
        let broken = |error: x509_cert::der::Error| format!("error creating certificate: {error}");
        let contents = certificate.tbs_certificate();
        if contents.subject_public_key_info().to_der().map_err(broken)? != key.public_info()? {
            return Err("error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey".into());
        }
        let extensions = contents.extensions().map(Vec::as_slice).unwrap_or_default();
        let key_id = extensions.iter().find(|extension| extension.extn_id.as_bytes() == SUBJECT_KEY_ID);
        let key_id = key_id.and_then(|extension| der::read_as(extension.extn_value.as_bytes(), Tag::OctetString));
        let key_id = key_id.map(|(id, _)| id.to_vec()).filter(|id| !id.is_empty());
        Ok(Self { name: contents.subject().to_der().map_err(broken)?, key_id, key })
    }
}

/// Object identifiers, as their bytes.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SERVER_AUTHENTICATION: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT_AUTHENTICATION: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// Whom a certificate is for.
struct Subject {
    common_name: String,
    ips: Vec<IpAddr>,
    dns_names: Vec<String>,
    days: i64,
    is_authority: bool,
}

impl Subject {
    fn new(arguments: &[Value], days: i64) -> Self {
        let common_name = string(arguments, 0).into_owned();
        Self { common_name, ips: Vec::new(), dns_names: Vec::new(), days, is_authority: false }
    }

    /// One with addresses and names of its own.
    fn named(arguments: &[Value]) -> Result<Self, Fault> {
        let items = |at: usize| match any(arguments, at) {
            Value::List(list) => list.to_vec(),
            _ => Vec::new(),
        };
        let mut subject = Self::new(arguments, int(arguments, 3));
        for ip in items(1) {
            let Some(text) = ip.as_text() else {
                return Err(format!("error parsing ip: {} is not a string", printed(&ip)?.to_str()).into());
            };
            let text = text.to_str();
            subject.ips.push(text.parse().map_err(|_| format!("error parsing ip: {text}"))?);
        }
        for name in items(2) {
            let Some(text) = name.as_text() else {
                let shown = printed(&name)?;
                return Err(format!("error processing alternate dns name: {} is not a string", shown.to_str()).into());
            };
            if !text.as_bytes().is_ascii() {
                let quoted = cowherd_template::format::quote(text.as_bytes());
                let why = format!("x509: {quoted} cannot be encoded as an IA5String");
                return Err(format!("error creating certificate: {why}").into());
            }
            subject.dns_names.push(text.to_str().into_owned());
        }
        Ok(subject)
    }

    /// The certificate for `key`, signed by the issuer, or by itself.
    fn certificate(&self, call: &mut Call<'_, '_>, key: &PrivateKey, issuer: Option<&Issuer>) -> Outcome {
        let serial = random::bytes::<16>(call.context().random());
        let now = Time::new(call.context().now(), Zone::Utc);
        let until = now.add_seconds(self.days.saturating_mul(86_400));
        let signer = issuer.map_or(key, |issuer| &issuer.key);
        let subject = self.name();
        let contents = der::sequence([
            der::value(der::context(0), der::integer(&[2])),
            der::integer(&serial),
            signer.signature_algorithm(),
            issuer.map_or_else(|| subject.clone(), |issuer| issuer.name.clone()),
            der::sequence([time(&now)?, time(&until)?]),
            subject.clone(),
            key.public_info()?,
            der::value(der::context(3), der::sequence(self.extensions(key, issuer, &subject)?)),
        ]);
        let signature = der::bit_string(&signer.sign(&contents)?);
        let whole = der::sequence([contents, signer.signature_algorithm(), signature]);
        Ok(Value::Object(Rc::new(Certificate { cert: pem::encode("CERTIFICATE", &whole), key: key.to_pem()? })))
    }

    fn name(&self) -> Vec<u8> {
        if self.common_name.is_empty() {
            return der::sequence([]);
        }
        let is_printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?*&".contains(c);
        let is_printable = self.common_name.chars().all(is_printable);
        let kind = if is_printable { Tag::PrintableString } else { Tag::Utf8String };
        let attribute =
            der::sequence([der::value(Tag::ObjectIdentifier, COMMON_NAME), der::value(kind, &self.common_name)]);
        der::sequence([der::value(Tag::Set, attribute)])
    }

    fn extensions(&self, key: &PrivateKey, issuer: Option<&Issuer>, subject: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        // Digital signature and key encipherment, and for authorities the signing of certificates.
        let usage = if self.is_authority { [2, 0xa4] } else { [5, 0xa0] };
        let constraints = if self.is_authority { vec![der::value(Tag::Boolean, [0xff])] } else { Vec::new() };
        let purposes = [SERVER_AUTHENTICATION, CLIENT_AUTHENTICATION].map(|oid| der::value(Tag::ObjectIdentifier, oid));
        let mut extensions = vec![
            extension(KEY_USAGE, true, &der::value(Tag::BitString, usage)),
            extension(EXTENDED_KEY_USAGE, false, &der::sequence(purposes)),
            extension(BASIC_CONSTRAINTS, true, &der::sequence(constraints)),
        ];
        if self.is_authority {
            let id = digest::digest(&digest::SHA256, &key.public_bits()?);
            let id = id.as_ref().get(..20).unwrap_or_default();
            extensions.push(extension(SUBJECT_KEY_ID, false, &der::value(Tag::OctetString, id)));
        }
        if let Some(issuer) = issuer
            && issuer.name != subject
            && let Some(id) = &issuer.key_id
        {
            extensions.push(extension(AUTHORITY_KEY_ID, false, &der::sequence([der::value(der::implicit(0), id)])));
        }
        let names = self.alternative_names();
        if !names.is_empty() {
            extensions.push(extension(ALTERNATIVE_NAMES, self.common_name.is_empty(), &der::sequence(names)));
        }
        Ok(extensions)
    }

    fn alternative_names(&self) -> Vec<Vec<u8>> {
        let dns_names = self.dns_names.iter().map(|name| der::value(der::implicit(2), name));
        let ips = self.ips.iter().map(|ip| match ip.to_canonical() {
            IpAddr::V4(ip) => der::value(der::implicit(7), ip.octets()),
            IpAddr::V6(ip) => der::value(der::implicit(7), ip.octets()),
        });
        dns_names.chain(ips).collect()
    }
}

fn extension(oid: &[u8], is_critical: bool, content: &[u8]) -> Vec<u8> {
    let critical = if is_critical { der::value(Tag::Boolean, [0xff]) } else { Vec::new() };
    der::sequence([der::value(Tag::ObjectIdentifier, oid), critical, der::value(Tag::OctetString, content)])
}

/// A time as certificates have it: with two digits for the year up to 2049.
fn time(time: &Time) -> Result<Vec<u8>, String> {
    match time.civil().year {
        1950..2050 => Ok(der::value(Tag::UtcTime, layout::format(time, "060102150405Z"))),
        0..=9999 => Ok(der::value(Tag::GeneralizedTime, layout::format(time, "20060102150405Z"))),
        _ => Err("error creating certificate: cannot represent time as GeneralizedTime".into()),
    }
}

#[cfg(test)]
mod tests {
    use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

    use super::*;
    use crate::functions::chance::random::Seeded;

    fn contents_and_signature(pem: &str) -> (Vec<u8>, Vec<u8>) {
        let data = pem::decode(pem).unwrap().data;
        let certificate = parsed(&data).unwrap();
        let contents = certificate.tbs_certificate().to_der().unwrap();
        (contents, certificate.signature().raw_bytes().to_vec())
    }

    #[test]
    fn certificates_are_signed_by_the_key_of_their_authority() {
        let mut random = Seeded::new(b"seed");
        let algorithms: [&dyn VerificationAlgorithm; 2] = [&signature::ECDSA_P256_SHA256_ASN1, &signature::ED25519];
        let keys = [PrivateKey::p256(&mut random), PrivateKey::ed25519(&mut random).unwrap()];
        for (key, algorithm) in keys.into_iter().zip(algorithms) {
            let public = key.public_bits().unwrap();
            let template = format!(
                "{{{{ $ca := genCAWithKey \"authority\" 10 {:?} }}}}{{{{ $ca.Cert }}}}{{{{ (genSignedCertWithKey \
                 \"name\" (list \"10.0.0.1\" \"::1\") (list \"a.b\") 5 $ca (genPrivateKey \"ecdsa\")).Cert }}}}",
                key.to_pem().unwrap()
            );
            let written = executed(&template);
            let certificates: Vec<&str> = written.split_inclusive("-----END CERTIFICATE-----\n").collect();
            assert_eq!(certificates.len(), 2);
            for certificate in certificates {
                let (contents, signature) = contents_and_signature(certificate);
                UnparsedPublicKey::new(algorithm, &public).verify(&contents, &signature).unwrap();
            }
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let mut random = Seeded::new(b"seed");
        for key in [PrivateKey::p256(&mut random), PrivateKey::ed25519(&mut random).unwrap()] {
            let text = key.to_pem().unwrap();
            assert_eq!(PrivateKey::parse(&text).unwrap().to_pem().unwrap(), text);
        }
        assert!(PrivateKey::parse("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n").is_err());
    }

    fn executed(template: &str) -> String {
        let functions = cowherd_template::Functions::new(crate::functions::functions());
        let mut templates = cowherd_template::Templates::new("test");
        templates.add("test", template, &functions).unwrap();
        let time = "2026-01-02T03:04:05Z".parse().unwrap();
        let mut context = Context::seeded(time, b"seed");
        let mut execution = cowherd_template::Execution::new(&functions, std::sync::Arc::new(templates), &mut context);
        execution.execute("test", &Value::Nil).unwrap().to_str().into_owned()
    }
}
