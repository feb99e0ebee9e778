//! Asks a member again and again how it is. What it says counts at once; silence only when it lasts, so that
//! one lost packet or one slow second moves nothing.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::connections::{Connections, REFUSED, SendError};
use super::member::{Condition, Member};
use super::pool::MembersPool;
use super::reply::SILENT;
use super::requests::ask;

/// How often.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// So many answers may be missing, one after the other, before it counts as silent.
const MISSING: u32 = 3;

/// So often it has to answer, one after the other, before it takes calls again after a silence.
const ANSWERS: u32 = 2;

const PATH: &str = "/_owt/health";

/// What has come of the questions so far.
#[derive(Debug, Default)]
pub(super) struct Record {
    missing: u32,
    answers: u32,
    was_silent: bool,
}

/// What came of one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    Answered(Condition),
    /// It refuses connections.
    Refused(Arc<str>),
    Missing,
}

impl Record {
    /// What follows for the member, if anything.
    pub(super) fn note(&mut self, asked: Asked) -> Option<Condition> {
        match asked {
            Asked::Missing => {
                self.answers = 0;
                self.missing += 1;
                self.was_silent |= self.missing >= MISSING;
                (self.missing >= MISSING).then(|| Condition::Silent(SILENT.into()))
            }
            Asked::Refused(reason) => {
                *self = Self::default();
                Some(Condition::Closed(reason))
            }
            Asked::Answered(condition) => {
                self.missing = 0;
                self.answers += 1;
                if self.was_silent && self.answers < ANSWERS {
                    return None;
                }
                self.was_silent = false;
                Some(condition)
            }
        }
    }
}

/// Watches a member for as long as this is polled.
pub(super) async fn watch(
    pool: Arc<MembersPool>,
    member: Arc<Member>,
    connections: Rc<Connections>,
) {
    let mut record = Record::default();
    loop {
        let question = ask((&connections, &pool.access), &member, ("GET", PATH));
        let (asked, workers) = match timeout(PATIENCE, question).await {
            Ok(Ok((status, answer))) => {
                (Asked::Answered(condition(status, &answer)), workers(&answer))
            }
            Ok(Err(SendError::Unreached(reason))) if &*reason == REFUSED => {
                (Asked::Refused(reason), None)
            }
            Ok(Err(_)) | Err(_) => (Asked::Missing, None),
        };
        if asked == Asked::Missing {
            // The next question goes over a new connection.
            connections.forget(|name| name == &*member.name);
        }
        if let Some(condition) = record.note(asked) {
            member.set(&pool.name, condition, workers);
        }
        sleep(INTERVAL).await;
    }
}

/// How a member is, by what it says.
fn condition(status: StatusCode, answer: &Value) -> Condition {
    let closed = |reason: &str| Condition::Closed(reason.into());
    match (status, answer["status"].as_str()) {
        (StatusCode::OK, Some(_)) => Condition::Up,
        (_, Some("draining")) => closed("it is stopping"),
        (_, Some("starting")) => closed("it is starting"),
        (_, Some(word)) => closed(answer["reason"].as_str().unwrap_or(word)),
        (StatusCode::UNAUTHORIZED, None) => closed("it wants other credentials than those of auth"),
        (StatusCode::FORBIDDEN, None) => {
            closed("it does not answer to this name: see its --allow-host")
        }
        (status, None) => closed(&format!("it is no owt: it answers with {}", status.as_u16())),
    }
}

fn workers(answer: &Value) -> Option<(u64, u64)> {
    let workers = &answer["workers"];
    Some((workers["alive"].as_u64()?, workers["total"].as_u64()?))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[test]
    fn silence_counts_when_it_lasts_and_so_does_its_end() {
        let mut record = Record::default();
        let up = || Asked::Answered(Condition::Up);
        let silent = || Some(Condition::Silent(SILENT.into()));
        let story = [
            (up(), Some(Condition::Up)),
            (Asked::Missing, None),
            (Asked::Missing, None),
            (up(), Some(Condition::Up)),
            (Asked::Missing, None),
            (Asked::Missing, None),
            (Asked::Missing, silent()),
            (Asked::Missing, silent()),
            (up(), None),
            (Asked::Missing, None),
            (up(), None),
            (up(), Some(Condition::Up)),
        ];
        for (step, (asked, expected)) in story.into_iter().enumerate() {
            assert_eq!(record.note(asked), expected, "step {step}");
        }
    }

    #[test]
    fn a_member_that_refuses_connections_takes_calls_as_soon_as_it_answers() {
        let mut record = Record::default();
        for _ in 0..MISSING {
            record.note(Asked::Missing);
        }
        let refused = Asked::Refused("it refuses connections".into());
        let closed = Condition::Closed("it refuses connections".into());
        assert_eq!(record.note(refused), Some(closed));
        assert_eq!(record.note(Asked::Answered(Condition::Up)), Some(Condition::Up));
    }

    #[rstest]
    #[case(200, json!({ "status": "ready" }), Condition::Up)]
    #[case(200, json!({ "status": "degraded" }), Condition::Up)]
    #[case(503, json!({ "status": "draining" }), Condition::Closed("it is stopping".into()))]
    #[case(503, json!({ "status": "degraded", "reason": "no disk" }), Condition::Closed("no disk".into()))]
    #[case(
        401,
        Value::Null,
        Condition::Closed("it wants other credentials than those of auth".into())
    )]
    #[case(404, Value::Null, Condition::Closed("it is no owt: it answers with 404".into()))]
    fn what_a_member_says_counts_at_once(
        #[case] status: u16,
        #[case] answer: Value,
        #[case] expected: Condition,
    ) {
        assert_eq!(condition(StatusCode::from_u16(status).unwrap(), &answer), expected);
    }
}
