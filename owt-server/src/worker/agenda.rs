//! What is to be done in a worker, and by which of its threads: the leader, unless it waits for
//! something to read.

use std::collections::VecDeque;

use super::queue::{Key, Queue};

/// Jobs `J`, some of which are calls `C` that take their turns.
pub(super) struct Agenda<J, C> {
    /// Calls that wait, and threads that are running something. `async` handlers count only until
    /// they wait for the first time.
    queue: Queue<C>,
    /// Short work that never waits for a call.
    urgent: VecDeque<J>,
    /// Whether the leader waits for something to read: it sees to nothing else meanwhile.
    is_reading: bool,
}

impl<J: From<C>, C> Agenda<J, C> {
    /// For so many calls of one adaptor at a time.
    pub(super) fn new(threads: usize) -> Self {
        Self { queue: Queue::new(threads), urgent: VecDeque::new(), is_reading: false }
    }

    pub(super) fn push(&mut self, key: Key, call: C) {
        self.queue.push(key, call);
    }

    pub(super) fn push_urgent(&mut self, job: J) {
        self.urgent.push_back(job);
    }

    /// Takes a call out that has not begun; `None` if it has.
    pub(super) fn remove(&mut self, key: &Key, is_it: impl Fn(&C) -> bool) -> Option<C> {
        self.queue.remove(key, is_it)
    }

    /// For the leader: whether [`next`](Self::next) would give a job. If not, it is taken to read
    /// from now on, until it asks again.
    pub(super) fn has_next_or_reads(&mut self) -> bool {
        let has_next = !self.urgent.is_empty() || self.queue.has_next();
        self.is_reading = !has_next;
        has_next
    }

    /// For the leader: the next job, if there is one and it may run; it then counts as running.
    pub(super) fn next(&mut self) -> Option<J> {
        let Some(job) = self.urgent.pop_front() else {
            return self.queue.next().map(J::from);
        };
        self.queue.begin_other();
        Some(job)
    }

    /// Counts one job less: a call of this adaptor, or, without a key, something that is no call.
    pub(super) fn finish(&mut self, key: Option<&Key>) {
        self.queue.finish(key);
    }

    /// For a thread that does not lead: the next call, if the leader would not see to it.
    pub(super) fn next_aside(&mut self) -> Option<J> {
        // What is urgent came by reading, and whoever read it runs it, before the calls behind it.
        let is_left = self.is_reading && self.urgent.is_empty();
        if is_left { self.queue.next().map(J::from) } else { None }
    }

    /// Counts a thread as busy with something that is no call.
    pub(super) fn begin_other(&mut self) {
        self.queue.begin_other();
    }

    /// A call of this adaptor that was counted as finished goes on, however many run already.
    pub(super) fn resume(&mut self, key: &Key) {
        self.queue.resume(key);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Calls = Agenda<u8, u8>;

    impl Calls {
        fn next_after(&mut self, key: Option<&Key>) -> Option<u8> {
            self.finish(key);
            self.next_aside()
        }
    }

    fn agenda(threads: usize, calls: &[(u8, usize)]) -> Calls {
        let mut agenda = Calls::new(threads);
        for (adaptor, count) in calls {
            (0..*count).for_each(|_| agenda.push([*adaptor; 32], *adaptor));
        }
        agenda
    }

    /// Hands out calls as the leader does, each to another thread, until it reads.
    fn lead(agenda: &mut Calls) -> Vec<u8> {
        let mut running = Vec::new();
        while agenda.has_next_or_reads() {
            running.extend(agenda.next());
        }
        running
    }

    #[test]
    fn a_call_that_ends_while_the_leader_reads_is_followed_by_the_next() {
        let mut agenda = agenda(1, &[(1, 2), (2, 1)]);
        assert_eq!(lead(&mut agenda), [1]);
        assert_eq!(agenda.next_after(Some(&[1; 32])), Some(2));
        assert_eq!(agenda.next_after(Some(&[2; 32])), Some(1));
        assert_eq!(agenda.next_after(Some(&[1; 32])), None);
    }

    #[test]
    fn what_the_leader_will_see_is_left_to_it() {
        let mut agenda = agenda(2, &[(1, 1)]);
        assert_eq!(lead(&mut agenda), [1]);
        agenda.push_urgent(9);
        assert!(agenda.has_next_or_reads());
        agenda.push([1; 32], 1);
        assert_eq!(agenda.next_after(Some(&[1; 32])), None);
        assert_eq!((agenda.next(), agenda.next()), (Some(9), Some(1)));
    }

    proptest! {
        /// Nobody sends anything more, so that the leader reads for ever.
        #[test]
        fn all_calls_run_though_the_leader_only_reads(
            threads in 1usize..80,
            counts in prop::collection::vec(1usize..150, 1..5),
            ends in prop::collection::vec(any::<prop::sample::Index>(), 0..500),
        ) {
            let calls: Vec<_> = (1u8..).zip(counts).collect();
            let waiting: usize = calls.iter().map(|(_, count)| count).sum();
            let mut agenda = agenda(threads, &calls);
            let mut running = lead(&mut agenda);
            let (mut ends, mut ended) = (ends.into_iter(), 0);
            while !running.is_empty() {
                let index = ends.next().map_or(0, |index| index.index(running.len()));
                let adaptor = running.swap_remove(index);
                running.extend(agenda.next_after(Some(&[adaptor; 32])));
                ended += 1;
            }
            prop_assert_eq!(ended, waiting);
        }
    }
}
