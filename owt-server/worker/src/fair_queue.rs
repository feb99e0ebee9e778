//! A fair queue of calls. Each adaptor is a flow; flows are served round robin, and each may have
//! as many threads as its quota allows, so that none of them starves the others.

use std::collections::VecDeque;

use foldhash::HashMap;

use owt_common::fairness::{is_below_quota, with_headroom};

/// The digest of an adaptor.
pub(super) type FlowKey = [u8; 32];

pub(super) struct FairQueue<T> {
    flows: HashMap<FlowKey, Flow<T>>,
    /// The flow whose calls have all ended, of which there is one at most: the next call is often of the same
    /// adaptor.
    idle: Option<FlowKey>,
    /// The flows that have calls waiting, in round-robin order.
    backlogged: VecDeque<FlowKey>,
    /// How many calls may run at a time.
    capacity: usize,
    /// How many threads are busy, with calls or other jobs.
    running: usize,
}

/// The calls of one adaptor.
struct Flow<T> {
    waiting: VecDeque<T>,
    running: usize,
}

impl<T> FairQueue<T> {
    /// `threads`: how many calls of one adaptor may run at a time, if there are no others.
    pub(super) fn new(threads: usize) -> Self {
        let (flows, idle, backlogged) = Default::default();
        Self { flows, idle, backlogged, capacity: with_headroom(threads.max(1)), running: 0 }
    }

    pub(super) fn push(&mut self, key: FlowKey, call: T) {
        let flow = self.flows.entry(key).or_default();
        if flow.waiting.is_empty() {
            self.backlogged.push_back(key);
        }
        flow.waiting.push_back(call);
    }

    /// Whether [`pop`](Self::pop) would return a call.
    pub(super) fn has_next(&self) -> bool {
        self.next_flow().is_some()
    }

    /// The next call that may run. It counts as running until it is finished.
    pub(super) fn pop(&mut self) -> Option<T> {
        let key = self.backlogged.remove(self.next_flow()?)?;
        let flow = self.flows.get_mut(&key)?;
        let call = flow.waiting.pop_front();
        flow.running += 1;
        self.running += 1;
        if !flow.waiting.is_empty() {
            self.backlogged.push_back(key);
        }
        call
    }

    /// The position of the first backlogged flow that is below its quota. Few are not, because those
    /// have many threads already.
    fn next_flow(&self) -> Option<usize> {
        let free = self.capacity.checked_sub(self.running).filter(|free| *free > 0)?;
        let may_run =
            |key| self.flows.get(key).is_some_and(|flow| is_below_quota(flow.running, free));
        self.backlogged.iter().position(may_run)
    }

    /// Counts a thread as busy with a job that is no call.
    pub(super) fn start_other(&mut self) {
        self.running += 1;
    }

    /// Counts a call that was finished as running again, whatever the quota.
    pub(super) fn resume(&mut self, key: &FlowKey) {
        self.flows.entry(*key).or_default().running += 1;
        self.running += 1;
    }

    /// Counts a call as finished or, without a key, a job that is no call.
    pub(super) fn finish(&mut self, key: Option<&FlowKey>) {
        self.running -= 1;
        let Some((key, flow)) = key.and_then(|key| Some((key, self.flows.get_mut(key)?))) else {
            return;
        };
        flow.running -= 1;
        if flow.is_idle() {
            self.leave_idle(*key);
        }
    }

    /// Keeps a flow whose calls have ended, in place of the one before.
    fn leave_idle(&mut self, key: FlowKey) {
        let Some(before) = self.idle.replace(key).filter(|before| *before != key) else { return };
        if self.flows.get(&before).is_some_and(Flow::is_idle) {
            self.flows.remove(&before);
        }
    }

    /// Removes a call that is waiting; `None` if it is not.
    pub(super) fn remove(&mut self, key: &FlowKey, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let flow = self.flows.get_mut(key)?;
        let position = flow.waiting.iter().position(is_it)?;
        let call = flow.waiting.remove(position);
        if flow.waiting.is_empty() {
            self.backlogged.retain(|flow| flow != key);
            if flow.running == 0 {
                self.leave_idle(*key);
            }
        }
        call
    }
}

impl<T> Flow<T> {
    fn is_idle(&self) -> bool {
        self.running == 0 && self.waiting.is_empty()
    }
}

impl<T> Default for Flow<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), running: 0 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: FlowKey = [1; 32];
    const B: FlowKey = [2; 32];
    const C: FlowKey = [3; 32];

    fn queue(threads: usize, calls: &[(FlowKey, usize)]) -> FairQueue<usize> {
        let mut queue = FairQueue::new(threads);
        for (key, count) in calls {
            (0..*count).for_each(|_| queue.push(*key, usize::from(key[0])));
        }
        queue
    }

    impl<T> FairQueue<T> {
        fn keeps_one_at_most(&self) -> bool {
            self.flows.len() <= 1 && self.flows.values().all(Flow::is_idle)
        }
    }

    fn drain(queue: &mut FairQueue<usize>) -> Vec<usize> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn adaptors_take_turns() {
        let mut queue = queue(6, &[(A, 9), (B, 1), (C, 2)]);
        assert_eq!(drain(&mut queue), [1, 2, 3, 1, 3, 1]);
    }

    #[test]
    fn calls_of_one_adaptor_keep_their_order() {
        let mut queue = FairQueue::new(4);
        (0..4).for_each(|call| queue.push(A, call));
        assert_eq!(drain(&mut queue), [0, 1, 2, 3]);
    }

    #[test]
    fn one_thread_serves_adaptors_one_after_the_other() {
        let mut queue = queue(1, &[(A, 2), (B, 1)]);
        let mut order = Vec::new();
        while let Some(call) = queue.pop() {
            assert!(!queue.has_next());
            order.push(call);
            queue.finish(Some(if call == 1 { &A } else { &B }));
        }
        assert_eq!(order, [1, 2, 1]);
    }

    #[test]
    fn few_threads_are_served_first_come_first_served() {
        let mut queue = queue(6, &[(A, 100)]);
        assert_eq!(drain(&mut queue), [1; 6]);
        queue.push(B, 2);
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn there_are_threads_for_others_when_one_adaptor_has_its_quota() {
        let mut queue = queue(64, &[(A, 100)]);
        assert_eq!(drain(&mut queue), [1; 64]);
        queue.push(B, 2);
        assert_eq!(drain(&mut queue), [2]);
        (0..100).for_each(|_| queue.push(B, 2));
        assert_eq!(drain(&mut queue), [2; 7]);
        queue.push(C, 3);
        assert_eq!(drain(&mut queue), [3]);
    }

    #[test]
    fn an_adaptor_above_its_quota_yields_to_others() {
        let mut queue = queue(64, &[(A, 200), (B, 200)]);
        let first = drain(&mut queue);
        queue.push(C, 3);
        assert_eq!((first.len(), first.iter().filter(|call| **call == 1).count()), (69, 35));
        assert_eq!(drain(&mut queue), [3]);
    }

    #[test]
    fn a_call_that_is_waiting_can_be_removed() {
        let mut queue = FairQueue::new(1);
        (0..3).for_each(|call| queue.push(A, call));
        assert_eq!(queue.pop(), Some(0));
        assert_eq!(queue.remove(&A, |call| *call == 0), None);
        assert_eq!(queue.remove(&A, |call| *call == 1), Some(1));
        assert_eq!(queue.remove(&A, |call| *call == 2), Some(2));
        queue.finish(Some(&A));
        assert!(queue.keeps_one_at_most() && queue.backlogged.is_empty() && queue.pop().is_none());
    }

    #[test]
    fn a_call_that_is_suspended_leaves_its_slot_to_others_until_it_resumes() {
        let mut queue = queue(1, &[(A, 2)]);
        assert_eq!(queue.pop(), Some(1));
        queue.finish(Some(&A));
        assert_eq!(queue.pop(), Some(1));
        queue.finish(Some(&A));
        queue.resume(&A);
        queue.push(B, 2);
        assert_eq!(queue.pop(), None);
        queue.finish(Some(&A));
        assert_eq!(queue.pop(), Some(2));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(u8),
        Next,
        Finish(usize),
        Remove(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0u8..5).prop_map(Step::Push),
            Just(Step::Next),
            any::<usize>().prop_map(Step::Finish),
            any::<usize>().prop_map(Step::Remove),
        ]
    }

    proptest! {
        #[test]
        fn every_call_runs_once_and_never_too_many_at_a_time(
            threads in 1usize..20,
            steps in prop::collection::vec(step(), 0..300),
        ) {
            let mut queue = FairQueue::new(threads);
            let (mut waiting, mut running) = (Vec::<(FlowKey, usize)>::new(), Vec::<(FlowKey, usize)>::new());
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(adaptor) => {
                        let call = ([adaptor; 32], number);
                        queue.push(call.0, call);
                        waiting.push(call);
                    }
                    Step::Next => {
                        let expected = queue.has_next();
                        let call = queue.pop();
                        prop_assert_eq!(call.is_some(), expected);
                        let Some(call) = call else { continue };
                        let position = waiting.iter().position(|one| *one == call);
                        running.push(waiting.remove(position.expect("only what waits is run")));
                    }
                    Step::Finish(index) if !running.is_empty() => {
                        let (key, _) = running.swap_remove(index % running.len());
                        queue.finish(Some(&key));
                    }
                    Step::Remove(index) if !waiting.is_empty() => {
                        let call = waiting.remove(index % waiting.len());
                        prop_assert_eq!(queue.remove(&call.0, |one| *one == call), Some(call));
                    }
                    Step::Finish(_) | Step::Remove(_) => {}
                }
                prop_assert!(running.len() <= with_headroom(threads));
                // Nothing runs: whatever waits may.
                prop_assert!(!running.is_empty() || queue.has_next() != waiting.is_empty());
            }
            running.iter().for_each(|(key, _)| queue.finish(Some(key)));
            while let Some((key, _)) = queue.pop() {
                queue.finish(Some(&key));
            }
            prop_assert!(queue.keeps_one_at_most() && queue.backlogged.is_empty());
        }
    }
}
