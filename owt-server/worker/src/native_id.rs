//! The system's number of a thread, by which Python's part finds out what the thread waits for.

/// That of the calling thread.
#[cfg(target_os = "linux")]
pub(crate) fn native_id() -> i64 {
    rustix::thread::gettid().as_raw_nonzero().get().into()
}

/// What a thread waits for is only known on Linux (`_unblock.py`), so nobody asks for this one.
#[cfg(not(target_os = "linux"))]
pub(crate) fn native_id() -> i64 {
    0
}
