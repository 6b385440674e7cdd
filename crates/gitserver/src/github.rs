//! As much of GitHub's API as an app needs that wants a token: it says who it is by what it signed.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use crate::signing::ran;
use crate::web::{self, Answer, Request, Service};

/// The number of the app.
pub const APP: u64 = 4711;
/// The number of its installation.
pub const INSTALLATION: u64 = 1234;
/// Who has installed it: a user, who is no organization.
pub const OWNER: &str = "jane-roe";

/// A running server. It ends with the process.
pub struct GitHub {
    /// Its certificate as PEM.
    pub certificate: String,
    /// The private key of the app, as GitHub gives it.
    pub private_key: String,
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    public_key: Vec<u8>,
    expires_at: Mutex<String>,
    /// How many tokens were given.
    given: Mutex<usize>,
    seen: Mutex<Vec<String>>,
}

impl GitHub {
    /// Starts, with the key of an app that is made in `directory`.
    pub fn start(directory: &Path) -> Self {
        let path = directory.join("app");
        let run = |arguments: &[&str]| {
            let (status, printed, said) = ran(Command::new("ssh-keygen").args(arguments).arg("-f").arg(&path), b"");
            assert!(status, "ssh-keygen {arguments:?}: {said}");
            String::from_utf8(printed).unwrap()
        };
        run(&["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""]);
        let public_key = run(&["-e", "-m", "PEM"]);
        let digits: String = public_key.lines().filter(|line| !line.starts_with("-----")).collect();
        let (config, certificate) = web::self_signed(None);
        let (listener, address) = web::bind();
        let state = Arc::new(State {
            public_key: STANDARD.decode(digits).unwrap(),
            expires_at: Mutex::new("2100-01-01T00:00:00Z".to_owned()),
            given: Mutex::default(),
            seen: Mutex::default(),
        });
        web::serve(listener, Some(config), state.clone(), Arc::default());
        let private_key = std::fs::read_to_string(path).unwrap();
        Self { certificate, private_key, address, state }
    }

    /// The address of its API.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// Until when tokens are good that are given from now on, as RFC 3339 writes it.
    pub fn give_until(&self, expires_at: &str) {
        *self.state.expires_at.lock().unwrap() = expires_at.to_owned();
    }

    /// Method and path of what was asked since the last call.
    pub fn seen(&self) -> Vec<String> {
        std::mem::take(&mut self.state.seen.lock().unwrap())
    }

    /// The `Authorization` header of who has the token that was given so many times after the first.
    pub fn authorization(nth: usize) -> String {
        format!("Basic {}", STANDARD.encode(format!("x-access-token:ghs_{nth}")))
    }
}

impl Service for State {
    fn answer(&self, request: Request) -> Answer {
        let asked = format!("{} {}", request.method, request.path);
        self.seen.lock().unwrap().push(asked.clone());
        if !request.header("authorization").is_some_and(|header| self.knows(&header)) {
            return Answer::new("401 Unauthorized", r#"{"message":"A JSON web token could not be decoded"}"#);
        }
        if asked == format!("GET /users/{OWNER}/installation") {
            return Answer::new("200 OK", format!(r#"{{"id":{INSTALLATION},"app_id":{APP}}}"#));
        }
        if asked != format!("POST /app/installations/{INSTALLATION}/access_tokens") {
            return Answer::new("404 Not Found", r#"{"message":"Not Found"}"#);
        }
        let mut given = self.given.lock().unwrap();
        let expires_at = self.expires_at.lock().unwrap();
        *given += 1;
        Answer::new("201 Created", format!(r#"{{"token":"ghs_{}","expires_at":{expires_at:?}}}"#, *given - 1))
    }
}

impl State {
    /// Whether the app has signed who it is, and that it is so now.
    fn knows(&self, header: &str) -> bool {
        let Some((signed, signature)) = header.strip_prefix("Bearer ").and_then(|token| token.rsplit_once('.')) else {
            return false;
        };
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public_key);
        if key.verify(signed.as_bytes(), &decoded(signature)).is_err() {
            return false;
        }
        let (head, claims) = signed.split_once('.').unwrap_or_default();
        let [head, claims] = [head, claims].map(|part| String::from_utf8(decoded(part)).unwrap_or_default());
        let number = |name: &str| {
            let (_, rest) = claims.split_once(&format!("\"{name}\":"))?;
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let (Some(issued), Some(expires)) = (number("iat"), number("exp")) else { return false };
        head.contains("\"RS256\"")
            && claims.contains(&format!("\"iss\":\"{APP}\""))
            && issued <= now
            && now < expires
            // GitHub takes no more than ten minutes.
            && expires - issued <= 600
    }
}
