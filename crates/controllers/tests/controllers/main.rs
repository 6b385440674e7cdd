//! The controllers at work on a real API.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cluster;
mod deployments;
mod garbage;
mod jobs;
mod role_aggregation;
