//! `/_owt/mcp`: the door for agents. They list and call tools by the Model Context Protocol
//! (modelcontextprotocol.io), over its Streamable HTTP: a message is a POST, and its answer JSON or, once
//! there is progress, server-sent events.
//!
//! The server keeps nothing of its clients. What a client of the revisions before 2026-07-28 takes for a
//! session is an id, by which a call that runs is found when it is cancelled.

mod arguments;
mod content;
mod endpoint_request;
mod local;
mod message;
mod progress;
mod running;
mod server;
mod tool_calls;
mod tools;
mod transport;

pub(crate) use running::RunningTools;

/// Where it is.
pub(super) const PATH: &str = "/_owt/mcp";
