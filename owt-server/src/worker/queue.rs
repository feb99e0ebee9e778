//! Which of the calls that wait in a worker runs next: adaptors take turns, and none has so many
//! threads that the others have to wait for it.
//!
//! How many threads an adaptor may have depends on how many are free: the dynamic thresholds of
//! A. K. Choudhury and E. L. Hahne, "Dynamic queue length thresholds for shared-memory packet
//! switches" (IEEE/ACM Transactions on Networking 6(2), 1998).

use std::collections::VecDeque;

use foldhash::HashMap;

use crate::share::{may_have_another, with_reserve};

/// What is known of an adaptor by its digest.
pub(super) type Key = [u8; 32];

pub(super) struct Queue<T> {
    lanes: HashMap<Key, Lane<T>>,
    /// The adaptors that have calls waiting, in the order of their turns.
    turns: VecDeque<Key>,
    /// How many calls may run at a time.
    threads: usize,
    /// How many of the threads are busy, with calls or otherwise.
    running: usize,
}

struct Lane<T> {
    waiting: VecDeque<T>,
    running: usize,
}

impl<T> Queue<T> {
    /// For so many calls of one adaptor at a time.
    pub(super) fn new(threads: usize) -> Self {
        let (lanes, turns) = Default::default();
        Self { lanes, turns, threads: with_reserve(threads.max(1)), running: 0 }
    }

    pub(super) fn push(&mut self, key: Key, call: T) {
        let lane = self.lanes.entry(key).or_default();
        if lane.waiting.is_empty() {
            self.turns.push_back(key);
        }
        lane.waiting.push_back(call);
    }

    /// Whether [`next`](Self::next) would give a call.
    pub(super) fn has_next(&self) -> bool {
        self.turn().is_some()
    }

    /// The next call, if there is one that may run; it then counts as running until it is finished.
    pub(super) fn next(&mut self) -> Option<T> {
        let key = self.turns.remove(self.turn()?)?;
        let lane = self.lanes.get_mut(&key)?;
        let call = lane.waiting.pop_front();
        lane.running += 1;
        self.running += 1;
        if !lane.waiting.is_empty() {
            self.turns.push_back(key);
        }
        call
    }

    /// Whose turn it is: the first adaptor that may have another thread. There are few that may not,
    /// because those have many threads already.
    fn turn(&self) -> Option<usize> {
        let free = self.threads.checked_sub(self.running).filter(|free| *free > 0)?;
        let may_run =
            |key| self.lanes.get(key).is_some_and(|lane| may_have_another(lane.running, free));
        self.turns.iter().position(may_run)
    }

    /// Counts a thread as busy with something that is no call.
    pub(super) fn begin_other(&mut self) {
        self.running += 1;
    }

    /// A call of this adaptor that was counted as finished goes on, however many run already.
    pub(super) fn resume(&mut self, key: &Key) {
        self.lanes.entry(*key).or_default().running += 1;
        self.running += 1;
    }

    /// A call of this adaptor has ended, or, without a key, something that is no call.
    pub(super) fn finish(&mut self, key: Option<&Key>) {
        self.running -= 1;
        let Some((key, lane)) = key.and_then(|key| Some((key, self.lanes.get_mut(key)?))) else {
            return;
        };
        lane.running -= 1;
        if lane.running == 0 && lane.waiting.is_empty() {
            self.lanes.remove(key);
        }
    }

    /// Takes a call out that has not begun; `None` if it has.
    pub(super) fn remove(&mut self, key: &Key, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let lane = self.lanes.get_mut(key)?;
        let position = lane.waiting.iter().position(is_it)?;
        let call = lane.waiting.remove(position);
        if lane.waiting.is_empty() {
            self.turns.retain(|turn| turn != key);
            if lane.running == 0 {
                self.lanes.remove(key);
            }
        }
        call
    }
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), running: 0 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: Key = [1; 32];
    const B: Key = [2; 32];
    const C: Key = [3; 32];

    fn queue(threads: usize, calls: &[(Key, usize)]) -> Queue<usize> {
        let mut queue = Queue::new(threads);
        for (key, count) in calls {
            (0..*count).for_each(|_| queue.push(*key, usize::from(key[0])));
        }
        queue
    }

    fn drain(queue: &mut Queue<usize>) -> Vec<usize> {
        std::iter::from_fn(|| queue.next()).collect()
    }

    #[test]
    fn adaptors_take_turns() {
        let mut queue = queue(6, &[(A, 9), (B, 1), (C, 2)]);
        assert_eq!(drain(&mut queue), [1, 2, 3, 1, 3, 1]);
    }

    #[test]
    fn calls_of_one_adaptor_keep_their_order() {
        let mut queue = Queue::new(4);
        (0..4).for_each(|call| queue.push(A, call));
        assert_eq!(drain(&mut queue), [0, 1, 2, 3]);
    }

    #[test]
    fn one_thread_serves_adaptors_one_after_the_other() {
        let mut queue = queue(1, &[(A, 2), (B, 1)]);
        let mut order = Vec::new();
        while let Some(call) = queue.next() {
            assert!(!queue.has_next());
            order.push(call);
            queue.finish(Some(if call == 1 { &A } else { &B }));
        }
        assert_eq!(order, [1, 2, 1]);
    }

    #[test]
    fn a_few_threads_are_for_whoever_comes_first() {
        let mut queue = queue(6, &[(A, 100)]);
        assert_eq!(drain(&mut queue), [1; 6]);
        queue.push(B, 2);
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn when_one_adaptor_has_all_threads_there_are_some_for_others() {
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
    fn an_adaptor_that_has_too_much_gives_way() {
        let mut queue = queue(64, &[(A, 200), (B, 200)]);
        let first = drain(&mut queue);
        queue.push(C, 3);
        assert_eq!((first.len(), first.iter().filter(|call| **call == 1).count()), (69, 35));
        assert_eq!(drain(&mut queue), [3]);
    }

    #[test]
    fn a_call_that_has_not_begun_can_be_taken_out() {
        let mut queue = Queue::new(1);
        (0..3).for_each(|call| queue.push(A, call));
        assert_eq!(queue.next(), Some(0));
        assert_eq!(queue.remove(&A, |call| *call == 0), None);
        assert_eq!(queue.remove(&A, |call| *call == 1), Some(1));
        assert_eq!(queue.remove(&A, |call| *call == 2), Some(2));
        queue.finish(Some(&A));
        assert!(queue.lanes.is_empty() && queue.turns.is_empty() && queue.next().is_none());
    }

    #[test]
    fn a_call_that_waits_for_its_reader_leaves_its_place_to_others_until_it_goes_on() {
        let mut queue = queue(1, &[(A, 2)]);
        assert_eq!(queue.next(), Some(1));
        queue.finish(Some(&A));
        assert_eq!(queue.next(), Some(1));
        queue.finish(Some(&A));
        queue.resume(&A);
        queue.push(B, 2);
        assert_eq!(queue.next(), None);
        queue.finish(Some(&A));
        assert_eq!(queue.next(), Some(2));
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
            let mut queue = Queue::new(threads);
            let (mut waiting, mut running) = (Vec::<(Key, usize)>::new(), Vec::<(Key, usize)>::new());
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(adaptor) => {
                        let call = ([adaptor; 32], number);
                        queue.push(call.0, call);
                        waiting.push(call);
                    }
                    Step::Next => {
                        let expected = queue.has_next();
                        let call = queue.next();
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
                prop_assert!(running.len() <= with_reserve(threads));
                // Nothing runs: whatever waits may.
                prop_assert!(!running.is_empty() || queue.has_next() != waiting.is_empty());
            }
            running.iter().for_each(|(key, _)| queue.finish(Some(key)));
            while let Some((key, _)) = queue.next() {
                queue.finish(Some(&key));
            }
            prop_assert!(queue.lanes.is_empty() && queue.turns.is_empty());
        }
    }
}
