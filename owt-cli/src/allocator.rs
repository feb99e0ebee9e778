//! The allocator of the program: the system's, but on Linux.

/// jemalloc returns memory to the system after ten seconds without use. glibc's allocator keeps what
/// bodies once took, in an arena for each thread.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
