//! The certificates of a control plane.

use std::{collections::BTreeMap, fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path};

use cowherd_apiserver::ServiceNetwork;
use cowherd_apiserver::pki::{Authority, Names, Pki, PkiError};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

const LISTEN: &str = "127.0.0.1:6443";

fn names(listen: &str) -> Names {
    Names::new(listen.parse::<SocketAddr>().unwrap(), ServiceNetwork::default())
}

fn open(directory: &Path, listen: &str) -> Pki {
    Pki::open(directory, names(listen), Authority::Unknown).unwrap()
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
    sign(directory.path(), "admin", params);
    open(directory.path(), LISTEN);
    let after = files(directory.path());
    assert_ne!(before["admin.crt"], after["admin.crt"]);
    assert_eq!(before["server.crt"], after["server.crt"]);
}

/// A certificate of a directory as it is read.
fn read(directory: &Path, name: &str) -> x509_cert::Certificate {
    let pem = fs::read_to_string(directory.join(name)).unwrap();
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    <x509_cert::Certificate as x509_cert::der::Decode>::from_der(&der).unwrap()
}

#[test]
fn a_certificate_says_who_it_is_for_and_for_how_long() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path(), LISTEN);
    let mut serials = std::collections::BTreeSet::new();
    for (name, subject, days) in [
        ("ca.crt", "CN=cowherd-ca", 3650),
        ("server.crt", "CN=kube-apiserver", 365),
        ("admin.crt", "CN=kubernetes-admin,O=system:masters", 365),
    ] {
        let certificate = read(directory.path(), name);
        let certificate = certificate.tbs_certificate();
        assert_eq!(certificate.subject().to_string(), subject, "{name}");
        let ends = certificate.validity().not_after.to_unix_duration().as_secs() as i64;
        let left = ends - jiff::Timestamp::now().as_second();
        // It ends with the day before: certificates are dated by days.
        assert!((left - days * 86_400).abs() <= 86_400, "{name} is good for {left} s");
        let serial = certificate.serial_number().as_bytes();
        // It is a positive number that nobody guesses.
        assert!((15..=16).contains(&serial.len()) && serial[0] < 0x80, "{serial:?}");
        assert!(serials.insert(serial.to_vec()));
    }
    let use_of = |name: &str| {
        use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage};
        let certificate = read(directory.path(), name);
        let certificate = certificate.tbs_certificate();
        let is_authority =
            certificate.get_extension::<BasicConstraints>().unwrap().is_some_and(|(_, constraints)| constraints.ca);
        let uses = certificate.get_extension::<ExtendedKeyUsage>().unwrap().map(|(_, uses)| uses.0);
        (is_authority, uses.into_iter().flatten().map(|oid| oid.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(use_of("ca.crt"), (true, vec![]));
    assert_eq!(use_of("server.crt"), (false, vec!["1.3.6.1.5.5.7.3.1".to_owned()]));
    assert_eq!(use_of("admin.crt"), (false, vec!["1.3.6.1.5.5.7.3.2".to_owned()]));
}

#[test]
fn a_certificate_is_kept_until_less_than_sixty_days_are_left() {
    for (days, is_kept) in [(62, true), (59, false)] {
        let directory = tempfile::tempdir().unwrap();
        open(directory.path(), LISTEN);
        let mut params = rcgen::CertificateParams::default();
        let ends = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_hours(24 * days)).unwrap();
        let ends = ends.to_zoned(jiff::tz::TimeZone::UTC);
        params.not_after =
            rcgen::date_time_ymd(ends.year().into(), ends.month().unsigned_abs(), ends.day().unsigned_abs());
        sign(directory.path(), "admin", params);
        let before = files(directory.path());
        let mut pki = open(directory.path(), LISTEN);
        assert_eq!(files(directory.path())["admin.crt"] == before["admin.crt"], is_kept, "{days} days");
        assert!(!pki.renew().unwrap());
    }
}

#[test]
fn a_renewal_tells_whether_anything_is_new_whichever_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let mut pki = open(directory.path(), LISTEN);
    assert!(format!("{pki:?}").starts_with("Pki { directory:"), "{pki:?}");
    assert!(!format!("{pki:?}").contains("PRIVATE"), "{pki:?}");
    assert_eq!(pki.authority(), fs::read_to_string(directory.path().join("ca.crt")).unwrap());
    fs::remove_file(directory.path().join("admin.key")).unwrap();
    assert!(pki.renew().unwrap(), "the admin's is new");
    assert!(!pki.renew().unwrap());
    fs::remove_file(directory.path().join("server.key")).unwrap();
    assert!(pki.renew().unwrap(), "the server's is new");
    assert!(!pki.renew().unwrap());
}

#[test]
fn a_kubeconfig_that_says_the_same_is_closed_and_not_written_again() {
    let directory = tempfile::tempdir().unwrap();
    let pki = open(&directory.path().join("pki"), LISTEN);
    let path = directory.path().join("kubeconfig");
    pki.kubeconfig("a", "https://127.0.0.1:1").write(&path).unwrap();
    let first = fs::metadata(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    pki.kubeconfig("a", "https://127.0.0.1:1").write(&path).unwrap();
    let same = fs::metadata(&path).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert_eq!((same.ino(), same.mode() & 0o777), (first.ino(), 0o600));
    pki.kubeconfig("b", "https://127.0.0.1:1").write(&path).unwrap();
    assert!(fs::read_to_string(&path).unwrap().contains("current-context: b"));
}

/// The certificate that a server shows who connects.
async fn shown(address: SocketAddr, authority: &str) -> CertificateDer<'static> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_is_shown_the_certificate_that_was_made_last() {
    let mut served = crate::support::Served::start().await;
    let authority = served.pki.authority().to_owned();
    let on_disk = |served: &crate::support::Served| {
        let pem = fs::read_to_string(served.path("pki/server.crt")).unwrap();
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
    };
    let first = shown(served.address, &authority).await;
    assert_eq!(first, on_disk(&served));
    fs::remove_file(served.path("pki/server.key")).unwrap();
    assert!(served.pki.renew().unwrap());
    let second = shown(served.address, &authority).await;
    assert_eq!(second, on_disk(&served));
    assert_ne!(second, first);
}

#[test]
fn a_clock_that_is_set_back_locks_nobody_out() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path(), LISTEN);
    for name in ["ca.crt", "server.crt", "admin.crt"] {
        let begins = read(directory.path(), name).tbs_certificate().validity().not_before.to_unix_duration().as_secs();
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
    // The authority is not: what was lost is still lost when the next start refuses to go on without it.
    fs::remove_file(directory.path().join("ca.crt")).unwrap();
    assert!(matches!(pki.renew().unwrap_err(), PkiError::Lost { path, .. } if path.ends_with("ca.crt")));
    assert!(!directory.path().join("ca.crt").exists());
    let other = tempfile::tempdir().unwrap();
    open(other.path(), LISTEN);
    for name in ["ca.crt", "ca.key"] {
        fs::copy(other.path().join(name), directory.path().join(name)).unwrap();
    }
    assert!(pki.renew().unwrap_err().to_string().contains("start again"));
}

#[test]
fn a_damaged_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path(), LISTEN);
    fs::write(directory.path().join("server.crt"), "nonsense").unwrap();
    let error = Pki::open(directory.path(), names(LISTEN), Authority::Known).unwrap_err();
    assert!(matches!(&error, PkiError::Damaged { path, .. } if path.ends_with("server.crt")), "{error}");
    assert!(error.to_string().ends_with("remove the file to have it made again"), "{error}");
}

/// Makes a certificate and its key anew, by the authority of a directory.
fn sign(directory: &Path, name: &str, mut params: rcgen::CertificateParams) {
    let text = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    let authority = rcgen::KeyPair::from_pem(&text("ca.key")).unwrap();
    let mut issuing = rcgen::CertificateParams::default();
    issuing.distinguished_name = rcgen::DistinguishedName::new();
    issuing.distinguished_name.push(rcgen::DnType::CommonName, "cowherd-ca");
    let issuer = rcgen::Issuer::new(issuing, authority);
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let key = rcgen::KeyPair::generate().unwrap();
    fs::write(directory.join(format!("{name}.crt")), params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
    fs::write(directory.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

#[test]
fn an_authority_that_is_lost_is_refused_and_nothing_is_touched_until_another_one_is_meant() {
    let other = tempfile::tempdir().unwrap();
    open(other.path(), LISTEN);
    let others = files(other.path());
    for (lost, words) in [
        (&[("ca.key", None)][..], "ca.key: there is no such file"),
        (&[("ca.crt", None)], "ca.crt: there is no such file"),
        (&[("ca.crt", None), ("ca.key", None)], "ca.crt: there is no such file"),
        (&[("ca.crt", Some("nonsense"))], "ca.crt: "),
        (&[("ca.key", Some(""))], "ca.crt: it does not fit its key"),
        (&[("ca.key", Some(others["ca.key"].as_str()))], "ca.crt: it does not fit its key"),
        (&[("ca.crt", Some(others["ca.crt"].as_str()))], "ca.crt: it does not fit its key"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        open(directory.path(), LISTEN);
        for (name, text) in lost {
            match text {
                Some(text) => fs::write(directory.path().join(name), text).unwrap(),
                None => fs::remove_file(directory.path().join(name)).unwrap(),
            }
        }
        let before = files(directory.path());
        for authority in [Authority::Unknown, Authority::Known] {
            let error = Pki::open(directory.path(), names(LISTEN), authority).unwrap_err();
            let said = error.to_string();
            assert!(matches!(error, PkiError::Lost { .. }) && said.contains(words), "{lost:?}: {said}");
            assert!(said.contains("put ca.crt and ca.key back") && said.contains("--new-ca"), "{said}");
        }
        assert_eq!(files(directory.path()), before, "{lost:?}");
        let pki = Pki::open(directory.path(), names(LISTEN), Authority::Replaceable).unwrap();
        assert!(pki.has_new_authority(), "{lost:?}");
        let after = files(directory.path());
        assert_ne!(after["admin.crt"], before["admin.crt"], "{lost:?}");
        assert!(!Pki::open(directory.path(), names(LISTEN), Authority::Known).unwrap().has_new_authority());
        assert_eq!(files(directory.path()), after, "{lost:?}");
    }
}

#[test]
fn an_authority_that_is_good_is_not_replaced_whatever_may_be() {
    let directory = tempfile::tempdir().unwrap();
    assert!(open(directory.path(), LISTEN).has_new_authority());
    let before = files(directory.path());
    assert!(!Pki::open(directory.path(), names(LISTEN), Authority::Replaceable).unwrap().has_new_authority());
    assert_eq!(files(directory.path()), before);
}

#[test]
fn a_first_start_that_was_cut_off_is_none_that_lost_anything() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path(), LISTEN);
    let key = fs::read_to_string(directory.path().join("ca.key")).unwrap();
    let cut_off = tempfile::tempdir().unwrap();
    fs::write(cut_off.path().join("ca.key"), key).unwrap();
    assert!(open(cut_off.path(), LISTEN).has_new_authority());
    // Where somebody has its kubeconfig, nothing was cut off.
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(Pki::open(empty.path(), names(LISTEN), Authority::Known), Err(PkiError::Lost { .. })));
}

#[test]
fn certificates_of_another_authority_or_key_are_made_again() {
    let other = tempfile::tempdir().unwrap();
    open(other.path(), LISTEN);
    for name in ["server.crt", "server.key", "admin.crt", "admin.key"] {
        let directory = tempfile::tempdir().unwrap();
        open(directory.path(), LISTEN);
        let before = files(directory.path());
        fs::copy(other.path().join(name), directory.path().join(name)).unwrap();
        open(directory.path(), LISTEN);
        let after = files(directory.path());
        let identity = name.split('.').next().unwrap();
        for name in before.keys() {
            let is_new = name.starts_with(&format!("{identity}.")) && name != "server.names";
            assert_eq!(before[name] != after[name], is_new, "{name}");
        }
    }
    // An authority that was put back from a copy has nothing to do with what another one made meanwhile.
    let directory = tempfile::tempdir().unwrap();
    open(directory.path(), LISTEN);
    for name in ["ca.crt", "ca.key"] {
        fs::copy(other.path().join(name), directory.path().join(name)).unwrap();
    }
    let before = files(directory.path());
    open(directory.path(), LISTEN);
    let after = files(directory.path());
    assert!(before["admin.crt"] != after["admin.crt"] && before["server.crt"] != after["server.crt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_opens_nothing() {
    let served = crate::support::Served::start().await;
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
