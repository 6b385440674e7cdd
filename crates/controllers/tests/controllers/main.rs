//! The controllers at work on a real API.

mod cluster;
mod deployments;
mod garbage;
