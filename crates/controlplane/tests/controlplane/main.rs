//! Control planes as others see them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod herd;
mod life;
mod repository;
