//! Control planes as others see them.

mod herd;
mod life;
mod repository;
