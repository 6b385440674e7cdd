//! How others reach the API: by which names, and what kubeconfigs call it.

use std::net::UdpSocket;
use std::path::Path;
use std::time::{Duration, Instant};

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
