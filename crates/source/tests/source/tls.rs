//! What is said where TLS fails: what is wrong with the server's certificate, and what to do, whoever is asked for whatever.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use cowherd_gitserver::{Flaw, Repository, files, http};
use cowherd_source::{
    Access, ArtifactRepository, ArtifactSource, Artifacts, Auth, ChartOptions, ChartRepository, ChartSource, Charts,
    Reference,
};

use crate::support::{mirrors, remote};

/// A server of each kind whose certificate has a flaw, asked by who knows the certificate, or does not.
struct Servers {
    directory: tempfile::TempDir,
    git: http::Server,
    files: files::Server,
}

impl Servers {
    fn with(flaw: Flaw) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Repository::new(directory.path().join("repo")).commit("a.yaml", "a: 1");
        let git = http::Server::start_tls_with(directory.path(), flaw);
        let files = files::Server::start_tls_with(directory.path(), flaw);
        Self { directory, git, files }
    }

    /// What is said of a repository, a chart and an artifact.
    fn said(&self, is_known: bool) -> [String; 3] {
        let path = self.directory.path();
        let unrelated = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem();
        let auth = |certificate: &Option<String>| {
            let known = certificate.clone().filter(|_| is_known).unwrap_or_else(|| unrelated.clone());
            Auth { ca: Some(known.into_bytes()), ..Auth::default() }
        };
        let (of_git, of_files) = (auth(&self.git.certificate), auth(&self.files.certificate));
        let wanted = remote(&self.git.url("repo/.git")).with_auth(of_git);
        let repository = mirrors(path).fetch(&wanted, &Reference::Head).unwrap_err().to_string();
        [
            repository,
            chart(path, &self.files.url("charts"), &of_files),
            artifact(path, self.files.address.port(), of_files),
        ]
    }
}

fn chart(directory: &Path, url: &str, auth: &Auth) -> String {
    let charts = Charts::open_with(directory.join("kept"), ChartOptions::default()).unwrap();
    let source = ChartSource::new(ChartRepository::parse(url).unwrap(), "web").with_access(Access::own());
    charts.fetch(&source.with_auth(auth.clone())).unwrap_err().to_string()
}

fn artifact(directory: &Path, port: u16, auth: Auth) -> String {
    let url = format!("oci://localhost:{port}/team/apps");
    let source = ArtifactSource::new(ArtifactRepository::parse(&url).unwrap());
    let artifacts = Artifacts::open(directory.join("artifacts")).unwrap();
    let error = artifacts.fetch(&ArtifactSource { auth, access: Access::own(), ..source }).unwrap_err();
    error.to_string()
}

#[test]
fn a_certificate_that_is_not_accepted_is_told_with_what_to_do() {
    let of_names = "for other.example.com, *.example.org, not for localhost; use a name that it has";
    let cases: [(Flaw, bool, &[&str]); 4] = [
        (Flaw::Unknown, false, &["an authority that is not known here", "--ca-file", "ca.crt", "spec.certSecretRef"]),
        (Flaw::OtherNames, true, &[of_names]),
        (Flaw::Expired, true, &["expired on 2020-12-31", "renew it"]),
        (Flaw::NotYet, true, &["valid from 2100-01-01", "clock"]),
    ];
    for (flaw, is_known, expected) in cases {
        for said in Servers::with(flaw).said(is_known) {
            for words in expected {
                assert!(said.contains(words), "{flaw:?}: {said:?} lacks {words:?}");
            }
            assert!(said.contains("TLS with ") && !said.contains("does not answer"), "{said}");
        }
    }
}

/// The port of a server that answers in clear text, whatever it is told.
fn plain() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut peer in listener.incoming().flatten() {
            let _ = peer.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
            // What is closed with something unread is reset, and the answer lost.
            let _ = peer.read(&mut [0; 4096]);
        }
    });
    port
}

#[test]
fn a_server_that_does_not_speak_tls_is_told_as_that() {
    let directory = tempfile::tempdir().unwrap();
    let (port, mirrors) = (plain(), mirrors(directory.path()));
    let auth =
        Auth { ca: Some(rcgen::generate_simple_self_signed(vec![]).unwrap().cert.pem().into()), ..Auth::default() };
    let repository = remote(&format!("https://127.0.0.1:{port}/repo")).with_auth(auth.clone());
    let said = [
        mirrors.fetch(&repository, &Reference::Head).unwrap_err().to_string(),
        chart(directory.path(), &format!("https://127.0.0.1:{port}/charts"), &auth),
        artifact(directory.path(), port, auth),
    ];
    for said in said {
        assert!(said.contains("does not speak TLS") && said.contains("http"), "{said}");
    }
}
