//! Reads a call that was handed on: its head, what is there of its body, and the rest as it comes.

use std::path::Path;
use std::time::Duration;

use actix_web::dev::Payload;
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{StreamExt, stream};
use owt_core::{BodyStream, Content, Error};
use tokio::io::AsyncWriteExt;

use crate::front::body::{LARGE, unless_small};
use crate::front::incoming::Incoming;
use crate::front::multipart::{HELD_FILES, full};
use crate::memory_budget::Reserved;
use crate::relay::{CallHead, PartHead, read_len};
use crate::spool::Spool;

/// The most bytes of a head: source and arguments, as JSON writes them.
const MAX_HEAD: u64 = 64 << 20;

/// The most bytes of a body that are held in memory, as of any request.
const MAX_HELD: u64 = 256 << 20;

/// More bytes than a streamed body begins with.
const FIRST: u64 = 128 << 10;

pub(super) struct Reader {
    incoming: Incoming,
    /// Its share of the memory that bodies may take.
    held: Reserved,
    /// How many bytes that is for.
    taken: u64,
    /// What has come and is not read.
    ahead: Bytes,
}

impl Reader {
    pub(super) fn new(
        payload: Payload,
        max_body: u64,
        idle_timeout: Duration,
        mut held: Reserved,
    ) -> Self {
        let limit = max_body.saturating_add(MAX_HEAD);
        let nothing = held.take();
        let incoming = Incoming::new(payload, 0, limit, idle_timeout, nothing);
        let incoming = incoming.expect("nothing is declared, so nothing is too large");
        Self { incoming, held, taken: 0, ahead: Bytes::new() }
    }

    pub(super) async fn head(&mut self) -> Result<CallHead<'static>, Error> {
        let len = self.exactly(4, MAX_HEAD).await?;
        let len = read_len(*len.first_chunk().expect("four were asked for")) as u64;
        let json = self.exactly(len, MAX_HEAD).await?;
        let read = move || serde_json::from_slice(&json).map_err(|_| Error::BodyIncomplete);
        unless_small(len > LARGE as u64, read).await
    }

    /// What is there of the body, or all parts of the form and where they lie.
    pub(super) async fn body(
        &mut self,
        head: &CallHead<'_>,
        uploads: &Path,
    ) -> Result<(Bytes, Vec<Content>, Option<Spool>), Error> {
        let (mut contents, mut spool) = (Vec::new(), None);
        let mut held = 0;
        for PartHead { len, .. } in head.parts.iter().flatten() {
            held += len;
            contents.push(match held <= HELD_FILES as u64 {
                true => Content::InMemory(self.exactly(*len, MAX_HELD).await?),
                false => {
                    held -= len;
                    self.keep(*len, &mut spool, uploads).await?
                }
            });
        }
        let body = match head.is_streamed && head.body_len <= FIRST {
            // The beginning of a body that is streamed is not counted, here as anywhere.
            true => self.read(head.body_len).await?,
            false => self.exactly(head.body_len, MAX_HELD).await?,
        };
        Ok((body, contents, spool))
    }

    pub(super) fn take_held(&mut self) -> Reserved {
        self.held.take()
    }

    /// All that is still to come.
    pub(super) fn rest(self) -> BodyStream {
        let ahead = Some(self.ahead).filter(|bytes| !bytes.is_empty());
        stream::iter(ahead.map(Ok)).chain(self.incoming.rest()).boxed_local()
    }

    /// So many bytes, in memory.
    async fn exactly(&mut self, len: u64, limit: u64) -> Result<Bytes, Error> {
        if len > limit {
            return Err(Error::TextTooLarge { limit });
        }
        self.taken += len;
        self.held.make_room(self.taken).await?;
        self.read(len).await
    }

    async fn read(&mut self, len: u64) -> Result<Bytes, Error> {
        let len = usize::try_from(len).expect("it is below a limit");
        if self.ahead.is_empty() && len > 0 {
            self.ahead = self.more().await?;
        }
        if self.ahead.len() >= len {
            return Ok(self.ahead.split_to(len));
        }
        let mut bytes = BytesMut::with_capacity(len);
        while bytes.len() < len {
            if self.ahead.is_empty() {
                self.ahead = self.more().await?;
            }
            let part = self.ahead.split_to(self.ahead.len().min(len - bytes.len()));
            bytes.extend_from_slice(&part);
        }
        Ok(bytes.freeze())
    }

    async fn keep(
        &mut self,
        mut len: u64,
        spool: &mut Option<Spool>,
        uploads: &Path,
    ) -> Result<Content, Error> {
        let folder = match spool.take() {
            Some(spool) => spool,
            None => Spool::make(uploads).await.map_err(|err| full(&err))?,
        };
        let (path, mut file) = spool.insert(folder).file().await.map_err(|err| full(&err))?;
        while len > 0 {
            if self.ahead.is_empty() {
                self.ahead = self.more().await?;
            }
            let part = usize::try_from(len).unwrap_or(usize::MAX).min(self.ahead.len());
            file.write_all(&self.ahead[..part]).await.map_err(|err| full(&err))?;
            self.ahead.advance(part);
            len -= part as u64;
        }
        file.flush().await.map_err(|err| full(&err))?;
        Ok(Content::File(path))
    }

    async fn more(&mut self) -> Result<Bytes, Error> {
        self.incoming.next().await?.ok_or(Error::BodyIncomplete)
    }
}
