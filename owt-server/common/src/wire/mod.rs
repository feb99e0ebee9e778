//! What the front and the worker processes say to each other over Unix sockets: frames of calls and
//! replies, and the handshake of a worker that starts.

mod frame;
mod handshake;
mod head;
mod socket;
mod window;

pub use frame::{CHUNK, Frame, FrameError, Kind, MAX_TEXT, extend, pull, push, push_head};
pub use handshake::{MAX_CONNECTIONS, Ready, Settings};
pub use head::{CallHead, EncodedCallHead, Failure, ReplyHead, RequestHead, RunHead, held_bytes};
pub use socket::{MESSAGE_FLAGS, SEND_FLAGS, close_on_exec, socket_pair};
pub use window::{ReceiveWindow, SendWindow};
