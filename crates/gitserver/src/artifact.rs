//! Artifacts in the form that `flux push artifact` gives them, and how they get into a registry.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

/// The media types of what Flux pushes.
pub const LAYER: &str = "application/vnd.cncf.flux.content.v1.tar+gzip";
const CONFIG: &str = "application/vnd.cncf.flux.config.v1+json";
/// The media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An artifact in the making.
#[derive(Clone, Debug, Default)]
pub struct Artifact {
    layers: Vec<(String, Vec<u8>)>,
    annotations: Vec<(String, String)>,
}

impl Artifact {
    /// The files as one layer, as `flux push artifact --path` packs a directory.
    pub fn of<C: AsRef<[u8]>>(files: &[(&str, C)]) -> Self {
        Self::default().layer(LAYER, packed(files))
    }

    /// The same with one more layer.
    pub fn layer(mut self, media_type: &str, content: impl Into<Vec<u8>>) -> Self {
        self.layers.push((media_type.to_owned(), content.into()));
        self
    }

    /// The same with something that the manifest says of it.
    pub fn annotated(mut self, name: &str, text: &str) -> Self {
        self.annotations.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Puts the artifact into a repository under a tag; the digest of its manifest.
    pub fn push(&self, to: &Repository<'_>, tag: &str) -> String {
        let config = to.blob(b"{}");
        let quoted = |text: &str| format!("{text:?}");
        let layers: Vec<String> = self
            .layers
            .iter()
            .map(|(media_type, content)| descriptor(media_type, &to.blob(content), content.len()))
            .collect();
        let annotations: Vec<String> =
            self.annotations.iter().map(|(name, text)| format!("{}: {}", quoted(name), quoted(text))).collect();
        let manifest = format!(
            "{{\"schemaVersion\": 2, \"mediaType\": {MANIFEST:?}, \"config\": {}, \"layers\": [{}], \"annotations\": {{{}}}}}",
            descriptor(CONFIG, &config, 2),
            layers.join(", "),
            annotations.join(", ")
        );
        to.manifest(tag, MANIFEST, manifest.as_bytes())
    }
}

/// Files as an archive of `tar` and `gzip`.
pub fn packed<C: AsRef<[u8]>>(files: &[(&str, C)]) -> Vec<u8> {
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, content) in files {
        let content = content.as_ref();
        let mut header = Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, content).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

/// A piece of content, as a manifest names it.
pub fn descriptor(media_type: &str, digest: &str, size: usize) -> String {
    format!("{{\"mediaType\": {media_type:?}, \"digest\": {digest:?}, \"size\": {size}}}")
}

/// The digest of content, as registries write it.
pub fn digest(content: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, content);
    digest.as_ref().iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// A repository of a registry, and who writes to it.
#[derive(Clone, Copy, Debug)]
pub struct Repository<'a> {
    /// The registry, `host:port`, which is asked without TLS.
    pub host: &'a str,
    /// The path of the repository.
    pub path: &'a str,
    /// User and password, where the registry wants them.
    pub login: Option<(&'a str, &'a str)>,
}

impl<'a> Repository<'a> {
    /// A repository to which anybody may write.
    pub fn new(host: &'a str, path: &'a str) -> Self {
        Self { host, path, login: None }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("oci://{}/{}", self.host, self.path)
    }

    /// Puts content there; its digest.
    pub fn blob(&self, content: &[u8]) -> String {
        let digest = digest(content);
        let (_, location) = self.send("POST", &format!("/v2/{}/blobs/uploads/", self.path), "", &[]);
        let location = location.expect("the registry says where to upload");
        let path = location.split_once(self.host).map_or(location.as_str(), |(_, path)| path);
        let query = if path.contains('?') { '&' } else { '?' };
        let (status, _) =
            self.send("PUT", &format!("{path}{query}digest={digest}"), "application/octet-stream", content);
        assert_eq!(status, 201, "upload of {digest}");
        digest
    }

    /// Puts a manifest there under a tag; its digest.
    pub fn manifest(&self, tag: &str, media_type: &str, content: &[u8]) -> String {
        let (status, _) = self.send("PUT", &format!("/v2/{}/manifests/{tag}", self.path), media_type, content);
        assert_eq!(status, 201, "manifest {tag}: {}", String::from_utf8_lossy(content));
        digest(content)
    }

    /// Sends a request; status and `Location` of the answer.
    fn send(&self, method: &str, path: &str, media_type: &str, content: &[u8]) -> (u16, Option<String>) {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.host);
        if let Some((user, password)) = self.login {
            head += &format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")));
        }
        if !media_type.is_empty() {
            head += &format!("Content-Type: {media_type}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", content.len());
        let mut stream = TcpStream::connect(self.host).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(content).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
        let location = answer.lines().find_map(|line| line.strip_prefix("Location: "));
        (status, location.map(str::to_owned))
    }
}
