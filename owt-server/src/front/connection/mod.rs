//! A thin layer between actix-web and a client's socket. It passes on one request at a time, knows
//! when an answer is on its way, and so closes connections in order and speaks owt's own words where
//! actix-web refuses a request by itself.

mod admission;
mod body;
mod exchange;
mod framing;
mod header_block;
mod refusal;
mod serve;
mod settings_frame;
mod stall;
mod stream;
mod unsent;

pub(super) use exchange::{Exchange, OpenStream};
pub(super) use framing::{MAX_HEAD, MAX_HEADERS, MAX_TARGET};
pub(crate) use serve::{Listener, Settings, listen};
