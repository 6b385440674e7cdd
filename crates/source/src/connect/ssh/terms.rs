//! What `ssh` uses and connects to where it must not use what its user has set up.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};

use super::super::attempt::Attempt;
use super::super::line::MAX_CONNECT;
use crate::access::{Network, Setup};
use crate::{Auth, FetchError};

/// The port of ssh.
const PORT: u16 = 22;

/// Every way by which `ssh` gets at something that was not given to it: other identities, other ways to log in or to
/// the host, host keys from elsewhere, and what it runs or offers to the other side.
const NOTHING_ELSE: &[&str] = &[
    "IdentityAgent=none",
    "IdentitiesOnly=yes",
    "AddKeysToAgent=no",
    "PKCS11Provider=none",
    "PreferredAuthentications=publickey",
    "GSSAPIAuthentication=no",
    "HostbasedAuthentication=no",
    "KbdInteractiveAuthentication=no",
    "PasswordAuthentication=no",
    "GlobalKnownHostsFile=/dev/null",
    "KnownHostsCommand=none",
    "VerifyHostKeyDNS=no",
    "NoHostAuthenticationForLocalhost=no",
    "CheckHostIP=no",
    "UpdateHostKeys=no",
    "ProxyCommand=none",
    "ProxyJump=none",
    "CanonicalizeHostname=no",
    "PermitLocalCommand=no",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "Tunnel=no",
];

/// What `ssh` uses and connects to.
pub(super) enum Terms {
    /// What its user has set up.
    Own,
    /// What was given, and nothing else.
    Given {
        /// The address to connect to, and the name by which its keys are known; nothing where any address will do.
        pinned: Option<(IpAddr, String)>,
    },
}

impl Terms {
    /// The terms of a fetch.
    ///
    /// # Errors
    /// When credentials are missing, or the server has no address that may be connected to.
    pub(super) fn of(attempt: &Attempt) -> Result<Self, FetchError> {
        if attempt.access().setup == Setup::Own {
            return Ok(Self::Own);
        }
        let Auth { identity, known_hosts, .. } = attempt.auth();
        if identity.is_none() || known_hosts.is_none() {
            return Err(attempt.credentials(
                "over ssh it takes a private key and the server's host keys; put identity and known_hosts into the \
                 Secret of spec.secretRef (the keys, agent and known hosts of the user who runs cowherd are not used)",
            ));
        }
        let pinned = match &attempt.access().network {
            Network::Any => None,
            network => Some(pinned(attempt, network)?),
        };
        Ok(Self::Given { pinned })
    }

    /// Tells `ssh`. What is said first counts.
    pub(super) fn apply(&self, command: &mut Command) {
        let Self::Given { pinned } = self else { return };
        let path = std::env::var_os("PATH");
        command.env_clear();
        command.envs(path.map(|path| ("PATH", path)));
        command.args(["-F", "none"]);
        for option in NOTHING_ELSE {
            command.arg("-o").arg(option);
        }
        if let Some((address, name)) = pinned {
            command.arg("-o").arg(format!("HostName={address}")).arg("-o").arg(format!("HostKeyAlias={name}"));
        }
    }
}

/// The address that is connected to: its name is looked up here, once, so that nobody can answer otherwise to ssh.
fn pinned(attempt: &Attempt, network: &Network) -> Result<(IpAddr, String), FetchError> {
    let url = attempt.url().git();
    let host = url.and_then(|url| url.host()).unwrap_or_default().to_ascii_lowercase();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if !host.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c)) {
        return Err(attempt.unsupported("a host name with such characters"));
    }
    let port = url.and_then(|url| url.port).unwrap_or(PORT);
    let found = look_up(attempt, host, port)?;
    let allowed = network.choose(found).map_err(|forbidden| attempt.forbidden(forbidden, None))?;
    let address = allowed.first().ok_or_else(|| attempt.unreachable("the host name is not known"))?.ip();
    // As known_hosts writes it.
    let name = if port == PORT { host.to_owned() } else { format!("[{host}]:{port}") };
    Ok((address, name))
}

fn look_up(attempt: &Attempt, host: &str, port: u16) -> Result<Vec<SocketAddr>, FetchError> {
    let unknown = |error: &io::Error| attempt.unreachable(&format!("Could not resolve hostname {host}: {error}"));
    let (tell, told) = sync_channel(1);
    let name = host.to_owned();
    // The system's lookup knows no deadline; a thread that is late finds nobody listening.
    let thread = std::thread::Builder::new().name("look-up".to_owned()).spawn(move || {
        let found = (name.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        let _ = tell.send(found);
    });
    thread.map_err(|error| unknown(&error))?;
    match told.recv_timeout(attempt.deadline().remaining().min(MAX_CONNECT)) {
        Ok(found) => found.map_err(|error| unknown(&error)),
        Err(RecvTimeoutError::Timeout) => Err(attempt.unreachable("the host name could not be looked up in time")),
        Err(RecvTimeoutError::Disconnected) => Err(attempt.unreachable("the host name could not be looked up")),
    }
}
