//! What a call reports of its progress. The front is told ten times a second at most, and of the last
//! report always: soon after it, and before the reply ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use owt_core::Progress;
use parking_lot::Mutex;

use super::call::Call;
use super::connection::Channel;
use super::engine::Engine;
use owt_common::wire::Kind;

/// How long a report waits after the one before.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(crate) struct Reports(Mutex<State>);

#[derive(Default)]
struct State {
    last_sent: Option<Instant>,
    waiting: Option<Progress>,
    is_closed: bool,
}

/// What became of a report.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    /// It is buffered.
    Sent,
    /// It waits, and nothing waited before.
    Waits,
    /// It took the place of one that waits, or came after the end of the call.
    Merged,
}

impl Reports {
    pub(super) fn report(&self, progress: Progress, channel: &Channel) -> Reported {
        let state = &mut *self.0.lock();
        if state.is_closed {
            return Reported::Merged;
        }
        if state.waiting.is_some() || state.last_sent.is_some_and(|last| last.elapsed() < INTERVAL)
        {
            return match state.waiting.replace(progress) {
                None => Reported::Waits,
                Some(_) => Reported::Merged,
            };
        }
        state.send(&progress, channel);
        Reported::Sent
    }

    /// Buffers the report that waits; `false` if there is none.
    pub(super) fn send_waiting(&self, channel: &Channel) -> bool {
        let state = &mut *self.0.lock();
        match state.waiting.take() {
            Some(progress) => state.send(&progress, channel),
            None => return false,
        }
        true
    }

    /// Buffers the report that waits, and takes no more.
    pub(super) fn close(&self, channel: &Channel) {
        self.send_waiting(channel);
        self.0.lock().is_closed = true;
    }
}

impl State {
    fn send(&mut self, progress: &Progress, channel: &Channel) {
        self.last_sent = Some(Instant::now());
        channel.push_head(Kind::Progress, progress, b"");
    }
}

impl Engine {
    /// Takes a report of a call, on any thread.
    pub(super) fn report(&self, call: &Arc<Call>, progress: Progress) {
        match call.reply.reports.report(progress, call.channel()) {
            Reported::Sent => self.monitor.request_flush(),
            Reported::Waits => {
                self.waiting_reports.push(call.clone());
                self.monitor.wake();
            }
            Reported::Merged => {}
        }
    }

    /// Buffers the reports that have waited long enough; `false` if there are none.
    pub(super) fn send_due_reports(&self) -> bool {
        let due = self.waiting_reports.pop_due();
        let sent = due.iter().filter(|call| call.reply.reports.send_waiting(call.channel()));
        sent.count() > 0
    }
}
