//! One front thread's links: to the worker that is at each place now, and to those that were retired
//! and only finish what they have.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use owt_core::Error;

use super::link::Link;
use super::{Event, Shared};
use crate::tally::Tally;

pub(super) struct Lines {
    shared: Arc<Shared>,
    tally: Rc<RefCell<Tally>>,
    present: RefCell<Vec<Rc<Link>>>,
    retired: RefCell<Vec<Rc<Link>>>,
}

impl Lines {
    /// One link to each worker, without a worker as yet. Calls wait there for one to come.
    pub(super) fn new(shared: Arc<Shared>, tally: Rc<RefCell<Tally>>) -> Self {
        let link = |_| Link::new(shared.clone(), tally.clone());
        let links = (0..shared.workers.len()).map(link).collect();
        Self { shared, tally, present: RefCell::new(links), retired: RefCell::default() }
    }

    /// The link for a new call.
    pub(super) fn to(&self, worker: usize) -> Rc<Link> {
        self.present.borrow()[worker].clone()
    }

    pub(super) fn present(&self) -> Vec<Rc<Link>> {
        self.present.borrow().clone()
    }

    /// All links, also those to workers that take no more calls.
    pub(super) fn all(&self) -> Vec<Rc<Link>> {
        [self.present(), self.retired.borrow().clone()].concat()
    }

    /// Follows the workers as they come and go.
    pub(super) fn take(&self, event: Event) {
        match event {
            Event::Up { worker, life, lease, socket } => {
                self.to(worker).connect(worker, life, lease, socket);
            }
            Event::Retire { worker } => self.retire(worker),
            Event::Down { worker, life, death } => {
                let mut retired = self.retired.borrow_mut();
                let position = retired.iter().position(|link| link.leads_to(&life));
                let link = position.map(|position| retired.swap_remove(position));
                link.unwrap_or_else(|| self.to(worker)).fail(&Error::WorkerDied(death));
            }
            Event::Unavailable { worker, reason } => self.to(worker).unavailable(reason),
            Event::Visit(_) => {}
        }
    }

    /// Calls that come from now on wait for the next worker at this place.
    fn retire(&self, worker: usize) {
        let fresh = Link::new(self.shared.clone(), self.tally.clone());
        let link = std::mem::replace(&mut self.present.borrow_mut()[worker], fresh);
        link.retire();
        self.retired.borrow_mut().push(link);
    }
}
