//! A server that gives tokens for a registry, as the distribution specification's token authentication has it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use crate::registry::Access;
use crate::web::{self, Answer, Request, Service};

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
        let (listener, address) = web::bind();
        let state = Arc::new(State {
            key,
            chain: STANDARD.encode(made.cert.der()),
            authorization: authorization.map(str::to_owned),
            seen: Mutex::default(),
        });
        web::serve(listener, None, state.clone(), Arc::default());
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

impl Service for State {
    fn answer(&self, request: Request) -> Answer {
        self.seen.lock().unwrap().push(request.path.clone());
        match self.authorization.is_none() || self.authorization == request.header("authorization") {
            true => Answer::new("200 OK", format!("{{\"token\": {:?}}}", self.token(&request.path))),
            false => Answer::new("401 Unauthorized", "{}"),
        }
    }
}

impl State {
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
