//! The run queue of a worker: what its threads run next, and which of them. The leader pops jobs
//! unless it is reading; then the threads that finish a job pop the next one themselves.

use std::collections::VecDeque;

use super::fair_queue::{FairQueue, FlowKey};

/// Jobs `J`, some of which are calls `C`.
pub(super) struct RunQueue<J, C> {
    /// Calls that wait, and counts of what runs. `async` handlers count until they first await.
    calls: FairQueue<C>,
    /// Short jobs, which run before any call.
    urgent: VecDeque<J>,
    /// Whether the leader is blocked in a read.
    is_reading: bool,
}

impl<J: From<C>, C> RunQueue<J, C> {
    /// `threads`: how many calls of one adaptor may run at a time, if there are no others.
    pub(super) fn new(threads: usize) -> Self {
        Self { calls: FairQueue::new(threads), urgent: VecDeque::new(), is_reading: false }
    }

    pub(super) fn push(&mut self, key: FlowKey, call: C) {
        self.calls.push(key, call);
    }

    pub(super) fn push_urgent(&mut self, job: J) {
        self.urgent.push_back(job);
    }

    /// Removes a call that is waiting; `None` if it is not.
    pub(super) fn remove(&mut self, key: &FlowKey, is_it: impl Fn(&C) -> bool) -> Option<C> {
        self.calls.remove(key, is_it)
    }

    /// For the leader: marks it as reading until it asks again, unless there is a job for it: `false`.
    pub(super) fn start_reading(&mut self) -> bool {
        self.is_reading = self.urgent.is_empty() && !self.calls.has_next();
        self.is_reading
    }

    /// For the leader: the next job that may run. It counts as running until it is finished.
    pub(super) fn pop(&mut self) -> Option<J> {
        let Some(job) = self.urgent.pop_front() else {
            return self.calls.pop().map(J::from);
        };
        self.calls.start_other();
        Some(job)
    }

    /// Counts a call as finished or, without a key, a job that is no call.
    pub(super) fn finish(&mut self, key: Option<&FlowKey>) {
        self.calls.finish(key);
    }

    /// For a thread that does not lead: the next call, if the leader is reading.
    pub(super) fn pop_for_follower(&mut self) -> Option<J> {
        // Urgent jobs come before calls, and the leader, which has just read them, is about to pop them.
        let is_left = self.is_reading && self.urgent.is_empty();
        if is_left { self.calls.pop().map(J::from) } else { None }
    }

    /// Counts a thread as busy with a job that is no call.
    pub(super) fn start_other(&mut self) {
        self.calls.start_other();
    }

    /// Counts a call that was finished as running again, whatever the quota.
    pub(super) fn resume(&mut self, key: &FlowKey) {
        self.calls.resume(key);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Calls = RunQueue<u8, u8>;

    impl Calls {
        fn finish_and_pop(&mut self, key: Option<&FlowKey>) -> Option<u8> {
            self.finish(key);
            self.pop_for_follower()
        }
    }

    fn run_queue(threads: usize, calls: &[(u8, usize)]) -> Calls {
        let mut run_queue = Calls::new(threads);
        for (adaptor, count) in calls {
            (0..*count).for_each(|_| run_queue.push([*adaptor; 32], *adaptor));
        }
        run_queue
    }

    /// Pops calls as the leader does, each for another thread, until it reads.
    fn lead(run_queue: &mut Calls) -> Vec<u8> {
        let mut running = Vec::new();
        while !run_queue.start_reading() {
            running.extend(run_queue.pop());
        }
        running
    }

    #[test]
    fn a_call_that_ends_while_the_leader_reads_is_followed_by_the_next() {
        let mut run_queue = run_queue(1, &[(1, 2), (2, 1)]);
        assert_eq!(lead(&mut run_queue), [1]);
        assert_eq!(run_queue.finish_and_pop(Some(&[1; 32])), Some(2));
        assert_eq!(run_queue.finish_and_pop(Some(&[2; 32])), Some(1));
        assert_eq!(run_queue.finish_and_pop(Some(&[1; 32])), None);
    }

    #[test]
    fn a_leader_that_has_a_job_pops_the_calls_itself() {
        let mut run_queue = run_queue(2, &[(1, 1)]);
        assert_eq!(lead(&mut run_queue), [1]);
        run_queue.push_urgent(9);
        assert!(!run_queue.start_reading());
        run_queue.push([1; 32], 1);
        assert_eq!(run_queue.finish_and_pop(Some(&[1; 32])), None);
        assert_eq!((run_queue.pop(), run_queue.pop()), (Some(9), Some(1)));
    }

    proptest! {
        /// No more calls arrive, so the leader reads for ever.
        #[test]
        fn all_calls_run_though_the_leader_only_reads(
            threads in 1usize..80,
            counts in prop::collection::vec(1usize..150, 1..5),
            ends in prop::collection::vec(any::<prop::sample::Index>(), 0..500),
        ) {
            let calls: Vec<_> = (1u8..).zip(counts).collect();
            let waiting: usize = calls.iter().map(|(_, count)| count).sum();
            let mut run_queue = run_queue(threads, &calls);
            let mut running = lead(&mut run_queue);
            let (mut ends, mut ended) = (ends.into_iter(), 0);
            while !running.is_empty() {
                let index = ends.next().map_or(0, |index| index.index(running.len()));
                let adaptor = running.swap_remove(index);
                running.extend(run_queue.finish_and_pop(Some(&[adaptor; 32])));
                ended += 1;
            }
            prop_assert_eq!(ended, waiting);
        }
    }
}
