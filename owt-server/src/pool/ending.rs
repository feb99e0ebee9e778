//! A call that was cancelled and has not ended yet: how long its worker has for that, and what
//! becomes of it then.
//!
//! The worker says at once that it has raised the exception in the call: so its interpreter answers.
//! A call that is still there after the grace period is abandoned, which the worker is asked to do:
//! it harms nobody while it only waits. Only a worker that gives no answer is ended.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use owt_core::Death;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::life::{Life, Unanswered, Wear};
use super::link::Link;
use super::pending::Pending;
use crate::wire::{Frame, Kind};

/// How long an import may go on after its call was cancelled. What is interrupted half way in an
/// import stays broken in its worker.
const IMPORT_LIMIT: Duration = Duration::from_secs(60);

/// How long a worker that answered before has at least to abandon a call.
const MIN_ANSWER: Duration = Duration::from_secs(1);

pub(super) struct Ending {
    id: u32,
    pub(super) pending: Rc<Pending>,
    /// The worker; none as long as none has come.
    life: Option<Arc<Life>>,
    /// Runs out when the worker has had its time.
    clock: JoinHandle<()>,
    since: Instant,
    /// Held while the worker owes an answer.
    unanswered: Option<Unanswered>,
    /// Held once the call is abandoned.
    abandoned: Option<Abandoned>,
}

impl Ending {
    pub(super) fn begin(
        link: &Rc<Link>,
        id: u32,
        pending: Rc<Pending>,
        life: Option<Arc<Life>>,
    ) -> Self {
        let unanswered = life.as_ref().map(Life::expect_answer);
        let clock = clock(link, id, link.shared.grace);
        Self { id, pending, life, clock, since: Instant::now(), unanswered, abandoned: None }
    }

    /// The worker has raised the exception in the call.
    pub(super) fn interrupted(&mut self) {
        self.unanswered = None;
    }

    /// Gives a call that is in the middle of an import more time.
    pub(super) fn put_off(&mut self, link: &Rc<Link>) {
        self.unanswered = None;
        if self.since.elapsed() < IMPORT_LIMIT {
            self.restart(link, link.shared.grace);
        }
    }

    /// The grace period is over: has the call abandoned, by a worker that answers.
    pub(super) fn time_is_up(&mut self, link: &Rc<Link>) {
        self.life = self.life.take().or_else(|| link.life());
        let Some(life) = &self.life else { return };
        if self.unanswered.is_some() {
            let number = link.number();
            tracing::warn!("worker {number} does not end a call that was cancelled; ending it");
            return life.condemn(Death::Stuck);
        }
        self.unanswered = Some(Life::expect_answer(life));
        link.push(Kind::Abandon, self.id, b"");
        self.restart(link, link.shared.grace.max(MIN_ANSWER));
    }

    /// The worker has abandoned the call, whose thread either waits or runs on in Python.
    pub(super) fn abandoned(&mut self, link: &Rc<Link>, runs_on: bool) {
        let Some(life) = &self.life else { return };
        self.clock.abort();
        self.unanswered = None;
        if self.abandoned.is_some() {
            return;
        }
        let calls = life.abandoned.fetch_add(1, Ordering::Relaxed) + 1;
        self.abandoned = Some(Abandoned(life.clone()));
        link.count(|tally| tally.abandoned += 1);
        if runs_on {
            life.recycle(Wear::Runaway);
        } else if calls > link.shared.recycling.max_abandoned {
            life.recycle(Wear::Abandoned { calls });
        }
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.abandoned.is_some()
    }

    fn restart(&mut self, link: &Rc<Link>, time: Duration) {
        self.clock.abort();
        self.clock = clock(link, self.id, time);
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.clock.abort();
    }
}

/// Counts a call as abandoned until its thread comes back, or its worker ends.
struct Abandoned(Arc<Life>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.abandoned.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Link {
    /// Forgets a call, and counts why. If the worker has not ended it, it is told that nobody waits
    /// any more, and has the grace period to say that nothing runs any more either.
    pub(super) fn end_early(self: &Rc<Self>, id: u32, why: &'static str) {
        let Some(pending) = self.state.borrow_mut().calls.remove(&id) else { return };
        self.count(|tally| tally.ended(why));
        self.close_upload(id);
        self.has_moved.notify_waiters();
        self.push(Kind::Cancel, id, b"");
        let ending = Ending::begin(self, id, pending, self.life());
        self.state.borrow_mut().ending.insert(id, ending);
    }

    /// A call that was cancelled has had its time.
    fn time_is_up(self: &Rc<Self>, id: u32) {
        // Out of the state meanwhile, which a frame to the worker changes.
        let Some(mut ending) = self.state.borrow_mut().ending.remove(&id) else { return };
        ending.time_is_up(self);
        self.state.borrow_mut().ending.insert(id, ending);
    }

    /// The calls that are abandoned at the worker.
    pub(super) fn abandoned(&self) -> Vec<Rc<Pending>> {
        let state = self.state.borrow();
        let abandoned = state.ending.values().filter(|ending| ending.is_abandoned());
        abandoned.map(|ending| ending.pending.clone()).collect()
    }

    /// Takes what the worker says of a call that was cancelled; `false` of any other frame.
    pub(super) fn take_ending(self: &Rc<Self>, kind: Kind, frame: &Frame) -> bool {
        let ending = &mut self.state.borrow_mut().ending;
        let Some(call) = ending.get_mut(&frame.id) else { return kind == Kind::Ended };
        match kind {
            Kind::Interrupted => call.interrupted(),
            Kind::Deferred => call.put_off(self),
            Kind::Abandoned => call.abandoned(self, frame.payload.first() == Some(&1)),
            Kind::Ended => drop(ending.remove(&frame.id)),
            _ => return false,
        }
        true
    }
}

fn clock(link: &Rc<Link>, id: u32, time: Duration) -> JoinHandle<()> {
    let link = link.clone();
    tokio::task::spawn_local(async move {
        sleep(time).await;
        link.time_is_up(id);
    })
}
