//! The client as its users see it, against servers whose answers are written in the tests.

mod calls;
mod digests;
mod errors;
mod jobs;
mod progress;
mod secrets;
#[path = "../server/mod.rs"]
mod server;
#[cfg(feature = "tls")]
mod tls;
