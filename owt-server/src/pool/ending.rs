//! A call that was cancelled and has not ended yet: how long its worker has for that.

use std::rc::Rc;
use std::time::{Duration, Instant};

use owt_core::Death;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::link::Link;
use super::pending::Pending;

/// How long an import may go on after its call was cancelled. What is interrupted half way in an
/// import stays broken in its worker, and to end the worker would cost all that it has loaded.
const IMPORT_LIMIT: Duration = Duration::from_secs(60);

pub(super) struct Ending {
    /// Ends the worker after the grace period.
    clock: JoinHandle<()>,
    since: Instant,
    /// Holds the call's id, so that no other call has it before this one has ended.
    _pending: Rc<Pending>,
}

impl Ending {
    pub(super) fn begin(link: &Rc<Link>, pending: Rc<Pending>) -> Self {
        Self { clock: clock(link), since: Instant::now(), _pending: pending }
    }

    /// Gives a call that is in the middle of an import more time.
    pub(super) fn put_off(&mut self, link: &Rc<Link>) {
        if self.since.elapsed() < IMPORT_LIMIT {
            self.clock.abort();
            self.clock = clock(link);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.clock.abort();
    }
}

fn clock(link: &Rc<Link>) -> JoinHandle<()> {
    let link = link.clone();
    tokio::task::spawn_local(async move {
        sleep(link.grace()).await;
        link.condemn(Death::Stuck);
    })
}
