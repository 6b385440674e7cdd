//! A user whom servers want to see, and what must be shown nowhere.

use std::fs;
use std::path::{Path, PathBuf};

use cowherd_gitserver::http::{Behaviour, Server};

pub const USER: &str = "jane";
pub const PASSWORD: &str = "pa55-w0rd";
/// The two as basic authentication writes them.
const BASIC: &str = "amFuZTpwYTU1LXcwcmQ=";

/// A server that wants to see them.
pub fn wanted() -> Behaviour {
    Behaviour { authorization: Some(format!("Basic {BASIC}")), ..Behaviour::default() }
}

/// The file in `directory` with the certificate of a server, which nobody knows.
pub fn authority(server: &Server, directory: &Path) -> PathBuf {
    let authority = directory.join("ca.pem");
    fs::write(&authority, server.certificate.as_ref().unwrap()).unwrap();
    authority
}

/// Fails if a text holds a credential in any form.
pub fn keeps_quiet(place: &str, text: &str) {
    for credential in [PASSWORD, BASIC, "cGE1NS13MHJk", "wr0ng-pa55", "d3IwbmctcGE1NQ==", "PRIVATE KEY"] {
        assert!(!text.contains(credential), "{place} shows {credential}: {text}");
    }
}
