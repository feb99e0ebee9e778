//! How one owt hands a call to another: `POST /_owt/calls`, with the call as a head in JSON and its body
//! behind that; answered by frames, with what the call came to, progress among them.
//!
//! The other one sees the call as this one has read it, so that a handler is told the same of its request
//! wherever it runs.

mod call_head;
mod frame;
mod outcome;

pub(crate) use call_head::{CallHead, PartHead, read_len};
pub(crate) use frame::{Frame, Frames};
pub(crate) use outcome::FailureHead;

/// Where calls are taken.
pub(crate) const PATH: &str = "/_owt/calls";

/// The media type of a call that is handed on.
pub(crate) const CALL: &str = "application/vnd.owt.call";

/// The media type of what it came to.
pub(crate) const REPLY: &str = "application/vnd.owt.reply";
