//! The HTTP contract, held against an executor in memory: no Python, no worker processes.

mod admin;
mod caching;
mod confirmations;
mod drain;
mod envelopes;
mod executor;
mod jobs;
mod limits;
mod page;
mod refusals;
mod replies;
mod server;
mod signed_urls;
mod spellings;
mod uploads;
