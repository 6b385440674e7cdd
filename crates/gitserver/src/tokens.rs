//! A server that gives tokens for a registry, as the distribution specification's token authentication has it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use crate::registry::Access;

/// A running server. It ends with the process.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    certificate: String,
    state: Arc<State>,
}

struct State {
    key: EcdsaKeyPair,
    chain: String,
    authorization: Option<String>,
    seen: Mutex<Vec<String>>,
}

impl Server {
    /// Gives tokens to whoever shows the `Authorization` header, or to anyone where there is none. They are for what is
    /// asked for, and last a minute.
    pub fn start(authorization: Option<&str>) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["tokens".to_owned()]).unwrap();
        let pkcs8 = made.signing_key.serialize_der();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &SystemRandom::new()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            key,
            chain: STANDARD.encode(made.cert.der()),
            authorization: authorization.map(str::to_owned),
            seen: Mutex::default(),
        });
        let serving = state.clone();
        std::thread::spawn(move || listener.incoming().flatten().for_each(|connection| serving.answer(connection)));
        Self { address, certificate: made.cert.pem(), state }
    }

    /// What makes a registry send its clients here.
    pub fn access(&self) -> Access {
        let certificate = self.certificate.clone();
        Access::Tokens { realm: format!("http://{}/token", self.address), certificate }
    }

    /// The paths that were asked for since the last call.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.state.seen.lock().unwrap())
    }
}

impl State {
    fn answer(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let lines = stream.by_ref().lines().map_while(Result::ok);
        let lines: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
        let Some(path) = lines.first().and_then(|line| line.split_whitespace().nth(1)) else { return };
        self.seen.lock().unwrap().push(path.to_owned());
        let shown = lines.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then(|| value.to_owned())
        });
        let (status, body) = match self.authorization.is_none() || self.authorization == shown {
            true => ("200 OK", format!("{{\"token\": {:?}}}", self.token(path))),
            false => ("401 Unauthorized", "{}".to_owned()),
        };
        let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream.get_mut().write_all(format!("{head}{body}").as_bytes());
    }

    /// A token for the scope that `path` asks for: `repository:NAME:ACTIONS`.
    fn token(&self, path: &str) -> String {
        let scope = path.split(['?', '&']).find_map(|parameter| parameter.strip_prefix("scope=")).unwrap_or_default();
        let scope = scope.replace("%3A", ":").replace("%2F", "/").replace("%2C", ",");
        let mut parts = scope.split(':').skip(1);
        let (name, actions) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let actions = actions.split(',').map(|action| format!("{action:?}")).collect::<Vec<_>>().join(",");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let header = format!("{{\"typ\":\"JWT\",\"alg\":\"ES256\",\"x5c\":[{:?}]}}", self.chain);
        let claims = format!(
            "{{\"iss\":\"tests\",\"sub\":\"\",\"aud\":\"charts\",\"exp\":{},\"nbf\":{},\"iat\":{now},\"jti\":\"{now}\",\
             \"access\":[{{\"type\":\"repository\",\"name\":{name:?},\"actions\":[{actions}]}}]}}",
            now + 60,
            now - 60,
        );
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
