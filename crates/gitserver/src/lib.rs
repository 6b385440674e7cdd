//! Git servers for tests, real where it counts: repositories are made by `git`, served over HTTP and TLS by
//! `git http-backend`, and over ssh by `sshd`.
//!
//! Beside them stand those that charts and artifacts come from: a server of files, Debian's `docker-registry`, and object
//! storage.
//!
//! Servers listen on ports of their own, so that tests can run side by side. Whatever cannot be set up panics: the
//! test that needs it has failed.
//!
//! ```
//! use cowherd_gitserver::{Repository, http::Server};
//!
//! let directory = std::env::temp_dir().join(format!("gitserver-{}", std::process::id()));
//! let commit = Repository::new(directory.join("fleet")).commit("README", "hello\n");
//! let server = Server::start(&directory);
//! let seen = cowherd_gitserver::repository::run(&directory, &["ls-remote", &server.url("fleet/.git"), "main"]);
//! assert!(seen.starts_with(&commit));
//! # std::fs::remove_dir_all(directory).unwrap();
//! ```

#![allow(clippy::unwrap_used, reason = "a test whose server cannot be set up has failed")]

pub mod artifact;
pub mod files;
pub mod github;
pub mod hosting;
pub mod http;
pub mod listener;
pub mod pack;
pub mod proxy;
pub mod registry;
pub mod repository;
pub mod signature;
pub mod signing;
pub mod sshd;
pub mod storage;
pub mod tokens;
mod web;

pub use repository::Repository;
pub use web::Flaw;
