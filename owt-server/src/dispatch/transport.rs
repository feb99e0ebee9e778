//! Moves the frames of a connection: what waits for the worker is written, and what the worker says is
//! handed to its call.

use std::borrow::Cow;
use std::rc::Rc;
use std::time::Instant;

use bytes::BytesMut;
use owt_core::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::connection::Connection;
use super::pending::Outcome;
use crate::pool::RecycleReason;
use owt_common::spin::Spin;
use owt_common::wire::{self, Failure, Frame, FrameError, Kind, ReplyHead};

/// Bytes of capacity that an empty buffer keeps.
const KEEP_CAPACITY: usize = 256 * 1024;

impl Connection {
    pub(super) async fn write(&self, mut socket: OwnedWriteHalf) {
        let (mut batch, mut spin) = (Vec::new(), Spin::default());
        loop {
            std::mem::swap(&mut batch, &mut self.state.borrow_mut().outbox);
            if batch.is_empty() {
                self.has_frames.notified().await;
                continue;
            }
            if socket.write_all(&batch).await.is_err() {
                return self.broken();
            }
            batch.clear();
            batch.shrink_to(KEEP_CAPACITY);
            self.changed.notify_waiters();
            self.wait_awake(&mut spin).await;
        }
    }

    /// Stays awake after a call that came alone until the worker says something, or there is more to
    /// send. Whatever else this thread has to do meanwhile is done as always.
    async fn wait_awake(&self, spin: &mut Spin) {
        if !self.awaits_one_answer() {
            return;
        }
        let Some(deadline) = spin.deadline() else { return };
        while self.awaits_one_answer() && Instant::now() < deadline {
            Spin::relax();
            tokio::task::yield_now().await;
        }
        spin.learn(deadline, !self.awaits_one_answer());
    }

    fn awaits_one_answer(&self) -> bool {
        let state = self.state.borrow();
        state.calls_since_answer == 1 && state.outbox.is_empty()
    }

    pub(super) async fn read(self: &Rc<Self>, mut socket: OwnedReadHalf) {
        let mut buffer = BytesMut::with_capacity(wire::CHUNK);
        while let Ok(1..) = socket.read_buf(&mut buffer).await {
            self.state.borrow_mut().calls_since_answer = 0;
            loop {
                match wire::pull(&mut buffer)
                    .and_then(|frame| frame.map(|frame| self.handle(frame)).transpose())
                {
                    Ok(Some(())) => {}
                    Ok(None) => break,
                    Err(err) => {
                        tracing::error!("a worker sent {err}");
                        return self.broken();
                    }
                }
            }
            buffer.reserve(wire::CHUNK);
        }
        self.broken();
    }

    fn handle(self: &Rc<Self>, frame: Frame) -> Result<(), FrameError> {
        let (kind, id) = (frame.kind, frame.id);
        if kind == Kind::InternalError {
            self.recycle(RecycleReason::Fault);
            return Ok(());
        }
        if self.handle_cancelled(kind, &frame) {
            self.release_if_drained();
            return Ok(());
        }
        let Some(pending) = self.state.borrow().calls.get(&id).cloned() else {
            return Ok(()); // Nobody waits for it any more.
        };
        let is_over = match kind {
            Kind::Head => {
                let (head, first) = frame.split_head::<ReplyHead<'static>>()?;
                let is_whole = head.length == Some(first.len() as u64);
                pending.outcome(Outcome::Head(Box::new(head), first));
                is_whole
            }
            Kind::BodyWindowUpdate => {
                let upload = self.state.borrow().uploads.get(&id).cloned();
                upload.inspect(|window| window.update(frame.bytes()));
                false
            }
            Kind::Progress => {
                let (progress, _) = frame.split_head()?;
                pending.report(progress);
                false
            }
            Kind::Started => {
                pending.start();
                false
            }
            Kind::Chunk => {
                pending.chunk(frame.payload);
                false
            }
            Kind::End => {
                pending.end(Ok(()));
                true
            }
            Kind::Broken => {
                let text = String::from_utf8_lossy(&frame.payload).into_owned();
                pending.end(Err(Error::AdaptorRaised(text)));
                true
            }
            Kind::NeedSource => {
                pending.outcome(Outcome::NeedSource);
                true
            }
            Kind::Fail => {
                let (failure, _) = frame.split_head::<Failure<'static>>()?;
                let err = Error::from_worker(&failure.code, failure.text.into_owned());
                let times = (failure.load_us, failure.run_us);
                pending.outcome(Outcome::Failed(err, times, failure.place.map(Cow::into_owned)));
                true
            }
            other => return Err(FrameError::Kind(other as u8)),
        };
        if is_over {
            self.state.borrow_mut().calls.remove(&id);
            pending.release_guard();
            self.close_upload(id);
            self.release_if_drained();
        }
        Ok(())
    }
}
