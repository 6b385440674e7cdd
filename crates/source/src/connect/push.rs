//! A conversation in Git's protocol in which something is pushed.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use cowherd_text::harmless;
use gix::ObjectId;
use gix::protocol::transport::Service;
use gix::protocol::transport::client::blocking_io::{ExtendedBufRead as _, ReadlineBufRead as _, Transport};
use gix::protocol::transport::client::{MessageKind, WriteMode};

use super::Attempt;
use super::session::{explain, guarded};
use super::ssh::Process;
use super::watchdog::Watchdog;
use crate::FetchError;
use crate::objects::lock;

/// The most bytes that a server may say of what became of a push.
const MAX_REPORT: u64 = 1 << 20;

/// The most bytes that are kept of what a server says beside it.
const MAX_WORDS: usize = 4 << 10;

/// A conversation with a server that lets us push.
pub(crate) struct PushSession {
    transport: Box<dyn Transport + Send>,
    process: Option<Process>,
    attempt: Arc<Attempt>,
    /// Breaks it off in time.
    _watchdog: Watchdog,
    /// Where the references stand that are of interest.
    references: HashMap<String, ObjectId>,
    abilities: Abilities,
}

/// What a server can do.
#[derive(Clone, Copy, Debug, Default)]
struct Abilities {
    /// It says what became of a push.
    reports: bool,
    /// It speaks beside that.
    has_bands: bool,
    /// It takes all or nothing.
    is_atomic: bool,
    /// It takes options.
    takes_options: bool,
}

/// A reference that is to stand elsewhere.
pub(crate) struct Command {
    pub(crate) name: String,
    /// Where it stands; nowhere where there is none.
    pub(crate) old: Option<ObjectId>,
    pub(crate) new: ObjectId,
}

/// What became of a push.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Why what was sent was not taken at all.
    pub(crate) unpack: Option<String>,
    /// The references that do not stand where they should, with what is said of that.
    pub(crate) rejected: Vec<(String, String)>,
    /// The references that stand where they should.
    taken: Vec<String>,
    /// What the server said beside it.
    pub(crate) words: String,
}

impl PushSession {
    /// Introduces ourselves over `transport`; these references are of interest.
    pub(super) fn open(
        mut transport: Box<dyn Transport + Send>,
        process: Option<Process>,
        attempt: &Arc<Attempt>,
        wanted: &[String],
    ) -> Result<Self, FetchError> {
        let killer = process.as_ref().map(Process::killer);
        let bite = move || killer.into_iter().for_each(|killer| killer.kill());
        let watchdog = Watchdog::new(attempt.deadline(), attempt.cancel(), bite)
            .map_err(|error| attempt.unreachable(&format!("no thread could be started: {error}")))?;
        let greeting = guarded(|| greet(&mut transport, wanted));
        let Greeting { references, abilities, format } =
            greeting.map_err(|error| explain(attempt, process.as_ref(), &error))?;
        if let Some(format) = format.filter(|format| format != "sha1") {
            return Err(attempt.unsupported(&format!("a repository with {} object ids", attempt.auth().scrub(&format))));
        }
        let attempt = attempt.clone();
        Ok(Self { transport, process, attempt, _watchdog: watchdog, references, abilities })
    }

    /// Where a reference stands.
    pub(crate) fn reference(&self, name: &str) -> Option<ObjectId> {
        self.references.get(name).copied()
    }

    /// Whether the server takes options.
    pub(crate) fn takes_options(&self) -> bool {
        self.abilities.takes_options
    }

    /// Has references stand elsewhere, and sends what that takes.
    pub(crate) fn push(mut self, commands: &[Command], options: &[String], pack: &[u8]) -> Result<Report, FetchError> {
        if !self.abilities.reports {
            return Err(self.attempt.unsupported("a server that does not say what became of a push"));
        }
        let request = self.request(commands, options, pack);
        let words = Arc::new(Mutex::new(Vec::new()));
        let (has_bands, heard, transport) = (self.abilities.has_bands, words.clone(), &mut self.transport);
        let report = guarded(move || {
            let writer = transport.request(WriteMode::Binary, MessageKind::Flush, false);
            // Nothing is to follow the pack.
            let (mut writer, mut reader) = writer.map_err(gix::Error::from_error)?.into_parts();
            let failed = |error: std::io::Error| gix::Error::from_error(error);
            writer.write_all(&request).map_err(failed)?;
            writer.flush().map_err(failed)?;
            drop(writer);
            if has_bands {
                reader.set_progress_handler(Some(Box::new(move |_is_error, text: &[u8]| {
                    let mut heard = lock(&heard);
                    let room = MAX_WORDS.saturating_sub(heard.len());
                    heard.extend_from_slice(text.get(..text.len().min(room)).unwrap_or_default());
                    ControlFlow::Continue(())
                })));
            }
            let mut report = Vec::new();
            reader.take(MAX_REPORT).read_to_end(&mut report).map_err(failed)?;
            Ok(report)
        });
        let report = report.map_err(|error| explain(&self.attempt, self.process.as_ref(), &error))?;
        let words = self.attempt.auth().scrub(&String::from_utf8_lossy(&lock(&words)));
        let lines = if has_bands { lines_of_packets(&report) } else { lines_of_text(&report) };
        let report =
            Report::parse(&lines, |text| self.said(text)).filter(|report| report.is_of(commands)).ok_or_else(|| {
                let said = if words.trim().is_empty() { String::new() } else { format!(": {}", told(&words)) };
                self.attempt.protocol(&format!("it does not say what became of the push{said}"))
            })?;
        Ok(Report { words: told(&words), ..report })
    }

    /// The commands, a line each, the options, and the pack.
    fn request(&self, commands: &[Command], options: &[String], pack: &[u8]) -> Vec<u8> {
        let nowhere = ObjectId::null(gix::hash::Kind::Sha1);
        let mut abilities = String::from(" report-status");
        let asked = [
            (self.abilities.has_bands, " side-band-64k"),
            (self.abilities.is_atomic, " atomic"),
            (!options.is_empty(), " push-options"),
        ];
        asked.into_iter().filter(|(is_asked, _)| *is_asked).for_each(|(_, name)| abilities.push_str(name));
        abilities.push_str(concat!(" agent=git/cowherd-", env!("CARGO_PKG_VERSION")));
        let mut request = Vec::with_capacity(pack.len() + 1024);
        for (index, Command { name, old, new }) in commands.iter().enumerate() {
            let abilities = if index == 0 { format!("\0{abilities}") } else { String::new() };
            line(&mut request, &format!("{} {new} {name}{abilities}", old.unwrap_or(nowhere)));
        }
        request.extend_from_slice(b"0000");
        if !options.is_empty() {
            options.iter().for_each(|option| line(&mut request, option));
            request.extend_from_slice(b"0000");
        }
        request.extend_from_slice(pack);
        request
    }

    fn said(&self, text: &str) -> String {
        told(&self.attempt.auth().scrub(text))
    }
}

impl Report {
    /// What the lines of a report say; `None` where they are none.
    fn parse(lines: &[String], said: impl Fn(&str) -> String) -> Option<Self> {
        let (first, rest) = lines.split_first()?;
        let unpack = first.strip_prefix("unpack ")?;
        let mut report = Self { unpack: (unpack != "ok").then(|| said(unpack)), ..Self::default() };
        for line in rest {
            if let Some(name) = line.strip_prefix("ok ") {
                report.taken.push(name.to_owned());
            } else if let Some((name, why)) = line.strip_prefix("ng ").map(|ng| ng.split_once(' ').unwrap_or((ng, "")))
            {
                report.rejected.push((harmless(name).into_owned(), said(why)));
            }
        }
        Some(report)
    }

    /// Whether it says what became of all of it. One that was cut off says so of some, and nobody knows of the others.
    fn is_of(&self, commands: &[Command]) -> bool {
        let is_taken = |command: &Command| self.taken.contains(&command.name);
        self.unpack.is_some() || !self.rejected.is_empty() || commands.iter().all(is_taken)
    }
}

/// What a server says at the beginning.
struct Greeting {
    references: HashMap<String, ObjectId>,
    abilities: Abilities,
    format: Option<String>,
}

fn greet(transport: &mut Box<dyn Transport + Send>, wanted: &[String]) -> gix::error::Result<Greeting> {
    let greeting = transport.handshake(Service::ReceivePack, &[]).map_err(gix::Error::from_error)?;
    let can = |name: &str| greeting.capabilities.contains(name);
    let abilities = Abilities {
        reports: can("report-status"),
        has_bands: can("side-band-64k"),
        is_atomic: can("atomic"),
        takes_options: can("push-options"),
    };
    let format = greeting.capabilities.capability("object-format");
    let format = format.and_then(|format| format.value().map(ToString::to_string));
    let mut references = HashMap::new();
    if let Some(mut refs) = greeting.refs {
        while let Some(line) = refs.readline() {
            let line = line.map_err(gix::Error::from_error)??;
            let line = line.as_slice().unwrap_or_default();
            // The first line has abilities behind a zero.
            let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
            let Some((id, name)) = std::str::from_utf8(line).ok().and_then(|line| line.trim_end().split_once(' '))
            else {
                continue;
            };
            if let (true, Ok(id)) = (wanted.iter().any(|one| one == name), ObjectId::from_hex(id.as_bytes())) {
                references.insert(name.to_owned(), id);
            }
        }
    }
    Ok(Greeting { references, abilities, format })
}

/// Adds a line with its length before it.
fn line(request: &mut Vec<u8>, text: &str) {
    request.extend_from_slice(format!("{:04x}", text.len() + 4).as_bytes());
    request.extend_from_slice(text.as_bytes());
}

/// The lines of a report that comes in packets of its own.
fn lines_of_packets(report: &[u8]) -> Vec<String> {
    let (mut lines, mut rest) = (Vec::new(), report);
    while let Some((length, behind)) = rest.split_at_checked(4) {
        let length = std::str::from_utf8(length).ok().and_then(|length| usize::from_str_radix(length, 16).ok());
        let Some(length) = length.and_then(|length| length.checked_sub(4)) else { break };
        let Some((line, behind)) = behind.split_at_checked(length) else { break };
        lines.push(String::from_utf8_lossy(line).trim_end().to_owned());
        rest = behind;
    }
    lines
}

fn lines_of_text(report: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(report).lines().map(|line| line.trim_end().to_owned()).collect()
}

/// What a server said, in one line.
fn told(text: &str) -> String {
    let lines = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
    harmless(&lines.collect::<Vec<_>>().join("; ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_that_was_cut_off_is_none_of_what_it_does_not_name() {
        let new = ObjectId::null(gix::hash::Kind::Sha1);
        let commands = ["refs/heads/a", "refs/heads/b"].map(|name| Command { name: name.to_owned(), old: None, new });
        let of = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            Report::parse(&lines, str::to_owned).is_some_and(|report| report.is_of(&commands))
        };
        assert!(of(&["unpack ok", "ok refs/heads/a", "ok refs/heads/b"]));
        assert!(of(&["unpack ok", "ok refs/heads/a", "ng refs/heads/b no"]));
        assert!(of(&["unpack no room"]));
        for cut_off in [&[][..], &["unpack ok"], &["unpack ok", "ok refs/heads/a"], &["ok refs/heads/a"]] {
            assert!(!of(cut_off), "{cut_off:?}");
        }
    }
}
