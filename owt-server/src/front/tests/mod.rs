//! The HTTP contract, held against an executor in memory: no Python, no worker processes.

mod admin;
mod caching;
mod confirmations;
mod drain;
mod envelopes;
mod executor;
mod refusals;
mod replies;
mod server;
mod spellings;
mod signed_urls;
mod uploads;
