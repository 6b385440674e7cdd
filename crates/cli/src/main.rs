//! The `cowherd` program: one file per command, and the only place where the rooms are wired together.

mod blocking;
mod bootstrap;
mod checkout;
mod cluster;
mod commands;
mod commits;
mod completion;
mod control_plane;
mod delivering;
mod downloads;
mod elsewhere;
mod failure;
mod flux;
mod followed;
mod help;
mod keeper;
mod leading_agents;
mod limits;
mod logs;
mod notifying;
mod output;
mod own_agents;
mod paths;
mod repository;
mod resource;
mod served;
mod sops;
mod station;
mod suspension;
mod target;
mod tenancy;
mod tentative;
mod terminal;
mod trouble;

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering};

use clap::{CommandFactory, Parser, Subcommand};

/// Gives memory back a few seconds after it was needed last. The system's own keeps twice as much after a peak
/// (docs/benchmarks.md).
#[global_allocator]
static MEMORY: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// The most columns that help takes.
const WIDTH: usize = 100;

/// What scripts rely on. Commands that tell more say so in their own help.
const STATUSES: &str = "\
Examples:
  cowherd up . --path clusters/prod    # a control plane here that follows this repository
  cowherd get -A                       # how everything is
  cowherd diff --base origin/main      # what a branch changes, without a cluster
  cowherd check                        # what in the repository would fail
  cowherd logs ks/apps --follow        # what is done, by whose commit and why

Exit statuses: 0 for success, 1 for failure, 2 for a command line that makes no sense. `diff` and `check` end with 1 when \
they found something, and with 3 and 2 when that cannot be told.";

/// The same of one command that has no more to say of it.
const EXIT_STATUS: &str = "Exit status: 0 for success, 1 for failure, 2 for a command line that makes no sense.";

/// Keep clusters, workloads and clouds converged on what a Git repository says.
#[derive(Parser)]
#[command(name = "cowherd", version, propagate_version = true, arg_required_else_help = true, max_term_width = WIDTH,
    after_help = STATUSES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Up(Box<commands::up::Up>),
    Server(commands::server::Server),
    Agent(commands::agent::Agent),
    Install(commands::install::Install),
    Bootstrap(Box<commands::bootstrap::Bootstrap>),
    Migrate(commands::migrate::Migrate),
    Get(commands::get::Get),
    Tree(commands::tree::Tree),
    Trace(commands::trace::Trace),
    History(commands::history::History),
    Diff(Box<commands::diff::Diff>),
    Check(commands::check::Check),
    Reconcile(commands::reconcile::Reconcile),
    Suspend(commands::suspend::Suspend),
    Resume(commands::resume::Resume),
    Events(commands::events::Events),
    Logs(commands::logs::Logs),
    Render(Box<commands::render::Render>),
    Version(commands::version::Version),
    Completion(commands::completion::Completion),
    Man(commands::man::Man),
}

/// How the command ends where its output cannot be written.
static UNWRITTEN: AtomicU8 = AtomicU8::new(1);

/// How a command that did what it was asked to do ends.
///
/// Scripts rely on these: 0 for success, 1 for failure (or, for `diff` and `check`, for something found), 2 for a command
/// line that makes no sense, or a `check` that could not be made, 3 for a `diff` that failed.
type Outcome = anyhow::Result<ExitCode>;

fn main() -> ExitCode {
    end_when_nothing_can_be_written();
    completion::answer(Cli::command);
    let command = elsewhere::parse().command;
    let (status, asked, without) = (command.failure(), command.asked(), command.without_a_cluster());
    UNWRITTEN.store(status, Ordering::Relaxed);
    run(command).unwrap_or_else(|error| {
        crate::terminal::tell!("{} {}", terminal::Mark::Failure, cluster::told(&error, || asked.origin()));
        if let Some(way) = without.filter(|_| cluster::is_of_no_cluster(&error)) {
            crate::terminal::tell!("  {way}");
        }
        failure::status(&error, status.into())
    })
}

impl Command {
    /// How it ends where it cannot do what it was asked to do.
    fn failure(&self) -> u8 {
        match self {
            Self::Diff(_) => 3,
            Self::Check(_) => 2,
            _ => 1,
        }
    }

    /// What somebody can do who has no cluster.
    fn without_a_cluster(&self) -> Option<Box<dyn Display>> {
        match self {
            Self::Diff(command) => command.without_a_cluster().map(|way| Box::new(way) as Box<dyn Display>),
            Self::Install(command) => command.without_a_cluster().map(|way| Box::new(way) as Box<dyn Display>),
            _ => None,
        }
    }

    /// Whom it asks.
    fn asked(&self) -> Asked {
        match self {
            Self::Get(command) => Asked::Cluster(command.cluster.clone()),
            Self::Tree(command) => Asked::Cluster(command.cluster.clone()),
            Self::Trace(command) => Asked::Cluster(command.cluster()),
            Self::History(command) => Asked::Cluster(command.cluster.clone()),
            Self::Diff(command) => Asked::Cluster(command.cluster.clone()),
            Self::Reconcile(command) => Asked::Cluster(command.cluster.clone()),
            Self::Suspend(command) => Asked::Cluster(command.cluster.clone()),
            Self::Resume(command) => Asked::Cluster(command.cluster.clone()),
            Self::Events(command) => Asked::Cluster(command.cluster.clone()),
            Self::Logs(command) => Asked::Cluster(command.cluster.clone()),
            Self::Version(command) => Asked::Cluster(command.cluster.clone()),
            Self::Render(command) => command.cluster().map_or(Asked::Nobody, Asked::Cluster),
            Self::Agent(command) => Asked::Kubectl(command.access.clone()),
            Self::Install(command) => Asked::Kubectl(command.access.clone()),
            Self::Bootstrap(command) => Asked::Kubectl(command.access.clone()),
            Self::Migrate(command) => Asked::Kubectl(command.access.clone()),
            Self::Up(_) | Self::Server(_) | Self::Check(_) | Self::Completion(_) | Self::Man(_) => Asked::Nobody,
        }
    }
}

/// The cluster that a command asks, as its flags name it.
enum Asked {
    /// None, or one of its own.
    Nobody,
    /// The one that all commands mean.
    Cluster(cluster::Cluster),
    /// The one that kubectl would.
    Kubectl(cluster::Access),
}

impl Asked {
    fn origin(&self) -> Option<cluster::Origin> {
        match self {
            Self::Nobody => None,
            Self::Cluster(cluster) => cluster.origin(),
            Self::Kubectl(access) => Some(access.origin()),
        }
    }
}

fn run(command: Command) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        match command {
            Command::Up(command) => command.run().await,
            Command::Server(command) => command.run().await,
            Command::Agent(command) => command.run().await,
            Command::Install(command) => command.run().await,
            Command::Bootstrap(command) => command.run().await,
            Command::Migrate(command) => command.run().await,
            Command::Get(command) => command.run().await,
            Command::Tree(command) => command.run().await,
            Command::Trace(command) => command.run().await,
            Command::History(command) => command.run().await,
            Command::Diff(command) => command.run().await,
            Command::Check(command) => command.run().await,
            Command::Reconcile(command) => command.run().await,
            Command::Suspend(command) => command.run().await,
            Command::Resume(command) => command.run().await,
            Command::Events(command) => command.run().await,
            Command::Logs(command) => command.run().await,
            Command::Render(command) => command.run().await,
            Command::Version(command) => command.run().await,
            Command::Completion(command) => command.run(),
            Command::Man(command) => command.run(Cli::command()),
        }
    });
    // A fetch that hangs in a blocking thread must not keep the program from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

/// `cowherd get … | head` ends quietly, as other programs do when nobody reads on; what cannot be written otherwise, as on a full
/// disk, is a failure like others.
fn end_when_nothing_can_be_written() {
    std::panic::set_hook(Box::new({
        let default = std::panic::take_hook();
        move |info| {
            let text = info.payload_as_str().unwrap_or_default();
            if text.contains("Broken pipe") {
                std::process::exit(141);
            }
            // These are the words of `println!`, which has no other way to say so.
            if let Some(why) = text.strip_prefix("failed printing to stdout: ") {
                let _ = writeln!(std::io::stderr(), "{} cannot write the output: {why}", terminal::Mark::Failure);
                std::process::exit(UNWRITTEN.load(Ordering::Relaxed).into());
            }
            // What was put together may hold anything that was read, the values of Secrets too.
            if info.payload().is::<&str>() || std::env::var_os("RUST_BACKTRACE").is_some() {
                return default(info);
            }
            let place = info.location().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(
                std::io::stderr(),
                "{} a bug in cowherd, at {place}: what it says may hold what was read, and is shown with RUST_BACKTRACE=1",
                terminal::Mark::Failure
            );
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn each_command_has_examples_and_says_how_it_ends() {
        for command in Cli::command().get_subcommands() {
            let text = |text: Option<&clap::builder::StyledStr>| text.map(ToString::to_string).unwrap_or_default();
            let help = text(command.get_long_about()) + &text(command.get_after_help());
            assert!(help.contains(&format!("\n  cowherd {}", command.get_name())), "{}", command.get_name());
            assert!(["Ends with 0", EXIT_STATUS].iter().any(|said| help.contains(said)), "{}", command.get_name());
        }
    }

    #[test]
    fn each_command_with_an_answer_gives_it_to_programs_too() {
        // These have none: they run until they are asked to stop, or write what is of one form.
        let others = ["up", "server", "agent", "completion", "man"];
        for command in Cli::command().get_subcommands().filter(|command| !others.contains(&command.get_name())) {
            let output = command.get_arguments().find(|argument| argument.get_long() == Some("output"));
            let forms = output.map(clap::Arg::get_possible_values).unwrap_or_default();
            let has = |form: &str| forms.iter().any(|known| known.matches(form, false));
            let is_short = output.and_then(clap::Arg::get_short) == Some('o');
            assert!(has("json") && has("yaml") && is_short, "{}: {forms:?}", command.get_name());
        }
        let is_known = |name: &&str| Cli::command().find_subcommand(name).is_some();
        assert!(others.iter().all(is_known), "whoever takes a command away takes it away here, too");
    }
}
