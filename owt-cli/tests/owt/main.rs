//! The `owt` program as its users see it: arguments and files in, text and exit codes out.

mod call;
mod encode;
mod hash;
mod program;
#[path = "../../../owt-client/tests/server/mod.rs"]
mod server;
mod signing;
mod usage;
#[path = "../../../owt-core/tests/vectors/mod.rs"]
mod vectors;
mod vectors_encoded;
