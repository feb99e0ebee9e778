//! The frames of an answer: a length, four bytes with the least first, a byte for what it is, and that.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use owt_core::Progress;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::outcome::{FailureHead, ReplyHeadFrame};

/// The most bytes of one frame: an exception may quote much.
const MAX_LEN: usize = 64 << 20;

/// Bytes before what a frame holds: its length, which counts the rest, and its kind.
const HEADER: usize = 5;

const REPLY: u8 = 1;
const DATA: u8 = 2;
const PROGRESS: u8 = 3;
const FAILURE: u8 = 4;
const END: u8 = 5;
const TAKEN: u8 = 6;

/// A part of what a call came to. The last is [`Frame::Failure`] or [`Frame::End`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Frame {
    /// The call is taken: the rest of its body may come. Before that, nothing of it has run.
    Taken,
    /// The reply begins.
    Reply(ReplyHeadFrame),
    /// A part of its body.
    Data(Bytes),
    /// What the call has reported.
    Progress(Progress),
    /// There is no reply, or no more of it.
    Failure(FailureHead),
    /// The reply was whole.
    End,
}

/// Bytes are no frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FramesError {
    #[error("it answers with a frame of {0} bytes")]
    TooLong(usize),
    #[error("it answers with a frame of the kind {0}, which is not known")]
    Kind(u8),
    #[error("it answers with a head that cannot be read")]
    Head,
}

impl Frame {
    /// Appends it.
    pub(crate) fn push(&self, bytes: &mut BytesMut) {
        match self {
            Self::Reply(head) => push_json(bytes, REPLY, head),
            Self::Data(data) => {
                let len = u32::try_from(data.len() + 1).expect("chunks are short");
                bytes.reserve(HEADER + data.len());
                bytes.put_u32_le(len);
                bytes.put_u8(DATA);
                bytes.extend_from_slice(data);
            }
            Self::Progress(progress) => push_json(bytes, PROGRESS, progress),
            Self::Failure(failure) => push_json(bytes, FAILURE, failure),
            Self::Taken => push_empty(bytes, TAKEN),
            Self::End => push_empty(bytes, END),
        }
    }

    /// It alone.
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        self.push(&mut bytes);
        bytes.freeze()
    }
}

fn push_empty(bytes: &mut BytesMut, kind: u8) {
    bytes.put_u32_le(1);
    bytes.put_u8(kind);
}

fn push_json(bytes: &mut BytesMut, kind: u8, value: &impl Serialize) {
    let start = bytes.len();
    bytes.put_u32_le(0);
    bytes.put_u8(kind);
    serde_json::to_writer(bytes.writer(), value).expect("memory takes it, and it is text");
    let len = u32::try_from(bytes.len() - start - 4).expect("heads and errors are bounded");
    bytes[start..start + 4].copy_from_slice(&len.to_le_bytes());
}

/// Frames out of bytes as they come.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    bytes: BytesMut,
}

impl Frames {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next one, if all of it is there.
    ///
    /// # Errors
    /// When this cannot be what an owt has sent.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, FramesError> {
        let Some(len) = self.bytes.first_chunk() else { return Ok(None) };
        let len = u32::from_le_bytes(*len) as usize;
        if len == 0 || len > MAX_LEN {
            return Err(FramesError::TooLong(len));
        }
        if self.bytes.len() < 4 + len {
            self.bytes.reserve(4 + len - self.bytes.len());
            return Ok(None);
        }
        self.bytes.advance(4);
        let kind = self.bytes.get_u8();
        let content = self.bytes.split_to(len - 1).freeze();
        let frame = match kind {
            REPLY => Frame::Reply(json(&content)?),
            DATA => Frame::Data(content),
            PROGRESS => Frame::Progress(json(&content)?),
            FAILURE => Frame::Failure(json(&content)?),
            TAKEN => Frame::Taken,
            END => Frame::End,
            kind => return Err(FramesError::Kind(kind)),
        };
        Ok(Some(frame))
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FramesError> {
    serde_json::from_slice(bytes).map_err(|_| FramesError::Head)
}

#[cfg(test)]
mod tests {
    use owt_core::{Error, Failure};
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn all(bytes: &[u8], step: usize) -> Result<Vec<Frame>, FramesError> {
        let (mut frames, mut found) = (Frames::default(), Vec::new());
        for piece in bytes.chunks(step) {
            frames.push(piece);
            while let Some(frame) = frames.next()? {
                found.push(frame);
            }
        }
        Ok(found)
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in(
            data in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..5),
            step in 1..50usize,
        ) {
            let progress = Progress::new(1.0, None, Some("text")).unwrap();
            let failure = Failure::from(Error::QueueFull);
            let mut frames: Vec<_> =
                data.into_iter().map(|data| Frame::Data(Bytes::from(data))).collect();
            frames.extend([
                Frame::Taken,
                Frame::Progress(progress),
                Frame::Failure(FailureHead::new(&failure, false)),
                Frame::End,
            ]);
            let mut bytes = BytesMut::new();
            frames.iter().for_each(|frame| frame.push(&mut bytes));
            prop_assert_eq!(all(&bytes, step), Ok(frames));
        }

        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = all(&bytes, 7);
        }
    }

    #[rstest]
    #[case(&[0, 0, 0, 0], FramesError::TooLong(0))]
    #[case(&[0, 0, 0, 255, 2], FramesError::TooLong(0xff00_0000))]
    #[case(&[1, 0, 0, 0, 9], FramesError::Kind(9))]
    #[case(&[2, 0, 0, 0, 1, b'x'], FramesError::Head)]
    fn what_no_owt_sends_is_refused(#[case] bytes: &[u8], #[case] expected: FramesError) {
        assert_eq!(all(bytes, 100), Err(expected));
    }
}
