//! Blocks of headers in HTTP/2: how long one may take, and how large it may be. A block goes on over as many
//! frames as its client likes, h2 waits for its end for ever, and holds a hundred times what a head may have.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::framing::MAX_HEAD;

/// What a client sends before its first frame.
const PREFACE: usize = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

/// Length, type, flags and stream of a frame.
const FRAME_HEAD: usize = 9;

/// Types of frames that hold a block, or a part of one.
const HEADERS: u8 = 1;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;

/// The flag of a block's last frame.
const END_HEADERS: u8 = 4;

/// Follows what a client sends from frame to frame.
pub(super) struct HeaderBlocks {
    limit: Duration,
    /// Bytes until the head of the next frame.
    rest: usize,
    /// The head of a frame as far as it has come.
    head: Vec<u8>,
    /// The block that has begun and not ended.
    open: Option<Block>,
    /// Runs from when a block is waited for until its end.
    timer: Option<Pin<Box<Sleep>>>,
}

/// A block, with the frame that is on its way.
struct Block {
    /// Bytes of its frames.
    size: usize,
    is_last_frame: bool,
}

impl HeaderBlocks {
    /// Blocks that may take so long each.
    pub(super) fn new(limit: Duration) -> Self {
        let (open, timer) = Default::default();
        let head = Vec::with_capacity(FRAME_HEAD);
        Self { limit, rest: PREFACE, head, open, timer }
    }

    /// Takes note of what has come.
    ///
    /// # Errors
    /// If a block is longer than a head may be.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        loop {
            let passed = self.rest.min(bytes.len());
            self.rest -= passed;
            bytes = &bytes[passed..];
            if self.rest > 0 {
                return Ok(());
            }
            if self.open.take_if(|block| block.is_last_frame).is_some() {
                self.timer = None;
            }
            let (piece, after) = bytes.split_at(bytes.len().min(FRAME_HEAD - self.head.len()));
            self.head.extend_from_slice(piece);
            bytes = after;
            let Ok(head) = <[u8; FRAME_HEAD]>::try_from(&*self.head) else { return Ok(()) };
            self.head.clear();
            let [len_0, len_1, len_2, kind, flags, ..] = head;
            self.rest = u32::from_be_bytes([0, len_0, len_1, len_2]) as usize;
            self.begin_frame(kind, flags)?;
        }
    }

    fn begin_frame(&mut self, kind: u8, flags: u8) -> io::Result<()> {
        match kind {
            HEADERS | PUSH_PROMISE => self.open = Some(Block { size: 0, is_last_frame: false }),
            CONTINUATION => {}
            _ => return Ok(()),
        }
        // What continues nothing is refused by h2.
        let Some(block) = &mut self.open else { return Ok(()) };
        block.is_last_frame = flags & END_HEADERS != 0;
        block.size += FRAME_HEAD + self.rest;
        match block.size > MAX_HEAD {
            true => Err(io::ErrorKind::InvalidData.into()),
            false => Ok(()),
        }
    }

    /// Turns an attempt to read, in which nothing has come, into an error if a block has been open for
    /// too long.
    pub(super) fn bound(
        &mut self,
        attempt: Poll<io::Result<()>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if attempt.is_ready() || self.open.is_none() {
            return attempt;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.limit)));
        timer.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    const DATA: u8 = 0;
    const MORE: u8 = 0;

    fn frame(kind: u8, flags: u8, len: usize) -> Vec<u8> {
        let size = u32::try_from(len).unwrap().to_be_bytes();
        [&size[1..], &[kind, flags, 0, 0, 0, 1], &vec![0; len]].concat()
    }

    /// Whether a block is open after some frames, which come in pieces of a size.
    fn is_open(frames: &[Vec<u8>], piece: usize) -> io::Result<bool> {
        let mut blocks = HeaderBlocks::new(Duration::from_secs(1));
        let bytes = [PREFACE, &frames.concat()].concat();
        for bytes in bytes.chunks(piece) {
            blocks.follow(bytes)?;
        }
        Ok(blocks.open.is_some())
    }

    #[rstest]
    #[case::nothing(&[], false)]
    #[case::one_frame(&[frame(HEADERS, END_HEADERS, 10)], false)]
    #[case::empty_frame(&[frame(HEADERS, END_HEADERS, 0)], false)]
    #[case::no_end(&[frame(HEADERS, MORE, 10)], true)]
    #[case::end_that_is_not_whole(&[frame(HEADERS, END_HEADERS, 10)[..18].to_vec()], true)]
    #[case::continued(&[frame(HEADERS, MORE, 10), frame(CONTINUATION, MORE, 0)], true)]
    #[case::ended(&[frame(HEADERS, MORE, 10), frame(CONTINUATION, END_HEADERS, 10)], false)]
    #[case::promise(&[frame(PUSH_PROMISE, MORE, 10)], true)]
    #[case::continues_nothing(&[frame(CONTINUATION, MORE, 10)], false)]
    #[case::head_in_data(&[frame(DATA, MORE, 10), frame(HEADERS, MORE, 10)], true)]
    #[case::data(&[frame(HEADERS, END_HEADERS, 10), frame(DATA, MORE, 10)], false)]
    fn a_block_is_open_until_its_last_frame_has_come(
        #[case] frames: &[Vec<u8>],
        #[case] expected: bool,
    ) {
        for piece in [1, 7, usize::MAX] {
            assert_eq!(is_open(frames, piece).unwrap(), expected, "in pieces of {piece}");
        }
    }

    #[rstest]
    #[case::as_long_as_a_head(MAX_HEAD - 2 * FRAME_HEAD, None)]
    #[case::longer(MAX_HEAD - 2 * FRAME_HEAD + 1, Some(io::ErrorKind::InvalidData))]
    fn a_block_is_no_longer_than_a_head(
        #[case] size: usize,
        #[case] expected: Option<io::ErrorKind>,
    ) {
        let block = || [frame(HEADERS, MORE, 100), frame(CONTINUATION, END_HEADERS, size - 100)];
        let frames = [block(), block()].concat();
        assert_eq!(is_open(&frames, 16_384).err().map(|err| err.kind()), expected);
    }
}
