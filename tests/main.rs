//! The built program from the outside: real git, real kubectl, and what a person sees.

mod program;

mod changes;
mod commands;
mod convergence;
mod crashes;
mod drift;
mod full_disk;
mod local;
mod mistakes;
mod outages;
mod remotes;
mod resuming;
mod secrets;
