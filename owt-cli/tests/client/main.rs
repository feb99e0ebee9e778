//! The Rust client against a real server. The tests are here because this package has the program.

mod calls;
mod cancel;
mod digests;
mod kwargs;
mod proxy;
mod real;
mod uploads;
