//! Flow control of one body, in either direction: its sender may be [`WINDOW`] bytes ahead of its
//! reader, who reports what it has read in window updates (as in HTTP/2, RFC 9113, section 5.2).

/// How many bytes of a body may be in flight before its reader has read them.
pub(super) const WINDOW: usize = 256 * 1024;

/// How many bytes a reader gathers before it reports them: few updates, and the sender never stops
/// for want of one.
const UPDATE_THRESHOLD: usize = WINDOW / 4;

/// The sender's side: how much may be sent now.
#[derive(Debug)]
pub struct SendWindow {
    /// Below zero where the last chunk was larger than what was left.
    available: isize,
}

impl Default for SendWindow {
    fn default() -> Self {
        Self { available: WINDOW.cast_signed() }
    }
}

impl SendWindow {
    /// Whether another chunk may be sent.
    pub fn is_open(&self) -> bool {
        self.available > 0
    }

    /// Counts bytes that are sent.
    pub fn consume(&mut self, bytes: usize) {
        self.available = self.available.saturating_sub_unsigned(bytes);
    }

    /// Counts bytes that the reader has reported.
    pub fn update(&mut self, bytes: usize) {
        self.available = self.available.saturating_add_unsigned(bytes);
    }
}

/// The reader's side: what has been read and not been reported yet.
#[derive(Debug, Default)]
pub struct ReceiveWindow {
    unreported: usize,
}

impl ReceiveWindow {
    /// Counts bytes that were read; the bytes to report in a window update, once there are enough.
    pub fn read(&mut self, bytes: usize) -> Option<u32> {
        self.unreported += bytes;
        if self.unreported < UPDATE_THRESHOLD {
            return None;
        }
        Some(u32::try_from(std::mem::take(&mut self.unreported)).unwrap_or(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sender_stops_at_the_end_of_the_window_and_goes_on_after_an_update() {
        let mut window = SendWindow::default();
        window.consume(WINDOW - 1);
        assert!(window.is_open());
        window.consume(10);
        assert!(!window.is_open());
        window.update(9);
        assert!(!window.is_open());
        window.update(1);
        assert!(window.is_open());
    }

    proptest! {
        #[test]
        fn a_sender_never_waits_for_a_reader_that_has_read_everything(
            chunks in prop::collection::vec(1usize..=64 * 1024, 1..200),
        ) {
            let (mut sender, mut receiver) = (SendWindow::default(), ReceiveWindow::default());
            for chunk in chunks {
                prop_assert!(sender.is_open());
                sender.consume(chunk);
                receiver.read(chunk).into_iter().for_each(|read| sender.update(read as usize));
            }
        }
    }
}
