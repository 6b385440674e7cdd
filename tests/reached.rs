//! How others reach the API: by which names, and what kubeconfigs call it.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;

use crate::program::{Running, eventually};

/// The name of the machine and, if it has one besides its own, its address.
fn names_of_the_machine() -> Vec<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned();
    // Nothing is sent: it is only asked which way it would go.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let address = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr()).ok();
    let address = address.map(|address| address.ip()).filter(|address| !address.is_loopback());
    address.map(|address| address.to_string()).into_iter().chain([name]).collect()
}

fn is_known_as(running: &Running, name: &str) -> bool {
    running.kubectl(["get", "namespaces", "--tls-server-name", name]).status.success()
}

#[test]
fn who_listens_everywhere_is_known_by_all_names_of_the_machine_and_who_does_so_later_too() {
    let directory = tempfile::tempdir().unwrap();
    let start = |listen: &str, more: &[&str]| {
        let mut command = crate::program::cowherd(directory.path());
        command.arg("server").args(more);
        Running::listening(command, &directory.path().join("data"), listen)
    };
    let names = names_of_the_machine();
    let addresses: Vec<&String> = names.iter().filter(|name| name.parse::<std::net::IpAddr>().is_ok()).collect();
    let running = start("127.0.0.1:0", &[]);
    assert!(addresses.iter().all(|address| !is_known_as(&running, address)), "nobody reaches it there");
    let authority = std::fs::read(directory.path().join("data/pki/ca.crt")).unwrap();
    running.stop();
    let running = start("0.0.0.0:0", &["--tls-san", "later.example.com"]);
    for name in names.iter().map(String::as_str).chain(["localhost", "127.0.0.1", "later.example.com"]) {
        assert!(is_known_as(&running, name), "{name}");
    }
    // And it is there.
    let kubeconfig = std::fs::read_to_string(running.kubeconfig()).unwrap();
    let server = kubeconfig.split("server: https://127.0.0.1:").nth(1).unwrap();
    let port = server.lines().next().unwrap();
    for address in addresses {
        running.kubectl_ok(["get", "namespaces", "--server", &format!("https://{address}:{port}")]);
    }
    assert_eq!(std::fs::read(directory.path().join("data/pki/ca.crt")).unwrap(), authority);
}

#[test]
fn certificates_are_made_again_while_requests_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    let pki = directory.path().join("data/pki");
    let made = |kubeconfig: &Path| std::fs::read_to_string(kubeconfig).unwrap();
    let before = made(&running.kubeconfig());
    let others = std::fs::read_dir(&pki).unwrap().map(|entry| entry.unwrap().path());
    let others: Vec<_> = others.filter(|path| !path.ends_with("ca.crt") && !path.ends_with("ca.key")).collect();
    assert!(others.len() >= 4, "{others:?}");
    others.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    // It is looked at once a minute.
    let began = Instant::now();
    while made(&running.kubeconfig()) == before {
        assert!(began.elapsed() < Duration::from_secs(240), "{}", running.said());
        running.kubectl_ok(["get", "namespaces"]);
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(others.iter().all(|path| path.exists()));
    running.kubectl_ok(["get", "namespaces"]);
    let old = directory.path().join("old");
    std::fs::write(&old, before).unwrap();
    let with_old = running.kubectl(["get", "namespaces", "--kubeconfig", old.to_str().unwrap()]);
    assert!(with_old.status.success(), "what the authority signed is good as long as it says: {with_old:?}");
    eventually("it is told", || {
        let told = running.cowherd_ok(["logs"]);
        if told.contains("the certificates were made again") { Ok(()) } else { Err(told) }
    });
}

#[test]
fn the_certificate_and_the_kubeconfig_carry_the_names_that_people_give() {
    let directory = tempfile::tempdir().unwrap();
    let names = ["--tls-san", "prod.example.com", "--tls-san", "192.0.2.10", "--name", "prod"];
    let running = Running::start(directory.path(), ["server"].iter().chain(&names));
    assert_eq!(running.kubectl_ok(["config", "current-context"]).trim(), "prod");
    for name in ["prod.example.com", "192.0.2.10", "localhost", "kubernetes.default.svc"] {
        running.kubectl_ok(["get", "namespaces", "--context", "prod", "--tls-server-name", name]);
    }
    let refused = running.kubectl(["get", "namespaces", "--tls-server-name", "other.example.com"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && said.contains("certificate is valid for"), "{said}");
}

#[test]
fn a_name_that_is_none_is_a_wrong_command_line() {
    let directory = tempfile::tempdir().unwrap();
    for (flag, value, told) in [
        ("--tls-san", "https://prod:6443", "neither an IP address nor a DNS name"),
        ("--name", "two words", "must be letters, digits"),
    ] {
        let output = crate::program::cowherd(directory.path()).args(["server", flag, value]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(told), "{said}");
    }
}

/// A kubeconfig of a control plane, with something else in one of its fields.
fn changed(running: &Running, name: &str, change: impl FnOnce(&mut serde_json::Value)) -> PathBuf {
    let text = std::fs::read(running.kubeconfig()).unwrap();
    let mut kubeconfig =
        cowherd_yaml::parse_documents(&text, &cowherd_yaml::Limits::default()).unwrap().remove(0).value;
    change(&mut kubeconfig);
    let path = running.data_dir.parent().unwrap().join(name);
    std::fs::write(&path, cowherd_yaml::to_string(&kubeconfig)).unwrap();
    path
}

/// What is said to whoever asks with a kubeconfig, which must fail.
fn refused(kubeconfig: &Path) -> String {
    let mut command = crate::program::cowherd(kubeconfig.parent().unwrap());
    let output = command.args(["events", "--kubeconfig"]).arg(kubeconfig).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

#[test]
fn who_asks_by_a_name_that_the_certificate_has_not_is_told_those_that_it_has() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = crate::program::cowherd(directory.path());
    command.args(["server", "--tls-san", "k8s.example.test"]);
    let running = Running::listening(command, &directory.path().join("data"), "0.0.0.0:0");
    let port = running.address().rsplit_once(':').unwrap().1.to_owned();
    let elsewhere = changed(&running, "elsewhere", |kubeconfig| {
        // All of these addresses are the machine's own, and the certificate names the first alone.
        kubeconfig["clusters"][0]["cluster"]["server"] = format!("https://127.0.0.2:{port}").into();
    });
    let said = refused(&elsewhere);
    assert!(said.contains("k8s.example.test") && said.contains("not for 127.0.0.2; "), "{said}");
    assert!(said.contains("--tls-san") && !said.contains("tls-server-name"), "{said}");
    let other = changed(&running, "other", |kubeconfig| {
        kubeconfig["clusters"][0]["cluster"]["tls-server-name"] = "other.example.test".into();
    });
    let said = refused(&other);
    assert!(said.contains("its certificate is for k8s.example.test, ") && said.contains("localhost"), "{said}");
    let why = "not for other.example.test; that name is the tls-server-name of the cluster in the kubeconfig";
    assert!(said.contains(why) && said.contains("asked: https://"), "{said}");
    assert!(!said.contains("take its kubeconfig again") && !said.contains("--tls-san"), "{said}");
    assert!(!said.contains("DnsName") && !said.contains("IpAddress"), "{said}");
}

/// A certificate and its key that an authority has signed for an admin, as it signs them, until a year.
fn admin_until(pki: &Path, year: i32) -> [String; 2] {
    let mut authority = rcgen::CertificateParams::default();
    authority.distinguished_name = rcgen::DistinguishedName::new();
    authority.distinguished_name.push(rcgen::DnType::CommonName, "cowherd-ca");
    let key = rcgen::KeyPair::from_pem(&std::fs::read_to_string(pki.join("ca.key")).unwrap()).unwrap();
    let issuer = rcgen::Issuer::new(authority, key);
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:masters");
    params.distinguished_name.push(rcgen::DnType::CommonName, "kubernetes-admin");
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(year, 2, 3);
    let key = rcgen::KeyPair::generate().unwrap();
    [params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem()]
}

#[test]
fn a_kubeconfig_whose_certificate_has_ended_is_told_as_that_with_its_day() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(directory.path(), ["server"]);
    let login = |year: i32| {
        let [certificate, key] = admin_until(&running.data_dir.join("pki"), year);
        let encode = |pem: &str| base64::prelude::BASE64_STANDARD.encode(pem);
        serde_json::json!({"client-certificate-data": encode(&certificate), "client-key-data": encode(&key)})
    };
    let good = changed(&running, "good", |kubeconfig| kubeconfig["users"][0]["user"] = login(2090));
    running.kubectl_ok(["get", "namespaces", "--kubeconfig", good.to_str().unwrap()]);
    let old = changed(&running, "old", |kubeconfig| kubeconfig["users"][0]["user"] = login(2021));
    let said = refused(&old);
    let told =
        format!("✗ the client certificate in {} was good until 2021-02-03T00:00:00Z, and it is 2", old.display());
    assert!(said.starts_with(&told), "{said}");
    for words in ["asked: https://127.0.0.1:", "take its kubeconfig again (the file kubeconfig of its data directory)"]
    {
        assert!(said.contains(words), "{words:?} is not in: {said}");
    }
    // The certificate may be a file of its own.
    let certificate = directory.path().join("admin.crt");
    let apart = changed(&running, "apart", |kubeconfig| {
        let [pem, key] = admin_until(&running.data_dir.join("pki"), 2021);
        std::fs::write(&certificate, pem).unwrap();
        std::fs::write(directory.path().join("admin.key"), key).unwrap();
        kubeconfig["users"][0]["user"] =
            serde_json::json!({"client-certificate": "admin.crt", "client-key": "admin.key"});
    });
    let said = refused(&apart);
    let told = format!("the client certificate in {} was good until 2021-02-03", certificate.display());
    assert!(said.contains(&told), "{said}");
}
