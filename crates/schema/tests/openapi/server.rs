//! A server of discovery and OpenAPI documents, for kubectl to read.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;

use cowherd_schema::openapi::{Resource, v2, v3};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Answers by path: media type and body.
type Answers = BTreeMap<String, (&'static str, Vec<u8>)>;

/// A server that runs until the test ends.
pub struct Server {
    url: String,
    home: TempDir,
}

impl Server {
    /// Serves what there is to read about `resources`.
    pub fn start(resources: &[Resource<'_>]) -> Self {
        let answers = Arc::new(answers(resources));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answers = Arc::clone(&answers);
                std::thread::spawn(move || serve(&stream, &answers));
            }
        });
        Self { url, home: tempfile::tempdir().unwrap() }
    }

    /// What kubectl prints.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let output = Command::new("kubectl")
            .args(["--server", &self.url, "--kubeconfig", "/dev/null"])
            .args(arguments)
            .env("HOME", self.home.path())
            .env_remove("KUBECONFIG")
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "kubectl {arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }
}

fn serve(stream: &TcpStream, answers: &Answers) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request).is_ok_and(|length| length > 0) {
            let mut header = String::new();
            while reader.read_line(&mut header).is_ok_and(|length| length > 2) {
                header.clear();
            }
        } else {
            return;
        }
        let path = request.split([' ', '?']).nth(1).unwrap_or_default();
        let (status, (media_type, body)) = match answers.get(path) {
            Some((media_type, body)) => ("200 OK", (*media_type, body.clone())),
            None => ("404 Not Found", ("text/plain", path.as_bytes().to_vec())),
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\n\r\n", body.len());
        let mut stream = stream;
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
            return;
        }
    }
}

fn answers(resources: &[Resource<'_>]) -> Answers {
    let mut answers = Answers::new();
    let mut json = |path: String, value: &Value| {
        answers.insert(path, ("application/json", value.to_string().into_bytes()));
    };
    let mut groups: BTreeMap<(&str, &str), Vec<Resource<'_>>> = BTreeMap::new();
    for resource in resources {
        groups.entry((resource.group, resource.version)).or_default().push(resource.clone());
    }
    json("/api".to_owned(), &json!({ "kind": "APIVersions", "versions": ["v1"] }));
    let group_list: Vec<Value> = groups
        .keys()
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, version)| {
            let version = json!({ "groupVersion": format!("{group}/{version}"), "version": version });
            json!({ "name": group, "preferredVersion": version, "versions": [version] })
        })
        .collect();
    json("/apis".to_owned(), &json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": group_list }));
    for ((group, version), resources) in &groups {
        let group_version = if group.is_empty() { (*version).to_owned() } else { format!("{group}/{version}") };
        let list: Vec<Value> = resources
            .iter()
            .map(|resource| {
                json!({ "name": resource.plural, "singularName": resource.kind.to_lowercase(), "kind": resource.kind,
                        "namespaced": resource.namespaced, "verbs": resource.verbs })
            })
            .collect();
        let list = json!({ "kind": "APIResourceList", "groupVersion": group_version, "resources": list });
        json(format!("/{}", v3::path(group, version)), &list);
    }
    let hashes: Vec<(String, String)> =
        groups.iter().map(|((group, version), resources)| (v3::path(group, version), v3::hash(resources))).collect();
    let index = v3::index(hashes.iter().map(|(path, hash)| (path.as_str(), hash.as_str())));
    answers.insert("/openapi/v3".to_owned(), ("application/json", index));
    for ((group, version), resources) in &groups {
        let path = format!("/openapi/v3/{}", v3::path(group, version));
        answers.insert(path, ("application/json", v3::document(resources)));
    }
    answers.insert("/openapi/v2".to_owned(), (v2::PROTOBUF, v2::protobuf(resources)));
    answers
}
