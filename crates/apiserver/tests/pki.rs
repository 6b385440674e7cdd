//! The certificates of a control plane.

#![allow(clippy::unwrap_used)]

mod support;

use std::{collections::BTreeMap, fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path};

use cowherd_apiserver::ServiceNetwork;
use cowherd_apiserver::pki::{Names, Pki, PkiError};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

const LISTEN: &str = "127.0.0.1:6443";

fn names(listen: &str) -> Names {
    Names::new(listen.parse::<SocketAddr>().unwrap(), ServiceNetwork::default())
}

fn open(directory: &Path, listen: &str) -> Pki {
    Pki::open(directory, names(listen)).unwrap()
}

/// Every file of the directory with its text.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())).collect()
}

#[test]
fn certificates_are_made_once_and_only_their_owner_may_read_them() {
    let directory = tempfile::tempdir().unwrap();
    let pki = directory.path().join("pki");
    open(&pki, LISTEN);
    let first = files(&pki);
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_eq!(names, ["admin.crt", "admin.key", "ca.crt", "ca.key", "server.crt", "server.key", "server.names"]);
    open(&pki, LISTEN);
    assert_eq!(files(&pki), first);
    assert_eq!(fs::metadata(&pki).unwrap().permissions().mode() & 0o777, 0o700);
    for name in names {
        assert_eq!(fs::metadata(pki.join(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn the_kubeconfig_is_for_its_owner_alone_even_where_another_one_stood() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kubeconfig");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    open(&directory.path().join("pki"), LISTEN).kubeconfig("cowherd", "https://127.0.0.1:6443").write(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read_to_string(&path).unwrap().contains("server: https://127.0.0.1:6443"));
    // Nothing is left of the draft.
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn another_address_gets_another_certificate_of_the_same_authority() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path(), LISTEN);
    let first = files(directory.path());
    open(directory.path(), "10.1.2.3:6443");
    let second = files(directory.path());
    assert_ne!(first["server.crt"], second["server.crt"]);
    assert_eq!((&first["ca.crt"], &first["admin.crt"]), (&second["ca.crt"], &second["admin.crt"]));
    assert!(second["server.names"].lines().any(|name| name == "10.1.2.3"));
}

#[test]
fn a_certificate_that_expires_soon_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path(), LISTEN);
    let before = files(directory.path());
    let mut params = rcgen::CertificateParams::default();
    let soon = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_hours(24 * 30)).unwrap();
    let soon = soon.to_zoned(jiff::tz::TimeZone::UTC);
    params.not_after = rcgen::date_time_ymd(soon.year().into(), soon.month().unsigned_abs(), soon.day().unsigned_abs());
    let key = rcgen::KeyPair::generate().unwrap();
    fs::write(directory.path().join("admin.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(directory.path().join("admin.key"), key.serialize_pem()).unwrap();
    open(directory.path(), LISTEN);
    let after = files(directory.path());
    assert_ne!(before["admin.crt"], after["admin.crt"]);
    assert_eq!(before["server.crt"], after["server.crt"]);
}

#[test]
fn a_clock_that_is_set_back_locks_nobody_out() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path(), LISTEN);
    for name in ["ca.crt", "server.crt", "admin.crt"] {
        let pem = fs::read_to_string(directory.path().join(name)).unwrap();
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let parsed = <x509_cert::Certificate as x509_cert::der::Decode>::from_der(&der).unwrap();
        let begins = parsed.tbs_certificate().validity().not_before.to_unix_duration().as_secs();
        assert!(begins <= 1_600_000_000, "{name} is good from {begins} on");
    }
}

#[test]
fn all_names_in_a_kubeconfig_are_the_clusters() {
    let directory = tempfile::tempdir().unwrap();
    let document = open(directory.path(), LISTEN).kubeconfig("prod", "https://127.0.0.1:6443").to_value();
    assert_eq!((&document["current-context"], &document["contexts"][0]["name"]), (&"prod".into(), &"prod".into()));
    assert_eq!(document["clusters"][0]["name"], "prod");
    assert_eq!(document["users"][0]["name"], "prod-admin");
    let context = serde_json::json!({ "cluster": "prod", "user": "prod-admin" });
    assert_eq!(document["contexts"][0]["context"], context);
}

#[test]
fn certificates_are_renewed_when_another_process_would_make_them() {
    let directory = tempfile::tempdir().unwrap();
    let mut pki = open(directory.path(), LISTEN);
    assert!(!pki.renew().unwrap());
    let first = files(directory.path());
    fs::write(directory.path().join("server.names"), "another address").unwrap();
    assert!(pki.renew().unwrap());
    assert_ne!(files(directory.path())["server.crt"], first["server.crt"]);
    assert!(!pki.renew().unwrap());
    fs::remove_file(directory.path().join("ca.crt")).unwrap();
    assert!(pki.renew().unwrap_err().to_string().contains("start again"));
}

#[test]
fn a_damaged_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path(), LISTEN);
    fs::write(directory.path().join("ca.crt"), "nonsense").unwrap();
    let error = Pki::open(directory.path(), names(LISTEN)).unwrap_err();
    assert!(matches!(&error, PkiError::Damaged { path, .. } if path.ends_with("ca.crt")), "{error}");
    assert!(error.to_string().ends_with("remove the file to have it made again"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_opens_nothing() {
    let served = support::Served::start().await;
    let other = tempfile::tempdir().unwrap();
    open(other.path(), LISTEN);
    let read = |name: &str| fs::read(other.path().join(name)).unwrap();
    let certificate = CertificateDer::from_pem_slice(&read("admin.crt")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&read("admin.key")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(served.pki.authority().as_bytes()).unwrap()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], key)
        .unwrap();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let stream = tokio::net::TcpStream::connect(served.address).await.unwrap();
    let mut answer = Vec::new();
    // TLS 1.3 lets the client finish before the server has looked at its certificate: the refusal comes with the read.
    if let Ok(mut stream) = connector.connect("localhost".try_into().unwrap(), stream).await {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let _ = stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        let _ = stream.read_to_end(&mut answer).await;
    }
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
}
