//! A conversation in Git's protocol: what references there are, and the objects of one commit.

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gix::ObjectId;
use gix::error::{Class, ResourceExhaustionKind};
use gix::progress::Discard;
use gix::protocol::fetch::{Arguments, Negotiate, Response, Shallow, Tags, negotiate};
use gix::protocol::handshake::Ref;
use gix::protocol::ls_refs::RefPrefixes;
use gix::protocol::transport::Service;
use gix::protocol::transport::client::blocking_io::Transport;
use gix::protocol::{Handshake, LsRefsCommand};

use super::Attempt;
use super::ssh::Process;
use super::watchdog::Watchdog;
use crate::reference::Found;
use crate::tenant::Claim;
use crate::unpack::{self, Effort};
use crate::{FetchError, Reference};

/// What is said of a commit that a server does not give.
const ONLY_TIPS: &str = "; the server gives only the tips of branches";

/// How much to receive with a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Its files.
    Files,
    /// Its files and those of every commit before it.
    History,
}

impl Depth {
    fn shallow(self) -> Shallow {
        match self {
            Self::Files => Shallow::DepthAtRemote(NonZeroU32::MIN),
            Self::History => Shallow::undo(),
        }
    }
}

/// Where a commit is received.
pub(crate) struct Receiver<'a> {
    /// The repository.
    pub(crate) repository: &'a Path,
    /// What is there, of which something may be made.
    pub(crate) bases: gix::odb::HandleArc,
    /// The room within which it grows.
    pub(crate) claim: Option<&'a Claim>,
}

/// Why a commit was not received.
#[derive(Debug)]
pub(crate) enum Unreceived {
    /// The server gives only what a reference names.
    Unadvertised(FetchError),
    /// Something else.
    Failed(FetchError),
}

impl From<FetchError> for Unreceived {
    fn from(error: FetchError) -> Self {
        Self::Failed(error)
    }
}

impl From<Unreceived> for FetchError {
    fn from(unreceived: Unreceived) -> Self {
        match unreceived {
            Unreceived::Unadvertised(error) | Unreceived::Failed(error) => error,
        }
    }
}

/// A conversation with a server that has accepted us.
pub(crate) struct Session {
    transport: Box<dyn Transport + Send>,
    process: Option<Process>,
    handshake: Handshake,
    attempt: Arc<Attempt>,
    watchdog: Watchdog,
}

impl Session {
    /// Introduces ourselves over `transport`.
    pub(super) fn open(
        mut transport: Box<dyn Transport + Send>,
        process: Option<Process>,
        attempt: &Arc<Attempt>,
    ) -> Result<Self, FetchError> {
        let killer = process.as_ref().map(Process::killer);
        let bite = move || killer.into_iter().for_each(|killer| killer.kill());
        let watchdog = Watchdog::new(attempt.deadline(), attempt.cancel(), bite)
            .map_err(|error| attempt.unreachable(&format!("no thread could be started: {error}")))?;
        let no_credentials = |_| Ok(None);
        let handshake = guarded(|| {
            gix::protocol::handshake(&mut transport, Service::UploadPack, no_credentials, Vec::new(), &mut Discard)
        })
        .map_err(|error| explain(attempt, process.as_ref(), &error))?;
        let session = Self { transport, process, handshake, attempt: attempt.clone(), watchdog };
        match session.handshake.capabilities.capability("object-format").and_then(|format| format.value()) {
            Some(format) if format != "sha1" => {
                let format = session.attempt.auth().scrub(&format.to_string());
                Err(session.attempt.unsupported(&format!("a repository with {format} object ids")))
            }
            _ => Ok(session),
        }
    }

    /// What `reference` names on the server.
    pub(crate) fn find(&mut self, reference: &Reference) -> Result<Found, FetchError> {
        match reference {
            Reference::Commit { id, branch } => {
                let commit: crate::CommitId =
                    id.parse().map_err(|hint: String| self.missing(reference, &format!(": {hint}")))?;
                Ok(Found::commit(branch.clone(), commit.0))
            }
            Reference::SemVer(range) => {
                let refs = self.list(&["refs/tags/"])?;
                let tags = refs.iter().filter_map(|found| found.name.strip_prefix("refs/tags/"));
                let tag = range.highest(tags).ok_or_else(|| self.missing(reference, ""))?.to_owned();
                self.pick(&refs, &format!("refs/tags/{tag}"), Some(tag), reference)
            }
            Reference::Branch(name) | Reference::Tag(name) | Reference::Name(name) => {
                let full = reference.full_name().unwrap_or_default();
                let refs = self.list(&[&full])?;
                self.pick(&refs, &full, Some(name.clone()), reference)
            }
            Reference::Any(name) => match Reference::named_commit(name) {
                Some(commit) => Ok(Found::commit(None, commit.0)),
                None => self.find_any(name, reference),
            },
            Reference::Head => {
                let refs = self.list(&["HEAD"])?;
                let name = refs.iter().find(|found| found.name == "HEAD").and_then(|head| head.branch.clone());
                self.pick(&refs, "HEAD", name, reference)
            }
        }
    }

    /// The names of all branches.
    pub(crate) fn branches(mut self) -> Result<Vec<String>, FetchError> {
        const BRANCHES: &str = "refs/heads/";
        let refs = self.list(&[BRANCHES])?;
        Ok(refs.iter().filter_map(|found| found.name.strip_prefix(BRANCHES)).map(str::to_owned).collect())
    }

    /// The first of what `name` may be short for.
    fn find_any(&mut self, name: &str, reference: &Reference) -> Result<Found, FetchError> {
        let candidates = Reference::candidates(name);
        let refs = self.list(&candidates.each_ref().map(|(full, _)| full.as_str()))?;
        let exists = |full: &str| refs.iter().any(|found| found.name == full);
        match candidates.into_iter().find(|(full, _)| exists(full)) {
            Some((full, shown)) => self.pick(&refs, &full, Some(shown), reference),
            None => Err(self.missing(reference, "; a commit has to be named by all its 40 digits")),
        }
    }

    fn pick(
        &self,
        refs: &[Listed],
        full: &str,
        name: Option<String>,
        reference: &Reference,
    ) -> Result<Found, FetchError> {
        let found = refs.iter().find(|found| found.name == full);
        let found = found.ok_or_else(|| self.missing(reference, "; it may have been deleted or not pushed yet"))?;
        Ok(Found { name, id: found.object, tag: found.tag })
    }

    /// The references that begin with one of `wanted`.
    fn list(&mut self, wanted: &[&str]) -> Result<Vec<Listed>, FetchError> {
        let refs = match self.handshake.refs.take() {
            // The first version of the protocol names all references unasked.
            Some(refs) => refs,
            None => {
                let mut prefixes = RefPrefixes::new();
                prefixes.extend(wanted.iter().map(|prefix| (*prefix).into()));
                let command = LsRefsCommand::new(Some(prefixes), &self.handshake.capabilities, agent());
                guarded(|| command.invoke_blocking(&mut self.transport, &mut Discard, false))
                    .map_err(|error| explain(&self.attempt, self.process.as_ref(), &error))?
            }
        };
        Ok(refs.into_iter().filter_map(reference).collect())
    }

    /// Receives the commit `want`. The commits `haves` are complete where it is received. Gives the paths of what was written.
    pub(crate) fn receive(
        mut self,
        want: &Found,
        reference: &Reference,
        depth: Depth,
        haves: &[ObjectId],
        to: Receiver<'_>,
    ) -> Result<Vec<PathBuf>, Unreceived> {
        if !self.may_ask_for(want.wanted()) {
            return Err(Unreceived::Unadvertised(self.missing(reference, ONLY_TIPS)));
        }
        let Receiver { repository, bases, claim } = to;
        let pack_directory = repository.join("objects/pack");
        let mut written = Vec::new();
        let attempt = self.attempt.clone();
        let result = guarded(|| {
            gix::protocol::fetch(
                &mut Wish { want: want.wanted(), haves },
                |reader, _progress, interrupt| {
                    let effort = Arc::new(Effort::new(attempt.clone(), depth));
                    let outcome = unpack::write(reader, &pack_directory, interrupt, bases, claim, &effort);
                    written = outcome.inspect_err(|error| note_failure(&attempt, &pack_directory, error))?;
                    Ok(true)
                },
                Discard,
                self.watchdog.interrupt(),
                gix::protocol::fetch::Context {
                    handshake: &mut self.handshake,
                    transport: &mut self.transport,
                    user_agent: agent(),
                    trace_packetlines: false,
                },
                gix::protocol::fetch::Options {
                    shallow_file: repository.join("shallow"),
                    shallow: &depth.shallow(),
                    tags: Tags::None,
                    reject_shallow_remote: false,
                },
            )
        });
        match result {
            Ok(_) => {
                // A courtesy: the server may hang up now.
                let _ = gix::protocol::indicate_end_of_interaction(&mut self.transport, false);
                Ok(written)
            }
            Err(error) => Err(match explain(&self.attempt, self.process.as_ref(), &error) {
                FetchError::Protocol { cause, .. } if cause.contains("not our ref") => {
                    self.missing(reference, "; the server does not have it").into()
                }
                FetchError::Protocol { cause, .. } if cause.contains("unadvertised object") => {
                    Unreceived::Unadvertised(self.missing(reference, ONLY_TIPS))
                }
                other => other.into(),
            }),
        }
    }

    /// Whether the server may give `id`: in the first version of the protocol only what it named, unless it says
    /// otherwise. Asked for more, it breaks off.
    fn may_ask_for(&self, id: ObjectId) -> bool {
        let capabilities = &self.handshake.capabilities;
        let any = ["allow-any-sha1-in-want", "allow-reachable-sha1-in-want"];
        any.iter().any(|capability| capabilities.contains(capability))
            || self.handshake.refs.as_ref().is_none_or(|refs| {
                refs.iter()
                    .filter_map(|found| reference(found.clone()))
                    .any(|listed| listed.object == id || listed.tag == Some(id))
            })
    }

    fn missing(&self, reference: &Reference, hint: &str) -> FetchError {
        FetchError::ReferenceNotFound {
            url: self.attempt.url().clone(),
            reference: reference.clone(),
            hint: hint.to_owned(),
        }
    }
}

/// Does `work`, which reads what a server sent. gix does not expect every answer that a server may make up, and panics
/// where it does not: that is an error like any other, and nothing of what it held is used afterwards.
pub(super) fn guarded<T>(work: impl FnOnce() -> gix::error::Result<T>) -> gix::error::Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(gix::Error::from_error(std::io::Error::other("its answer makes no sense"))))
}

/// What went wrong: what the transport noted, or what `ssh` said, or what the protocol makes of it.
pub(super) fn explain(attempt: &Attempt, process: Option<&Process>, error: &gix::Error) -> FetchError {
    let causes = || error.iter_errors().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    attempt
        .failure()
        .or_else(|| process.and_then(|process| process.last_words(attempt)))
        .unwrap_or_else(|| attempt.protocol(&causes()))
}

/// Tells a full disk and what is too large from a broken connection.
fn note_failure(attempt: &Attempt, directory: &Path, error: &gix::Error) {
    use std::io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted, InvalidData, InvalidInput, Other, TimedOut,
        UnexpectedEof,
    };
    if error.classify().has(Class::ResourceExhaustion(ResourceExhaustionKind::AllocationLimit)) {
        attempt.fail(FetchError::LargeObject { url: attempt.url().clone(), limit: attempt.max_unpacked() });
        return;
    }
    let Some(cause) = error.downcast_any_ref::<std::io::Error>() else { return };
    // What reading from the server ends with, or what it sent.
    let received = [
        BrokenPipe,
        ConnectionAborted,
        ConnectionReset,
        Interrupted,
        InvalidData,
        InvalidInput,
        Other,
        TimedOut,
        UnexpectedEof,
    ];
    if !received.contains(&cause.kind()) {
        attempt.fail(FetchError::Storage {
            url: attempt.url().clone(),
            path: directory.to_owned(),
            cause: cause.to_string(),
        });
    }
}

/// A reference as the server names it.
struct Listed {
    /// Its full name.
    name: String,
    /// What it stands for, tags followed.
    object: ObjectId,
    /// The first of the tags on the way there.
    tag: Option<ObjectId>,
    /// The branch that a symbolic reference stands for.
    branch: Option<String>,
}

fn reference(found: Ref) -> Option<Listed> {
    match found {
        Ref::Peeled { full_ref_name, tag, object } => {
            Some(Listed { name: full_ref_name.to_string(), object, tag: Some(tag), branch: None })
        }
        Ref::Direct { full_ref_name, object } => {
            Some(Listed { name: full_ref_name.to_string(), object, tag: None, branch: None })
        }
        Ref::Symbolic { full_ref_name, target, object, tag } => {
            let target = target.to_string();
            let branch = target.strip_prefix("refs/heads/").unwrap_or(&target).to_owned();
            Some(Listed { name: full_ref_name.to_string(), object, tag, branch: Some(branch) })
        }
        Ref::Unborn { .. } => None,
    }
}

fn agent() -> (&'static str, Option<String>) {
    ("agent", Some(concat!("git/cowherd-", env!("CARGO_PKG_VERSION")).to_owned()))
}

/// One commit that is wanted, and those that are there: no search for what is in common.
struct Wish<'a> {
    want: ObjectId,
    haves: &'a [ObjectId],
}

impl Negotiate for Wish<'_> {
    fn mark_complete_and_common_ref(&mut self) -> gix::error::Result<negotiate::Action> {
        Ok(negotiate::Action::MustNegotiate { remote_ref_target_known: vec![false] })
    }

    fn add_wants(&mut self, arguments: &mut Arguments, _remote_ref_target_known: &[bool]) -> bool {
        arguments.want(self.want);
        true
    }

    fn one_round(
        &mut self,
        _state: &mut negotiate::one_round::State,
        arguments: &mut Arguments,
        _previous_response: Option<&Response>,
    ) -> gix::error::Result<(negotiate::Round, bool)> {
        for have in self.haves {
            arguments.have(have);
        }
        let sent = self.haves.len();
        let round = negotiate::Round {
            haves_sent: sent,
            in_vain: 0,
            haves_to_send: sent,
            previous_response_had_at_least_one_in_common: false,
        };
        Ok((round, true))
    }
}
