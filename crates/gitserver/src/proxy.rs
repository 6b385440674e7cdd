//! A proxy that connects where it is asked to (`CONNECT`), for those who know its password.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A running proxy. It ends with the process.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy for whoever shows `login`: user and password with a colon between them.
    pub fn start(login: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<String>>>::default();
        let (told, expected) = (seen.clone(), format!("Basic {}", STANDARD.encode(login)));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (told, expected) = (told.clone(), expected.clone());
                // A client that leaves is none of its business.
                std::thread::spawn(move || drop(serve(client, &expected, &told)));
            }
        });
        Self { address, seen }
    }

    /// The servers that were asked for, `host:port`.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(mut client: TcpStream, expected: &str, told: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let target = lines.first().and_then(|line| line.strip_prefix("CONNECT ")).and_then(|rest| rest.split(' ').next());
    let Some(target) = target else { return client.write_all(b"HTTP/1.1 405 no\r\nContent-Length: 0\r\n\r\n") };
    let shown = lines.iter().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("proxy-authorization").then(|| value.trim().to_owned())
    });
    if shown.as_deref() != Some(expected) {
        return client.write_all(b"HTTP/1.1 407 no\r\nContent-Length: 0\r\n\r\n");
    }
    told.lock().unwrap().push(target.to_owned());
    let mut server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 ok\r\n\r\n")?;
    let (mut back, mut out) = (server.try_clone()?, client.try_clone()?);
    let answers = std::thread::spawn(move || {
        drop(io::copy(&mut back, &mut out));
        drop(out.shutdown(Shutdown::Both));
    });
    drop(io::copy(&mut reader, &mut server));
    drop(server.shutdown(Shutdown::Write));
    drop(answers.join());
    Ok(())
}
