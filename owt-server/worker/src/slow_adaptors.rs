//! Which adaptors are slow: the leader leaves their calls to other threads. It would stand still with each
//! of them until its time slice is over, and all short calls behind it.

use foldhash::HashSet;

use super::fair_queue::FlowKey;

/// Adaptors that are remembered. Beyond that they are all forgotten, and found again.
const CAPACITY: usize = 1024;

#[derive(Default)]
pub(super) struct SlowAdaptors(HashSet<FlowKey>);

impl SlowAdaptors {
    pub(super) fn contains(&self, adaptor: &FlowKey) -> bool {
        !self.0.is_empty() && self.0.contains(adaptor)
    }

    /// Keeps how the last call of an adaptor was.
    pub(super) fn learn(&mut self, adaptor: &FlowKey, is_slow: bool) {
        if !is_slow {
            if !self.0.is_empty() {
                self.0.remove(adaptor);
            }
            return;
        }
        if self.0.len() >= CAPACITY {
            self.0.clear();
        }
        self.0.insert(*adaptor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adaptor_is_as_its_last_call_was() {
        let mut slow = SlowAdaptors::default();
        assert!(!slow.contains(&[1; 32]));
        slow.learn(&[1; 32], true);
        assert!(slow.contains(&[1; 32]) && !slow.contains(&[2; 32]));
        slow.learn(&[2; 32], false);
        assert!(slow.contains(&[1; 32]));
        slow.learn(&[1; 32], false);
        assert!(!slow.contains(&[1; 32]));
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let mut slow = SlowAdaptors::default();
        for number in 0..=CAPACITY {
            let mut adaptor = [0; 32];
            adaptor[..8].copy_from_slice(&number.to_le_bytes());
            slow.learn(&adaptor, true);
        }
        assert_eq!(slow.0.len(), 1);
    }
}
