//! What a call has reported of its progress, for whoever follows it.

use std::cell::OnceCell;

use owt_core::Progress;
use tokio::sync::watch;

use crate::reports::{self, Reports};

/// Who follows the call sees its end when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Reported {
    /// There is one as soon as the call reports something, or somebody asks.
    newest: OnceCell<watch::Sender<Option<Progress>>>,
}

impl Reported {
    fn newest(&self) -> &watch::Sender<Option<Progress>> {
        self.newest.get_or_init(|| watch::Sender::new(None))
    }

    pub(super) fn report(&self, progress: Progress) {
        self.newest().send_replace(Some(progress));
    }

    pub(super) fn last(&self) -> Option<Progress> {
        self.newest.get()?.borrow().clone()
    }

    pub(super) fn follow(&self) -> Reports {
        reports::of(self.newest())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::reports::stream;

    fn progress(done: f64) -> Progress {
        Progress { done, ..Progress::default() }
    }

    #[test]
    fn one_who_follows_sees_the_last_report_and_the_newest_ones_and_the_end() {
        let reported = Reported::default();
        let mut early = stream(reported.follow());
        assert_eq!((reported.last(), early.next().now_or_never()), (None, None));
        reported.report(progress(1.0));
        assert_eq!(early.next().now_or_never(), Some(Some(progress(1.0))));
        assert_eq!(early.next().now_or_never(), None);
        let mut late = stream(reported.follow());
        assert_eq!(late.next().now_or_never(), Some(Some(progress(1.0))));
        (2..=5).for_each(|done| reported.report(progress(done.into())));
        assert_eq!(reported.last(), Some(progress(5.0)));
        drop(reported);
        for mut reports in [early, late] {
            assert_eq!(reports.next().now_or_never(), Some(Some(progress(5.0))));
            assert_eq!(reports.next().now_or_never(), Some(None));
        }
    }
}
