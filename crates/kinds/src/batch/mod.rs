//! The group batch.

pub(crate) mod cron_job;
pub(crate) mod job;
mod schedule;

/// The group and version of the kinds here.
const V1: (&str, &str) = ("batch", "v1");
