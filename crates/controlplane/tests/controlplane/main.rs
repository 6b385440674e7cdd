//! Control planes as others see them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod exposition;
mod herd;
mod life;
mod metrics;
mod neighbours;
mod repository;
