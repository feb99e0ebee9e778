//! Frames between the front and a worker, with each head that they may have. What is read does not
//! depend on how the bytes are cut.

#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use owt_common::wire::{Failure, Frame, ReplyHead, pull, push};
use owt_core::Progress;

fuzz_target!(|input: (u8, &[u8])| {
    let (cut, bytes) = input;
    let frames = read([bytes]);
    assert_eq!(frames, read(bytes.chunks(1 + usize::from(cut))));
    let mut written = Vec::new();
    for frame in &frames {
        push(&mut written, frame.kind, frame.id, &frame.payload);
    }
    assert!(bytes.starts_with(&written));
    frames.into_iter().for_each(look_into);
});

/// The frames that are there, up to the first that is none.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Frame> {
    let (mut buffer, mut frames) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        loop {
            match pull(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return frames,
            }
        }
    }
    frames
}

fn look_into(frame: Frame) {
    let copy = || Frame { kind: frame.kind, id: frame.id, payload: frame.payload.clone() };
    let _ = (frame.bytes(), frame.digest());
    let _ = copy().split_call().is_ok_and(|(head, _)| head.request().is_ok());
    let _ = copy().split_head::<ReplyHead<'_>>();
    let _ = copy().split_head::<Failure<'_>>();
    let _ = copy().split_head::<Progress>();
}
