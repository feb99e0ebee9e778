//! One front thread's connections: to the worker that is at each place now, and to those that were
//! retired and only finish their calls.

use std::cell::RefCell;
use std::rc::Rc;

use owt_core::stats::CallStats;

use super::cancellation::CancelPolicy;
use super::connection::Connection;
use crate::pool::WorkerEvent;

pub(super) struct Connections {
    policy: CancelPolicy,
    stats: Rc<RefCell<CallStats>>,
    present: RefCell<Vec<Rc<Connection>>>,
    retired: RefCell<Vec<Rc<Connection>>>,
}

impl Connections {
    /// One to each worker, before any worker has come. Calls wait there for it.
    pub(super) fn new(workers: usize, policy: CancelPolicy, stats: Rc<RefCell<CallStats>>) -> Self {
        let connection = |_| Connection::new(policy, stats.clone());
        let present = RefCell::new((0..workers).map(connection).collect());
        Self { policy, stats, present, retired: RefCell::default() }
    }

    /// The connection for a new call.
    pub(super) fn to(&self, worker: usize) -> Rc<Connection> {
        self.present.borrow()[worker].clone()
    }

    pub(super) fn present(&self) -> Vec<Rc<Connection>> {
        self.present.borrow().clone()
    }

    /// All of them, also those to workers that take no more calls.
    pub(super) fn all(&self) -> Vec<Rc<Connection>> {
        [self.present(), self.retired.borrow().clone()].concat()
    }

    /// Follows the workers as they come and go.
    pub(super) fn handle(&self, event: WorkerEvent) {
        match event {
            WorkerEvent::Up { worker, name, handle, drain_guard, socket } => {
                self.to(worker).connect(name, handle, drain_guard, socket);
            }
            WorkerEvent::Retire { worker } => self.retire(worker),
            WorkerEvent::Down { worker, handle, err } => {
                let mut retired = self.retired.borrow_mut();
                let position = retired.iter().position(|connection| connection.is_to(&handle));
                let connection = position.map(|position| retired.swap_remove(position));
                connection.unwrap_or_else(|| self.to(worker)).fail(&err);
            }
            WorkerEvent::Unavailable { worker, reason } => self.to(worker).unavailable(reason),
        }
    }

    /// Calls that come from now on wait for the next worker at this place.
    fn retire(&self, worker: usize) {
        let next = Connection::new(self.policy, self.stats.clone());
        let connection = std::mem::replace(&mut self.present.borrow_mut()[worker], next);
        connection.retire();
        self.retired.borrow_mut().push(connection);
    }
}
