//! A memory budget for the bodies of all requests. A body for which there is no room waits until
//! others have been released.

use std::sync::Arc;
use std::time::Duration;

use owt_core::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The first bytes of each body are not counted: the number of connections limits them.
const UNCOUNTED: u64 = 64 * 1024;

/// How many bytes one permit of the semaphore stands for.
const UNIT: u64 = 1024;

/// The budget.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    units: Arc<Semaphore>,
    limit: u64,
}

/// The part of the budget that one request holds.
#[derive(Debug)]
pub(crate) struct Reserved {
    budget: Arc<MemoryBudget>,
    units: Option<OwnedSemaphorePermit>,
    /// How long it waits for more.
    timeout: Duration,
}

impl MemoryBudget {
    /// `limit`: how many bytes all bodies may hold.
    pub(crate) fn new(limit: u64) -> Arc<Self> {
        let units = usize::try_from(limit.div_ceil(UNIT)).unwrap_or(usize::MAX);
        let units = Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self { units, limit })
    }

    /// For a request that holds nothing yet.
    pub(crate) fn hold(self: &Arc<Self>, timeout: Duration) -> Reserved {
        Reserved { budget: self.clone(), units: None, timeout }
    }
}

impl Reserved {
    /// Moves all that is held into the result.
    pub(crate) fn take(&mut self) -> Self {
        Self { units: self.units.take(), budget: self.budget.clone(), ..*self }
    }

    /// Waits until there is room for so many bytes of a body of unknown length. Grows by doubling, as
    /// a `Vec` does.
    ///
    /// # Errors
    /// As [`Reserved::grow`].
    pub(crate) async fn make_room(&mut self, bytes: u64) -> Result<(), Error> {
        if self.has(bytes) {
            return Ok(());
        }
        let step = bytes.next_power_of_two().min(self.budget.limit);
        self.grow(step.max(bytes)).await
    }

    /// Waits until there is room for `bytes` in all.
    ///
    /// # Errors
    /// [`Error::TextTooLarge`] if there never will be, [`Error::BuffersFull`] if it takes too long.
    pub(crate) async fn grow(&mut self, bytes: u64) -> Result<(), Error> {
        if self.has(bytes) {
            return Ok(());
        }
        let limit = self.budget.limit;
        let more = u32::try_from(bytes.div_ceil(UNIT) - self.units());
        let more = more.ok().filter(|_| bytes <= limit).ok_or(Error::TextTooLarge { limit })?;
        let waiting = self.budget.units.clone().acquire_many_owned(more);
        let more =
            tokio::time::timeout(self.timeout, waiting).await.map_err(|_| Error::BuffersFull)?;
        let more = more.expect("the semaphore is never closed");
        match &mut self.units {
            Some(units) => units.merge(more),
            None => self.units = Some(more),
        }
        Ok(())
    }

    fn has(&self, bytes: u64) -> bool {
        bytes <= UNCOUNTED.max(self.units() * UNIT)
    }

    fn units(&self) -> u64 {
        self.units.as_ref().map_or(0, |units| units.num_permits() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use futures_util::FutureExt;
    use rstest::rstest;

    use super::*;

    const MIB: u64 = 1 << 20;
    const TIMEOUT: Duration = Duration::from_secs(30);

    /// Whether there is room right now, or why there never is.
    fn now(growing: impl Future<Output = Result<(), Error>>) -> Option<&'static str> {
        growing.now_or_never().map(|grown| grown.map_or_else(|err| err.code(), |()| "room"))
    }

    #[tokio::test]
    async fn a_body_waits_until_another_is_released() {
        let buffers = MemoryBudget::new(2 * MIB);
        let (mut one, mut other) = (buffers.hold(TIMEOUT), buffers.hold(TIMEOUT));
        one.grow(MIB + 1).await.unwrap();
        let mut waiting = std::pin::pin!(other.grow(MIB));
        assert_eq!(now(waiting.as_mut()), None);
        drop(one);
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn a_body_that_waits_too_long_is_refused_and_keeps_what_it_has() {
        let buffers = MemoryBudget::new(2 * MIB);
        let timeout = Duration::from_millis(20);
        let (mut one, mut other) = (buffers.hold(TIMEOUT), buffers.hold(timeout));
        one.grow(MIB).await.unwrap();
        other.grow(MIB).await.unwrap();
        let began = Instant::now();
        assert_eq!(other.grow(MIB + 1).await.unwrap_err().code(), "buffers-full");
        assert!(began.elapsed() >= timeout);
        assert_eq!(other.units(), MIB / UNIT);
    }

    #[rstest]
    #[case::nothing(0, 0)]
    #[case::the_beginning_of_a_body(UNCOUNTED, 0)]
    #[case::a_byte_more(UNCOUNTED + 1, 2 * UNCOUNTED)]
    #[case::what_is_doubled_beyond_the_limit(MIB + 1, MIB + MIB / 2)]
    #[case::all(MIB + MIB / 2, MIB + MIB / 2)]
    #[tokio::test]
    async fn room_grows_as_buffers_do_up_to_the_limit(#[case] bytes: u64, #[case] expected: u64) {
        let mut held = MemoryBudget::new(MIB + MIB / 2).hold(TIMEOUT);
        held.make_room(bytes).await.unwrap();
        assert_eq!(held.units() * UNIT, expected);
    }

    #[tokio::test]
    async fn small_bodies_do_not_wait() {
        let buffers = MemoryBudget::new(MIB);
        let mut one = buffers.hold(TIMEOUT);
        one.grow(MIB).await.unwrap();
        assert_eq!(now(buffers.hold(TIMEOUT).grow(UNCOUNTED)), Some("room"));
        assert_eq!(now(buffers.hold(TIMEOUT).grow(UNCOUNTED + 1)), None);
    }

    #[rstest]
    #[case::as_much_as_there_is(1000 * UNIT, "room")]
    #[case::more(1000 * UNIT + 1, "body-too-large")]
    #[case::more_than_can_be_counted(u64::MAX, "body-too-large")]
    #[tokio::test]
    async fn what_never_fits_does_not_wait(#[case] bytes: u64, #[case] expected: &str) {
        assert_eq!(now(MemoryBudget::new(1000 * UNIT).hold(TIMEOUT).grow(bytes)), Some(expected));
    }

    #[tokio::test]
    async fn what_is_moved_is_released_by_its_new_owner() {
        let buffers = MemoryBudget::new(MIB);
        let mut one = buffers.hold(TIMEOUT);
        one.grow(MIB).await.unwrap();
        let taken = one.take();
        drop(one);
        assert_eq!(now(buffers.hold(TIMEOUT).grow(MIB)), None);
        drop(taken);
        assert_eq!(now(buffers.hold(TIMEOUT).grow(MIB)), Some("room"));
    }
}
