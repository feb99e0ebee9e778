//! Takes apart what the front sends: calls whose body has all arrived or comes while they run, and
//! words about calls that are under way.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use owt_core::Digest;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::Shutdown;

use super::link::{Link, Read};
use crate::wire::{self, CallHead, Frame, FrameError, Kind};

/// How many bytes one read takes at the most.
const READ: usize = 64 * 1024;

/// What the front wants of this worker.
pub(crate) enum Order {
    Call {
        link: Arc<Link>,
        id: u32,
        head: Box<CallHead<'static>>,
        body: Bytes,
    },
    /// More of the body of a call that has begun; empty at its end.
    Body {
        link: usize,
        id: u32,
        chunk: Bytes,
    },
    Cancel {
        link: usize,
        id: u32,
    },
    Abandon {
        link: usize,
        id: u32,
    },
    Credit {
        link: usize,
        id: u32,
        bytes: usize,
    },
    Forget(Digest),
    List {
        link: Arc<Link>,
        id: u32,
    },
    Calls {
        link: Arc<Link>,
        id: u32,
    },
}

/// The reading ends of all links. One thread at a time has it.
pub(crate) struct Reader {
    links: Vec<Incoming>,
    scratch: Box<[u8]>,
}

struct Incoming {
    link: Arc<Link>,
    buffer: BytesMut,
    /// Calls whose body has not all arrived.
    partial: HashMap<u32, Partial>,
    is_open: bool,
}

struct Partial {
    head: Box<CallHead<'static>>,
    body: BytesMut,
}

impl Partial {
    fn is_complete(&self) -> bool {
        self.head.body_len.is_none_or(|len| self.body.len() as u64 >= len)
    }
}

impl Reader {
    pub(crate) fn new(links: &[Arc<Link>]) -> Self {
        let incoming = |link: &Arc<Link>| Incoming {
            link: link.clone(),
            buffer: BytesMut::new(),
            partial: HashMap::new(),
            is_open: true,
        };
        Self { links: links.iter().map(incoming).collect(), scratch: vec![0; READ].into() }
    }

    /// Waits until something has arrived, and gives each order in it to `take`.
    pub(crate) fn read(&mut self, mut take: impl FnMut(Order)) {
        let mut ready: Vec<PollFd<'_>> = Vec::with_capacity(self.links.len());
        let open = || self.links.iter().filter(|incoming| incoming.is_open);
        ready.extend(open().map(|incoming| PollFd::new(incoming.link.socket(), PollFlags::IN)));
        match rustix::event::poll(&mut ready, None) {
            Ok(_) => {}
            Err(Errno::INTR | Errno::AGAIN) => return, // The caller comes again.
            Err(errno) => return self.close(errno),
        }
        let ready: Vec<bool> = ready.iter().map(|fd| !fd.revents().is_empty()).collect();
        let open = self.links.iter_mut().filter(|incoming| incoming.is_open);
        for (incoming, _) in open.zip(ready).filter(|(_, is_ready)| *is_ready) {
            incoming.read(&mut self.scratch, &mut take);
        }
    }

    /// Nothing can be read any more, as where an adaptor allows this process no descriptors. The
    /// front sees that the sockets close, and ends this worker.
    fn close(&mut self, errno: Errno) {
        tracing::error!("this worker cannot read its calls any more: {errno}");
        for incoming in &mut self.links {
            incoming.is_open = false;
            let _ = rustix::net::shutdown(incoming.link.socket(), Shutdown::Both);
        }
    }
}

impl Incoming {
    fn read(&mut self, scratch: &mut [u8], take: &mut impl FnMut(Order)) {
        if let Read::Closed = self.link.read(scratch, &mut self.buffer) {
            self.is_open = false;
        }
        loop {
            match wire::pull(&mut self.buffer)
                .and_then(|frame| frame.map(|frame| self.order(frame)).transpose())
            {
                Ok(Some(Some(order))) => take(order),
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

    /// The order that a frame completes, if it does.
    fn order(&mut self, frame: Frame) -> Result<Option<Order>, FrameError> {
        let (link, id) = (self.link.index, frame.id);
        Ok(match frame.kind {
            Kind::Call => self.begin(frame)?,
            Kind::Body => self.append(frame),
            Kind::BodyEnd => Some(Order::Body { link, id, chunk: Bytes::new() }),
            Kind::Cancel => {
                self.partial.remove(&id);
                // Also of a call that has not begun: the front waits to be told that it has ended.
                Some(Order::Cancel { link, id })
            }
            Kind::Abandon => Some(Order::Abandon { link, id }),
            Kind::ReplyWindowUpdate => Some(Order::Credit { link, id, bytes: frame.bytes() }),
            Kind::Forget => frame.digest().map(Order::Forget),
            Kind::List => Some(Order::List { link: self.link.clone(), id }),
            Kind::Calls => Some(Order::Calls { link: self.link.clone(), id }),
            other => return Err(FrameError::Kind(other as u8)),
        })
    }

    fn begin(&mut self, frame: Frame) -> Result<Option<Order>, FrameError> {
        let id = frame.id;
        let (head, first) = frame.split_head::<CallHead<'static>>()?;
        let head = Box::new(head);
        if head.body_len.is_none_or(|len| first.len() as u64 >= len) {
            return Ok(Some(Order::Call { link: self.link.clone(), id, head, body: first }));
        }
        self.partial.insert(id, Partial { head, body: BytesMut::from(first) });
        Ok(None)
    }

    /// Adds to a body: to one that has to be there before its call begins, or to that of a call.
    fn append(&mut self, frame: Frame) -> Option<Order> {
        let id = frame.id;
        let Entry::Occupied(mut partial) = self.partial.entry(id) else {
            return Some(Order::Body { link: self.link.index, id, chunk: frame.payload });
        };
        partial.get_mut().body.extend_from_slice(&frame.payload);
        if !partial.get().is_complete() {
            return None;
        }
        let Partial { head, body } = partial.remove();
        Some(Order::Call { link: self.link.clone(), id, head, body: body.freeze() })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    /// What a worker makes of the frames in `written`.
    fn orders(written: &[u8]) -> Vec<String> {
        let (mut front, worker) = UnixStream::pair().unwrap();
        front.write_all(written).unwrap();
        drop(front);
        let mut reader = Reader::new(&[Arc::new(Link::new(0, worker.into()))]);
        let mut orders = Vec::new();
        while reader.links[0].is_open {
            reader.read(|order| {
                orders.push(match order {
                    Order::Call { id, body, .. } => format!("call {id} {body:?}"),
                    Order::Body { id, chunk, .. } => format!("body {id} {chunk:?}"),
                    Order::Cancel { id, .. } => format!("cancel {id}"),
                    _ => "another".to_owned(),
                });
            });
        }
        orders
    }

    fn call(out: &mut Vec<u8>, id: u32, body_len: Option<u64>, first: &[u8]) {
        let head = CallHead { body_len, ..CallHead::default() };
        wire::push_head(out, Kind::Call, id, &head, first);
    }

    #[test]
    fn a_call_begins_when_its_body_is_there_unless_it_is_streamed() {
        let mut out = Vec::new();
        call(&mut out, 1, Some(3), b"a");
        call(&mut out, 2, None, b"x");
        wire::push(&mut out, Kind::Body, 2, b"y");
        wire::push(&mut out, Kind::Body, 1, b"bc");
        wire::push(&mut out, Kind::BodyEnd, 2, b"");
        let expected = ["call 2 b\"x\"", "body 2 b\"y\"", "call 1 b\"abc\"", "body 2 b\"\""];
        assert_eq!(orders(&out), expected);
    }

    #[test]
    fn a_call_that_is_cancelled_before_its_body_is_there_is_told_to_have_ended() {
        let mut out = Vec::new();
        call(&mut out, 1, Some(3), b"a");
        wire::push(&mut out, Kind::Cancel, 1, b"");
        wire::push(&mut out, Kind::Body, 1, b"bc");
        assert_eq!(orders(&out), ["cancel 1", "body 1 b\"bc\""]);
    }
}
