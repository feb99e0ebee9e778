//! The numbers of OOM kills.

/// As far as they can be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// In our control group.
    pub(super) group: Option<u64>,
    /// On the whole machine.
    pub(super) machine: Option<u64>,
}
