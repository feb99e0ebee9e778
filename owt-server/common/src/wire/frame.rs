//! The frames between the front and a worker: `length, kind, call id, payload` over a Unix socket.
//!
//! All integers are little-endian. A head is postcard, a body is raw bytes. Both directions share
//! one layout, so that a batch of frames is built and taken apart in one buffer.

use bytes::{Buf, Bytes, BytesMut};
use owt_core::Digest;
use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};

use super::EncodedCallHead;

/// The largest payload that one frame carries in bytes; longer bodies go in several.
pub const CHUNK: usize = 64 * 1024;

/// Length, kind and call id.
const PREFIX: usize = 9;

/// The longest payload in bytes that is believed; a head with source and arguments is the longest.
const MAX_PAYLOAD: usize = 1 << 30;

/// The longest payload in bytes that is copied out of the buffer that it was read into.
const MAX_COPIED: usize = 4096;

/// How many bytes of source and arguments a call may have, so that its head is never too long.
pub const MAX_TEXT: usize = MAX_PAYLOAD / 4;

/// What a frame is. The payload of each kind is named behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::FromRepr)]
#[repr(u8)]
pub enum Kind {
    /// Front to worker: a [`CallHead`](super::CallHead), then the first bytes of the body.
    Call = 1,
    /// Front to worker: more of the request's body.
    Body = 2,
    /// Front to worker: nobody waits for this call any more.
    Cancel = 3,
    /// Front to worker: a `u32`, how many bytes of the reply the client has read.
    ReplyWindowUpdate = 4,
    /// Front to worker: a [`Digest`] whose adaptor is to be dropped.
    Forget = 5,
    /// Front to worker: list the loaded adaptors. Answered as a whole reply of JSON.
    List = 6,
    /// Front to worker: a body that comes while the call runs is complete.
    BodyEnd = 7,
    /// Front to worker: which calls of this socket have begun? Answered as a whole reply of their
    /// numbers, each a `u32`.
    Calls = 8,
    /// Front to worker: a call that was cancelled has had its time. Answered by [`Kind::Abandoned`]
    /// or [`Kind::Ended`].
    Abandon = 9,
    /// Worker to front: a [`ReplyHead`](super::ReplyHead), then the first bytes of the body.
    Head = 16,
    /// Worker to front: more of the reply's body.
    Chunk = 17,
    /// Worker to front: the reply is complete.
    End = 18,
    /// Worker to front: the reply broke off half way. The reason, as text.
    Broken = 19,
    /// Worker to front: the call's source is not here; send the call again with it.
    NeedSource = 20,
    /// Worker to front: a [`Failure`](super::Failure) instead of a reply.
    Fail = 21,
    /// Worker to front: the call has begun to run. Only for calls that want to be told.
    Started = 22,
    /// Worker to front: nothing runs any more for a call that was cancelled.
    Ended = 23,
    /// Worker to front: a `u32`, how many bytes of the request's body the handler has read.
    BodyWindowUpdate = 24,
    /// Worker to front: a call that was cancelled is importing, and is interrupted after that.
    Deferred = 25,
    /// Worker to front: owt itself failed here, so this worker is to be replaced.
    InternalError = 26,
    /// Worker to front: the exception of a call that was cancelled has been raised.
    Interrupted = 27,
    /// Worker to front: a call that does not end is left alone. One byte: 0 if its thread waits
    /// without holding the interpreter's lock, 1 if it runs on in Python.
    Abandoned = 28,
    /// Worker to front: a [`Progress`](owt_core::Progress), as the call's code reports it.
    Progress = 29,
}

/// Appends one frame to `out`: a head, if there is one, and raw bytes.
pub fn push(out: &mut Vec<u8>, kind: Kind, id: u32, raw: &[u8]) {
    out.extend_from_slice(&length(raw.len()).to_le_bytes());
    out.push(kind as u8);
    out.extend_from_slice(&id.to_le_bytes());
    out.extend_from_slice(raw);
}

/// Appends raw bytes to the last frame in `out`, which begins at `start`; `false`, and nothing appended, if one
/// frame cannot carry so many.
pub fn extend(out: &mut Vec<u8>, start: usize, raw: &[u8]) -> bool {
    let payload = out.len() - start - PREFIX + raw.len();
    if payload > CHUNK {
        return false;
    }
    out.extend_from_slice(raw);
    out[start..start + 4].copy_from_slice(&length(payload).to_le_bytes());
    true
}

/// Appends one frame that carries a head before its raw bytes.
pub fn push_head(out: &mut Vec<u8>, kind: Kind, id: u32, head: &impl Serialize, raw: &[u8]) {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX + 4]);
    postcard::serialize_with_flavor(head, Append(out))
        .expect("these heads have nothing postcard refuses");
    let head_len = length(out.len() - start - PREFIX - 4);
    out.extend_from_slice(raw);
    let payload = length(out.len() - start - PREFIX);
    out[start..start + 4].copy_from_slice(&payload.to_le_bytes());
    out[start + 4] = kind as u8;
    out[start + 5..start + 9].copy_from_slice(&id.to_le_bytes());
    out[start + 9..start + 13].copy_from_slice(&head_len.to_le_bytes());
}

/// Where postcard writes. Its own way to append passes each byte of a digest through an iterator.
struct Append<'a>(&'a mut Vec<u8>);

impl Flavor for Append<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        // Most numbers, and with them the lengths of texts, are one byte.
        match bytes {
            [byte] => self.0.push(*byte),
            bytes => self.0.extend_from_slice(bytes),
        }
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("heads are bounded by MAX_TEXT, bodies by CHUNK")
}

/// One frame as it was read.
#[derive(Debug, PartialEq)]
pub struct Frame {
    pub kind: Kind,
    pub id: u32,
    pub payload: Bytes,
}

/// Why what was read is no frame: the other side is not ours, or has gone wrong.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of unknown kind {0}")]
    Kind(u8),
    #[error("a frame's head is shorter than it says")]
    Short,
    #[error("a frame of {0} bytes")]
    Long(usize),
    #[error("a frame's head does not fit its kind")]
    Head(#[from] postcard::Error),
}

/// Takes the next whole frame off the front of `buffer`; `None` while it has not all arrived.
pub fn pull(buffer: &mut BytesMut) -> Result<Option<Frame>, FrameError> {
    if buffer.len() < PREFIX {
        return Ok(None);
    }
    let len = u32::from_le_bytes([buffer[0], buffer[1], buffer[2], buffer[3]]) as usize;
    if len > MAX_PAYLOAD {
        return Err(FrameError::Long(len));
    }
    if buffer.len() < PREFIX + len {
        buffer.reserve(PREFIX + len - buffer.len());
        return Ok(None);
    }
    let kind = Kind::from_repr(buffer[4]).ok_or(FrameError::Kind(buffer[4]))?;
    let id = u32::from_le_bytes([buffer[5], buffer[6], buffer[7], buffer[8]]);
    buffer.advance(PREFIX);
    Ok(Some(Frame { kind, id, payload: take(buffer, len) }))
}

/// Takes bytes off the front. Few are copied: shared, they would keep all of the buffer, and the next
/// read would need a new one.
fn take(buffer: &mut BytesMut, len: usize) -> Bytes {
    if len > MAX_COPIED {
        return buffer.split_to(len).freeze();
    }
    let bytes = Bytes::copy_from_slice(&buffer[..len]);
    buffer.advance(len);
    bytes
}

impl Frame {
    /// Takes a head off the payload; what stays is the raw bytes behind it.
    pub fn split_head<T: for<'de> Deserialize<'de>>(self) -> Result<(T, Bytes), FrameError> {
        let (head, raw) = self.split()?;
        Ok((postcard::from_bytes(&head)?, raw))
    }

    /// Takes the head of a call off the payload, and leaves it encoded; what stays is the raw bytes behind it.
    pub fn split_call(self) -> Result<(EncodedCallHead, Bytes), FrameError> {
        let (head, raw) = self.split()?;
        Ok((EncodedCallHead::new(head)?, raw))
    }

    fn split(mut self) -> Result<(Bytes, Bytes), FrameError> {
        if self.payload.len() < 4 {
            return Err(FrameError::Short);
        }
        let len = self.payload.get_u32_le() as usize;
        if self.payload.len() < len {
            return Err(FrameError::Short);
        }
        let head = self.payload.split_to(len);
        Ok((head, self.payload))
    }

    /// Reads the payload as the number of bytes of a window update.
    pub fn bytes(&self) -> usize {
        let bytes = self.payload.first_chunk::<4>().copied().unwrap_or_default();
        u32::from_le_bytes(bytes) as usize
    }

    /// Reads the payload as the digest of a [`Kind::Forget`].
    pub fn digest(&self) -> Option<Digest> {
        self.payload.first_chunk::<32>().copied().map(Digest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{CallHead, RequestHead, RunHead};
    use super::*;

    #[test]
    fn a_head_and_its_body_survive_the_trip() {
        let run =
            RunHead { request_id: "r", source: Some("def run(): pass"), ..RunHead::default() };
        let headers = vec![("accept", serde_bytes::Bytes::new(b"\xff"))];
        let head = CallHead { run, request: RequestHead { headers, ..RequestHead::default() } };
        let mut out = Vec::new();
        push(&mut out, Kind::Cancel, 7, b"");
        push_head(&mut out, Kind::Call, 8, &head, b"body");
        let mut buffer = BytesMut::from(out.as_slice());
        let first = pull(&mut buffer).unwrap().unwrap();
        assert_eq!(first, Frame { kind: Kind::Cancel, id: 7, payload: Bytes::new() });
        let second = pull(&mut buffer).unwrap().unwrap();
        assert_eq!((second.kind, second.id), (Kind::Call, 8));
        let (read, body) = second.split_call().unwrap();
        let read = CallHead { run: read.run(), request: read.request().unwrap() };
        assert_eq!((read, &body[..]), (head, b"body".as_slice()));
        assert_eq!(pull(&mut buffer).unwrap(), None);
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_they_are_cut(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..20),
            cut in 1usize..64,
        ) {
            let mut out = Vec::new();
            for (id, payload) in (0u32..).zip(&payloads) {
                push(&mut out, Kind::Chunk, id, payload);
            }
            let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
            for piece in out.chunks(cut) {
                buffer.extend_from_slice(piece);
                while let Some(frame) = pull(&mut buffer).unwrap() {
                    read.push(frame.payload.to_vec());
                }
            }
            prop_assert_eq!(read, payloads);
        }

        #[test]
        fn a_frame_is_extended_as_far_as_it_can_carry(first in 0..=CHUNK, more in 0..=CHUNK) {
            let mut out = Vec::new();
            push(&mut out, Kind::End, 1, b"");
            let start = out.len();
            push(&mut out, Kind::Chunk, 2, &vec![1; first]);
            let is_extended = extend(&mut out, start, &vec![2; more]);
            prop_assert_eq!(is_extended, first + more <= CHUNK);
            let mut buffer = BytesMut::from(out.as_slice());
            pull(&mut buffer).unwrap();
            let payload = pull(&mut buffer).unwrap().unwrap().payload;
            let expected = [vec![1; first], vec![2; if is_extended { more } else { 0 }]].concat();
            prop_assert_eq!((&payload[..], buffer.len()), (&expected[..], 0));
        }

        #[test]
        fn arbitrary_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut buffer = BytesMut::from(bytes.as_slice());
            while let Ok(Some(frame)) = pull(&mut buffer) {
                let _ = (frame.bytes(), frame.digest());
                let _ = frame.split_call().is_ok_and(|(head, _)| head.request().is_ok());
            }
        }
    }
}
