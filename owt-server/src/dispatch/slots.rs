//! The slots of a pool: how many of its calls run at a time, in whichever of its workers. Adaptors take
//! turns, so that a flood of calls of one does not keep those of others waiting.

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::HashMap;
use owt_core::Digest;
use parking_lot::Mutex;
use tokio::sync::oneshot;

#[derive(Debug)]
pub(crate) struct Slots {
    count: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    free: usize,
    /// The calls that wait, by their adaptors.
    waiting: HashMap<Digest, VecDeque<oneshot::Sender<Slot>>>,
    /// The adaptors that wait, in the order of their turns.
    turns: VecDeque<Digest>,
}

/// A slot that a call has, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot(Option<Arc<Slots>>);

impl Slots {
    pub(crate) fn new(count: usize) -> Arc<Self> {
        let (waiting, turns) = Default::default();
        Arc::new(Self { count, state: Mutex::new(State { free: count, waiting, turns }) })
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Waits for a slot. Whoever stops waiting takes none.
    pub(super) async fn take(self: &Arc<Self>, adaptor: Digest) -> Slot {
        let turn = {
            let state = &mut *self.state.lock();
            if state.free > 0 {
                state.free -= 1;
                return Slot(Some(self.clone()));
            }
            let (sender, turn) = oneshot::channel();
            let waiting = state.waiting.entry(adaptor).or_default();
            if waiting.is_empty() {
                state.turns.push_back(adaptor);
            }
            waiting.push_back(sender);
            turn
        };
        turn.await.unwrap_or(Slot(None))
    }

    /// Gives a slot to the next one that still waits.
    fn give(self: &Arc<Self>) {
        let state = &mut *self.state.lock();
        while let Some(next) = state.next() {
            match next.send(Slot(Some(self.clone()))) {
                Ok(()) => return,
                // That call has gone: its slot is not given back, but to the one after it.
                Err(mut slot) => drop(slot.0.take()),
            }
        }
        state.free += 1;
    }
}

impl State {
    fn next(&mut self) -> Option<oneshot::Sender<Slot>> {
        let adaptor = self.turns.pop_front()?;
        let waiting = self.waiting.get_mut(&adaptor)?;
        let next = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&adaptor);
        } else {
            self.turns.push_back(adaptor);
        }
        next
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(slots) = self.0.take() {
            slots.give();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt as _;
    use futures_util::stream::{FuturesUnordered, StreamExt as _};

    use super::*;

    #[tokio::test]
    async fn so_many_calls_have_a_slot_at_a_time() {
        let (slots, adaptor) = (Slots::new(2), Digest::of("one"));
        let (first, second) = (slots.take(adaptor).await, slots.take(adaptor).await);
        let mut third = pin!(slots.take(adaptor));
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        let third = third.now_or_never().expect("there is a slot");
        drop((second, third));
        assert_eq!(slots.state.lock().free, 2);
    }

    #[tokio::test]
    async fn adaptors_take_turns() {
        let slots = Slots::new(1);
        let taken = slots.take(Digest::of("first")).await;
        let calls = ["one", "one", "one", "two", "three", "two"];
        let take = async |name: &'static str| (name, slots.take(Digest::of(name)).await);
        let mut waiting: FuturesUnordered<_> = calls.into_iter().map(take).collect();
        assert!(waiting.next().now_or_never().is_none());
        drop(taken);
        let mut order = Vec::new();
        while let Some((name, slot)) = waiting.next().await {
            order.push(name);
            drop(slot);
        }
        assert_eq!(order, ["one", "two", "three", "one", "two", "one"]);
        assert!(slots.state.lock().waiting.is_empty());
    }

    #[tokio::test]
    async fn a_call_that_has_gone_keeps_no_slot() {
        let (slots, adaptor) = (Slots::new(1), Digest::of("one"));
        let taken = slots.take(adaptor).await;
        {
            let mut gone = pin!(slots.take(adaptor));
            assert!(gone.as_mut().now_or_never().is_none());
        }
        let mut next = pin!(slots.take(adaptor));
        assert!(next.as_mut().now_or_never().is_none());
        drop(taken);
        drop(next.now_or_never().expect("there is a slot"));
        let mut given = pin!(slots.take(adaptor));
        drop(given.as_mut().now_or_never().expect("there is a slot"));
        assert_eq!(slots.state.lock().free, 1);
    }
}
