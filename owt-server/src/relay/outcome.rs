//! What a call came to, as one owt tells another.

use std::time::Duration;

use owt_core::{Digest, Error, Failure, ReplyHead, Timing};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The head of a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReplyHeadFrame {
    status: u16,
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
    digest: Digest,
    timing: Micros,
}

/// A call that came to nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FailureHead {
    /// As serde has an [`Error`], which an owt of another version may have more of.
    error: Value,
    code: String,
    sentence: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    timing: Micros,
    /// Whether anything of the call can have run.
    pub(crate) may_have_run: bool,
}

/// The times of a call, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Micros {
    queue: u64,
    load: u64,
    run: u64,
}

impl From<Timing> for Micros {
    fn from(Timing { queue, load, run }: Timing) -> Self {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Self { queue: micros(queue), load: micros(load), run: micros(run) }
    }
}

impl From<Micros> for Timing {
    fn from(Micros { queue, load, run }: Micros) -> Self {
        let [queue, load, run] = [queue, load, run].map(Duration::from_micros);
        Self { queue, load, run }
    }
}

impl From<ReplyHead> for ReplyHeadFrame {
    fn from(head: ReplyHead) -> Self {
        let ReplyHead { status, headers, length, digest, timing, member: _ } = head;
        Self { status, headers, length, digest, timing: timing.into() }
    }
}

impl From<ReplyHeadFrame> for ReplyHead {
    fn from(head: ReplyHeadFrame) -> Self {
        let ReplyHeadFrame { status, headers, length, digest, timing } = head;
        Self { status, headers, length, digest, timing: timing.into(), member: None }
    }
}

impl FailureHead {
    pub(crate) fn new(Failure { error, timing, place }: &Failure, may_have_run: bool) -> Self {
        Self {
            error: serde_json::to_value(error).unwrap_or_default(),
            code: error.code().to_owned(),
            sentence: error.sentence(),
            place: place.clone(),
            timing: (*timing).into(),
            may_have_run,
        }
    }
}

impl From<FailureHead> for Failure {
    /// An error that is not known here has the words that it had there.
    fn from(head: FailureHead) -> Self {
        let FailureHead { error, code, sentence, place, timing, may_have_run: _ } = head;
        let error: Result<Error, _> = serde_json::from_value(error);
        let error = error.unwrap_or_else(|_| Error::from_worker(&code, sentence));
        Self { error, timing: timing.into(), place }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Error::CodeUnknown(Digest::of("x")))]
    #[case(Error::AdaptorRaised("ValueError: no".to_owned()))]
    #[case(Error::WorkerDied { reason: "exit code 3".to_owned(), how: "ended".to_owned() })]
    #[case(Error::Deadline { limit: Duration::from_millis(250) })]
    #[case(Error::PoolUnknown { name: "a".into(), known: "b, c".into() })]
    #[case(Error::QueueFull)]
    fn an_error_is_the_same_on_the_other_side(#[case] error: Error) {
        let run = Duration::from_micros(3);
        let timing = Timing { run, ..Timing::default() };
        let failure = Failure { error, timing, place: Some("ValueError, line 1".to_owned()) };
        let json = serde_json::to_string(&FailureHead::new(&failure, true)).unwrap();
        let back = Failure::from(serde_json::from_str::<FailureHead>(&json).unwrap());
        assert_eq!(format!("{back:?}"), format!("{failure:?}"));
    }

    #[test]
    fn an_error_that_is_not_known_here_keeps_its_words() {
        let json = "{\"error\": {\"FromTheFuture\": 1}, \"code\": \"from-the-future\", \"sentence\": \"No.\", \
                    \"timing\": {\"queue\": 0, \"load\": 0, \"run\": 0}, \"may_have_run\": true}";
        let back = Failure::from(serde_json::from_str::<FailureHead>(json).unwrap());
        assert_eq!((back.error.code(), &*back.error.sentence()), ("adaptor-raised", "No."));
    }
}
