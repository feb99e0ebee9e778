//! Reads what the front sends, and decodes it into commands. A call is complete when its body has
//! arrived, unless that is streamed.

use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use foldhash::{HashMap, HashMapExt};
use owt_core::Digest;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::Shutdown;

use super::connection::{CallKey, Channel, Connection, Read};
use owt_common::spin::Spin;
use owt_common::wire::{self, EncodedCallHead, Frame, FrameError, Kind};

/// How many bytes one read returns at most.
const MAX_READ: usize = 64 * 1024;

/// What the front asks of this worker.
pub(crate) enum Command {
    Call {
        channel: Channel,
        head: EncodedCallHead,
        body: Bytes,
    },
    /// More of the body of a call that was passed on already; empty at its end.
    Body {
        key: CallKey,
        chunk: Bytes,
    },
    ReplyWindowUpdate {
        key: CallKey,
        bytes: usize,
    },
    Cancel(CallKey),
    Abandon(CallKey),
    Forget(Digest),
    ListAdaptors(Channel),
    /// List the calls of this connection that have started.
    ListCalls(Channel),
}

/// The receiving ends of all connections. One thread at a time uses it.
pub(crate) struct Reader {
    incoming: Vec<Incoming>,
    scratch: Box<[u8]>,
    spin: Spin,
    /// How many calls came with the last read.
    came_together: usize,
}

/// The receiving end of one connection.
struct Incoming {
    connection: Arc<Connection>,
    buffer: BytesMut,
    /// Calls whose body has not arrived completely.
    partial: HashMap<u32, Partial>,
    is_open: bool,
}

struct Partial {
    head: EncodedCallHead,
    body: BytesMut,
}

impl Partial {
    fn is_complete(&self) -> bool {
        self.head.body_len.is_none_or(|len| self.body.len() as u64 >= len)
    }
}

impl Reader {
    pub(crate) fn new(connections: &[Arc<Connection>]) -> Self {
        let incoming = |connection: &Arc<Connection>| Incoming {
            connection: connection.clone(),
            buffer: BytesMut::new(),
            partial: HashMap::new(),
            is_open: true,
        };
        let incoming = connections.iter().map(incoming).collect();
        Self {
            incoming,
            scratch: vec![0; MAX_READ].into(),
            spin: Spin::default(),
            came_together: 0,
        }
    }

    /// Blocks until something has arrived, and passes each command in it to `execute`. Where several came together,
    /// the thread sleeps until then: that costs each of them little, and to wait awake would take the processor from
    /// those who send the next.
    pub(crate) fn read(&mut self, mut execute: impl FnMut(Command)) {
        let mut ready: Vec<PollFd<'_>> = Vec::with_capacity(self.incoming.len());
        let open = self.incoming.iter().filter(|incoming| incoming.is_open);
        ready.extend(open.map(|incoming| PollFd::new(incoming.connection.socket(), PollFlags::IN)));
        let spin = (!self.is_busy()).then_some(&mut self.spin);
        match wait(&mut ready, spin) {
            Ok(()) => {}
            Err(Errno::INTR | Errno::AGAIN) => return, // The caller tries again.
            Err(errno) => return self.close(errno),
        }
        let ready: Vec<bool> = ready.iter().map(|fd| !fd.revents().is_empty()).collect();
        let open = self.incoming.iter_mut().filter(|incoming| incoming.is_open);
        self.came_together = 0;
        let mut execute = |command| {
            self.came_together += usize::from(matches!(command, Command::Call { .. }));
            execute(command);
        };
        for (incoming, _) in open.zip(ready).filter(|(_, is_ready)| *is_ready) {
            incoming.read(&mut self.scratch, &mut execute);
        }
    }

    /// Whether calls come together, and not one by one.
    fn is_busy(&self) -> bool {
        self.came_together > 1
    }

    /// Closes all connections, because polling fails: an adaptor may have lowered the limit of open
    /// files. The front sees them close, and replaces this worker.
    fn close(&mut self, errno: Errno) {
        tracing::error!("this worker cannot read its calls any more: {errno}");
        for incoming in &mut self.incoming {
            incoming.is_open = false;
            let _ = rustix::net::shutdown(incoming.connection.socket(), Shutdown::Both);
        }
    }
}

/// Waits until there is something to read, awake for a moment if that pays.
fn wait(sockets: &mut [PollFd<'_>], spin: Option<&mut Spin>) -> Result<(), Errno> {
    const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
    if let Some(spin) = spin
        && let Some(deadline) = spin.deadline()
    {
        while Instant::now() < deadline {
            if rustix::event::poll(sockets, Some(&AT_ONCE))? > 0 {
                spin.learn(deadline, true);
                return Ok(());
            }
            Spin::relax();
        }
        spin.learn(deadline, false);
    }
    rustix::event::poll(sockets, None).map(drop)
}

impl Incoming {
    fn read(&mut self, scratch: &mut [u8], execute: &mut impl FnMut(Command)) {
        if let Read::Closed = self.connection.read(scratch, &mut self.buffer) {
            self.is_open = false;
        }
        loop {
            match wire::pull(&mut self.buffer)
                .and_then(|frame| frame.map(|frame| self.decode(frame)).transpose())
            {
                Ok(Some(Some(command))) => execute(command),
                Ok(Some(None)) => {}
                Ok(None) => return,
                Err(err) => {
                    tracing::error!("the front sent {err}; this worker reads no more from it");
                    self.is_open = false;
                    return;
                }
            }
        }
    }

    /// The command that a frame completes, if it does.
    fn decode(&mut self, frame: Frame) -> Result<Option<Command>, FrameError> {
        let key = CallKey { connection: self.connection.index, id: frame.id };
        Ok(match frame.kind {
            Kind::Call => self.begin(frame)?,
            Kind::Body => self.append(frame),
            Kind::BodyEnd => Some(Command::Body { key, chunk: Bytes::new() }),
            Kind::Cancel => {
                self.partial.remove(&key.id);
                // Even if its body is not complete: the front waits to be told that it has ended.
                Some(Command::Cancel(key))
            }
            Kind::Abandon => Some(Command::Abandon(key)),
            Kind::ReplyWindowUpdate => {
                Some(Command::ReplyWindowUpdate { key, bytes: frame.bytes() })
            }
            Kind::Forget => frame.digest().map(Command::Forget),
            Kind::List => Some(Command::ListAdaptors(self.channel(frame.id))),
            Kind::Calls => Some(Command::ListCalls(self.channel(frame.id))),
            other => return Err(FrameError::Kind(other as u8)),
        })
    }

    fn begin(&mut self, frame: Frame) -> Result<Option<Command>, FrameError> {
        let id = frame.id;
        let (head, first) = frame.split_call()?;
        if head.body_len.is_none_or(|len| first.len() as u64 >= len) {
            return Ok(Some(Command::Call { channel: self.channel(id), head, body: first }));
        }
        self.partial.insert(id, Partial { head, body: BytesMut::from(first) });
        Ok(None)
    }

    /// Adds to the body of a call that is incomplete, or of one that was passed on already.
    fn append(&mut self, frame: Frame) -> Option<Command> {
        let id = frame.id;
        let Entry::Occupied(mut partial) = self.partial.entry(id) else {
            let key = CallKey { connection: self.connection.index, id };
            return Some(Command::Body { key, chunk: frame.payload });
        };
        partial.get_mut().body.extend_from_slice(&frame.payload);
        if !partial.get().is_complete() {
            return None;
        }
        let Partial { head, body } = partial.remove();
        Some(Command::Call { channel: self.channel(id), head, body: body.freeze() })
    }

    fn channel(&self, id: u32) -> Channel {
        Channel::new(self.connection.clone(), id)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use owt_common::wire::{CallHead, RunHead};

    use super::*;

    /// The commands that the frames in `written` are decoded into.
    fn commands(written: &[u8]) -> Vec<String> {
        let (mut front, worker) = UnixStream::pair().unwrap();
        front.write_all(written).unwrap();
        drop(front);
        let mut reader = Reader::new(&[Arc::new(Connection::new(0, worker.into()))]);
        let mut commands = Vec::new();
        while reader.incoming[0].is_open {
            reader.read(|command| {
                commands.push(match command {
                    Command::Call { channel, body, .. } => {
                        format!("call {} {body:?}", channel.key().id)
                    }
                    Command::Body { key, chunk } => format!("body {} {chunk:?}", key.id),
                    Command::Cancel(key) => format!("cancel {}", key.id),
                    _ => "another".to_owned(),
                });
            });
        }
        commands
    }

    fn call(out: &mut Vec<u8>, id: u32, body_len: Option<u64>, first: &[u8]) {
        let run = RunHead { body_len, ..RunHead::default() };
        let head = CallHead { run, ..CallHead::default() };
        wire::push_head(out, Kind::Call, id, &head, first);
    }

    #[test]
    fn a_call_is_passed_on_with_its_body_unless_that_is_streamed() {
        let mut out = Vec::new();
        call(&mut out, 1, Some(3), b"a");
        call(&mut out, 2, None, b"x");
        wire::push(&mut out, Kind::Body, 2, b"y");
        wire::push(&mut out, Kind::Body, 1, b"bc");
        wire::push(&mut out, Kind::BodyEnd, 2, b"");
        let expected = ["call 2 b\"x\"", "body 2 b\"y\"", "call 1 b\"abc\"", "body 2 b\"\""];
        assert_eq!(commands(&out), expected);
    }

    #[test]
    fn a_reader_is_busy_after_calls_that_came_together() {
        let (mut front, worker) = UnixStream::pair().unwrap();
        let mut reader = Reader::new(&[Arc::new(Connection::new(0, worker.into()))]);
        let is_busy_after = |calls: &[u32]| {
            let mut out = Vec::new();
            for id in calls {
                call(&mut out, *id, None, b"");
                wire::push(&mut out, Kind::BodyEnd, *id, b"");
            }
            front.write_all(&out).unwrap();
            reader.read(|_| ());
            reader.is_busy()
        };
        assert_eq!([&[1][..], &[2, 3], &[4]].map(is_busy_after), [false, true, false]);
    }

    #[test]
    fn a_call_whose_body_is_incomplete_can_be_cancelled() {
        let mut out = Vec::new();
        call(&mut out, 1, Some(3), b"a");
        wire::push(&mut out, Kind::Cancel, 1, b"");
        wire::push(&mut out, Kind::Body, 1, b"bc");
        assert_eq!(commands(&out), ["cancel 1", "body 1 b\"bc\""]);
    }
}
