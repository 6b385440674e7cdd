//! The limits of the API that can be set; docs/security.md lists all of them.

use std::time::Duration;

use clap::Args;
use cowherd_apiserver::Config;

/// Under what they stand in help: by each itself, so that what follows them stands elsewhere.
const HEADING: &str = "Limits of the API";

/// The flags of the limits, named as kube-apiserver's where it has them.
#[derive(Args, Clone, Copy, Debug)]
pub struct Limits {
    /// Reads that may be under way at a time; more are asked to come back
    #[arg(help_heading = HEADING, long, value_name = "COUNT", default_value_t = 400, value_parser = at_least_one)]
    max_requests_inflight: usize,
    /// Writes that may be under way at a time
    #[arg(help_heading = HEADING, long, value_name = "COUNT", default_value_t = 200, value_parser = at_least_one)]
    max_mutating_requests_inflight: usize,
    /// Watches that there may be
    #[arg(help_heading = HEADING, long, value_name = "COUNT", default_value_t = 10_000, value_parser = at_least_one)]
    max_watches: usize,
    /// Connections that may be open, if there are as many descriptors (`ulimit -n`); one address has half of them
    #[arg(help_heading = HEADING, long, value_name = "COUNT", default_value_t = 8192, value_parser = at_least_one)]
    max_connections: usize,
    /// Seconds that a connection may be idle
    #[arg(help_heading = HEADING, long, value_name = "SECONDS", default_value_t = 90, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    idle_timeout: u64,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a number greater than 0".to_owned()),
        // As many as tokio's semaphores count.
        Ok(count) => Ok(usize::min(count, 1_000_000)),
    }
}

impl Limits {
    /// The configuration of a server with these limits.
    pub fn config(&self) -> Config {
        Config {
            reads: self.max_requests_inflight,
            writes: self.max_mutating_requests_inflight,
            watches: self.max_watches,
            connections: self.max_connections,
            connections_of_address: self.max_connections.div_ceil(2),
            idle_time: Duration::from_secs(self.idle_timeout),
            ..Config::default()
        }
    }
}
