//! A request's body on its way to a call that is running: no faster than the handler takes it.

use std::rc::Rc;

use bytes::Bytes;
use futures_util::StreamExt;
use owt_core::BodyStream;

use super::cancellation::CancelReason;
use super::connection::Connection;
use super::pending::Pending;
use super::window::Window;
use owt_common::wire::{CHUNK, Kind};

/// Sends a body on as it arrives. One that breaks off, or is too large, ends its call.
pub(super) async fn pump(
    connection: Rc<Connection>,
    id: u32,
    pending: Rc<Pending>,
    window: Rc<Window>,
    mut rest: BodyStream,
) {
    while let Some(chunk) = rest.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(err) => {
                pending.fail(err);
                return connection.cancel(id, CancelReason::BodyBroken);
            }
        };
        for piece in pieces(&chunk) {
            if !window.is_open().await {
                return;
            }
            window.consume(piece.len());
            connection.push(Kind::Body, id, &piece);
        }
    }
    connection.push(Kind::BodyEnd, id, b"");
}

/// Bytes in pieces that fit a frame.
pub(super) fn pieces(bytes: &Bytes) -> impl Iterator<Item = Bytes> {
    let ends = (0..bytes.len()).step_by(CHUNK);
    ends.map(|at| bytes.slice(at..bytes.len().min(at + CHUNK)))
}
