//! The reply to a call. It is sent once: whole, in chunks, or as an error.

use parking_lot::Mutex;

use super::connection::Channel;
use super::reports::Reports;
use super::window::ReplyWindow;
use owt_common::wire::{CHUNK, Failure, Kind, ReplyHead};

pub(crate) struct Reply {
    pub(super) channel: Channel,
    stage: Mutex<Stage>,
    pub(super) reports: Reports,
    pub(super) window: ReplyWindow,
}

/// A call is answered once.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("this call is answered already")]
pub(crate) struct AlreadyAnswered;

/// How much of the reply has been sent.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Nothing,
    Head,
    Everything,
}

/// How a reply that has begun ends.
pub(crate) enum ReplyEnd<'a> {
    /// With its head, which holds the whole body.
    WithHead,
    /// After its last chunk.
    Complete,
    /// Half way, for this reason.
    Broken(&'a str),
    /// It is no reply: the call is to come again with its source.
    NeedSource,
}

impl Reply {
    pub(super) fn new(channel: Channel) -> Self {
        let (stage, reports, window) = Default::default();
        Self { channel, stage, reports, window }
    }

    /// Claims the one reply that a call may have.
    pub(super) fn begin(&self) -> Result<(), AlreadyAnswered> {
        let mut stage = self.stage.lock();
        if *stage != Stage::Nothing {
            return Err(AlreadyAnswered);
        }
        *stage = Stage::Head;
        self.reports.send_waiting(&self.channel);
        Ok(())
    }

    pub(super) fn push_head(&self, head: &ReplyHead<'_>, first: &[u8]) {
        self.channel.push_head(Kind::Head, head, first);
    }

    /// Buffers at most [`CHUNK`] bytes of the body; `false` if no more may be sent for now.
    pub(super) fn push_piece(&self, piece: &[u8]) -> bool {
        self.channel.push(Kind::Chunk, piece);
        self.window.consume(piece.len())
    }

    /// Buffers a chunk of any size, whether the window is open or not; `false` if no more may be sent for now.
    pub(super) fn push_chunk(&self, chunk: &[u8]) -> bool {
        chunk.chunks(CHUNK).fold(true, |_, piece| self.push_piece(piece))
    }

    /// Ends a reply that has begun; nothing happens if it has ended, as by an error.
    pub(super) fn end(&self, end: &ReplyEnd<'_>) {
        if self.complete() != Stage::Head {
            return;
        }
        match end {
            ReplyEnd::WithHead => {}
            ReplyEnd::Complete => self.channel.notify(Kind::End),
            ReplyEnd::Broken(reason) => self.channel.push(Kind::Broken, reason.as_bytes()),
            ReplyEnd::NeedSource => self.channel.notify(Kind::NeedSource),
        }
    }

    /// Sends an error instead of a reply. A reply that has begun is broken off.
    pub(super) fn fail(&self, failure: &Failure<'_>) {
        match self.complete() {
            Stage::Nothing => self.channel.push_head(Kind::Fail, failure, b""),
            Stage::Head => self.channel.push(Kind::Broken, failure.text.as_bytes()),
            Stage::Everything => {}
        }
    }

    fn complete(&self) -> Stage {
        self.reports.close(&self.channel);
        std::mem::replace(&mut *self.stage.lock(), Stage::Everything)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::sync::Arc;

    use bytes::BytesMut;
    use rstest::rstest;

    use super::super::connection::Connection;
    use super::super::reports::Reported;
    use super::*;
    use owt_common::wire;
    use owt_core::Progress;

    /// The kinds of frames that the front gets.
    fn sent(send: impl FnOnce(&Reply)) -> Vec<Kind> {
        let (mut front, worker) = UnixStream::pair().unwrap();
        let channel = Channel::new(Arc::new(Connection::new(0, worker.into())), 1);
        let reply = Reply::new(channel);
        send(&reply);
        reply.channel.flush();
        drop(reply);
        let mut bytes = Vec::new();
        front.read_to_end(&mut bytes).unwrap();
        let mut bytes = BytesMut::from(bytes.as_slice());
        std::iter::from_fn(|| wire::pull(&mut bytes).unwrap()).map(|frame| frame.kind).collect()
    }

    fn failure() -> Failure<'static> {
        let (code, text) = ("adaptor-raised".into(), "ValueError".into());
        Failure { code, text, place: None, load_us: 0, run_us: 0 }
    }

    #[rstest]
    #[case::whole(&[ReplyEnd::WithHead], &[Kind::Head])]
    #[case::streamed(&[ReplyEnd::Complete], &[Kind::Head, Kind::End])]
    #[case::broken_off(&[ReplyEnd::Broken("raised")], &[Kind::Head, Kind::Broken])]
    #[case::ended_twice(&[ReplyEnd::Complete, ReplyEnd::Broken("late")], &[Kind::Head, Kind::End])]
    fn a_reply_ends_once(#[case] ends: &[ReplyEnd<'_>], #[case] expected: &[Kind]) {
        let kinds = sent(|reply| {
            reply.begin().unwrap();
            reply.push_head(&ReplyHead::default(), b"");
            ends.iter().for_each(|end| reply.end(end));
            reply.fail(&failure());
            assert_eq!(reply.begin(), Err(AlreadyAnswered));
        });
        assert_eq!(kinds, expected);
    }

    #[test]
    fn chunks_that_leave_together_are_one_frame() {
        let kinds = sent(|reply| {
            reply.begin().unwrap();
            reply.push_head(&ReplyHead::default(), b"");
            assert!(reply.push_chunk(b"a") && reply.push_chunk(b"b"));
            reply.channel.flush();
            assert!(reply.push_chunk(b"c") && reply.push_chunk(&[0; CHUNK]));
            reply.end(&ReplyEnd::Complete);
        });
        assert_eq!(kinds, [Kind::Head, Kind::Chunk, Kind::Chunk, Kind::Chunk, Kind::End]);
    }

    #[rstest]
    #[case::whole(&[ReplyEnd::WithHead], &[Kind::Progress, Kind::Progress, Kind::Head])]
    #[case::streamed(
        &[ReplyEnd::Complete],
        &[Kind::Progress, Kind::Progress, Kind::Head, Kind::Progress, Kind::End]
    )]
    fn the_last_report_comes_before_the_end(
        #[case] ends: &[ReplyEnd<'_>],
        #[case] expected: &[Kind],
    ) {
        let report = |reply: &Reply| reply.reports.report(Progress::default(), &reply.channel);
        let kinds = sent(|reply| {
            let reported = [report(reply), report(reply), report(reply)];
            assert_eq!(reported, [Reported::Sent, Reported::Waits, Reported::Merged]);
            reply.begin().unwrap();
            reply.push_head(&ReplyHead::default(), b"");
            if matches!(ends, [ReplyEnd::Complete]) {
                assert_eq!(report(reply), Reported::Waits);
            }
            ends.iter().for_each(|end| reply.end(end));
            assert_eq!(report(reply), Reported::Merged);
        });
        assert_eq!(kinds, expected);
    }

    #[test]
    fn an_error_takes_the_place_of_a_reply_or_breaks_it_off() {
        let kinds = sent(|reply| {
            reply.fail(&failure());
            reply.end(&ReplyEnd::Complete);
            assert_eq!(reply.begin(), Err(AlreadyAnswered));
        });
        assert_eq!(kinds, [Kind::Fail]);
        let kinds = sent(|reply| {
            reply.begin().unwrap();
            reply.push_head(&ReplyHead::default(), b"");
            reply.push_chunk(b"half");
            reply.fail(&failure());
        });
        assert_eq!(kinds, [Kind::Head, Kind::Chunk, Kind::Broken]);
    }
}
