//! The resident memory of worker processes, where the system shows it without further ado: on Linux.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub(super) use linux::{children, resident, resident_with_children};

/// Whether workers can be limited in memory here.
pub(crate) const IS_KNOWN: bool = cfg!(target_os = "linux");

/// Not known.
#[cfg(not(target_os = "linux"))]
pub(super) fn resident(_pid: u32) -> Option<u64> {
    None
}

/// Not known, so no server starts that would have to watch a limit.
#[cfg(not(target_os = "linux"))]
pub(super) fn resident_with_children(_pid: u32, _limit: u64) -> u64 {
    0
}
